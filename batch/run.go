package batch

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
)

// Results takes the rows of a run with their verdicts, in input order.
type Results interface {
	Write(*Row, Verdict) error
	Pass(*Row) error // with what an earlier run made of it
}

// Known is what is known of the devices of the file that are registered
// already, when the user is asked whether to override.
type Known struct {
	Listed bool // the account could be listed
	Count  int
	MACs   iter.Seq[rps.MAC] // in the order of the addresses
}

// Run is the second pass: it makes the account agree with the file. Its fields
// are set before Do and not changed after; Do is called once.
type Run struct {
	Config  Config
	Service Service
	Survey  *Survey
	Open    func() (Source, error) // starts the file anew
	Results Results
	Confirm func(context.Context, Known) (bool, error) // of OverrideAsk: whether to override
	Log     *slog.Logger

	Journal *Journal // nil: the run cannot be resumed
	Past    *History // what an unfinished run left; nil: there was none

	done, failed, calls atomic.Int64

	pace     *pacer
	override Override          // with OverrideAsk answered
	size     atomic.Int64      // MACs in a call at most, by now
	lost     sync.Map          // names of servers that the account does not have
	account  *roaring64.Bitmap // the account's devices, as listed at the start
	listed   bool              // it was listed
	before   *roaring64.Bitmap // those of them that no earlier part of this run made
	absence  bool              // see facts
	canList  bool
	partial  bool
	servers  map[string]*server
	silent   int       // calls since the last readable answer
	silence  time.Time // when the first of them left; pauses that the service asked for are not counted
	budget   budget
	mayRetry bool // after the answer that is acted on
	tallied  int  // rows that have their verdict, and of these those that did not succeed
	bad      int

	source Source
	eof    bool
	read   int // rows read
	window window
	groups *grouper
	ready  []attempt
	later  []delayed
	flying int // attempts that workers have

	leaders map[uint64]Status // verdicts of rows that others follow
	stop    *StopError
	summary Summary
}

// server is what a run knows of a server of the account.
type server struct {
	url     string  // "" if not known
	teacher rps.MAC // a device that this run bound to it
	noSuch  string  // not "": the account does not have it; what is told of its rows
}

// delayed is an attempt that waits for its time.
type delayed struct {
	attempt attempt
	due     time.Time
}

// result is an attempt that a worker is done with.
type result struct {
	attempt attempt
	answer  answer
	left    time.Time // when the call was made
	made    bool      // the call was made; else the run was stopped before, or the attempt is outdated
	err     error     // it could not be made: the journal cannot be written
}

// Progress tells how far the run is. It may be called at any time.
func (r *Run) Progress() Progress {
	return Progress{
		Done:   int(r.done.Load()),
		Total:  r.Survey.Rows - r.Survey.Blank - r.Survey.Passed,
		Failed: int(r.failed.Load()),
		Calls:  int(r.calls.Load()),
	}
}

// Do runs to the end and gives each row of the file its verdict. When ctx ends,
// no new call is made, those in flight are awaited, and the rows that are left
// are NotAttempted: the results are whole all the same.
//
// The error is nil if the run came to its end, whatever became of the rows;
// else it is a *StopError, and the summary holds what was done.
func (r *Run) Do(ctx context.Context) (Summary, error) {
	start := time.Now()
	r.begin()
	source, err := r.Open()
	if err != nil {
		return r.summary, &StopError{Reason: ErrInput, Cause: err}
	}
	r.source = source

	// Calls go on when the run is stopped: their answers are awaited.
	calling := context.WithoutCancel(ctx)
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()

	if r.Survey.Tally().Send > 0 && (r.Past == nil || !r.Past.done) {
		r.readAccount(waiting, calling)
	}
	// With a journal, calls are noted ahead of their time, so that many share
	// a sync and the workers need not wait for it.
	ahead := 0
	if r.Journal != nil {
		ahead = 2 * r.Config.Workers
	}
	ready, work := make(chan attempt, ahead), make(chan attempt, ahead)
	results := make(chan result, r.Config.Workers)
	var workers sync.WaitGroup
	workers.Go(func() {
		r.record(ready, work, results)
		close(work)
	})
	for range r.Config.Workers {
		workers.Go(func() {
			for a := range work {
				results <- r.make(waiting, calling, a)
			}
		})
	}
	r.loop(ctx, cancel, ready, results)
	close(ready)
	workers.Wait()
	if r.stop == nil && r.Journal != nil {
		// The results may still be lost; the calls need not be made again.
		if err := errors.Join(r.Journal.append(record{Done: true}), r.Journal.sync()); err != nil {
			r.halt(ErrOutput, err)
		}
	}

	r.summary.Elapsed = time.Since(start)
	r.summary.Bore = r.pace.slowed()
	if r.stop != nil {
		return r.summary, r.stop
	}
	return r.summary, nil
}

