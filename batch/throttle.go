package batch

import (
	"math"
	"time"
)

// throttle is the rate that a service bears, as its answers tell. It only
// decides: it has no clock and no lock.
//
// Until the service asks to slow down, calls leave at the full rate. Then the
// rate falls to a part of what it was, and grows back along the curve of CUBIC
// (RFC 9438): fast at first, hardly at all where it was refused last, and on
// from there, carefully, towards the full rate.
type throttle struct {
	full float64 // calls a second that the user allows
	rate float64 // at grows
	peak float64 // the rate that was refused last; 0: none was

	fell  time.Time     // when that was
	grows time.Time     // when it begins to grow back
	climb time.Duration // from there to where the rate is at the peak again
	deaf  int           // refusals since a call was answered that left after the last fall
}

const (
	// fallFar is what is left of the rate when it was refused before it grew
	// back, or the first time: it was far too high. fall is for when it had
	// begun to grow.
	fallFar = 0.3
	fall    = 0.92

	// rest is how long the rate does not grow after a pause: the limits of
	// many services are on what comes in a second.
	rest = time.Second

	// minPause holds all calls after a 429 or 503 that names no time, and
	// nextPause after another one, when nothing was answered in between: then
	// the pause was too short.
	minPause  = 250 * time.Millisecond
	nextPause = time.Second

	// A climb is the longer the more often the rate was refused at about the
	// same height: then that is the limit, and trying it is only a nuisance.
	shortClimb = 12 * time.Second
	longClimb  = 2 * time.Minute
	aboutSame  = 0.15

	// below is the part of such a limit that the next climb makes for.
	below = 0.97

	// leastDepth is a part of the peak that makes a climb steep enough to get
	// away from it.
	leastDepth = 0.05

	// leastPeak is a part of the full rate below which the peak does not fall
	// unless calls were answered there.
	leastPeak = 0.1

	// slowest is a rate that is always left.
	slowest = 0.1
)

// at returns the rate at a time.
func (t *throttle) at(now time.Time) float64 {
	if t.peak == 0 {
		return t.full
	}
	x := float64(now.Sub(t.grows))/float64(t.climb) - 1 // -1 where it begins to grow, 0 at the peak
	depth := max(t.peak-t.rate, leastDepth*t.peak)
	return min(t.full, max(t.rate, t.peak+depth*math.Pow(max(x, -1), 3)))
}

// answered takes note of an answer to a call that left at a time.
func (t *throttle) answered(left time.Time) {
	if !left.Before(t.fell) {
		t.deaf = 0
	}
}

// refused takes note that the service asked to slow down, in answer to a call
// that left at a time, and gives the pause to make, which is at least as long as
// asked. What left before the last fall says nothing new.
func (t *throttle) refused(left, now time.Time, asked time.Duration) (pause time.Duration) {
	pause = max(asked, minPause)
	if left.Before(t.fell) {
		return pause
	}
	was, height := t.peak, t.at(now)
	if t.deaf++; t.deaf > 1 {
		pause = max(asked, nextPause)
	}
	switch same := math.Abs(height-was) < aboutSame*was; {
	case t.deaf == 2:
		// The pause was too short, which says nothing of the rate.
	case t.deaf > 2:
		// It may be that the service is out, which says little of a rate that
		// it bears: the peak does not fall to nothing with it.
		t.peak = max(t.peak*fallFar, leastPeak*t.full)
		t.rate *= fallFar
		t.climb = shortClimb
	case same:
		t.peak, t.rate, t.climb = height*below, height*fall, min(2*t.climb, longClimb)
	case was == 0 || now.Before(t.grows):
		t.peak, t.rate, t.climb = height, height*fallFar, shortClimb
	default:
		t.peak, t.rate, t.climb = height, height*fall, shortClimb
	}
	t.rate = max(t.rate, min(slowest, t.full))
	t.fell, t.grows = now, now.Add(pause+rest)
	return pause
}
