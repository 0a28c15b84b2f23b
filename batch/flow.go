package batch

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// slot is a row that was read and is not yet written.
type slot struct {
	row     Row
	verdict Verdict
	settled bool
	follows int  // line of the row whose fate it shares
	leads   bool // rows follow it
	reach   reach
}

// window holds the slots in input order.
type window struct {
	slots []slot
	head  int // slots before it are written
	base  int // number of the row at head
}

func (w *window) len() int         { return len(w.slots) - w.head }
func (w *window) empty() bool      { return w.len() == 0 }
func (w *window) at(row int) *slot { return &w.slots[w.head+row-w.base] }
func (w *window) first() *slot     { return &w.slots[w.head] }

// push adds an empty slot and gives it.
func (w *window) push() *slot {
	if len(w.slots) == cap(w.slots) && w.head > len(w.slots)/2 {
		n := copy(w.slots, w.slots[w.head:])
		clear(w.slots[n:])
		w.slots, w.head = w.slots[:n], 0
	}
	w.slots = append(w.slots, slot{})
	return &w.slots[len(w.slots)-1]
}

func (w *window) pop() {
	w.slots[w.head] = slot{}
	w.head++
	w.base++
}

// advance reads rows while there is room, brings groups on their way, and
// writes what is settled.
func (r *Run) advance() {
	for {
		r.due()
		r.write()
		if r.stop != nil && r.flying == 0 {
			r.abandon()
			r.write()
		}
		if r.eof || !r.room() {
			break
		}
		r.readRow()
	}
	if r.stop != nil {
		return
	}
	// No room, or no more rows: the oldest groups go out as they are, so
	// that the workers have something to do.
	for (r.eof || r.window.len() >= Window) && len(r.ready)+r.flying < r.Config.Workers {
		a, ok := r.groups.oldest()
		if !ok {
			return
		}
		r.ready = append(r.ready, a)
	}
}

// room tells whether another row may be read.
func (r *Run) room() bool {
	if r.stop != nil {
		// What is read now is settled at once, when no call is in flight.
		return r.flying == 0 && r.stop.Reason != ErrOutput
	}
	return r.window.len() < Window && len(r.ready) < 2*r.Config.Workers
}

// due makes the attempts ready whose time has come.
func (r *Run) due() {
	now := time.Now()
	for len(r.later) > 0 && !r.later[0].due.After(now) {
		r.ready = append([]attempt{r.later[0].attempt}, r.ready...)
		r.later = r.later[1:]
	}
}

// prepare makes the first ready attempt fit to leave.
func (r *Run) prepare() {
	for len(r.ready) > 0 && r.stop == nil {
		a := r.ready[0]
		if s := r.servers[a.server]; s != nil && s.noSuch != "" && a.call.changes() && a.call != callDeregister {
			r.ready = r.ready[1:]
			for _, it := range a.items {
				r.settle(it.row, Verdict{Status: UnknownServer, Detail: s.noSuch})
			}
			r.advance()
			continue
		}
		if r.override == OverrideAlways && a.call == callRegister && anyOurs(a.items) {
			a.call = callOverride
		}
		r.ready[0] = a
		if parts := cut(a, int(r.size.Load())); len(parts) > 1 {
			r.ready = append(parts, r.ready[1:]...)
		}
		return
	}
}

func anyOurs(items []item) bool {
	for _, it := range items {
		if it.ours {
			return true
		}
	}
	return false
}

// readRow reads a row and sends it on its way.
func (r *Run) readRow() {
	s := r.window.push()
	if err := r.source.Read(&s.row); err != nil {
		r.window.slots = r.window.slots[:len(r.window.slots)-1]
		r.eof = true
		switch {
		case !errors.Is(err, io.EOF):
			r.halt(ErrInput, err)
		case r.read != r.Survey.Rows:
			r.halt(ErrInput, fmt.Errorf("it had %d records and has %d now: it was changed during the run", r.Survey.Rows, r.read))
		}
		return
	}
	n := r.read
	r.read++
	switch fate := (fate{}); {
	case s.row.Pass:
		s.settled = true
		// Rows that are run again may follow it.
		s.leads = !s.row.Blank && s.row.Problem == "" && r.Survey.fate(n, &s.row).leads
		s.verdict.Status = s.row.PriorStatus
	case s.row.Blank:
		s.settled = true
	case s.row.Problem != "":
		r.settle(n, Verdict{Status: Invalid, Detail: s.row.Problem})
	default:
		fate = r.Survey.fate(n, &s.row)
		s.leads, s.follows = fate.leads, fate.follows
		switch {
		case fate.refused != "":
			r.settle(n, Verdict{Status: Conflict, Detail: fate.refused})
		case fate.follows != 0:
			s.settled = true // its verdict is that of a row before it
		default:
			r.take(n, s)
		}
	}
}

// take goes on with a good row where an earlier part of the run left it.
func (r *Run) take(n int, s *slot) {
	if v, ok := r.Past.verdict(n); ok {
		s.verdict, s.settled = v, true
		r.progress(r.succeeded(v.Status))
		r.summary.Resumed++
		return
	}
	if r.Past != nil {
		was := r.Past.touched[n]
		s.reach, s.verdict.Calls = was.reach, was.calls
	}
	if r.stop == nil { // else abandon settles it
		r.plan(n, s)
	}
}

