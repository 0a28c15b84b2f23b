package batch

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"rpsbatch/rps"
)

// decide says what follows from the answer to an attempt: which rows are
// settled, and what is sent next. It has no clock, no network and no state.
//
// Two properties hold whatever the answer: each row is in exactly one of
// settled and next, unless the run halts; and each next attempt has fewer rows
// than this one, or a higher number that is at most lastNumber.
func decide(f facts, a attempt, ans answer) outcome {
	if a.number >= lastNumber(f) && (ans.err != nil || !a.call.changes()) {
		return spent(a)
	}
	if ans.err != nil {
		if o, ok := unanswerable(f, a, ans.err); ok {
			return o
		}
	}
	switch a.call {
	case callList:
		return decideList(f, a, ans)
	case callCheck:
		return decideCheck(f, a, ans)
	case callLearn:
		return decideLearn(f, a, ans)
	}
	if ans.err == nil {
		return applied(f, a)
	}
	return decideRefusal(f, a, ans.err)
}

// lastNumber bounds the calls made for one set of rows: all tries of the
// change, of the look-up, of the change again, and some steps between them. A
// service that contradicts itself is not asked for ever.
func lastNumber(f facts) int { return 3*f.maxAttempts + 10 }

// spent settles what no further call is made for.
func spent(a attempt) outcome {
	var o outcome
	for _, it := range a.items {
		v := Verdict{Status: Refused, Detail: sentence("its answers contradict each other, and no more calls are made for it", a.text)}
		if it.reach >= refused {
			v.Status = InDoubt
		}
		o.settle(v, it)
	}
	return o
}

// unanswerable decides what is no answer of the service to the call itself.
func unanswerable(f facts, a attempt, err *rps.Error) (outcome, bool) {
	if bars(err.Kind) {
		return outcome{halt: err}, true
	}
	switch err.Kind {
	case rps.Throttled:
		// 429 turns a call away. With 503 a proxy tells of a service that failed
		// it, at whatever moment.
		if a.call.changes() && err.StatusCode == http.StatusServiceUnavailable {
			a = a.touched(doubted)
		}
		return retry(f, a, err), true
	case rps.NotSent:
		return retry(f, a, err), true
	case rps.Unreadable, rps.HandlerFailed:
		if a.call.changes() {
			by := doubted
			if timedOut(err) {
				by = hung
			}
			a = a.touched(by)
		}
		return retry(f, a, err), true
	}
	return outcome{}, false
}

// timedOut reports whether a call was given up for its time alone, by us or by a
// proxy.
func timedOut(err *rps.Error) bool {
	switch err.StatusCode {
	case http.StatusGatewayTimeout, http.StatusRequestTimeout, 524:
		return true
	}
	return errors.Is(err, context.DeadlineExceeded)
}

// bars tells of an answer after which no call may leave.
func bars(k rps.Kind) bool {
	return k == rps.Unauthorized || k == rps.Forbidden || k == rps.Untrusted || k == rps.NotService
}

// readable tells whether an error is an answer of the service to the call.
func readable(k rps.Kind) bool {
	switch k {
	case rps.Throttled, rps.NotSent, rps.Unreadable, rps.HandlerFailed:
		return false
	}
	return true
}

// retry sends the same once more, or ends the tries.
func retry(f facts, a attempt, err *rps.Error) outcome {
	var o outcome
	if a.tries+1 < f.maxAttempts && f.mayRetry {
		tries := a.tries + 1
		a = a.again()
		a.tries = tries
		o.next = []attempt{a}
		return o
	}
	if !a.call.changes() {
		return lookupFailed(f, a, err)
	}
	// What no earlier call can have applied has surely failed; the rest is
	// looked up.
	var open []item
	for _, it := range a.items {
		if it.reach >= refused {
			open = append(open, it)
			continue
		}
		o.settle(Verdict{Status: Failed, Detail: "surely not applied: " + err.Error()}, it)
	}
	switch {
	case len(open) == 0:
	case a.call == callAddServer:
		o.settle(Verdict{Status: InDoubt, Detail: "it may have been added: no answer could be read (" + err.Error() + "), and servers cannot be looked up"}, open...)
	default:
		o.then(a.look(f, unanswered, "", open)...)
	}
	return o
}

// applied settles the rows of a change that the service said yes to.
func applied(f facts, a attempt) outcome {
	var o outcome
	url := a.url
	if url == "" && !f.claimed {
		url = f.serverURL
	}
	for _, it := range a.items {
		v := Verdict{Proof: ProofAnswer, URL: url}
		switch a.call {
		case callDeregister:
			v = Verdict{Status: Deregistered, Proof: ProofAnswer}
			// It was registered though the account's list did not show it.
			o.listCut = o.listCut || !it.ours && f.absence
		case callAddServer:
			v.Status, v.Detail = Registered, "the server was added"
		case callEdit:
			v.Status = Edited
			o.listCut = o.listCut || !it.ours && f.absence
		default:
			v.Status = Registered
			if a.call == callOverride && it.ours {
				v.Status = Overridden
			} else if a.prompted {
				v.Detail = "the service asked whether to override devices of this call; which of them were registered before is not known"
			}
		}
		o.settle(v, it)
	}
	return o
}

