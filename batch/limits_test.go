package batch

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// A limiter returns how long a call has to wait at a time; 0: it may pass.
type limiter func(now time.Duration) (wait time.Duration)

func bucketOf(perSecond, burst float64) limiter {
	tokens, last := burst, time.Duration(0)
	return func(now time.Duration) time.Duration {
		tokens = min(burst, tokens+perSecond*(now-last).Seconds())
		if last = now; tokens >= 1 {
			tokens--
			return 0
		}
		return time.Duration((1 - tokens) / perSecond * float64(time.Second))
	}
}

// windowOf lets n calls pass in any second; with strict, refused ones count too.
func windowOf(n int, strict bool) limiter {
	var passed []time.Duration
	return func(now time.Duration) time.Duration {
		for len(passed) > 0 && now-passed[0] >= time.Second {
			passed = passed[1:]
		}
		wait := time.Duration(0)
		if len(passed) >= n {
			wait = passed[0] + time.Second - now
		}
		if wait == 0 || strict {
			passed = append(passed, now)
		}
		return wait
	}
}

// secondsOf lets n calls pass in each second of the clock.
func secondsOf(n int) limiter {
	second, count := time.Duration(-1), 0
	return func(now time.Duration) time.Duration {
		if s := now.Truncate(time.Second); s != second {
			second, count = s, 0
		}
		if count++; count <= n {
			return 0
		}
		return second + time.Second - now
	}
}

// TestThrottleUsesWhatIsBorne lets a throttle meet limits of 10 calls a second
// of every sort, over a minute, with and without Retry-After.
func TestThrottleUsesWhatIsBorne(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	limits := map[string]func() limiter{
		"bucket of 1":        func() limiter { return bucketOf(10, 1) },
		"bucket of 2":        func() limiter { return bucketOf(10, 2) },
		"bucket of 10":       func() limiter { return bucketOf(10, 10) },
		"bucket of 20":       func() limiter { return bucketOf(10, 20) },
		"any second":         func() limiter { return windowOf(10, false) },
		"any second, strict": func() limiter { return windowOf(10, true) },
		"clock's seconds":    func() limiter { return secondsOf(10) },
	}
	for _, full := range []float64{12, 20, 50, 100, 200, 500} {
		for name, make := range limits {
			for _, retryAfter := range []bool{false, true} {
				limit, th := make(), throttle{full: full}
				passed, refused := 0, 0
				for now := time.Duration(0); now < time.Minute; {
					wait := limit(now)
					if wait == 0 {
						passed++
						th.answered(start.Add(now))
						now += th.gap(start.Add(now))
						continue
					}
					refused++
					asked := time.Duration(0)
					if retryAfter {
						asked = time.Duration(math.Ceil(wait.Seconds())) * time.Second
					}
					now += th.refused(start.Add(now), start.Add(now), asked)
				}
				what := fmt.Sprintf("%s from %v calls/s, Retry-After %v: %d passed, %d refused", name, full, retryAfter, passed, refused)
				t.Log(what)
				if passed < 540 {
					t.Errorf("%s: less than 90%% of the limit", what)
				}
				if float64(refused) > 0.05*float64(passed+refused) {
					t.Errorf("%s: too many are refused", what)
				}
			}
		}
	}
}

// A limit far below what a search begins at is found in a few steps.
func TestSlowLimitIsFound(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	limit, th, refused := bucketOf(0.5, 1), throttle{full: 100}, 0
	for now := time.Duration(0); now < 2*time.Minute; {
		at := start.Add(now)
		if limit(now) == 0 {
			th.answered(at)
			now += th.gap(at)
			continue
		}
		refused++
		now += th.refused(at, at, 0)
	}
	if refused > 50 {
		t.Errorf("%d calls were refused", refused)
	}
	t.Logf("%d calls were refused", refused)
}
