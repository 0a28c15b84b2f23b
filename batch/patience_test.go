package batch

import (
	"net/http"
	"testing"

	"rpsbatch/rps"
)

// A 503 without a Retry-After is a lost call first, and a limit only if they
// follow one another.
func TestSuspicion(t *testing.T) {
	answers := map[rune]*rps.Error{
		'.': nil,
		'n': {Kind: rps.NotSent},
		'x': {Kind: rps.Throttled, StatusCode: http.StatusServiceUnavailable},
		'w': {Kind: rps.Throttled, StatusCode: http.StatusServiceUnavailable, HasRetryAfter: true},
		'4': {Kind: rps.Throttled, StatusCode: http.StatusTooManyRequests},
	}
	for heard, slow := range map[string]bool{
		"x": false, "w": true, "4": true, "xxxx": false, "xxxxx": true, ".....x": false, "xxxx.x": false, "xxxx.xx": true,
		"x....x....x....x....x....x....x....x": false, "x.x.x.x.x.x.x.x.x": true, "nnnn": false,
	} {
		var s suspicion
		last := false
		for _, r := range heard {
			last = s.observe(answers[r])
		}
		if last != slow {
			t.Errorf("%s: slow down: %v", heard, last)
		}
	}
}
