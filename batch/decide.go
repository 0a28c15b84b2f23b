package batch

import "rpsbatch/rps"

// facts is what decide and conclude must know besides the row.
type facts struct {
	override    Override
	maxAttempts int
	missingOK   bool // what is to be removed need not be there

	mayRetry bool // the run's retry budget is not used up
	canList  bool // listDevices may be asked
	trusted  bool // nothing has shown that the account's list is incomplete
	partial  bool // the service was seen to apply part of a refused call
	hidden   bool // prompts that no list explains are common: halving would find little

	serverURL string // URL of the row's server, "" if unknown
	claimed   bool   // known only from the user
	sample    bool   // a device that this run bound to the server can reveal its URL
	another   bool   // another one can confirm it
	granted   bool   // the service has granted a call for the server
	notAdded  string // what the service said when the server was to be added, "" if it was
}

// A settlement is the verdict of one row.
type settlement struct {
	row     int
	verdict Verdict
}

// An outcome is what follows from an answer. Each row of the change is in exactly
// one of settled, next, look and open, unless halt is set: then its call counts
// as not made.
type outcome struct {
	settled []settlement
	next    []change
	look    []item // to be looked up at once
	open    []item // to be concluded when nothing else is left to do

	halt    *rps.Error // the run must stop
	limit   int        // most MACs per call from now on; 0: as before
	noSuch  bool       // the account has no such server
	listCut bool       // the account's list is incomplete
}

func (o *outcome) settle(v Verdict, items ...item) {
	for _, it := range items {
		o.settled = append(o.settled, settlement{it.row, v})
	}
}

func (o *outcome) then(changes ...change) {
	for _, c := range changes {
		if len(c.items) > 0 {
			o.next = append(o.next, c)
		}
	}
}

// decide returns what follows from the answer to a change. It settles only what
// the answer proves by itself: a grant, and a refusal that is about the row and
// that no earlier call can contradict. All other rows are sent again, in halves
// if need be, or left open for conclude.
//
// Whatever the answer, each next change has fewer rows than this one, or a higher
// number that is at most lastNumber.
func decide(f facts, c change, ans answer) outcome {
	if ans.err == nil {
		return applied(f, c)
	}
	if c.number >= lastNumber(f) {
		return outcome{open: c.each(func(e *evidence) { e.Alone, e.Rounds = true, maxRounds }).items}
	}
	err, kind := ans.err, ans.err.Kind
	if !c.call.canGet(kind) {
		kind, c = rps.Unreadable, c.each(said(Refused, err))
	}
	switch kind {
	case rps.Unauthorized, rps.Forbidden, rps.Untrusted, rps.NotService:
		return outcome{halt: err}
	case rps.NotSent:
		return retry(f, c, err)
	case rps.Throttled:
		// 429 turns a call away. With 503 a proxy reports that the service
		// failed, at whatever stage.
		if err.MayStillApply() {
			c = c.lost(ans)
		}
		return retry(f, c, err)
	case rps.Unreadable:
		if c = c.lost(ans); !c.call.again() && f.canList {
			return outcome{open: c.items} // the account shows more cheaply what was done
		}
		return retry(f, c, err)
	case rps.HandlerFailed:
		c = c.lost(ans).each(said(Refused, err))
		if len(c.items) > 1 {
			c.why = wordsOf(err)
			return outcome{next: inHalves(c)}
		}
		return retry(f, c, err)
	case rps.Unencodable:
		var o outcome
		o.settle(Verdict{Status: Invalid, Detail: "not sent: " + err.Error()}, c.items...)
		return o
	}
	if c.call == callAddServer {
		return notAdded(c, err)
	}
	switch kind {
	case rps.OverridePrompt:
		if c.call == callRegister {
			return prompted(f, c, err)
		}
	case rps.InvalidMAC, rps.RepeatedMAC, rps.Foreign, rps.UnknownMAC:
		return named(f, c, err)
	case rps.InvalidServer, rps.BadServerName:
		if c.call.binds() {
			return noServer(f, c, err)
		}
	case rps.PayloadTooLarge:
		if len(c.items) > 1 { // it was too big to be looked at
			first, second := c.halves()
			return outcome{next: []change{first, second}, limit: len(first.items)}
		}
	}
	return whole(f, c, err)
}

// lastNumber limits the calls made for one set of rows: a service that
// contradicts itself is not asked for ever.
func lastNumber(f facts) int { return 3*f.maxAttempts + 10 }

// asked notes that the service asked whether to override the row, unless an earlier
// call may have bound it: then that may be why.
func asked(e *evidence) { e.Asked = e.Asked || e.Reach == untouched }

// said notes the words of a refusal, and what the row is if they are true.
func said(status Status, err *rps.Error) func(*evidence) {
	words := &words{status, wordsOf(err)}
	return func(e *evidence) { e.Said = words }
}