func (r *Run) begin() {
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	r.pace = newPacer(r.Config.Rate, r.Config.Burst)
	r.override = r.Config.Override
	r.size.Store(int64(r.Config.BatchSize))
	r.account = roaring64.New()
	r.before = r.account
	r.canList = true
	r.servers = map[string]*server{}
	r.groups = newGrouper()
	r.leaders = map[uint64]Status{}
	r.budget = newBudget()
	r.summary = Summary{Counts: map[Status]int{}, Calls: map[string]int{}}
	if r.Past == nil {
		return
	}
	for name, detail := range r.Past.noSuch {
		r.loseServer(name, detail)
	}
	if r.Past.account {
		r.before, r.absence, r.override = r.Past.known, r.Past.listed, r.Past.override
	}
}

// readAccount reads which devices are registered before the first change, and
// asks the user what to do with those of the file.
func (r *Run) readAccount(waiting, calling context.Context) {
	for a := (attempt{call: callList}); ; {
		res := r.make(waiting, calling, a)
		if !res.made {
			return // interrupted; the loop sees it
		}
		r.hear(res)
		if r.stop != nil {
			return
		}
		if res.answer.err == nil {
			r.listed = true
			r.account = res.answer.account
			break
		}
		o, _ := unanswerable(r.facts(a), a, res.answer.err)
		r.obey(o)
		if r.stop != nil {
			return
		}
		if len(o.next) == 0 {
			r.summary.NoList = res.answer.err
			if res.answer.err.Kind == rps.NotSent {
				// Nothing was sent, and nothing would be.
				r.halt(ErrUnreachable, res.answer.err)
				return
			}
			r.Log.Warn("going on without the account's list of devices", "error", res.answer.err)
			break
		}
		a = o.next[0]
		if sleepUntil(waiting, time.Now().Add(backoff(a.tries))) != nil {
			return
		}
	}
	if r.Past != nil && r.Past.account {
		return
	}
	r.before, r.absence = r.account, r.summary.NoList == nil
	if r.override == OverrideAsk {
		r.ask(waiting)
	}
	if r.Journal != nil && r.stop == nil {
		known, err := accountOf(roaring64.And(r.account, r.Survey.seen), r.absence, r.override)
		if err == nil {
			err = r.Journal.append(record{Account: known})
		}
		if err != nil {
			r.halt(ErrOutput, err)
		}
	}
}

// record notes in the journal what is about to leave, and hands it on to the
// workers. What has gathered while it wrote shares the next sync.
func (r *Run) record(ready <-chan attempt, work chan<- attempt, results chan<- result) {
	for a := range ready {
		attempts := []attempt{a}
		for more := true; more && len(attempts) < cap(work); {
			select {
			case a, ok := <-ready:
				if more = ok; ok {
					attempts = append(attempts, a)
				}
			default:
				more = false
			}
		}
		if err := r.note(attempts); err != nil {
			for _, a := range attempts {
				results <- result{attempt: a, err: err}
			}
			continue
		}
		for _, a := range attempts {
			work <- a
		}
	}
}

// note makes durable which changes are about to be made.
func (r *Run) note(attempts []attempt) error {
	if r.Journal == nil {
		return nil
	}
	var changes []attempt
	for _, a := range attempts {
		if a.call.changes() {
			changes = append(changes, a)
		}
	}
	if len(changes) == 0 {
		return nil
	}
	return r.Journal.sending(changes)
}

// ask settles OverrideAsk for the whole run.
func (r *Run) ask(ctx context.Context) {
	r.override = OverrideNever
	known := Known{Listed: r.absence, MACs: r.known()}
	for range known.MACs {
		known.Count++
	}
	if known.Listed && known.Count == 0 || r.Confirm == nil {
		return
	}
	yes, err := r.Confirm(ctx, known)
	switch {
	case err != nil:
		r.halt(ErrInterrupted, err)
	case yes:
		r.override = OverrideOwn
	}
}