// decideRefusal decides a change that the service said no to.
func decideRefusal(f facts, a attempt, err *rps.Error) outcome {
	if a.call == callAddServer {
		return decideServer(a, err)
	}
	var o outcome
	switch err.Kind {
	case rps.InvalidMAC, rps.RepeatedMAC, rps.Foreign, rps.UnknownMAC:
		return decideNamed(f, a, err)
	case rps.OverridePrompt:
		if a.call == callRegister {
			return decidePrompt(f, a)
		}
	case rps.InvalidServer, rps.BadServerName:
		if a.call.binds() {
			o.noSuch = true
			v := Verdict{Status: UnknownServer, Proof: ProofAnswer, Detail: says(err.Text)}
			if f.notAdded != "" {
				v.Detail = fmt.Sprintf("the server could not be added (%s); %s", f.notAdded, v.Detail)
			}
			o.settle(v, a.items...)
			return o
		}
	case rps.PayloadTooLarge, rps.BatchTooBig:
		if len(a.items) > 1 {
			// Nothing of it was applied: it was too big to be looked at.
			first, second := a.halves()
			o.then(first, second)
			o.limit = len(first.items)
			return o
		}
	case rps.Unencodable:
		o.settle(Verdict{Status: Invalid, Detail: "not sent: " + err.Error()}, a.items...)
		return o
	}
	return decideWhole(f, a, err)
}

// decideServer decides a server that the service did not add.
func decideServer(a attempt, err *rps.Error) outcome {
	var o outcome
	v := Verdict{Status: Refused, Proof: ProofAnswer, Detail: says(wordsOf(err))}
	for _, it := range a.items {
		switch {
		case err.Kind == rps.Unencodable:
			v = Verdict{Status: Invalid, Detail: "not sent: " + err.Error()}
		case err.Kind == rps.ServerNameUsed && it.reach >= doubted:
			v = Verdict{Status: InDoubt, Detail: sentence("an earlier call may have added it, its answer was lost; or the name was taken before", err.Text)}
		case err.Kind == rps.ServerNameUsed:
			v = Verdict{Status: Exists, Proof: ProofAnswer, Detail: sentence("there is a server of this name, in this account or another", err.Text)}
		case it.reach >= doubted:
			v = Verdict{Status: InDoubt, Detail: sentence("an earlier call may have added it, its answer was lost", err.Text)}
		}
		o.settle(v, it)
	}
	return o
}

// decideWhole decides a refusal that tells nothing of single rows.
func decideWhole(f facts, a attempt, err *rps.Error) outcome {
	var o outcome
	if len(a.items) > 1 {
		a = a.touched(refused)
		a.why = wordsOf(err)
		o.then(f.rest(a, false, err.Text)...)
		return o
	}
	// This call was refused, but an earlier one may have been applied. If that
	// was refused too, in the same words, they are about this row: no service
	// applies what it refuses for its own sake.
	if it := a.items[0]; it.reach >= doubted || it.reach == refused && (f.partial || wordsOf(err) != a.why) {
		o.then(a.look(f, unanswered, wordsOf(err), a.items)...)
		return o
	}
	o.settle(Verdict{Status: Refused, Proof: ProofAnswer, Detail: says(wordsOf(err))}, a.items...)
	return o
}

// decideNamed settles the rows that a refusal names, and sends the rest again.
func decideNamed(f facts, a attempt, err *rps.Error) outcome {
	named, rest := a.split(err.MACs)
	if len(a.items) == 1 {
		// Whatever form it names, it can mean no other row.
		named, rest = a.items, nil
	}
	if len(named) == 0 {
		return decideWhole(f, a, err)
	}
	var o outcome
	var open, lost []item
	for _, it := range named {
		v := Verdict{Status: Refused, Proof: ProofAnswer, Detail: says(err.Text)}
		switch {
		case err.Kind == rps.RepeatedMAC && it.reach >= doubted:
			// It may be the call that was lost that it repeats.
			lost = append(lost, it)
			continue
		case err.Kind == rps.Foreign:
			v.Status = RegisteredElsewhere
		case a.call == callEdit && err.Kind != rps.RepeatedMAC:
			v.Status = NotRegistered
		case a.call == callDeregister && err.Kind != rps.RepeatedMAC:
			v.Status = NotRegistered
			switch {
			case it.reach < refused:
			case it.ours && it.now == absent:
				v = gone()
			case it.reach == refused && a.why == "" && !it.ours && len(named) > 1:
				// The service names several at a time, and the refusals before
				// did not name it: it was there, and the list is not whole.
				v = Verdict{Status: InDoubt, Detail: sentence("an earlier call, which was refused, may have removed it", err.Text)}
				o.listCut = f.absence
			case it.ours || it.reach >= doubted || !f.absence:
				open = append(open, it)
				continue
			default:
				v.Detail = sentence("the account's list did not show it before this run", err.Text)
			}
		}
		o.settle(v, it)
	}
	if len(open) > 0 {
		o.then(a.look(f, missing, err.Text, open)...)
	}
	if len(lost) > 0 {
		o.then(a.look(f, unanswered, err.Text, lost)...)
	}
	if len(rest) > 0 {
		o.then(f.rest(a.touched(refused).pick(rest), true, err.Text)...)
	}
	return o
}