// retry sends the same call again, or ends the tries. The last of many goes in parts:
// what was lost so often may be so because of one of its rows, or of their number.
func retry(f facts, c change, err *rps.Error) outcome {
	var o outcome
	if c.tries+1 < f.maxAttempts && f.mayRetry {
		o.next = []change{c.again()}
		if isLastOfMany(c.tries+1, f.maxAttempts) && len(c.items) > 1 && err.Kind == rps.Unreadable {
			o.next = c.cut(part(len(c.items)))
			for i := range o.next {
				o.next[i].tries = c.tries
			}
		}
		return o
	}
	// If no earlier call can have applied it, it has certainly failed.
	for _, it := range c.items {
		switch {
		case it.Reach == untouched:
			o.settle(Verdict{Status: Failed, Detail: "not applied: " + err.Error()}, it)
		case c.call == callAddServer:
			o.settle(Verdict{Status: InDoubt, Detail: "it may have been added: " + err.Error() + "; servers cannot be looked up"}, it)
		default:
			it.Tries = uint8(min(f.maxAttempts, 255))
			o.open = append(o.open, it)
		}
	}
	return o
}

// isLastOfMany reports whether after so many lost calls the next is the last, and bad
// luck would hardly have lost them all.
func isLastOfMany(lost, maxAttempts int) bool { return lost > 2 && lost+1 >= maxAttempts }

// part returns how many of a batch's rows go together in the last try.
func part(rows int) int { return max(1, rows/16) }

// applied settles the rows of a change that the service granted.
func applied(f facts, c change) outcome {
	o := outcome{settled: make([]settlement, 0, len(c.items))}
	v := Verdict{Proof: ProofAnswer, URL: c.url}
	if c.url == "" && c.call.binds() && !f.claimed {
		v.URL = f.serverURL
	}
	for _, it := range c.items {
		v.Status, v.Detail = Registered, ""
		switch {
		case c.call == callDeregister:
			v.Status = Deregistered
		case c.call == callEdit:
			v.Status = Edited
		case c.call == callAddServer:
			v.Detail = "the server was added"
		case c.call == callOverride && it.Before == present:
			v.Status = Overridden
		case c.prompt:
			v.Detail = "the service asked whether to override devices of this call; it is not known which of them were registered before"
		}
		// It was registered, though the account's list did not show it.
		o.listCut = o.listCut || (c.call == callDeregister || c.call == callEdit) && it.Before == absent && f.trusted
		if it.kin != nil && c.call != callOverride {
			it.kin.granted++
		}
		o.settle(v, it)
	}
	if c.probe {
		o.limit = len(c.items)
	}
	return o
}

// notAdded settles a server that the service did not add.
func notAdded(c change, err *rps.Error) outcome {
	var o outcome
	v := Verdict{Status: Refused, Proof: ProofAnswer, Detail: says(wordsOf(err))}
	for _, it := range c.items {
		switch {
		case it.Reach == lost:
			v.Status, v.Proof = InDoubt, ProofNone
			v.Detail = sentence("an earlier call, whose answer was lost, may have added it", err.Text)
		case err.Kind == rps.ServerNameUsed:
			v.Status = Exists
			v.Detail = sentence("a server of this name exists, in this account or another", err.Text)
		}
		o.settle(v, it)
	}
	return o
}

// whole decides a refusal that does not name single rows.
func whole(f facts, c change, err *rps.Error) outcome {
	if len(c.items) == 1 {
		return alone(c, Refused, err)
	}
	c = c.refused().each(said(Refused, err))
	c.probe = err.Kind == rps.BatchTooBig
	if f.partial && f.canList && !c.call.moves() {
		return outcome{open: c.items}
	}
	c.why = wordsOf(err)
	return outcome{next: inHalves(c)}
}

func inHalves(c change) []change {
	c.family = &kin{}
	first, second := c.halves()
	return []change{first, second}
}

// alone decides a refusal of the only row of a call. It is final if no earlier
// call can have been applied to the row.
func alone(c change, status Status, err *rps.Error) outcome {
	var o outcome
	it := c.items[0]
	if it.Reach == untouched {
		o.settle(Verdict{Status: status, Proof: ProofAnswer, Detail: says(wordsOf(err))}, it)
		return o
	}
	said(status, err)(&it.evidence)
	it.Alone = true
	if err.Kind == rps.BatchTooBig {
		it.kin = nil // a quota, which is full whether or not the row is registered
	}
	o.open = []item{it}
	return o
}

