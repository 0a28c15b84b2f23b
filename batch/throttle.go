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

	// slowest is a rate that is always left.
	slowest = 0.1
)

// at gives the rate at a time.
func (t *throttle) at(now time.Time) float64 {
	if t.peak == 0 {
		return t.full
	}
	x := float64(now.Sub(t.grows))/float64(t.climb) - 1 // -1 at the start, 0 at the peak
	return min(t.full, t.peak+(t.peak-t.rate)*math.Pow(max(x, -1), 3))
}

// refused takes note that the service asked to slow down and to pause, in
// answer to a call that left at a time. What left before the last fall says
// nothing new.
func (t *throttle) refused(left, now time.Time, pause time.Duration) {
	if left.Before(t.fell) {
		return
	}
	was, height := t.peak, t.at(now)
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
