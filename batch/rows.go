package batch

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// advance reads rows while there is room, queues groups, concludes rows when no
// other work is left, and writes what is settled.
func (e *engine) advance(now time.Time) {
	for again := true; again; {
		e.queue.due(now)
		e.write()
		for !e.eof && e.room() {
			e.readRow()
			e.write()
		}
		if e.stop != nil && e.flying == 0 {
			e.abandon()
			e.write()
		}
		again = e.stop == nil && e.dispatch(now)
	}
}

// dispatch keeps the workers busy when there is no room for more rows, or there
// are none: it sends the oldest groups as they are and, when no other work is
// left, what was held back for that. It reports whether rows were written.
func (e *engine) dispatch(now time.Time) bool {
	if !e.eof && !e.settling && !e.window.full() {
		return false
	}
	q, before := &e.queue, e.window.len()
	q.oldest(&q.groups, e.Config.Workers-e.flying)
	for q.idle() && e.flying == 0 {
		e.release()
		q.oldest(&q.gathered, e.Config.Workers)
		if q.idle() && !e.conclude(now) {
			break
		}
		e.write()
	}
	return e.window.len() < before
}

// room reports whether another row may be read.
func (e *engine) room() bool {
	if e.stop != nil {
		// With no call in flight, what is read now is settled at once.
		return e.flying == 0 && e.stop.Reason != ErrOutput
	}
	if e.settling {
		// What the file lacks is removed after all that it has is settled.
		if e.settling = !e.window.empty(); e.settling {
			return false
		}
	}
	return !e.window.full() && len(e.queue.ready) < 2*e.Config.Workers
}

// release queues the lookups that were held back: the first for each server whose
// URL is unknown, which may learn it for all.
func (e *engine) release() {
	first := map[string]bool{}
	var held []lookup
	for _, l := range e.queue.held {
		s := e.known.server(l.server)
		switch {
		case s.url == "" && !s.looked:
			first[l.server] = true
		case first[l.server]:
			held = append(held, l)
			continue
		}
		s.looked = true
		e.queue.push(l)
	}
	e.queue.held = held
}

// prepare makes the first ready task sendable.
func (e *engine) prepare(now time.Time) {
	for len(e.queue.ready) > 0 && e.stop == nil {
		c, ok := e.queue.ready[0].(change)
		if !ok {
			return
		}
		s := e.known.servers[c.server]
		switch {
		case s == nil || !c.call.binds():
		case s.add: // it waits until the server was added
			e.queue.pop()
			if s.waiting = append(s.waiting, c); len(s.waiting) == 1 {
				e.queue.first(change{call: callAddServer, server: c.server, url: s.url})
			}
			continue
		case s.noSuch != "":
			e.queue.pop()
			e.follow(c, outcome{open: e.refuse(c, s)}, now)
			e.advance(now)
			continue
		}
		if e.Config.Override == OverrideAlways && c.call == callRegister && slices.ContainsFunc(c.items, func(it item) bool { return it.Before == present }) {
			c.call = callOverride
		}
		if e.keepFirst(c) {
			return
		}
		e.queue.ready[0] = c
		if parts := c.cut(int(e.gate.size.Load())); len(parts) > 1 {
			e.queue.pop()
			for i := len(parts) - 1; i >= 0; i-- {
				e.queue.first(parts[i])
			}
		}
		return
	}
}

// refuse settles the rows of a change for a server that the account lacks, and
// returns those that an earlier call may have bound.
func (e *engine) refuse(c change, s *server) (open []item) {
	for _, it := range c.items {
		if it.Reach == untouched {
			e.settle(it.row, s.unknown())
			continue
		}
		it.Alone, it.Said = true, &words{UnknownServer, s.noSuch}
		open = append(open, it)
	}
	return open
}

