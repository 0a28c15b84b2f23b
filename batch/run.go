package batch

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
)

// Run is the second pass: it makes the account match the file. Its fields must not
// change while Plan or Do runs: between them, Config.Override may become what the
// user answers. Do is called once.
type Run struct {
	Config  Config
	Caller  *Caller // nil: there is no service to call, only Plan works
	Survey  *Survey
	Open    func() (Source, error) // opens the file again
	Results Results

	Baseline *Baseline         // what an earlier run left bound; nil: nothing is known
	Servers  map[string]string // URLs of servers by name; those that the account lacks are added
	Pruned   Results           // receives the devices that the file lacks; needed if Plan says that there are any
	Before   Keeper            // receives where devices were bound, before they are moved or removed; nil: nobody wants to know
	Log      *slog.Logger      // nil: none

	Journal *Journal // nil: the run cannot be resumed
	Past    *History // what an unfinished run left; nil: there was none

	progress progress
}

// progress is what Progress returns while the run is under way.
type progress struct{ done, failed, pruning atomic.Int64 }

// Progress is how far a run has come. It may be read during the run.
type Progress struct {
	Done     int // rows that have their verdict
	Total    int // rows of the file
	Failed   int // rows that did not succeed
	Calls    int // calls made
	InFlight int // calls in flight
}

// Progress returns how far the run is. It may be called at any time.
func (r *Run) Progress() Progress {
	p := Progress{
		Done:   int(r.progress.done.Load()),
		Total:  r.Survey.Rows - r.Survey.Blank - r.Survey.Passed + int(r.progress.pruning.Load()),
		Failed: int(r.progress.failed.Load()),
	}
	if r.Caller != nil {
		p.Calls, p.InFlight = int(r.Caller.made.Load()), int(r.Caller.flying.Load())
	}
	return p
}

// NeedsAccount reports whether the account's list matters to this run.
func (r *Run) NeedsAccount() bool {
	sends := r.Survey.changes && r.Survey.Tally().Send > 0
	return sends || r.Config.Sync
}

// ReadAccount is the Caller's, but requests an empty list once more if there is
// reason to expect a device: some services list nothing now and then.
func (r *Run) ReadAccount(ctx context.Context) (Account, error) {
	account, err := r.Caller.ReadAccount(ctx)
	s := r.Survey
	expects := s.edits || !s.unbound.IsEmpty() || r.Baseline.Len() > 0 || r.Past != nil && !r.Past.known.IsEmpty()
	if err != nil || !account.Listed() || account.Len() > 0 || !expects {
		return account, err
	}
	again, err := r.Caller.readAccount(ctx, 1)
	if err == nil && !again.Listed() {
		again = account
	}
	again.more = account.more + 1
	return again, err
}

// newKnown returns what is known at the start.
func newKnown(r *Run, account Account) *known {
	lists := max(1, maxLists(r.Survey.Rows)-account.more)
	k := &known{
		config: r.Config, account: account, past: r.Past, base: r.Baseline,
		servers: map[string]*server{}, before: account.set(), hasBefore: account.Listed(), trusted: account.Listed(),
		canList: account.Listed(), lists: lists, granted: roaring64.New(), prune: roaring64.New(), held: roaring64.New(), devices: account.Len(),
	}
	for name, url := range r.Servers {
		k.servers[name] = &server{url: url, claimed: true, add: true}
	}
	if r.Past != nil && r.Past.account {
		k.resume(r.Past, r.Survey)
		return k
	}
	if !r.Config.Sync || !account.Listed() {
		return k
	}
	absentees := roaring64.AndNot(account.set(), r.Survey.seen)
	absentees.AndNot(r.Survey.flawed)
	k.missing = int(absentees.GetCardinality())
	switch {
	case !r.Config.Prune:
	case r.Survey.Unread > 0:
		k.held = absentees
	default:
		k.prune = absentees
	}
	return k
}

// A Keeper saves where devices are bound before a run moves or removes them. It
// is safe for concurrent use.
type Keeper interface {
	Has(mac rps.MAC) bool // an earlier part of the run may have saved it
	Keep(d *Device, url string) error
	Sync() error // makes what was saved survive a power cut
}