// known gives the devices of the file that the account's list shows.
func (r *Run) known() iter.Seq[rps.MAC] {
	return func(yield func(rps.MAC) bool) {
		both := roaring64.And(r.account, r.Survey.seen)
		for it := both.Iterator(); it.HasNext(); {
			if n := it.Next(); r.Survey.sendable(n) && !yield(rps.MACFromUint64(n)) {
				return
			}
		}
	}
}

// make makes the call of an attempt when it may leave.
func (r *Run) make(waiting, calling context.Context, a attempt) result {
	if r.pace.wait(waiting) != nil || r.outdated(a) {
		return result{attempt: a}
	}
	r.calls.Add(1)
	left := time.Now()
	return result{attempt: a, answer: perform(calling, r.Service, a), left: left, made: true}
}

// outdated tells whether an attempt was overtaken by an answer since it was
// ready: prepare has another look at it.
func (r *Run) outdated(a attempt) bool {
	if !a.call.changes() {
		return false
	}
	_, lost := r.lost.Load(a.server)
	return lost && a.call != callDeregister || int64(len(a.items)) > r.size.Load()
}

func (r *Run) loseServer(name, detail string) {
	r.server(name).noSuch = detail
	r.lost.Store(name, nil)
}

// loop is the one goroutine that has the state of the run: it reads rows,
// hands attempts to the workers and acts on their answers.
func (r *Run) loop(ctx context.Context, cancel func(), work chan<- attempt, results <-chan result) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	interrupted := ctx.Done()
	for {
		if r.stop != nil {
			cancel() // attempts that wait for their turn come back
		}
		r.advance()
		r.prepare()
		if r.finished() {
			return
		}
		var send chan<- attempt
		var next attempt
		if len(r.ready) > 0 && r.stop == nil {
			send, next = work, r.ready[0]
		}
		if len(r.later) > 0 {
			timer.Reset(time.Until(r.later[0].due))
		}
		select {
		case send <- next:
			r.ready = r.ready[1:]
			r.flying++
		case res := <-results:
			r.flying--
			r.act(res)
		case <-timer.C:
		case <-interrupted:
			interrupted = nil
			r.halt(ErrInterrupted, nil)
		}
	}
}

// finished tells whether every row is written. While a call is in flight,
// none of its rows is.
func (r *Run) finished() bool {
	return r.flying == 0 && (r.eof && r.window.empty() || r.stop != nil && r.stop.Reason == ErrOutput)
}

// halt ends the run: no new call is made. The first reason counts.
func (r *Run) halt(reason, cause error) {
	if r.stop == nil {
		r.stop = &StopError{Reason: reason, Cause: cause}
		r.Log.Warn("stopping", "reason", r.stop)
	}
}

// act does what follows from an answer.
func (r *Run) act(res result) {
	a := res.attempt
	if res.err != nil {
		r.halt(ErrOutput, res.err)
		return
	}
	if !res.made {
		r.noteAnswer(a, outcome{}, true)
		r.ready = append([]attempt{a}, r.ready...)
		return
	}
	r.hear(res)
	o := decide(r.facts(a), a, res.answer)
	r.log(a, res.answer, o)
	r.obey(o)
	if a.call.changes() && a.call != callDeregister && a.url == "" && res.answer.err == nil {
		r.server(a.server).teacher = a.items[0].mac
	}
	if o.noSuch {
		r.loseServer(a.server, o.settled[0].verdict.Detail)
	}
	if o.learnt != "" {
		r.server(a.server).url = o.learnt
	}
	now := time.Now()
	for i, s := range o.settled {
		s.verdict.Time = now
		o.settled[i].verdict = r.settle(s.row, s.verdict)
	}
	r.noteAnswer(a, o, false)
	for _, next := range o.next {
		for _, it := range next.items {
			r.window.at(it.row).reach = it.reach
		}
		if next.tries > 0 {
			r.delay(next, now.Add(backoff(next.tries)))
		} else {
			r.ready = append([]attempt{next}, r.ready...)
		}
	}
}