// readRow reads a row and routes it.
func (e *engine) readRow() {
	s := e.window.push()
	if err := e.source.Read(&s.row); err != nil {
		e.window.drop()
		switch {
		case e.read >= e.Survey.Rows && errors.Is(err, io.EOF) && !e.pruning && !e.known.prune.IsEmpty():
			e.source = &deviceRows{e.known.prune.Iterator(), Deregister, true}
			e.pruning, e.settling = true, true
			return
		case !errors.Is(err, io.EOF):
			e.halt(ErrInput, err)
		case e.read < e.Survey.Rows || e.read > e.Survey.Rows && !e.pruning:
			e.halt(ErrInput, fmt.Errorf("it had %d records and has %d now: it was changed during the run", e.Survey.Rows, e.read))
		}
		e.eof = true
		return
	}
	e.window.bytes += len(s.row.Raw)
	n := e.read
	e.read++
	if e.pruning {
		e.take(n, s)
		return
	}
	ruling := e.Survey.ruling(n, &s.row)
	s.leads = ruling.leads
	switch ruling.kind {
	case rulingPassed:
		s.settled = true
		s.verdict.Status, s.verdict.Proof = s.row.Prior.Status, s.row.Prior.Proof
	case rulingBlank:
		s.settled = true
	case rulingFollows: // its verdict is that of a row before it
		s.settled, s.follows = true, ruling.detail
	case rulingInvalid, rulingConflict:
		e.settle(n, ruling.verdict())
	default:
		e.take(n, s)
	}
}

// take routes a good row from where an earlier part of the run left it.
func (e *engine) take(n int, s *slot) {
	d := &s.row.Device
	if v, ok := e.known.verdict(n, d.MAC); ok {
		s.verdict, s.settled, s.sent = v, true, v.Calls > 0
		e.noteSample(d, v)
		e.count(e.good(d, v))
		if !e.pruning {
			e.summary.Resumed++
		}
		return
	}
	if _, settled := e.Past.verdict(n); settled {
		e.known.doubted++
		e.doubtList(true)
	}
	was := e.known.touch(n)
	s.reach, s.verdict.Calls = was.Reach, was.calls
	if e.stop != nil { // then abandon settles it
		return
	}
	it := e.known.item(n, d.MAC)
	it.Until = min(it.Until, e.began.Add(max(longestCall, e.Config.Timeout)).UnixNano())
	if was.flying {
		// It may have waited long for its turn, but it was sent before this part
		// of the run began.
		it.Until = max(it.Until, e.began.Add(e.Config.Timeout).UnixNano())
	}
	routing := e.known.route(d, it)
	if !e.pruning && e.known.leavesOut(routing, it) {
		s.verdict, s.settled = Verdict{Status: NotAttempted, Detail: "left out by --limit"}, true
		e.count(true)
		return
	}
	s.sent = routing.verdict.Status == ""
	switch {
	case routing.verdict.Status != "":
		e.settleKnown(n, routing.verdict)
	case routing.open:
		e.opened(it, want{routing.key.call, d.Server, d.URL})
	case routing.alone != nil:
		e.queue.push(routing.alone)
	default:
		e.queue.together(&e.queue.groups, routing.key, it, int(e.gate.size.Load()))
	}
}

// noteSample notes a device that an earlier part of the run bound to its server
// by the server's name: it can reveal the server's URL.
func (e *engine) noteSample(d *Device, v Verdict) {
	bound := v.Status == Registered || v.Status == Overridden || v.Status == Edited
	if bound && v.Proof.bound() && d.Server != "" && d.URL == "" {
		e.known.server(d.Server).sample(d.MAC)
	}
}

// settle gives a row its verdict.
func (e *engine) settle(row int, v Verdict) Verdict {
	s := e.window.at(row)
	if v.Status == Exists {
		v = e.Baseline.kept(&s.row.Device, v)
	}
	if v.Calls = s.verdict.Calls; v.Status == Deregistered {
		v.URL = s.was
	}
	s.verdict, s.settled = v, true
	delete(e.open, row)
	good := e.good(&s.row.Device, v)
	e.count(good)
	if e.stop == nil {
		e.judged.rows++
		if !good {
			e.judged.bad++
		}
		if m := e.Config.MaxFailures; m.reached(e.judged.bad, e.judged.rows) {
			e.halt(ErrFailures, fmt.Errorf("%d of %d (--max-failures)", e.judged.bad, e.judged.rows))
		}
	}
	return v
}