// rest gives what is sent for the rows that a refusal leaves: those that it
// does not name, again; halves, if it names none. Of a service that applies
// refused calls in part, the list tells more cheaply what is done.
func (f facts) rest(a attempt, again bool, text string) []attempt {
	if f.partial && a.call == callRegister && len(a.items) > 1 {
		if looks := a.look(f, prompted, text, a.items); len(looks) == 1 {
			return looks
		}
	}
	if again {
		return []attempt{a}
	}
	first, second := a.halves()
	return []attempt{first, second}
}

// split parts the rows into those that have one of the addresses and the rest.
func (a attempt) split(macs []rps.MAC) (named, rest []item) {
	wanted := make(map[rps.MAC]bool, len(macs))
	for _, mac := range macs {
		wanted[mac] = true
	}
	for _, it := range a.items {
		if wanted[it.mac] {
			named = append(named, it)
		} else {
			rest = append(rest, it)
		}
	}
	return named, rest
}

// pick gives the attempt for those of its rows that are in items, as they are
// in the attempt.
func (a attempt) pick(items []item) attempt {
	if len(items) == 0 {
		a.items = nil
		return a
	}
	rows := make(map[int]bool, len(items))
	for _, it := range items {
		rows[it.row] = true
	}
	var own []item
	for _, it := range a.items {
		if rows[it.row] {
			own = append(own, it)
		}
	}
	return a.with(own)
}

// decidePrompt decides the question whether to override: some of the rows are
// registered, and the service does not say which.
func decidePrompt(f facts, a attempt) outcome {
	var o outcome
	if f.override == OverrideAlways {
		if it := a.items[0]; len(a.items) == 1 && it.reach == untouched {
			it.ours = true // or another's: registered before, which is what counts
			a.items = []item{it}
		} else {
			if len(a.items) > 1 {
				a = a.touched(refused) // applied in part, it may be, to the free rows
			}
			a.prompted = true
		}
		next := a.again().as(callOverride)
		o.then(next)
		return o
	}
	// A prompt refuses the call, and so may have been applied to the free rows.
	// Of a call with one row there is no part.
	after := a
	if len(a.items) > 1 {
		after = a.touched(refused)
		after.listed = a.listed
	}
	var ours, rest []item
	for i, it := range a.items {
		switch {
		case it.ours && f.override == OverrideOwn:
			ours = append(ours, it)
		case it.ours:
			o.settle(existing(ProofList, ""), it)
		case f.appeared(it, a.url):
			o.settle(byList(), it)
		default:
			rest = append(rest, after.items[i])
		}
	}
	switch {
	case len(rest) < len(a.items):
		after.listed = false
		o.then(a.with(ours).as(callOverride), after.with(rest))
	case len(rest) > 1 && (a.listed || !f.canList || !f.absence || !anyTouched(a.items)):
		first, second := after.halves()
		o.then(first, second)
	default:
		o.then(after.look(f, prompted, promptWords, rest)...)
	}
	return o
}

const promptWords = "Are you sure you want to override MAC addresses"

func anyTouched(items []item) bool {
	for _, it := range items {
		if it.reach != untouched {
			return true
		}
	}
	return false
}

// existing is the verdict of a row that is registered and stays as it is.
func existing(proof Proof, url string) Verdict {
	return Verdict{Status: Exists, Proof: proof, URL: url, Detail: "registered already, by this account; not overridden (--override own would move it)"}
}

// appeared tells whether a row to be registered by server is known to be: this
// run sent it, and the account's list shows it since, but did not before.
func (f facts) appeared(it item, url string) bool {
	return it.reach != untouched && it.now == shown && !it.ours && f.absence && url == ""
}

// anew gives what is sent first for a row that goes alone. What an earlier part
// of the run may have registered, and the account's list shows, is looked up:
// to send it again would only get a prompt.
func anew(f facts, a attempt) []attempt {
	if it := a.items[0]; a.call == callRegister && it.reach != untouched && it.now == shown {
		return a.look(f, prompted, "", a.items)
	}
	return []attempt{a}
}

// byList is the verdict of a row that this run sent and that the account's
// list has shown since, but not before.
func byList() Verdict {
	return Verdict{Status: Registered, Proof: ProofList, Detail: "the answer was lost or refused as a whole; the account's list shows it registered now, and did not before this run; where it is bound was not looked up"}
}

// gone is the verdict of a row that this run may have removed, and that the
// account's list has not shown since, but did before.
func gone() Verdict {
	return Verdict{Status: Deregistered, Proof: ProofList, Detail: "the answer was lost or refused as a whole; the account's list no longer shows it"}
}
