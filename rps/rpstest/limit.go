package rpstest

import (
	"cmp"
	"net/http"
	"strconv"
	"time"
)

// A limiter allows a call, or returns how long it should have waited. A call that
// it turns away does not count.
type limiter interface {
	take(now time.Time) (pause time.Duration)
}

// A bucket has tokens that come back one by one. It is stored as the time at which
// it will be full. It counts whole nanoseconds, rounded in the caller's favour: a
// client that keeps exactly to the rate is never turned away.
type bucket struct {
	interval time.Duration // between two tokens
	slack    time.Duration // how far in the future full may be
	full     time.Time
}

func (b *bucket) take(now time.Time) (pause time.Duration) {
	if b.full.Before(now) {
		b.full = now
	}
	if ahead := b.full.Sub(now); ahead > b.slack {
		return ahead - b.slack
	}
	b.full = b.full.Add(b.interval)
	return 0
}

// A fixedWindow allows so many calls in each second of the clock.
type fixedWindow struct {
	most, calls int
	second      time.Time
}

func (w *fixedWindow) take(now time.Time) (pause time.Duration) {
	if second := now.Truncate(time.Second); !second.Equal(w.second) {
		w.second, w.calls = second, 0
	}
	if w.calls >= w.most {
		return w.second.Add(time.Second).Sub(now)
	}
	w.calls++
	return 0
}

// A slidingWindow allows so many calls in any second.
type slidingWindow struct {
	calls []time.Time // the latest, in a ring
	next  int         // the oldest of them
}

func (w *slidingWindow) take(now time.Time) (pause time.Duration) {
	if again := w.calls[w.next].Add(time.Second); now.Before(again) {
		return again.Sub(now)
	}
	w.calls[w.next] = now
	w.next = (w.next + 1) % len(w.calls)
	return 0
}

func newLimiter(f *Fault) limiter {
	switch f.Name {
	case "fixed-window":
		return &fixedWindow{most: int(f.Rate)}
	case "sliding-window":
		return &slidingWindow{calls: make([]time.Time, int(f.Rate))}
	}
	interval := time.Duration(float64(time.Second) / f.Rate)
	return &bucket{interval: interval, slack: interval * time.Duration(max(f.Limit, 1)-1)}
}

// turnedAway returns the limit that turns a call away, and how long the call
// should have waited; nil if none does.
func (s script) turnedAway(method string, now time.Time) (f *scripted, pause time.Duration) {
	for i := range s {
		if f := &s[i]; f.limiter != nil && f.selects(method, nil) {
			if pause := f.limiter.take(now); pause > 0 {
				return f, pause
			}
		}
	}
	return nil, 0
}

func (f *Fault) limitStatus() int { return cmp.Or(f.Status, http.StatusTooManyRequests) }

// turnAway answers a call that came too fast.
func (f *Fault) turnAway(w http.ResponseWriter, pause time.Duration) {
	header := f.RetryAfter
	if header == "wait" {
		header = strconv.Itoa(int((pause + time.Second - 1) / time.Second))
	}
	if header != "" {
		w.Header().Set("Retry-After", header)
	}
	page(w, f.limitStatus())
}
