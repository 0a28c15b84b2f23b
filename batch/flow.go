package batch

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
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
	bytes int // of the rows from head
}

// full tells whether there is no room for another row.
func (w *window) full() bool { return w.len() >= Window || w.bytes >= windowBytes }

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
	w.bytes -= len(w.first().row.Raw)
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
	if !r.eof && !r.settling && !r.window.full() {
		return
	}
	for len(r.ready)+r.flying < r.Config.Workers {
		a, ok := r.groups.oldest()
		if !ok {
			break
		}
		r.ready = append(r.ready, a)
	}
	// When nothing else is to be done, what has waited for that.
	if len(r.ready)+len(r.later)+r.flying > 0 {
		return
	}
	if r.release(); len(r.ready) > 0 {
		return
	}
	for len(r.ready) < r.Config.Workers {
		a, ok := r.gathered.oldest()
		if !ok {
			return
		}
		r.ready = append(r.ready, a)
	}
}

// release lets go the look-ups that were held back: of each server whose URL is
// not known the first one, which may learn it for all.
func (r *Run) release() {
	first := map[string]bool{}
	r.held = slices.DeleteFunc(r.held, func(a attempt) bool {
		s := r.server(a.server)
		if s.url == "" && !s.asked {
			first[a.server] = true
		} else if first[a.server] {
			return false
		}
		s.asked = true
		r.ready = append(r.ready, a)
		return true
	})
}