// plan puts a good row into a group, or settles it with what is known of the
// account.
func (r *Run) plan(n int, s *slot) {
	d := &s.row.Device
	number := d.MAC.Uint64()
	it := item{row: n, mac: d.MAC, ours: r.before.Contains(number), reach: s.reach}
	if s.reach == untouched {
		it.ours = it.ours || r.account.Contains(number)
	} else {
		it.ours = it.ours || r.Past.ours.Contains(uint64(n))
		switch {
		case !r.listed:
		case r.account.Contains(number):
			it.now = shown
		default:
			it.now = absent
		}
	}
	key := groupKey{call: callRegister, server: d.Server, apart: it.reach != untouched}
	switch r.Config.Action {
	case Register:
		switch {
		case it.ours && r.override == OverrideNever && it.reach == untouched:
			r.settleKnown(n, existing(""))
			return
		case r.facts(attempt{}).appeared(it, d.URL):
			r.settleKnown(n, byList())
			return
		}
		if it.ours && r.override == OverrideOwn {
			key.call = callOverride
		}
	case Deregister:
		key = groupKey{call: callDeregister, apart: !it.ours && r.absence || it.reach != untouched}
	case Edit:
		key.call = callEdit
	}
	if r.Config.Action != Deregister {
		if s := r.servers[d.Server]; s != nil && s.noSuch != "" {
			r.settle(n, Verdict{Status: UnknownServer, Detail: s.noSuch})
			return
		}
		if d.URL != "" || key.call == callEdit {
			a := attempt{call: key.call, server: d.Server, url: d.URL, items: []item{it}}
			r.ready = append(r.ready, anew(r.facts(a), a)...)
			return
		}
	}
	if a, full := r.groups.add(key, it, int(r.size.Load())); full {
		r.ready = append(r.ready, a)
	}
}

// settle gives a row its verdict.
func (r *Run) settle(row int, v Verdict) Verdict {
	s := r.window.at(row)
	v.Calls = s.verdict.Calls
	s.verdict, s.settled = v, true
	good := r.succeeded(v.Status)
	r.progress(good)
	if r.stop == nil {
		r.judge(good)
	}
	return v
}

// progress counts a row that has its verdict, for Progress.
func (r *Run) progress(good bool) {
	r.done.Add(1)
	if !good {
		r.failed.Add(1)
	}
}

// settleKnown settles a row with what the account's list shows. What an earlier
// part of the run left to be known is noted in the journal: a later part may
// not see it.
func (r *Run) settleKnown(row int, v Verdict) {
	v = r.settle(row, v)
	if r.Past == nil || r.Journal == nil {
		return
	}
	if err := r.Journal.settled([]settlement{{row, v}}); err != nil {
		r.halt(ErrOutput, err)
	}
}

// judge counts a verdict for --max-failures.
func (r *Run) judge(good bool) {
	r.tallied++
	if !good {
		r.bad++
	}
	if m := r.Config.MaxFailures; m.reached(r.bad, r.tallied) {
		r.halt(ErrFailures, fmt.Errorf("%d of %d (--max-failures)", r.bad, r.tallied))
	}
}

// abandon settles the rows that a stopped run leaves. No call is in flight.
func (r *Run) abandon() {
	for i := r.window.head; i < len(r.window.slots); i++ {
		s := &r.window.slots[i]
		if s.settled {
			continue
		}
		v := Verdict{Status: NotAttempted, Detail: "the run stopped before it: " + r.stop.Error()}
		if s.reach >= refused {
			v = Verdict{Status: InDoubt, Detail: "it may have been applied; the run stopped before it could be looked up: " + r.stop.Error()}
		}
		r.settle(r.window.base+i-r.window.head, v)
	}
	if r.ready, r.later = nil, nil; len(r.groups.groups) > 0 {
		r.groups = newGrouper()
	}
}

// write writes the rows that are settled, up to the first that is not.
func (r *Run) write() {
	for !r.window.empty() && r.window.first().settled {
		if r.stop != nil && r.stop.Reason == ErrOutput {
			return
		}
		s := r.window.first()
		decisive := s.verdict.Status
		if s.follows != 0 {
			decisive = r.leaders[s.row.Device.MAC.Uint64()]
			s.verdict = Verdict{Status: Duplicate, Detail: fmt.Sprintf("the same MAC and target as line %d: %s", s.follows, decisive)}
		}
		if s.leads {
			r.leaders[s.row.Device.MAC.Uint64()] = s.verdict.Status
		}
		var err error
		if s.row.Pass {
			err = r.Results.Pass(&s.row)
		} else {
			err = r.Results.Write(&s.row, s.verdict)
		}
		switch {
		case err != nil:
			r.halt(ErrOutput, err)
			return
		case s.row.Pass:
			r.summary.Passed++
		case s.row.Blank:
			r.summary.Blank++
		default:
			r.summary.Rows++
			r.summary.Counts[s.verdict.Status]++
			good := r.succeeded(decisive)
			if good {
				r.summary.Succeeded++
			}
			if s.follows != 0 {
				r.progress(good)
			}
		}
		r.window.pop()
	}
}

func (r *Run) succeeded(s Status) bool {
	return s.Success() || s == NotRegistered && r.Config.IgnoreMissing
}
