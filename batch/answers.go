package batch

import (
	"cmp"
	"slices"
	"time"

	"rpsbatch/rps"
)

// openRow is a row that lacks a proof.
type openRow struct {
	item
	want
	seen    finding
	looking bool      // a lookup of it is queued or in flight
	wait    time.Time // nothing may be claimed before this
	sampled bool      // looked up, whatever the list shows
}

// ready reports whether it is time to conclude the row. Anything seen before then
// must be asked for again.
func (o *openRow) ready(now time.Time) bool {
	if o.looking || now.Before(o.wait) {
		return false
	}
	if !o.wait.IsZero() {
		o.wait, o.seen, o.List = time.Time{}, finding{}, unlisted
	}
	return true
}

// Rows that a list could settle are looked up all the same if they are few. Of more
// of them, a sample of those that it does not show is looked up first, to see whether
// it can be believed: what it shows is there.
const (
	fewRows    = 20
	sampleSize = 3
)

// act carries out what follows from an answer.
func (e *engine) act(res result, now time.Time) {
	if res.err != nil {
		e.halt(ErrOutput, res.err)
		return
	}
	if !res.made {
		e.unmade(res.task)
		return
	}
	for _, it := range res.task.carries() {
		e.window.at(it.row).verdict.Calls++
	}
	mayRetry, stop := e.Caller.observe(res)
	if stop != nil {
		e.halt(stop.Reason, stop.Cause)
	}
	switch t := res.task.(type) {
	case change:
		e.sent = true
		e.changed(t, res.answer, mayRetry, now)
	case lookup:
		e.looked(t, res, mayRetry, now)
	}
}

// unmade takes back a task whose call was not made.
func (e *engine) unmade(t task) {
	if c, ok := t.(change); ok && e.Journal != nil {
		e.output(e.Journal.kept(c.items, true))
	}
	e.queue.first(t)
}

// changed acts on the answer to a change.
func (e *engine) changed(c change, ans answer, mayRetry bool, now time.Time) {
	f := e.known.facts(c.server, mayRetry)
	o := decide(f, c, ans)
	e.logCall(c, ans, "server", c.server, "rows", len(c.items), "settled", len(o.settled), "again", len(o.next), "open", len(o.open)+len(o.look))
	if e.stuck.observe(c, ans.err) && e.stop == nil {
		e.halt(ErrStubborn, ans.err)
	}
	e.learn(c, ans, o)
	for i, s := range o.settled {
		s.verdict.Time = now
		o.settled[i].verdict = e.settle(s.row, s.verdict)
	}
	if o.halt != nil {
		o.next = []change{c}
	}
	if c.call == callAddServer && len(c.items) == 0 && len(o.next) == 0 {
		e.added(c.server, ans.err)
	}
	e.follow(c, o, now)
}

// logCall logs a call; at level info, it says so if there was no answer. It never
// logs a unique URL.
func (e *engine) logCall(t task, ans answer, attrs ...any) {
	attrs = append([]any{"method", t.method()}, attrs...)
	if ans.err != nil {
		attrs = append(attrs, "error", ans.err)
		if !readable(ans.err.Kind) && ans.err.Kind != rps.Throttled {
			e.log.Info("no answer from the service", "method", t.method(), "error", ans.err)
		}
	}
	e.log.Debug("call", attrs...)
}

// learn records what the answer to a change shows about the service.
func (e *engine) learn(c change, ans answer, o outcome) {
	k := e.known
	if c.call.binds() && ans.err == nil {
		if c.url == "" {
			for _, it := range c.items[:min(2, len(c.items))] {
				k.server(c.server).sample(it.mac)
			}
		}
		for _, it := range c.items {
			k.granted.Add(it.mac.Uint64())
		}
	}
	if c.family != nil && len(c.items) > 1 || ans.err == nil {
		switch {
		case ans.err == nil:
			k.prompts = max(0, k.prompts-1)
		case ans.err.Kind == rps.OverridePrompt:
			k.prompts++
		}
	}
	if o.noSuch {
		k.server(c.server).noSuch = wordsOf(ans.err)
		e.gate.lost.Store(c.server, nil)
	}
	if o.limit > 0 && int64(o.limit) < e.gate.size.Load() {
		e.gate.size.Store(int64(o.limit))
		e.log.Info("the service takes smaller batches only", "batch_size", o.limit)
	}
	e.doubtList(o.listCut)
}

// doubtList notes that the account's list is incomplete.
func (e *engine) doubtList(cut bool) {
	if !cut || !e.known.trusted {
		return
	}
	e.known.trusted = false
	e.log.Info("the account's list of devices is not whole")
	if e.Journal != nil {
		e.output(e.Journal.append(record{ListCut: true}))
	}
}

