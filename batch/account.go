package batch

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
)

// Known is what is known of the devices of the file that are registered
// already, when the user is asked whether to override.
type Known struct {
	Listed bool // the account could be listed
	Count  int
	MACs   iter.Seq[rps.MAC] // in the order of the addresses
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
			if res.answer.err.Kind == rps.NotSent {
				// Nothing was sent, and nothing would be.
				r.halt(ErrUnreachable, res.answer.err)
				return
			}
			if r.Config.Sync && (r.Past == nil || !r.Past.account) {
				r.halt(ErrUnreachable, fmt.Errorf("the account's devices cannot be listed: %w", res.answer.err))
				return
			}
			r.summary.NoList = res.answer.err
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
	if r.Config.Sync && !r.findLacking() {
		return
	}
	r.before, r.absence = r.account, r.summary.NoList == nil
	if r.override == OverrideAsk {
		r.ask(waiting)
	}
	if r.Journal != nil && r.stop == nil {
		known, err := accountOf(roaring64.And(r.account, r.Survey.seen), r.prune, r.absence, r.override)
		if err == nil {
			err = r.Journal.append(record{Account: known})
		}
		if err != nil {
			r.halt(ErrOutput, err)
		}
	}
}

// findLacking finds what the account has and the file lacks, and tells whether as
// much may be removed as is to be.
func (r *Run) findLacking() bool {
	lacking := roaring64.AndNot(r.account, r.Survey.seen)
	lacking.AndNot(r.Survey.flawed)
	r.missing = int(lacking.GetCardinality())
	if !r.Config.Prune || r.missing == 0 {
		return true
	}
	if devices := int(r.account.GetCardinality()); !r.Config.MaxPrune.allows(r.missing, devices) {
		r.halt(ErrPrune, fmt.Errorf("the file lacks %d of the %d devices of the account: %s", r.missing, devices, firstOf(lacking)))
		return false
	}
	if r.Survey.Unread > 0 {
		r.summary.HeldBack = r.missing
		r.Log.Warn("nothing is removed: some rows have no readable MAC, or swallow others, and their devices may be among those that the file lacks",
			"rows", r.Survey.Unread, "devices", r.missing)
		return true
	}
	r.prune = lacking
	return true
}

// firstOf names the first few of devices, so that one can judge what they are.
func firstOf(devices *roaring64.Bitmap) string {
	const most = 5
	var first []string
	for it := devices.Iterator(); it.HasNext() && len(first) < most; {
		first = append(first, rps.MACFromUint64(it.Next()).String())
	}
	if more := int(devices.GetCardinality()) - len(first); more > 0 {
		first = append(first, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(first, ", ")
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
	case errors.Is(err, ErrInterrupted):
		r.halt(ErrInterrupted, nil)
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
			if n := it.Next(); r.Survey.binds(n) && !yield(rps.MACFromUint64(n)) {
				return
			}
		}
	}
}
