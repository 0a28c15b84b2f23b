package batch

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"rpsbatch/batch/durable"
	"rpsbatch/rps"
)

// A history is a run of a few rows against a model of the service. The engine is
// the real one, but for its workers: calls leave and answers come when the
// history says so, one at a time, by a clock of its own.
type history struct {
	draw   draw
	traits traits
	t      testing.TB
	show   bool
	seed   uint64

	now     time.Time
	service *model
	events  []happening
	loseOne int // in so many calls
	few     int // as that of the engine

	rows    []Row
	run     *Run
	e       *engine
	results *collected
	pruned  *collected
	journal *durable.Private
	part    int
	killed  int // may be so often
	others  int // changes that colleagues may make

	asked map[int]*askings
	lists []asking // of the account
	doubt map[int]*openRow
}

// askings is when the calls of each sort left that were answered for a row.
type askings struct{ changes, lookups []time.Time }

// lastBefore returns the last of them that is not after a moment; zero if there is none.
func lastBefore(t time.Time, of []time.Time) (last time.Time) {
	for _, one := range of {
		if !one.After(t) {
			last = one
		}
	}
	return last
}

// asking is when a call left, and when it was answered.
type asking struct{ left, answered time.Time }

// A happening comes at its time.
type happening struct {
	at     time.Time
	answer bool // to a call of the run
	do     func()
}

func (h *history) at(after time.Duration, answer bool, do func()) {
	w := happening{h.now.Add(after), answer, do}
	i := len(h.events)
	for i > 0 && h.events[i-1].at.After(w.at) {
		i--
	}
	h.events = slices.Insert(h.events, i, w)
}

// fatal ends the test, from whatever goroutine.
func (h *history) fatal(what any) {
	panic(fmt.Sprintf("%v: -seed=%d -traits=%d", what, h.seed, h.traits))
}

func (h *history) logf(format string, args ...any) {
	if h.show {
		h.t.Logf("%6.1fs  %s", h.now.Sub(epoch).Seconds(), fmt.Sprintf(format, args...))
	}
}

// epoch is when histories begin: late enough that none of their times is in the
// past of the real clock.
var epoch = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

const historyTimeout = 10 * time.Second

func newHistory(t testing.TB, seed uint64, draw draw, traits traits, journal *durable.Private) *history {
	h := &history{t: t, seed: seed, draw: draw, traits: traits, now: epoch, journal: journal, asked: map[int]*askings{}, doubt: map[int]*openRow{}, show: *showHistory}
	n := 1 + draw(4)
	h.service = newModel(draw, traits, n, h.now)
	h.loseOne = []int{1 << 20, 8, 3}[draw(3)]
	config := testConfig()
	config.Timeout = historyTimeout
	h.few = fewRows * draw(2)
	config.Workers, config.BatchSize, config.MaxAttempts = 1+draw(2), 1+draw(4), 1+draw(3)
	config.Override = []Override{OverrideNever, OverrideOwn, OverrideAlways}[draw(3)]
	config.Verify, config.IgnoreMissing = draw.oneIn(3), draw.oneIn(4)
	if !h.service.unlisted && draw.oneIn(4) {
		// That a list is cut shows by devices that nobody wants to remove.
		config.Sync, config.Prune = true, draw(2) == 1 && !traits.has(short)
	}
	action, mixed := []Action{Register, Deregister, Edit}[draw(3)], draw.oneIn(4)
	for i := range n {
		row := device(i+1, []string{"A", "B"}[draw(8)/7], "")
		if row.Device.Action = action; mixed {
			row.Device.Action = []Action{Register, Deregister, Edit}[draw(3)]
		}
		if row.Device.Action == Deregister {
			row.Device.Server = ""
		} else if draw.oneIn(4) {
			row.Device.URL = uniqueURL(i)
		}
		h.rows = append(h.rows, row)
	}
	open := func() (Source, error) { return &rowsSource{h.rows}, nil }
	survey, err := TakeSurvey(open, config.OnConflict, nil)
	if err != nil {
		t.Fatal(err)
	}
	h.run = &Run{Config: config, Survey: survey, Open: open}
	switch draw(4) {
	case 1:
		h.run.Servers = maps.Clone(trueURLs)
	case 2, 3:
		if traits.has(misclaimed) {
			h.run.Servers = map[string]string{"A": "https://c.example.com/", "B": trueURLs["A"]}
		}
	}
	if traits.has(killed) {
		h.killed = 1 + draw(2)
	}
	if traits.has(colleague) {
		h.others = 1 + draw(3)
	}
	if h.show {
		h.describe()
	}
	return h
}