// follow queues what is to be sent next for the rows of a change, and records
// their state in the journal.
func (e *engine) follow(c change, o outcome, now time.Time) {
	if e.Journal != nil {
		e.output(e.Journal.settled(o.settled))
		left := slices.Concat(o.look, o.open)
		for _, next := range o.next {
			left = append(left, next.items...)
		}
		e.output(e.Journal.kept(left, false))
	}
	for _, next := range slices.Backward(o.next) {
		for _, it := range next.items {
			e.window.at(it.row).reach = it.Reach
		}
		if next.tries > 0 {
			e.queue.delay(next, now.Add(backoff(next.tries)))
		} else {
			e.queue.first(next)
		}
	}
	w := want{c.call, c.server, c.url}
	for _, it := range o.open {
		e.window.at(it.row).reach = it.Reach
		e.open[it.row] = &openRow{item: it, want: w}
	}
	for _, it := range o.look {
		e.window.at(it.row).reach = it.Reach
		e.open[it.row] = &openRow{item: it, want: w}
		e.lookUp(e.open[it.row], true)
	}
}

// opened adds a row that lacks a proof. A row that no call has touched is looked
// up at once; the others wait until the end, when one list covers many of them.
func (e *engine) opened(it item, w want) {
	if w.call == callDeregister && it.Before == present && it.List == absent {
		it.List = unlisted // one list, which may be cut short, is not enough to believe that
	}
	e.doubtList(hadHidden(w, it))
	o := &openRow{item: it, want: w}
	e.open[it.row] = o
	if it.Reach == untouched {
		e.lookUp(o, false)
	}
}

// lookUp asks for a lookup of a row. If its server's URL is not yet known, but
// may be learned from a registration of this run, the lookup is held back.
func (e *engine) lookUp(o *openRow, atOnce bool) {
	o.looking = true
	l := lookup{why: forRow, item: o.item, mac: o.mac, server: o.server, url: o.url}
	s := e.known.servers[o.server]
	if !atOnce && o.Reach == untouched && o.url == "" && (s == nil || s.url == "") {
		e.queue.held = append(e.queue.held, l)
		return
	}
	e.queue.push(l)
}

// looked acts on the answer to a lookup.
func (e *engine) looked(l lookup, res result, mayRetry bool, now time.Time) {
	ans := res.answer
	e.logCall(l, ans)
	if l.why == forList {
		e.known.lists--
		mayRetry = mayRetry && e.known.lists > 0
	}
	if err := ans.err; err != nil && e.stop == nil && (!readable(err.Kind) || err.Kind == rps.HandlerFailed) &&
		l.tries+1 < e.Config.MaxAttempts && mayRetry {
		l.tries++
		e.queue.delay(l, now.Add(backoff(l.tries)))
		return
	}
	if ans.err != nil && fatal(ans.err.Kind) {
		e.queue.first(l)
		return
	}
	switch l.why {
	case forList:
		e.listed(ans, res.left)
	case forServer:
		s := e.known.server(l.server)
		s.asked, s.asking = s.asked+1, false
		if ans.err == nil && ans.status == rps.Registered && ans.url != "" {
			s.url, s.claimed = ans.url, false
		}
	case forKeeping:
		if v, skip := e.kept(l, ans); skip {
			e.settleNow(l.item.row, v, now)
		}
	case forRow:
		o := e.open[l.item.row]
		o.looking = false
		o.seen = finding{state: sightOf(ans.status), bound: ans.url, at: res.left}
		switch {
		case ans.err != nil && ans.err.Kind == rps.InvalidMAC && o.Before != present && o.List != present && o.Earlier == nil:
			// An address that the service does not take is not registered, and no
			// call has registered it.
		case ans.err != nil:
			o.seen.state, o.seen.err = unseeable, ans.err.Error()
		}
		e.resolve(o, e.known.facts(o.server, false), now)
	default:
		v := audit(l, ans, e.known.facts(l.server, false).serverURL)
		e.settleNow(l.item.row, v, now)
	}
}

// settleNow settles a row with the verdict from an answer.
func (e *engine) settleNow(row int, v Verdict, now time.Time) {
	v.Time = now
	v = e.settle(row, v)
	if e.Journal != nil {
		e.output(e.Journal.settled([]settlement{{row, v}}))
	}
}

// hadHidden reports whether a list shows that the one before the run was
// incomplete: no call of this run has bound the device since.
func hadHidden(w want, it item) bool {
	return w.call == callDeregister && it.Before == absent && it.List == present
}

// listed records what a list, made to conclude rows, shows about them.
func (e *engine) listed(ans answer, left time.Time) {
	k := e.known
	k.canList = ans.err == nil && k.lists > 0
	if ans.err != nil {
		return
	}
	e.sampled = false
	e.doubtList(k.contradicted(ans.devices, e.Survey.seen))
	for _, o := range e.open {
		if o.List = absent; ans.devices.Contains(o.mac.Uint64()) {
			o.List = present
		}
		o.Checked, o.listAt = o.List == absent, left.UnixNano()
		e.doubtList(hadHidden(o.want, o.item))
		changed := o.Before == absent && o.List == present && o.call.binds() || o.Before == present && o.List == absent && !o.call.binds()
		k.partial = k.partial || o.Reach == refused && changed
	}
}

