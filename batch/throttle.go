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
	grows time.Time     // when the pause after it ends
	climb time.Duration // from there to where the rate is at the peak again
	heard bool          // a call that left since was answered
}

const (
	// fallFar is what is left of the rate when it was refused as soon as it
	// had fallen, or the first time: it was far too high. fall is for when it
	// had grown back.
	fallFar = 0.4
	fall    = 0.9
	soon    = time.Second

	// A climb is the longer the more often the rate was refused at about the
	// same height: then that is the limit, and trying it is only a nuisance.
	shortClimb = 12 * time.Second
	longClimb  = 2 * time.Minute
	aboutSame  = 0.15

	// leastDepth is a part of the peak that makes a climb steep enough to get
	// away from it.
	leastDepth = 0.05

	// leastPeak is a part of the full rate below which the peak does not fall
	// unless calls were answered there.
	leastPeak = 0.1

	// slowest is a rate that is always left.
	slowest = 0.1
)

// at gives the rate at a time.
func (t *throttle) at(now time.Time) float64 {
	if t.peak == 0 {
		return t.full
	}
	x := float64(now.Sub(t.grows))/float64(t.climb) - 1 // -1 at the start, 0 at the peak
	depth := max(t.peak-t.rate, leastDepth*t.peak)
	return min(t.full, max(t.rate, t.peak+depth*math.Pow(max(x, -1), 3)))
}

// answered takes note of an answer to a call that left at a time.
func (t *throttle) answered(left time.Time) {
	t.heard = t.heard || !left.Before(t.fell)
}

// refused takes note that the service asked to slow down and to pause, in
// answer to a call that left at a time. What left before the last fall says
// nothing new.
func (t *throttle) refused(left, now time.Time, pause time.Duration) {
	if left.Before(t.fell) {
		return
	}
	was, height := t.peak, t.at(now)
	if was != 0 && !t.heard {
		// Nothing was answered since the last fall. That may be a service that
		// is out, and says little of a rate that it bears: the peak does not
		// fall to nothing with it.
		t.peak = max(t.peak*fallFar, leastPeak*t.full)
		t.rate = max(t.rate*fallFar, min(slowest, t.full))
		t.fell, t.grows, t.climb = now, now.Add(pause), shortClimb
		return
	}
	t.heard = false
	part := fall
	if was == 0 || now.Sub(t.grows) < soon {
		part = fallFar
	}
	if math.Abs(height-was) < aboutSame*was {
		t.climb = min(2*t.climb, longClimb)
	} else {
		t.climb = shortClimb
	}
	t.peak = height
	t.rate = max(height*part, min(slowest, t.full))
	t.fell, t.grows = now, now.Add(pause)
}