var actionNames = map[Action]string{Register: "register", Deregister: "deregister", Edit: "edit"}

// describe logs what the history begins with.
func (h *history) describe() {
	c, m := h.run.Config, h.service
	h.t.Logf("%v; override %d, batches of %d, %d workers, %d tries, verify %v, sync %v, prune %v, ignore missing %v, claims %v",
		h.traits, c.Override, c.BatchSize, c.Workers, c.MaxAttempts, c.Verify, c.Sync, c.Prune, c.IgnoreMissing, h.run.Servers)
	h.t.Logf("servers %v, naming %d, names prompts %v, takes %v, prompts for others %v, mute %v, unlisted %v",
		m.servers, m.naming, m.promptsAll, m.takes, m.elsewhere, m.mute, m.unlisted)
	for i, r := range h.rows {
		h.t.Logf("row %d: %s %s %s", i, actionNames[r.Device.Action], r.Device.Server, r.Device.URL)
	}
	for i := range m.devices {
		d := &m.devices[i]
		h.t.Logf("device %d: %s, %s, hidden %v", i, d.now(), []string{"fine", "bad and named", "bad", "the handler throws"}[d.quirk], d.hidden)
	}
}

func (b binding) String() string {
	return fmt.Sprintf("%s %s by %s", []string{"free", "ours", "another's"}[b.owner], b.url, []string{"-", "run", "colleague"}[b.by])
}

// play goes through the history to its end, after which nothing is left that may
// be applied.
func (h *history) play() {
	for h.once() {
		h.part++
		h.pass(h.now.Add(time.Duration(h.draw(3)) * historyTimeout * 2 / 3))
	}
	for len(h.events) > 0 {
		h.step()
	}
}

// once runs the run, and reports whether it was killed.
func (h *history) once() (again bool) {
	h.results, h.pruned = &collected{t: h.t}, &collected{t: h.t}
	r := &Run{
		Config: h.run.Config, Survey: h.run.Survey, Open: h.run.Open, Servers: h.run.Servers,
		Caller: NewCaller(h.run.Config, nil, nil), Results: h.results, Pruned: h.pruned,
	}
	if h.traits.has(killed) {
		r.Journal, r.Past = h.openJournal()
	}
	var known Account
	switch {
	case !h.service.unlisted:
		known.devices, known.asked = h.service.list(), h.now
		h.lists = append(h.lists, asking{h.now, h.now})
		h.logf("list: %v", slices.Collect(known.All()))
	default:
		known.noList = &rps.Error{Kind: rps.Unreadable}
	}
	e, err := newEngine(r, known)
	if err == nil {
		err = e.begin()
	}
	if err != nil {
		h.fatal(err)
	}
	h.e, e.began, e.few = e, h.now, h.few
	for steps := 0; ; steps++ {
		if steps > 2000 {
			h.fatal("the run does not come to an end")
		}
		e.advance(h.now)
		e.prepare(h.now)
		h.orderLater()
		for row, o := range e.open {
			h.doubt[row] = o
		}
		if e.finished() {
			return false
		}
		if h.killed > 0 && h.draw.oneIn(6) {
			h.killed--
			h.logf("killed")
			h.events = slices.DeleteFunc(h.events, func(w happening) bool { return w.answer })
			h.e = nil
			return true
		}
		if h.traits.has(killed) && h.draw.oneIn(60) {
			e.halt(ErrInterrupted, nil)
			continue
		}
		if h.others > 0 && h.draw.oneIn(5) {
			h.others--
			h.interfere()
			h.logf("a colleague: %v", h.states())
		}
		if h.traits.has(serverLate) && h.draw.oneIn(5) {
			h.service.servers["A"] = cmp.Or(h.service.servers["A"], trueURLs["A"])
		}
		if len(e.queue.ready) > 0 && e.stop == nil && e.flying < e.stuck.most(r.Config.Workers) && (len(h.events) == 0 || h.draw(3) > 0) {
			h.send(e.queue.pop())
			continue
		}
		due := e.wake
		if e.flying > 0 || !e.queue.idle() {
			due = time.Time{}
		}
		if len(e.queue.later) > 0 && e.stop == nil {
			due = e.queue.later[0].due
		}
		switch {
		case len(h.events) > 0 && (due.IsZero() || !h.events[0].at.After(due)):
			h.step()
		case !due.IsZero():
			if due.After(h.now) {
				h.now = due
			}
		default:
			h.fatal(fmt.Sprintf("the run is stuck, with %d calls in flight, %d ready, %d later, %d open, stop %v", e.flying, len(e.queue.ready), len(e.queue.later), len(e.open), e.stop))
		}
	}
}