// room tells whether another row may be read.
func (r *Run) room() bool {
	if r.stop != nil {
		// What is read now is settled at once, when no call is in flight.
		return r.flying == 0 && r.stop.Reason != ErrOutput
	}
	if r.settling {
		// What the file lacks goes when all that it has is settled.
		if r.settling = !r.window.empty(); r.settling {
			return false
		}
	}
	return !r.window.full() && len(r.ready) < 2*r.Config.Workers
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
		s := r.servers[a.server]
		if s != nil && s.add && a.call.binds() {
			// It waits until the server was added.
			r.ready = r.ready[1:]
			if s.waiting = append(s.waiting, a); len(s.waiting) == 1 {
				r.ready = append([]attempt{{call: callAddServer, server: a.server, url: s.url}}, r.ready...)
			}
			continue
		}
		if s != nil && s.noSuch != "" && a.call.binds() {
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
		switch {
		case r.read >= r.Survey.Rows && errors.Is(err, io.EOF) && !r.pruning && !r.prune.IsEmpty():
			r.source = &pruned{r.prune.Iterator()}
			r.pruning, r.settling = true, true
			return
		case !errors.Is(err, io.EOF):
			r.halt(ErrInput, err)
		case r.read < r.Survey.Rows || r.read > r.Survey.Rows && !r.pruning:
			r.halt(ErrInput, fmt.Errorf("it had %d records and has %d now: it was changed during the run", r.Survey.Rows, r.read))
		}
		r.eof = true
		return
	}
	r.window.bytes += len(s.row.Raw)
	n := r.read
	r.read++
	switch fate := (fate{}); {
	case s.row.Pass:
		s.settled = true
		// Rows that are run again may follow it.
		s.leads = !s.row.Blank && s.row.Problem == "" && r.Survey.fate(n, &s.row).leads
		s.verdict.Status, s.verdict.Proof = s.row.Prior.Status, s.row.Prior.Proof
	case s.row.Blank:
		s.settled = true
	case r.pruning:
		r.take(n, s)
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
		r.teach(&s.row.Device, v)
		r.progress(r.good(&s.row.Device, v))
		if !r.pruning {
			r.summary.Resumed++
		}
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

// item gives what is known of a row before anything is done with it.
func (r *Run) item(n int, mac rps.MAC) item {
	number := mac.Uint64()
	it := item{row: n, mac: mac, ours: r.before.Contains(number)}
	if r.Past != nil {
		it.reach = r.Past.touched[n].reach
	}
	if it.reach == untouched {
		if r.listed { // in this part of the run: it is later
			it.ours = r.account.Contains(number)
		}
		return it
	}
	it.ours = it.ours || r.Past.ours.Contains(uint64(n))
	switch {
	case !r.listed:
	case r.account.Contains(number):
		it.now = shown
	default:
		it.now = absent
	}
	return it
}

// plan brings a good row on its way, or settles it with what is known of the
// account.
func (r *Run) plan(n int, s *slot) {
	it := r.item(n, s.row.Device.MAC)
	way := r.route(&s.row.Device, it)
	switch {
	case way.verdict.Status != "":
		r.settleKnown(n, way.verdict)
	case way.later:
		r.held = append(r.held, way.attempts...)
	case way.attempts != nil:
		r.ready = append(r.ready, way.attempts...)
	default:
		r.together(r.groups, way.key, it)
	}
}

// together puts a row into a group, which leaves when it is full.
func (r *Run) together(in *grouper, key groupKey, it item) {
	if a, full := in.add(key, it, int(r.size.Load())); full {
		r.ready = append(r.ready, a)
	}
}

// settle gives a row its verdict.
func (r *Run) settle(row int, v Verdict) Verdict {
	s := r.window.at(row)
	if v.Status == Exists && r.Baseline.has(&s.row.Device) {
		v.Proof = ProofBaseline // nothing was done to it
	}
	v.Calls = s.verdict.Calls
	s.verdict, s.settled = v, true
	good := r.good(&s.row.Device, v)
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
		if r.Baseline.has(&s.row.Device) {
			v.Proof = ProofBaseline
		}
		if s.reach >= refused {
			v = Verdict{Status: InDoubt, Detail: "it may have been applied; the run stopped before it could be looked up: " + r.stop.Error()}
		}
		r.settle(r.window.base+i-r.window.head, v)
	}
	if r.ready, r.later, r.held = nil, nil, nil; len(r.groups.groups)+len(r.gathered.groups) > 0 {
		r.groups, r.gathered = newGrouper(), newGrouper()
	}
}

// write writes the rows that are settled, up to the first that is not.
func (r *Run) write() {
	for !r.window.empty() && r.window.first().settled {
		if r.stop != nil && r.stop.Reason == ErrOutput {
			return
		}
		s := r.window.first()
		decisive := s.verdict
		if s.follows != 0 {
			decisive = r.leaders[s.row.Device.key()]
			s.verdict = Verdict{Status: Duplicate, Proof: decisive.Proof, Detail: fmt.Sprintf("the same %s and target as line %d: %s", s.row.Device.keyName(), s.follows, decisive.Status)}
		}
		if s.leads {
			r.leaders[s.row.Device.key()] = Verdict{Status: decisive.Status, Proof: decisive.Proof}
		}
		good := r.good(&s.row.Device, decisive)
		isPruned := r.window.base >= r.Survey.Rows
		var err error
		switch {
		case isPruned && r.Pruned == nil: // stopped before there was a need for it
		case isPruned:
			err = r.Pruned.Write(&s.row, s.verdict)
		case s.row.Pass:
			err = r.Results.Pass(&s.row)
		default:
			err = r.Results.Write(&s.row, s.verdict)
		}
		switch {
		case err != nil:
			r.halt(ErrOutput, err)
			return
		case isPruned && r.Pruned == nil:
		case isPruned && good:
			r.summary.Pruned++
		case isPruned:
			r.summary.NotPruned++
		case s.row.Blank:
			r.summary.Blank++
		case s.row.Pass:
			r.summary.Passed++
		default:
			r.summary.Rows++
			r.summary.Counts[s.verdict.Status]++
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

// good tells whether a row with a verdict is as the user asked.
func (r *Run) good(d *Device, v Verdict) bool {
	return d.Action.Succeeds(v.Status) || v.Status == NotRegistered && (r.Config.IgnoreMissing || r.pruning)
}

// pruned gives a row for each device that is to be removed because the file
// lacks it.
type pruned struct{ macs roaring64.IntPeekable64 }

func (p *pruned) Read(row *Row) error {
	if !p.macs.HasNext() {
		return io.EOF
	}
	mac := rps.MACFromUint64(p.macs.Next())
	*row = Row{Raw: mac.String(), Cells: 1, Device: Device{Action: Deregister, MAC: mac}}
	return nil
}
