package batch

import (
	"context"
	"time"
)

// result is an attempt that a worker is done with.
type result struct {
	attempt attempt
	answer  answer
	left    time.Time // when the call was made
	made    bool      // the call was made; else the run was stopped before, or the attempt is outdated
	err     error     // it could not be made: the journal cannot be written
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
		if a.call.changes() && len(a.items) > 0 {
			changes = append(changes, a)
		}
	}
	if len(changes) == 0 {
		return nil
	}
	return r.Journal.sending(changes)
}

// make makes the call of an attempt when it may leave.
func (r *Run) make(waiting, calling context.Context, a attempt) result {
	if r.pace.wait(waiting) != nil || r.outdated(a) || r.barred.Load() {
		return result{attempt: a}
	}
	r.calls.Add(1)
	left := time.Now()
	ans := perform(calling, r.Service, a)
	if ans.err != nil && bars(ans.err.Kind) {
		// Now, and not when the answer is decided: each further call with wrong
		// credentials brings the account nearer to being locked.
		r.barred.Store(true)
	}
	return result{attempt: a, answer: ans, left: left, made: true}
}

// outdated tells whether an attempt was overtaken by an answer since it was
// ready: prepare has another look at it.
func (r *Run) outdated(a attempt) bool {
	if !a.call.changes() {
		return false
	}
	_, lost := r.lost.Load(a.server)
	return lost && a.call.binds() || int64(len(a.items)) > r.size.Load()
}

func (r *Run) loseServer(name, detail string) {
	r.server(name).noSuch = detail
	r.lost.Store(name, nil)
}