// count counts a row that has its verdict, for Progress.
func (e *engine) count(good bool) {
	e.progress.done.Add(1)
	if !good {
		e.progress.failed.Add(1)
	}
}

// settleKnown settles a row with what the account's list shows. What an earlier
// part of the run left open is noted in the journal, because a later part may not
// see it.
func (e *engine) settleKnown(row int, v Verdict) {
	v = e.settle(row, v)
	if e.Past != nil && e.Journal != nil {
		e.output(e.Journal.settled([]settlement{{row, v}}))
	}
}

// abandon settles the rows that a stopped run leaves. No call is in flight.
func (e *engine) abandon() {
	e.window.unsettled(func(row int, s *slot) {
		v := e.Baseline.kept(&s.row.Device, Verdict{Status: NotAttempted, Detail: "the run stopped before it: " + e.stop.Error()})
		if s.reach != untouched {
			v = Verdict{Status: InDoubt, Detail: "it may have been applied; the run stopped before it could be looked up: " + e.stop.Error()}
		}
		e.settle(row, v)
	})
	e.queue.clear()
}

// write writes the settled rows, up to the first that is not settled.
func (e *engine) write() {
	for !e.window.empty() && e.window.first().settled {
		if e.stop != nil && e.stop.Reason == ErrOutput {
			return
		}
		s := e.window.first()
		decisive := s.verdict
		if s.follows != "" {
			decisive = e.leaders[s.row.Device.key()]
			s.verdict = Verdict{Status: Duplicate, Proof: decisive.Proof, Detail: fmt.Sprintf("%s: %s", s.follows, decisive.Status)}
		}
		if s.leads {
			e.leaders[s.row.Device.key()] = Verdict{Status: decisive.Status, Proof: decisive.Proof}
		}
		e.told = e.told || s.verdict.Calls > 0 && s.verdict.Status != NotAttempted
		pruned := e.window.base >= e.Survey.Rows
		if err := e.put(s, pruned); err != nil {
			e.halt(ErrOutput, err)
			return
		}
		e.tally(s, decisive, pruned)
		e.window.pop()
	}
}

// put writes a row where it belongs.
func (e *engine) put(s *slot, pruned bool) error {
	switch {
	case pruned && e.Pruned == nil: // stopped before it was needed
		return nil
	case pruned:
		return e.Pruned.Write(&s.row, s.verdict)
	case s.row.Pass:
		return e.Results.Pass(&s.row)
	}
	return e.Results.Write(&s.row, s.verdict)
}

// tally counts the first row for the summary. decisive is its verdict, or that of
// the row that it follows.
func (e *engine) tally(s *slot, decisive Verdict, pruned bool) {
	good := e.good(&s.row.Device, decisive)
	switch {
	case pruned && e.Pruned == nil:
	case pruned && good:
		e.summary.Pruned++
	case pruned:
		e.summary.NotPruned++
	case s.row.Blank:
		e.summary.Blank++
		if s.row.Skipped {
			e.summary.Hidden++
		}
	case s.row.Pass:
		e.summary.Passed++
	default:
		e.summary.Rows++
		e.summary.Counts[s.verdict.Status]++
		switch {
		case good:
			e.summary.Succeeded++
		case decisive.Status == NotAttempted && e.stop == nil:
			e.summary.LeftOut++
		case s.sent:
			e.summary.SentFailed++
		}
		if s.follows != "" {
			e.count(good)
		}
	}
}

// good reports whether a row with a verdict is as the user asked. A device that
// the file lacks need not be there.
func (e *engine) good(d *Device, v Verdict) bool {
	missing := e.Config.IgnoreMissing || e.pruning && e.window.base >= e.Survey.Rows
	return d.Action.Succeeds(v.Status) || v.Status == NotRegistered && missing
}

// longestCall limits how long after the start of a resumed run a call of an
// earlier part may still be applied, whatever its clock and its timeout were.
const longestCall = time.Hour
