package batch

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"rpsbatch/rps/rpstest"
)

// A service that hides a limit of 10 calls a second, of any sort, is used to at
// least 90% of it over a minute, or of the user's rate where that is lower, and
// at most 5% of the calls are refused.
func TestHiddenLimitIsFound(t *testing.T) {
	limits := []rpstest.Fault{{Name: "bucket"}, {Name: "bucket", Limit: 10}, {Name: "fixed-window"}, {Name: "sliding-window"}}
	for _, limit := range limits {
		for _, retryAfter := range []string{"", "1"} {
			for _, rate := range []float64{9, 12, 20, 100} {
				limit.Rate, limit.RetryAfter = 10, retryAfter
				hiddenLimit(t, limit, rate, time.Millisecond)
			}
		}
	}
	for _, latency := range []time.Duration{50 * time.Millisecond, 300 * time.Millisecond} {
		for _, limit := range limits[:2] {
			limit.Rate, limit.RetryAfter, limit.Status = 10, "1", http.StatusServiceUnavailable
			hiddenLimit(t, limit, 100, latency)
		}
	}
}

func hiddenLimit(t *testing.T, limit rpstest.Fault, rate float64, latency time.Duration) {
	t.Run(fmt.Sprintf("%s of %d/status=%d/retryAfter=%q/rate=%v/latency=%v", limit.Name, max(limit.Limit, 1), limit.Status, limit.RetryAfter, rate, latency), func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			tr := &trial{rows: devices(620, "A"), options: rpstest.Options{Faults: []rpstest.Fault{limit}, Latency: latency}}
			tr.config = func(c *Config) { c.BatchSize, c.Rate, c.MaxAttempts = 1, rate, 10 }
			tr.run(t)
			answered, refused, calls := 0, 0, tr.sim.Calls()
			for i, c := range calls {
				if i > 0 && c.Time.Sub(calls[i-1].Time).Seconds() < 0.999/rate {
					t.Fatalf("call %d came %v after the one before", i, c.Time.Sub(calls[i-1].Time))
				}
				switch {
				case c.Time.Sub(calls[0].Time) > time.Minute:
				case c.Outcome == "429" || c.Outcome == "503":
					refused++
				default:
					answered++
				}
			}
			used, part := float64(answered)/(60*min(rate, limit.Rate)), float64(refused)/float64(answered+refused)
			t.Logf("%.1f%% used, %.1f%% refused", 100*used, 100*part)
			if used < 0.9 || part > 0.05 {
				t.Errorf("%.1f%% of the limit is used, %.1f%% of the calls are refused", 100*used, 100*part)
			}
			if tr.summary.Succeeded != len(tr.rows) {
				t.Errorf("%v", tr.summary.Counts)
			}
		})
	})
}

// Once a service has refused a call, the next ones keep their distance from when
// each may have reached it: later than it left if its answer took long.
func TestCallsKeepTheirDistance(t *testing.T) {
	for trip, distance := range map[time.Duration]time.Duration{5: 100, 10: 100, 25: 115, 90: 125, 400: 100} {
		synctest.Test(t, func(t *testing.T) {
			p := newPacer(10, 1)
			leave := func() time.Time {
				if err := p.wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				return time.Now()
			}
			p.refused(leave(), 0)
			for range 100 { // until the rate is the full one again
				left := leave()
				time.Sleep(10 * time.Millisecond)
				p.answered(left)
			}
			left := leave()
			time.AfterFunc(trip*time.Millisecond, func() { p.answered(left) })
			if got := leave().Sub(left).Round(time.Millisecond); got != distance*time.Millisecond {
				t.Errorf("after a trip of %d ms: %v, want %d ms", trip, got, distance)
			}
			synctest.Wait()
		})
	}
}