// conclude concludes the open rows when no other work is left, with one list for
// all rows that a list can decide. It reports whether that led to anything.
func (e *engine) conclude(now time.Time) bool {
	e.wake = time.Time{}
	var rows []*openRow
	for _, o := range e.open {
		if o.ready(now) {
			rows = append(rows, o)
		} else if !o.wait.IsZero() && (e.wake.IsZero() || o.wait.Before(e.wake)) {
			e.wake = o.wait
		}
	}
	slices.SortFunc(rows, func(a, b *openRow) int { return cmp.Compare(a.row, b.row) })
	var listed, others []*openRow // what the list would settle, unless it is not to be believed
	for _, o := range rows {
		f := e.known.facts(o.server, false)
		switch c := conclude(o.want, o.evidence, o.seen, f, o.sampled); {
		case c.need == needList:
			e.queue.push(lookup{why: forList})
			return true
		case c.need == 0 && conclude(o.want, o.evidence, o.seen, f, true).need == needLookup:
			listed = append(listed, o)
		default:
			others = append(others, o)
		}
	}
	e.sample(listed, len(rows))
	before := len(e.open)
	for _, o := range others {
		e.resolve(o, e.known.facts(o.server, false), now)
	}
	sampling := false
	for _, o := range e.open {
		sampling = sampling || o.sampled
	}
	for _, o := range listed {
		if o.sampled || !sampling {
			e.resolve(o, e.known.facts(o.server, false), now)
		}
	}
	q := &e.queue
	if len(e.open) < before || !q.idle() || len(q.gathered.groups) > 0 {
		return true
	}
	if wait := e.wake.Sub(now).Round(time.Second); wait > 0 && e.waited != e.wake {
		e.waited = e.wake
		e.log.Info("waiting for calls that may still be applied", "seconds", wait.Seconds(), "rows", len(e.open))
	}
	return false
}

// sample chooses which of the rows that the last list would settle, of so many, are
// looked up first, unless it has chosen for that list.
func (e *engine) sample(listed []*openRow, rows int) {
	if e.sampled {
		return
	}
	e.sampled = true
	n := len(listed)
	if rows > e.few {
		listed = slices.DeleteFunc(slices.Clone(listed), func(o *openRow) bool { return o.List == present })
		n = min(len(listed), sampleSize)
	}
	for i := range n {
		listed[i*len(listed)/n].sampled = true
	}
}

// resolve does what a conclusion about a row requires.
func (e *engine) resolve(o *openRow, f facts, now time.Time) {
	c := conclude(o.want, o.evidence, o.seen, f, o.sampled)
	e.doubtList(c.listCut)
	switch c.need {
	case needLookup:
		e.lookUp(o, true)
	case needServer:
		if s := e.known.server(o.server); !s.asking {
			s.asking = true
			e.queue.push(lookup{why: forServer, mac: s.samples[s.asked], server: o.server})
		}
	case needSend:
		e.sendAgain(o, c)
	case needTime:
		if o.wait = time.Unix(0, o.Until); e.wake.IsZero() || o.wait.Before(e.wake) {
			e.wake = o.wait
		}
	case needList:
	default:
		if o.Earlier != nil {
			e.noteSample(&e.window.at(o.row).row.Device, c.verdict)
		}
		e.settleNow(o.row, c.verdict, now)
	}
}

// sendAgain sends an open row once more.
func (e *engine) sendAgain(o *openRow, c conclusion) {
	delete(e.open, o.row)
	it, call := o.item, c.call
	it.Earlier = nil
	it.Rounds++
	if c.was {
		it.Before = present
	}
	switch {
	case o.seen.state != nobodys:
	case it.Reach == untouched:
		it.Before = absent
	case it.Before == present: // and no longer
		it.Before = unlisted
	}
	if o.url != "" || call == callEdit {
		e.queue.push(change{call: call, server: o.server, url: o.url, items: []item{it}})
		return
	}
	key := groupKey{call: call, server: o.server, apart: true}
	size := int(e.gate.size.Load())
	if key.last = isLastOfMany(int(it.Tries), e.Config.MaxAttempts); key.last {
		size = part(size)
	}
	e.queue.together(&e.queue.gathered, key, it, size)
}

// added queues the tasks that waited for a server to be added. Their answers show
// whether it could be.
func (e *engine) added(name string, err *rps.Error) {
	s := e.known.servers[name]
	switch {
	case err == nil:
		s.claimed = false
		e.summary.Added = append(e.summary.Added, name)
		e.log.Info("server added", "server", name)
	case err.Kind == rps.ServerNameUsed:
		e.log.Debug("the server exists", "server", name)
	default:
		e.log.Warn("the server could not be added", "server", name, "error", err)
	}
	if err != nil {
		s.refusal = wordsOf(err)
	}
	e.queue.first(s.waiting...)
	s.add, s.waiting = false, nil
}
