package rpstest

import "time"

// A limiter is a token bucket, stored as the time at which it will be full. It
// counts whole nanoseconds, rounded in the caller's favour: a client that keeps
// exactly to the rate is never turned away.
type limiter struct {
	interval time.Duration // between two calls; 0: no limit
	slack    time.Duration // how far in the future full may be
	full     time.Time
}

func newLimiter(rate float64, burst int) limiter {
	if rate <= 0 {
		return limiter{}
	}
	interval := time.Duration(float64(time.Second) / rate)
	return limiter{interval: interval, slack: interval * time.Duration(max(burst, 1)-1)}
}

// take takes a token, or returns how long there will be none.
func (l *limiter) take(now time.Time) (pause time.Duration) {
	if l.interval == 0 {
		return 0
	}
	if l.full.Before(now) {
		l.full = now
	}
	if ahead := l.full.Sub(now); ahead > l.slack {
		return ahead - l.slack
	}
	l.full = l.full.Add(l.interval)
	return 0
}