// orderLater sets for tasks that wait for their time one that does not come from a
// random jitter, which the history cannot draw.
func (h *history) orderLater() {
	later := h.e.queue.later
	first := func(d delayed) int {
		if items := d.task.carries(); len(items) > 0 {
			return items[0].row
		}
		return -1
	}
	slices.SortStableFunc(later, func(a, b delayed) int { return cmp.Compare(first(a), first(b)) })
	for i := range later {
		if later[i].due.After(h.now) {
			later[i].due = h.now.Add(time.Duration(i+1) * time.Second)
		}
	}
	slices.SortStableFunc(later, func(a, b delayed) int { return a.due.Compare(b.due) })
}

// step goes on to what happens next, pass to all that has happened at a time.
func (h *history) step() {
	next := h.events[0]
	h.events = h.events[1:]
	if next.at.After(h.now) {
		h.now = next.at
	}
	next.do()
}

func (h *history) pass(until time.Time) {
	for len(h.events) > 0 && !h.events[0].at.After(until) {
		h.step()
	}
	h.now = until
}

func (h *history) openJournal() (*Journal, *History) {
	j := &Journal{file: h.journal}
	j.done.L = &j.mu
	if h.part > 0 {
		if _, err := h.journal.Seek(0, 0); err != nil {
			h.fatal(err)
		}
		past, _, err := readHistory(h.journal, len(h.rows))
		if err != nil {
			h.fatal(err)
		}
		return j, past
	}
	h.journal.Seek(0, 0)
	h.journal.Truncate(0)
	if err := j.append(record{Header: &beginning{Header: Header{Version: journalVersion, Rows: len(h.rows)}}}); err != nil {
		h.fatal(err)
	}
	return j, nil
}

// interfere lets a colleague change a device, but not one that the run may take to
// learn its server's URL: if just that one was moved before it is looked up, the
// server seems to have another URL. Nor one by which a list shows that it is cut.
func (h *history) interfere() {
	if d := h.service.any(); !d.teaches && !(d.strange && h.service.traits.has(short)) {
		h.service.interfere(d, h.now)
	}
}

// send makes the call of a task, as a worker does.
func (h *history) send(t task) {
	e := h.e
	e.flying++
	if c, ok := t.(change); ok && e.Journal != nil && len(c.items) > 0 {
		if err := e.Journal.noteSending(c, h.now.Add(historyTimeout)); err != nil {
			h.fatal(err)
		}
	}
	wait := time.Duration(0)
	if h.draw.oneIn(4) { // for its turn
		wait = time.Second + time.Duration(h.draw(2))*2*historyTimeout
	}
	h.at(wait, true, func() {
		if e.stop != nil || e.gate.stale(t) {
			h.answer(e, result{task: t}, 0)
			return
		}
		h.leave(t)
	})
}

