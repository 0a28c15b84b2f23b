package batch

import (
	"math"
	"time"
)

// throttle is the rate that a service bears, as its answers show. It only
// decides: it has no clock and no lock.
//
// Until the service asks to slow down, calls leave at the full rate. Then the
// limit is searched for: the rate falls, and doubles every few seconds until it
// is refused again. Just below that it stays for a minute before the search goes
// on, since each refusal may cost a pause of seconds.
type throttle struct {
	full float64 // calls a second that the user allows
	rate float64 // after the last fall; 0: it never fell

	fell    time.Time
	since   time.Time // calls leave again, or first left
	found   bool      // the rate is just below what was refused
	granted int       // calls that left since the last fall
	short   int       // pauses, one after another, after which no call was granted
}

const (
	// doubling is slow enough that one of the calls just before the refused one
	// shows what the service bears.
	doubling = 4 * time.Second
	stay     = time.Minute

	// The search begins at this part of the calls that were granted in a second,
	// or of plenty if those were too few to go by.
	begin  = 0.7
	plenty = 7.0

	// tooFew granted calls show that the search began too high.
	tooFew = 3

	// What a rate that was found falls by depends on how long it was borne. A
	// burst or a window is used up soon if the rate is much too high; after a
	// while a refusal is no more than bad luck.
	fallsBy     = 0.025
	soon        = 2 * time.Second
	fallsSoonBy = 0.07
	badLuck     = 15 * time.Second

	// slowest is a rate that is always left.
	slowest = 0.1
)

// at returns the rate at a time.
func (t *throttle) at(now time.Time) float64 {
	if t.rate == 0 {
		return t.full
	}
	growing := now.Sub(t.since)
	if t.found {
		growing -= stay
	}
	return min(t.full, t.rate*math.Exp2(max(0, growing.Seconds()/doubling.Seconds())))
}

// answered takes note of an answer to a call that left at a time.
func (t *throttle) answered(left time.Time) {
	if left.Before(t.fell) {
		return
	}
	if t.since.IsZero() {
		t.since = left
	}
	t.granted++
}

// refused takes note that the service asked to slow down, in answer to a call
// that left at a time, and returns the pause to make, which is at least as long as
// asked. What left before the last fall says nothing new.
func (t *throttle) refused(left, now time.Time, asked time.Duration) (pause time.Duration) {
	if left.Before(t.fell) {
		return max(asked, backoffBound(t.short))
	}
	t.short++
	if t.rate == 0 || t.granted > 0 { // else the pause was too short, which says nothing of the rate
		t.short = 0
		t.fall(left)
	}
	pause = max(asked, backoffBound(t.short))
	t.fell, t.since, t.granted = now, now.Add(pause), 0
	return pause
}

// fall lowers the rate after a call was refused that left at a time.
func (t *throttle) fall(left time.Time) {
	was, borne := t.at(left), left.Sub(t.since)
	if t.rate == 0 || !t.found && t.granted < tooFew {
		granted := float64(t.granted) / max(1, borne.Seconds())
		t.rate = max(begin*min(was, max(granted, plenty)), min(slowest, t.full))
		return
	}
	by := fallsBy
	switch {
	case t.found && borne < soon:
		by = fallsSoonBy
	case t.found && borne > badLuck:
		by = 0
	}
	twoBefore := left.Add(-time.Duration(2 / was * float64(time.Second)))
	t.rate, t.found = t.at(twoBefore)*(1-by), true
}
