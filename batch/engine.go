package batch

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// engine is a run in progress. Its fields belong to the goroutine of loop, except
// those of gate.
type engine struct {
	*Run
	log   *slog.Logger
	known *known
	reading
	window window
	queue  queue
	flying int // tasks that workers have
	before before
	gate   gate
	stuck  stubborn
	doubts

	leaders map[uint64]Verdict // of rows that others follow
	began   time.Time
	judged  judged
	told    bool // a call gave a row its verdict
	sent    bool // a call was made that may have changed the account
	stop    *StopError
	summary Summary
}

// reading is how far the rows have been read.
type reading struct {
	source   Source
	eof      bool
	read     int  // rows read
	pruning  bool // the rows are those of the devices to be removed
	settling bool // they wait until those of the file are settled
}

// doubts are the rows that lack a proof, and when they are concluded.
type doubts struct {
	open    map[int]*openRow
	wake    time.Time // a row waits for that
	waited  time.Time // the last wake that was logged
	few     int       // see fewRows
	sampled bool      // a sample of the rows that the last list would settle was chosen
}

// gate is what the workers see of the run.
type gate struct {
	size atomic.Int64 // the largest batch that the service takes, as far as known
	lost sync.Map     // names of servers that the account lacks
}

// stale reports whether an answer has overtaken a task since it was ready:
// prepare checks it again.
func (g *gate) stale(t task) bool {
	c, ok := t.(change)
	if !ok {
		return false
	}
	_, lost := g.lost.Load(c.server)
	return lost && c.call.binds() || int64(len(c.items)) > g.size.Load()
}

// judged counts verdicts for --max-failures.
type judged struct{ rows, bad int }

// Plan returns what Do would do with an account. It changes nothing. The error is
// a *StopError.
//
// The calls are exact for clean input that fits into [Window], if the service
// grants what it is asked.
func (r *Run) Plan(ctx context.Context, account Account) (Plan, error) {
	return planOf(r, account, ctx.Err)
}