// answer hands the result of a call to the engine, after a time.
func (h *history) answer(e *engine, res result, after time.Duration) {
	if e != h.e { // it was killed
		return
	}
	h.at(after, true, func() {
		e.flying--
		if _, ok := res.task.(lookup); ok && e.stop != nil && h.draw(2) == 0 {
			res = result{task: res.task} // nobody needs to know any more
		}
		h.note(res)
		for row, o := range e.open {
			h.doubt[row] = o
		}
		e.act(res, h.now)
	})
}

// note remembers what was asked when, for the truth of what is claimed.
func (h *history) note(res result) {
	if l, ok := res.task.(lookup); ok && l.why == forList && res.answer.err == nil {
		h.lists = append(h.lists, asking{res.left, h.now})
	}
	for _, it := range res.task.carries() {
		a := h.askedOf(it.row)
		if _, ok := res.task.(change); ok {
			a.changes = append(a.changes, res.left)
		} else if res.answer.err == nil {
			a.lookups = append(a.lookups, res.left)
		}
	}
}

func (h *history) askedOf(row int) *askings {
	if h.asked[row] == nil {
		h.asked[row] = &askings{}
	}
	return h.asked[row]
}

// leave lets a call leave: it arrives, is handled, and its answer comes, if it
// does not get lost.
func (h *history) leave(t task) {
	e, left := h.e, h.now
	second := func() time.Duration { return time.Duration(1+h.draw(3)) * 500 * time.Millisecond }
	finish := func(ans answer, after time.Duration) {
		if ans.err != nil && ans.err.MayStillApply() {
			ans.until = left.Add(historyTimeout)
		}
		h.answer(e, result{task: t, answer: ans, left: left, made: true}, after)
	}
	var lost *loss
	if h.draw.oneIn(h.loseOne) {
		lost = &losses[h.draw(len(losses))]
	}
	c, isChange := t.(change)
	h.at(second(), false, func() {
		switch {
		case isChange && lost != nil:
			h.lose(c, lost, left)
			h.logf("%s lost %v: %+v; %v", c.method(), lost.err, c.rows(), h.states())
			finish(answer{err: lost.err}, second())
		case isChange && len(c.items) > 1 && h.draw.oneIn(30):
			finish(answer{err: &rps.Error{Kind: rps.PayloadTooLarge}}, second())
		case isChange && h.draw.oneIn(300):
			finish(answer{err: &rps.Error{Kind: rps.Unauthorized}}, second())
		case isChange:
			err := h.service.handle(c, h.now)
			for _, it := range c.items {
				h.service.device(it.mac).teaches = err == nil && c.call.binds() && c.url == ""
			}
			h.logf("%s: %v: %+v; %v", c.method(), err, c.rows(), h.states())
			finish(answer{err: err}, second())
		case lost != nil:
			finish(answer{err: lost.err}, second())
		default:
			var ans answer
			if l := t.(lookup); l.why == forList {
				ans.devices = h.service.list()
				h.logf("list: %v", slices.Collect(macsOf(ans.devices)))
			} else {
				ans.status, ans.url = h.service.look(l.mac)
				h.logf("lookup of %v: %v %s", l.mac, ans.status, ans.url)
			}
			finish(ans, second())
		}
	})
}

// lose decides what becomes of a call whose answer is lost: nothing, or it is
// applied now, or later, or both.
func (h *history) lose(c change, lost *loss, left time.Time) {
	if !lost.reaches {
		return
	}
	if h.draw(2) == 1 {
		h.service.handle(c, h.now)
	}
	if lost.late && h.traits.has(late) && h.draw(2) == 1 {
		latest := left.Add(historyTimeout).Sub(h.now)
		h.at(latest*time.Duration(1+h.draw(9))/10-1, false, func() {
			h.service.handle(c, h.now)
			h.logf("%s applied late: %+v; %v", c.method(), c.rows(), h.states())
		})
	}
}

func (c change) rows() (text string) {
	for _, it := range c.items {
		text += fmt.Sprintf("%d ", it.row)
	}
	return text + []string{"", "override"}[min(int(c.call), 2)%2]
}

func (h *history) states() (text string) {
	for _, d := range h.service.devices {
		text += fmt.Sprintf("[%v] ", d.now())
	}
	return text
}
