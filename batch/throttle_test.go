package batch

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"rpsbatch/rps/rpstest"
)

// A service that hides a limit of 10 calls a second behind 429 is used to at
// least 85% of it over a minute, and at most 5% of the calls are refused.
func TestHiddenLimitIsFound(t *testing.T) {
	for _, burst := range []int{1, 2, 10} {
		for _, retryAfter := range []bool{false, true} {
			for _, latency := range []time.Duration{time.Millisecond, 50 * time.Millisecond, 300 * time.Millisecond} {
				t.Run(fmt.Sprintf("burst=%d/retryAfter=%v/latency=%v", burst, retryAfter, latency), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						tr := &trial{rows: devices(700, "A"), options: rpstest.Options{
							RateLimit: 10, RateBurst: burst, RateRetryAfter: retryAfter, Latency: latency,
						}}
						tr.config = func(c *Config) { c.BatchSize, c.Workers, c.Rate, c.MaxAttempts = 1, 4, 100, 10 }
						tr.run(t)
						start := tr.sim.Calls()[0].Time
						answered, refused := 0, 0
						for _, c := range tr.sim.Calls() {
							if c.Time.Sub(start) > time.Minute {
								break
							}
							if c.Outcome == "429" {
								refused++
							} else {
								answered++
							}
						}
						t.Logf("%d answered, %d refused in a minute", answered, refused)
						if used := float64(answered) / 600; used < 0.85 {
							t.Errorf("%.2f of the limit is used", used)
						}
						if part := float64(refused) / float64(answered+refused); part > 0.05 {
							t.Errorf("%.3f of the calls are refused", part)
						}
						if tr.summary.Succeeded != 700 {
							t.Errorf("%v", tr.summary.Counts)
						}
					})
				})
			}
		}
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