// Do runs to the end and gives each row of the file its verdict. When ctx ends,
// no new call is made, calls in flight are awaited, and the remaining rows are
// NotAttempted: the results are complete all the same.
//
// The error is nil if the run finished, whatever happened to the rows; else it is
// a *StopError, and the summary has what was done.
func (r *Run) Do(ctx context.Context, account Account) (Summary, error) {
	e, err := newEngine(r, account)
	if err == nil {
		err = e.begin()
	}
	if err != nil {
		return r.Caller.Summary(), err
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	work, results := make(chan task), make(chan result, r.Config.Workers)
	var workers sync.WaitGroup
	for range r.Config.Workers {
		workers.Go(func() {
			for t := range work {
				results <- e.work(waiting, t)
			}
		})
	}
	e.loop(ctx, cancel, work, results)
	close(work)
	workers.Wait()
	e.summary.Elapsed = time.Since(e.began)
	return e.end()
}

// Leave gives each row of the file the verdict that it has when the run stops
// before its first call: the one from an earlier part, or NotAttempted. The error
// is stop, unless the results cannot be written.
func (r *Run) Leave(stop *StopError) (Summary, error) {
	e, err := newEngine(r, Account{})
	if err != nil {
		return r.Caller.Summary(), err
	}
	e.stop = stop
	for !e.finished() {
		e.advance(time.Now())
	}
	return e.end()
}

func newEngine(r *Run, account Account) (*engine, error) {
	e := &engine{
		Run: r, log: r.Log, known: newKnown(r, account), queue: newQueue(), before: newBefore(), doubts: doubts{open: map[int]*openRow{}, few: fewRows},
		began: time.Now(), leaders: map[uint64]Verdict{}, summary: Summary{Counts: map[Status]int{}, NoList: account.noList},
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	e.gate.size.Store(int64(r.Config.BatchSize))
	var err error
	if e.source, err = r.Open(); err != nil {
		return nil, &StopError{ErrInput, err}
	}
	return e, nil
}

// end returns the outcome of the run.
func (e *engine) end() (Summary, error) {
	e.summary.Learned = e.told && (e.sent || !e.Survey.changes) || e.summary.Resumed > 0
	e.summary.addCalls(e.Caller.Summary())
	if e.known.doubted > 0 {
		e.log.Warn("the account's list contradicts verdicts of the resumed run: those rows were run again", "rows", e.known.doubted)
	}
	if e.stop != nil {
		return e.summary, e.stop
	}
	return e.summary, nil
}

// begin notes in the journal what is known of the account before the first
// change.
func (e *engine) begin() error {
	e.progress.pruning.Store(int64(e.known.prune.GetCardinality()))
	if e.summary.HeldBack = int(e.known.held.GetCardinality()); e.summary.HeldBack > 0 {
		e.log.Warn("nothing is removed: some rows have no readable MAC, or swallowed others, so their devices may be among those that the file seems to lack",
			"rows", e.Survey.Unread, "devices", e.summary.HeldBack)
	}
	if e.Journal == nil || e.Past != nil && e.Past.account || !e.NeedsAccount() {
		return nil
	}
	if err := e.Journal.append(e.known.record(e.Survey.seen)); err != nil {
		return &StopError{ErrOutput, err}
	}
	return nil
}

// work makes the call of a task. Before a change is sent, its devices' bindings
// are saved if wanted, and the change is noted in the journal.
func (e *engine) work(waiting context.Context, t task) result {
	c, ok := t.(change)
	if ok && e.Before != nil {
		if err := e.Before.Sync(); err != nil {
			return result{task: t, err: err}
		}
	}
	if ok && e.Journal != nil && len(c.items) > 0 {
		if err := e.Journal.sending(c, time.Now().Add(e.Config.Timeout)); err != nil {
			return result{task: t, err: err}
		}
	}
	return e.Caller.make(waiting, t, e.gate.stale)
}

// loop is the one goroutine that owns the state of the run: it reads rows, hands
// tasks to the workers and acts on their answers.
func (e *engine) loop(ctx context.Context, cancel func(), work chan<- task, results <-chan result) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	interrupted := ctx.Done()
	for {
		if e.stop != nil {
			cancel() // tasks that wait for their turn return
		}
		now := time.Now()
		e.advance(now)
		e.prepare(now)
		if e.finished() {
			return
		}
		var send chan<- task
		var next task
		if len(e.queue.ready) > 0 && e.stop == nil && e.flying < e.stuck.most(e.Config.Workers) {
			send, next = work, e.queue.ready[0]
		}
		if due, ok := e.nextDue(); ok {
			timer.Reset(time.Until(due))
		}
		select {
		case send <- next:
			e.queue.pop()
			e.flying++
		case res := <-results:
			e.flying--
			e.act(res, time.Now())
		case <-timer.C:
			if stop := e.Caller.patience.exhausted(time.Now()); stop != nil {
				e.halt(stop.Reason, stop.Cause)
			}
		case <-interrupted:
			interrupted = nil
			e.halt(ErrInterrupted, nil)
		}
	}
}

// nextDue returns the time at which there is something to do without an answer.
func (e *engine) nextDue() (due time.Time, ok bool) {
	earlier := func(t time.Time) {
		if !t.IsZero() && (!ok || t.Before(due)) {
			due, ok = t, true
		}
	}
	if len(e.queue.later) > 0 {
		earlier(e.queue.later[0].due)
	}
	if e.stop == nil {
		earlier(e.Caller.patience.end())
		if e.flying == 0 && e.queue.idle() { // else an answer wakes it
			earlier(e.wake)
		}
	}
	return due, ok
}

// finished reports whether every row is written. While a call is in flight, none
// of its rows is.
func (e *engine) finished() bool {
	return e.flying == 0 && (e.eof && e.window.empty() || e.stop != nil && e.stop.Reason == ErrOutput)
}

// halt ends the run: no new call is made. The first reason counts.
func (e *engine) halt(reason, cause error) {
	if e.stop == nil {
		e.stop = &StopError{Reason: reason, Cause: cause}
		e.log.Debug("stopping", "reason", e.stop)
	}
}

// output halts the run on an error: the journal or the results cannot be written.
func (e *engine) output(err error) {
	if err != nil {
		e.halt(ErrOutput, err)
	}
}
