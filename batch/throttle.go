package batch

import (
	"math"
	"time"
)

// throttle is the rate that the service's answers show it can take. It only
// decides: it has no clock and no lock.
//
// Until the service asks to slow down, calls leave at the full rate. Then it
// searches for the limit: the rate falls, and doubles every few seconds until it
// is refused again. It stays just below that for a minute before the search
// continues, since each refusal may cost a pause of seconds.
type throttle struct {
	full float64 // calls a second that the user allows
	rate float64 // after the last fall; 0: it never fell

	fell    time.Time
	since   time.Time // calls leave at the rate, or first did
	found   bool      // the rate is just below one that was refused
	granted int       // calls since the last fall
	short   int       // pauses, one after another, that were followed by a refusal
}

const (
	doubling = 4 * time.Second
	stay     = time.Minute

	// A search begins at this share of the calls granted in a second, or of
	// plenty if those were too few to go by.
	begin  = 0.7
	plenty = 7.0

	// tooFew granted calls show that a search began too high.
	tooFew = 3

	// The longer the rate was granted, the less it falls: soon after a pause, a
	// burst or a window is used up by a rate that is much too high; after a
	// while, a refusal is just bad luck.
	fallsBy     = 0.025
	soon        = 2 * time.Second
	fallsSoonBy = 0.07
	badLuck     = 15 * time.Second

	// slowest is a rate that is never undercut.
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

// gap returns the time between two calls at the rate of a time.
func (t *throttle) gap(now time.Time) time.Duration {
	return time.Duration(float64(time.Second) / t.at(now))
}

// answered records an answer to a call that left at a time.
func (t *throttle) answered(left time.Time) {
	if left.Before(t.fell) {
		return
	}
	if t.since.IsZero() {
		t.since = left
	}
	t.granted++
}

// refused records that the service asked to slow down, in answer to a call that
// left at a time, and returns the pause to make, at least as long as asked. What
// left before the last fall says nothing new.
func (t *throttle) refused(left, now time.Time, asked time.Duration) (pause time.Duration) {
	if left.Before(t.fell) {
		return max(asked, backoffBound(t.short))
	}
	if t.rate == 0 || t.granted > 0 {
		t.short = 0
		t.fall(left)
	} else {
		t.short++ // which says nothing of the rate
	}
	pause = max(asked, backoffBound(t.short))
	t.fell, t.since, t.granted = now, now.Add(pause), 0
	return pause
}

// fall lowers the rate when a call was refused that left at a time.
func (t *throttle) fall(left time.Time) {
	age := left.Sub(t.since)
	slowest := min(slowest, t.full)
	switch {
	case t.rate == 0:
		sure := max(plenty, float64(t.granted)/max(1, age.Seconds()))
		t.rate = max(slowest, begin*min(t.full, sure))
		return
	case !t.found && t.granted < tooFew:
		t.rate = max(slowest, begin*t.rate)
		return
	}
	by := fallsBy
	switch {
	case t.found && age < soon:
		by = fallsSoonBy
	case t.found && age > badLuck:
		by = 0
	}
	// The rate grows from call to call: the one before the last was granted.
	t.rate, t.found = t.at(left.Add(-2*t.gap(left)))*(1-by), true
}
