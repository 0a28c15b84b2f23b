package batch

import (
	"maps"
	"testing"
	"testing/synctest"

	"rpsbatch/rps/rpstest"
)

// TestOutcomes counts calls that are lost, put off, refused and granted.
func TestOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &trial{
			rows:   append(devices(2, "A"), device(3, "none of ours", "")),
			config: func(c *Config) { c.Workers = 1 },
			options: rpstest.Options{Faults: []rpstest.Fault{
				{Name: "close-before", Method: "registerDevices", Call: 1},
				{Name: "429", Method: "registerDevices", Call: 2},
			}},
		}
		tr.run(t)
		want := map[string]Outcomes{
			"listDevices":     {Granted: 2}, // the second shows that nothing came of the lost call
			"registerDevices": {Granted: 1, Refused: 2, Unanswered: 1},
		}
		if !maps.Equal(tr.summary.Outcomes, want) {
			t.Errorf("%v, want %v", tr.summary.Outcomes, want)
		}
		for method, o := range tr.summary.Outcomes {
			if n := o.Granted + o.Refused + o.Unanswered; n != tr.summary.Calls[method] {
				t.Errorf("%s: %d outcomes of %d calls", method, n, tr.summary.Calls[method])
			}
		}
	})
}