// With 10% of calls failing in mixed ways, a run takes at most 1.25 times the
// calls of a clean one.
func TestMixedFaultsCostLittle(t *testing.T) {
	for _, partial := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			names := []string{"close-after", "500-before", "truncated-after", "reset-before", "502-after", "empty-before", "html-after", "503-before", "429", "fault-before"}
			var faults []rpstest.Fault
			for i, name := range names {
				faults = append(faults, rpstest.Fault{Name: name, Call: 10 * (i + 1), Every: 10 * len(names)})
			}
			tr := &trial{rows: devices(40_000, "A"), options: rpstest.Options{Partial: partial, Faults: faults, Latency: 20 * time.Millisecond}}
			tr.run(t)
			if n := tr.summary.TotalCalls(); n > 401*5/4 {
				t.Errorf("%d calls for 401: %v", n, tr.summary.Calls)
			} else {
				t.Logf("%d calls for 401: %v", n, tr.summary.Calls)
			}
			if tr.summary.Succeeded != len(tr.rows) {
				t.Errorf("%v", tr.summary.Counts)
			}
		})
	}
}

// A service that was out comes back, and so does the rate.
func TestRateComesBack(t *testing.T) {
	for _, n := range []int{1, 6, 12, 40} {
		synctest.Test(t, func(t *testing.T) {
			tr := &trial{rows: devices(600, "A"), options: rpstest.Options{Faults: []rpstest.Fault{{Name: "503", Call: 20, Times: n}}}}
			tr.config = func(c *Config) { c.BatchSize, c.Rate, c.MaxAttempts, c.GiveUpAfter = 1, 5, 100, time.Hour }
			tr.run(t)
			calls := tr.sim.Calls()
			after := calls[len(calls)-1].Time.Sub(calls[19+n].Time).Seconds()
			t.Logf("%d refusals: %.0f s from the last of them to the end", n, after)
			if clean := float64(len(calls)-20-n) / 5; after > clean+40 {
				t.Errorf("%.0f s, clean it takes %.0f", after, clean)
			}
		})
	}
}

// The first listDevices is tried again like any call, and what its answer says
// of the service counts.
func TestListIsTriedAgain(t *testing.T) {
	for _, fault := range []rpstest.Fault{{Name: "500"}, {Name: "429", RetryAfter: "7"}, {Name: "refused"}} {
		synctest.Test(t, func(t *testing.T) {
			tr := &trial{rows: devices(10, "A"), options: rpstest.Options{Faults: []rpstest.Fault{fault}}}
			tr.run(t)
			calls := tr.sim.Calls()
			if tr.calls("listDevices") != 2 || tr.summary.NoList != nil || tr.summary.Succeeded != 10 {
				t.Errorf("%s: %v, %v", fault.Name, tr.summary.Calls, tr.summary.NoList)
			}
			if fault.RetryAfter != "" && calls[1].Time.Sub(calls[0].Time) < 7*time.Second {
				t.Errorf("the next call came after %v", calls[1].Time.Sub(calls[0].Time))
			}
		})
	}
}

// What the user or the service makes the run wait is no silence.
func TestGiveUpCountsSilenceOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &trial{rows: devices(10, "A"), options: rpstest.Options{Faults: []rpstest.Fault{{Name: "502", Call: 2}, {Name: "503", RetryAfter: "120", Call: 3, Times: 2}}}}
		tr.prepare = func(s *rpstest.Server) { s.AddDevice("user", mac(1).Bare(), "B", "") }
		tr.config = func(c *Config) { c.Override, c.GiveUpAfter = OverrideAsk, time.Minute }
		tr.confirm = func(Changes) bool { time.Sleep(10 * time.Minute); return true }
		tr.run(t)
		if tr.err != nil || tr.summary.Succeeded != 10 {
			t.Errorf("%v: %v", tr.err, tr.summary.Counts)
		}
	})
}

// Neither is what the user's own rate makes it wait.
func TestGiveUpWaitsForTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &trial{rows: devices(3, "A"), options: rpstest.Options{Faults: []rpstest.Fault{{Name: "502", Call: 2}}}}
		tr.config = func(c *Config) { c.Rate, c.GiveUpAfter = 0.01, time.Minute }
		tr.run(t)
		if tr.err != nil || tr.summary.Succeeded != 3 {
			t.Errorf("%v: %v", tr.err, tr.summary.Counts)
		}
	})
}
