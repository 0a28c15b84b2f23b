package batch

import (
	"context"
	"errors"
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

// Run is the second pass: it makes the account agree with the file. Its fields
// are set before Do and not changed after; Do is called once.
type Run struct {
	Config  Config
	Service Service
	Survey  *Survey
	Open    func() (Source, error) // starts the file anew
	Results Results
	Confirm func(context.Context, Known) (bool, error) // of OverrideAsk: whether to override

	Baseline *Baseline         // what an earlier run left bound; nil: nothing is known
	Servers  map[string]string // URLs of servers by name; what the account lacks of them is added
	Pruned   Results           // takes the devices that the file lacks; needed if Plan says that there are any
	Log      *slog.Logger

	Journal *Journal // nil: the run cannot be resumed
	Past    *History // what an unfinished run left; nil: there was none

	done, failed, calls, lacking atomic.Int64

	pace     *pacer
	override Override     // with OverrideAsk answered
	size     atomic.Int64 // MACs in a call at most, by now
	lost     sync.Map     // names of servers that the account does not have
	barred   atomic.Bool  // an answer came after which no call may leave
	begun    bool
	account  *roaring64.Bitmap // the account's devices, as listed at the start
	listed   bool              // it was listed
	before   *roaring64.Bitmap // those of them that no earlier part of this run made
	absence  bool              // see facts
	canList  bool
	partial  bool
	prune    *roaring64.Bitmap // devices that are to be removed because the file lacks them
	missing  int               // devices of the account that the file lacks
	servers  map[string]*server
	silent   int       // calls since the last readable answer
	unheard  error     // of the last of these calls
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
	// gathered has rows that more may join as long as there is something
	// else to do: what look-ups found is to be sent.
	gathered *grouper
	ready    []attempt
	later    []delayed
	held     []attempt // to be made when there is nothing else to do
	flying   int       // attempts that workers have

	pruning  bool // the rows are of the devices to be removed
	settling bool // they wait until those of the file are settled

	leaders map[uint64]Verdict // of rows that others follow
	stop    *StopError
	summary Summary
}

// server is what a run knows of a server of the account.
type server struct {
	url     string  // "" if not known
	claimed bool    // nobody but the user says so
	teacher rps.MAC // a device that this run bound to it
	noSuch  string  // not "": the account does not have it; what is told of its rows
	asked   bool    // a look-up to learn its URL was tried
	add     bool    // it is to be added before it is needed
	refusal string  // what the service said instead of adding it: it may be there already
	waiting []attempt
}

// delayed is an attempt that waits for its time.
type delayed struct {
	attempt attempt
	due     time.Time
}

// Progress tells how far the run is. It may be called at any time.
func (r *Run) Progress() Progress {
	return Progress{
		Done:   int(r.done.Load()),
		Total:  r.Survey.Rows - r.Survey.Blank - r.Survey.Passed + int(r.lacking.Load()),
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
	calling := r.study(ctx)
	source, err := r.Open()
	if err != nil {
		return r.summary, &StopError{Reason: ErrInput, Cause: err}
	}
	r.source = source

	waiting, cancel := context.WithCancel(ctx)
	defer cancel()

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

// study reads the account, if the run needs to know it, and has not yet. It
// gives the context of calls: they go on when the run is stopped, since their
// answers are awaited.
func (r *Run) study(ctx context.Context) context.Context {
	calling := context.WithoutCancel(ctx)
	if r.begun {
		return calling
	}
	r.begun = true
	r.begin()
	if r.Service != nil && r.needsAccount() {
		r.readAccount(ctx, calling)
	}
	r.lacking.Store(int64(r.prune.GetCardinality()))
	return calling
}

// needsAccount tells whether the account's list says anything to this run.
func (r *Run) needsAccount() bool {
	sends := r.Survey.changes && r.Survey.Tally().Send > 0
	return (sends || r.Config.Sync) && (r.Past == nil || !r.Past.done)
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
	r.groups, r.gathered = newGrouper(), newGrouper()
	r.leaders = map[uint64]Verdict{}
	r.prune = roaring64.New()
	for name, url := range r.Servers {
		r.servers[name] = &server{url: url, claimed: true, add: true}
	}
	r.budget = newBudget()
	r.summary = Summary{Counts: map[Status]int{}, Calls: map[string]int{}, Outcomes: map[string]Outcomes{}}
	if r.Past == nil {
		return
	}
	for name, detail := range r.Past.noSuch {
		r.loseServer(name, detail)
	}
	if r.Past.account {
		r.before, r.absence, r.override = r.Past.known, r.Past.listed, r.Past.override
		r.prune = r.Past.prune
		r.before = roaring64.Or(r.before, r.prune)
	}
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
		if due, ok := r.nextDue(); ok {
			timer.Reset(time.Until(due))
		}
		select {
		case send <- next:
			r.ready = r.ready[1:]
			r.flying++
		case res := <-results:
			r.flying--
			r.act(res)
		case <-timer.C:
			r.giveUp()
		case <-interrupted:
			interrupted = nil
			r.halt(ErrInterrupted, nil)
		}
	}
}

// nextDue gives the time at which there is something to do without an answer.
func (r *Run) nextDue() (due time.Time, ok bool) {
	if len(r.later) > 0 {
		due, ok = r.later[0].due, true
	}
	if r.silent > 0 && r.stop == nil {
		if end := r.silence.Add(r.patience()); !ok || end.Before(due) {
			due, ok = end, true
		}
	}
	return due, ok
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
		r.Log.Debug("stopping", "reason", r.stop)
	}
}