// named settles the rows that a refusal names, and sends the rest again.
func named(f facts, c change, err *rps.Error) outcome {
	status := Refused
	switch {
	case err.Kind == rps.Foreign:
		status = RegisteredElsewhere
	case !(c.call == callDeregister || c.call == callEdit) || err.Kind == rps.RepeatedMAC:
	default:
		status = NotRegistered
	}
	names, rest := c.split(err.MACs)
	switch {
	case len(c.items) > 1 && len(names) == 0:
		return whole(f, c, err)
	case len(names) == 0 && len(err.MACs) > 0: // of another call
		return outcome{open: []item{c.items[0].doubted(status, err)}}
	case len(names) == 0:
		names, rest = c.items, nil
	}
	var o outcome
	for _, it := range names {
		switch {
		case doubtful(f, c, it, status, err):
			o.open = append(o.open, it.doubted(status, err))
		case believed(c, it, status):
			o.settle(Verdict{Status: status, Proof: ProofAnswer, Detail: says(err.Text)}, it)
		default:
			said(status, err)(&it.evidence)
			it.Alone = true
			o.open = append(o.open, it)
		}
	}
	o.rest(f, c, rest, len(names) > 1)
	return o
}

// believed reports whether a refusal that names a row settles it, whatever
// happened to earlier calls: an address that is wrong now was wrong before, and a
// device that is not this account's cannot have been bound by one of them. A
// lost call may still do that.
func believed(c change, it item, status Status) bool {
	switch {
	case it.Reach == untouched:
		return true
	case status == Refused:
		return c.call.binds()
	}
	return it.Reach == refused && (c.call.binds() || status == RegisteredElsewhere)
}

// doubtful reports whether a refusal that names a row may be the answer to
// another call, or the second answer to a call that was delivered twice: no call
// repeats an address, what the account's list showed is there, and without a list
// nothing shows that there was nothing to remove.
func doubtful(f facts, c change, it item, status Status, err *rps.Error) bool {
	switch {
	case err.Kind == rps.RepeatedMAC:
		return true
	case status != NotRegistered || it.Before == absent:
		return false
	}
	return it.Before == present || c.call == callDeregister && !f.missingOK
}

// doubted returns a row whose call may have been applied though it was refused.
func (it item) doubted(status Status, err *rps.Error) item {
	said(status, err)(&it.evidence)
	it.Reach, it.List, it.Checked, it.Alone = lost, unlisted, false, true
	return it
}

// rest sends again the rows that a refusal leaves: those it does not name. If a
// service applies refused calls in part, the list shows more cheaply what is
// done. spared says that it names several others.
func (o *outcome) rest(f facts, c change, rest []item, spared bool) {
	c = c.refused()
	rows := make(map[int]bool, len(rest))
	for _, it := range rest {
		rows[it.row] = true
	}
	var left []item
	for _, it := range c.items {
		if rows[it.row] {
			it.Spared = it.Spared || spared
			left = append(left, it)
		}
	}
	if f.partial && f.canList && c.call == callRegister {
		o.open = append(o.open, left...)
		return
	}
	o.then(c.with(left))
}

// noServer decides a refusal of the server. A server for which calls were granted
// does not vanish, so that is not believed at once.
func noServer(f facts, c change, err *rps.Error) outcome {
	if f.granted {
		if c.tries+1 < f.maxAttempts && f.mayRetry {
			return outcome{next: []change{c.again()}}
		}
		return whole(f, c, err)
	}
	o := outcome{noSuch: true}
	v := unknownServer(f.notAdded, err.Text)
	for _, it := range c.items {
		if it.Reach == untouched {
			o.settle(v, it)
			continue
		}
		said(UnknownServer, err)(&it.evidence)
		it.Alone = true
		o.open = append(o.open, it)
	}
	return o
}

// prompted decides the question whether to override: some of the rows are
// registered, and the service may not say which.
func prompted(f facts, c change, err *rps.Error) outcome {
	var o outcome
	if len(c.items) == 1 && f.override != OverrideAlways {
		o.look = c.each(asked).echoed().items
		return o
	}
	after := c.each(asked).refused().echoed() // perhaps applied in part, to the free rows
	if f.override == OverrideAlways {
		after.prompt = true
		o.then(after.with(after.items).as(callOverride))
		return o
	}
	names, _ := c.split(err.MACs)
	isNamed := make(map[int]bool, len(names))
	for _, it := range names {
		isNamed[it.row] = true
	}
	var ours, rest []item
	touched := false
	for i, it := range c.items {
		known := it.Before == present && it.Reach == untouched
		byRun := it.Reach != untouched && !it.Checked // perhaps by an earlier call
		switch {
		case known && f.override == OverrideOwn:
			ours = append(ours, it)
		case known:
			o.settle(existing(ProofList, ""), it)
		case isNamed[it.row] && byRun && f.canList:
			o.open = append(o.open, after.items[i])
		case isNamed[it.row]:
			o.look = append(o.look, after.items[i])
		default:
			touched = touched || byRun
			rest = append(rest, after.items[i])
		}
	}
	switch {
	case len(rest) < len(c.items): // those explain it
		o.then(c.with(ours).as(callOverride), after.with(rest))
	case touched && f.canList:
		o.open = rest
	case f.hidden:
		o.look = rest
	default:
		o.next = inHalves(after)
	}
	return o
}
