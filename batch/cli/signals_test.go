package cli

import (
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// The first signal stops a run, what follows it at once is its echo, and a later one
// ends the process.
func TestObey(t *testing.T) {
	for name, after := range map[string]struct {
		others []time.Duration // when signals follow the first
		ended  bool
	}{
		"one signal":          {nil, false},
		"its echoes":          {[]time.Duration{0, 99 * time.Millisecond}, false},
		"an echo and another": {[]time.Duration{time.Millisecond, time.Second}, true},
		"a second one":        {[]time.Duration{101 * time.Millisecond}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				signals, start := make(chan os.Signal, 8), time.Now()
				stopped, ended := false, false
				go obey(signals, func() { stopped = true }, func(code int) { ended = code == ExitInterrupted })
				synctest.Wait()
				if stopped {
					t.Error("stopped without a signal")
				}
				signals <- os.Interrupt
				for _, at := range after.others {
					time.Sleep(at - time.Since(start))
					signals <- os.Interrupt
				}
				synctest.Wait()
				if !stopped || ended != after.ended {
					t.Errorf("stopped %v, ended %v", stopped, ended)
				}
				if !ended { // let the goroutine end
					time.Sleep(time.Minute)
					for range 2 {
						signals <- os.Interrupt
						synctest.Wait()
					}
				}
			})
		})
	}
}