// hear takes from an answer what it says of the service: whether it is there,
// and how fast it may be called.
func (r *Run) hear(res result) {
	r.count(res)
	err := res.answer.err
	slowDown := err != nil && err.Kind == rps.Throttled
	if slowDown {
		r.summary.Throttled++
		r.pace.refused(res.left, err.RetryAfter)
		defer func() { r.silence = r.silence.Add(min(err.RetryAfter, maxPause)) }()
	} else {
		r.pace.answered(res.left)
	}
	r.mayRetry = r.budget.pays(err, res.attempt.tries > 0)
	if err == nil || readable(err.Kind) {
		r.silent = 0
		return
	}
	if r.silent++; r.silent == 1 {
		r.silence = res.left
	}
	if since := time.Since(r.silence); since >= r.Config.GiveUpAfter {
		r.halt(ErrUnreachable, fmt.Errorf("no readable answer for %v (--give-up-after): %w", since.Round(time.Second), err))
	}
	// One lost call is a retry. When all that are in flight are lost the
	// service is: then new calls wait as well, longer and longer.
	if over := r.silent - r.Config.Workers; over > 0 && !slowDown {
		r.pace.hold(backoffBound(over))
	}
}

// noteAnswer notes in the journal what is known after an attempt.
func (r *Run) noteAnswer(a attempt, o outcome, unmade bool) {
	if r.Journal == nil {
		return
	}
	err := r.Journal.settled(o.settled)
	if a.call.changes() && err == nil {
		left := a.items // unmade, or refused at the door: as they were
		if !unmade && o.halt == nil {
			left = nil
			for _, next := range o.next {
				left = append(left, next.items...)
			}
		}
		err = r.Journal.open(left, unmade)
	}
	if o.noSuch && err == nil {
		err = r.Journal.append(record{NoSuch: &noSuch{a.server, r.server(a.server).noSuch}})
	}
	if err != nil {
		r.halt(ErrOutput, err)
	}
}

// obey does what an outcome says of the whole run.
func (r *Run) obey(o outcome) {
	switch {
	case o.halt == nil:
	case o.halt.Kind == rps.NotService:
		r.halt(ErrUnreachable, o.halt)
	default:
		r.halt(ErrRefused, o.halt)
	}
	if o.limit > 0 && int64(o.limit) < r.size.Load() {
		r.size.Store(int64(o.limit))
		r.Log.Info("the service takes smaller batches only", "batch-size", o.limit)
	}
	if o.partial && !r.partial {
		r.partial = true
		r.Log.Info("the service applies refused calls in part")
	}
	if o.listCut && r.absence {
		r.absence = false
		r.Log.Info("the account's list of devices is not whole")
		if r.Journal != nil {
			if err := r.Journal.append(record{ListCut: true}); err != nil {
				r.halt(ErrOutput, err)
			}
		}
	}
}

func (r *Run) facts(a attempt) facts {
	f := facts{
		override:    r.override,
		maxAttempts: r.Config.MaxAttempts,
		mayRetry:    r.mayRetry,
		canList:     r.canList,
		absence:     r.absence,
		partial:     r.partial,
	}
	if s := r.servers[a.server]; s != nil {
		f.serverURL, f.teacher = s.url, s.teacher
	}
	return f
}

func (r *Run) server(name string) *server {
	s := r.servers[name]
	if s == nil {
		s = &server{}
		r.servers[name] = s
	}
	return s
}

// count notes a call that was made, for the summary and for its rows.
func (r *Run) count(res result) {
	r.summary.Calls[res.attempt.method()]++
	switch res.attempt.call {
	case callList, callLearn: // carry no row
	default:
		for _, it := range res.attempt.items {
			r.window.at(it.row).verdict.Calls++
		}
	}
}

// log tells of a call. It names no unique URL.
func (r *Run) log(a attempt, ans answer, o outcome) {
	attrs := []any{"method", a.method(), "server", a.server, "rows", len(a.items),
		"settled", len(o.settled), "again", len(o.next)}
	switch {
	case ans.err == nil:
		r.Log.Debug("call", attrs...)
	case readable(ans.err.Kind):
		r.Log.Debug("call", append(attrs, "error", ans.err)...)
	default:
		r.Log.Info("call without an answer", append(attrs, "error", ans.err)...)
	}
}

// delay puts an attempt off.
func (r *Run) delay(a attempt, due time.Time) {
	i := len(r.later)
	for i > 0 && r.later[i-1].due.After(due) {
		i--
	}
	r.later = append(r.later, delayed{})
	copy(r.later[i+1:], r.later[i:])
	r.later[i] = delayed{a, due}
}
