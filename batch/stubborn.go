package batch

import "rpsbatch/rps"

// stubborn detects that the service refuses the account, not rows: it refuses a
// batch and both of its halves, or many calls in a row, in the same words, and
// nothing has succeeded since.
type stubborn struct {
	words  string
	calls  int // refused in these words, one after the other
	halves map[*kin]int
}

const (
	// tooMany calls in a row are enough; after suspicious ones the run continues
	// with one call at a time.
	tooMany    = 10
	suspicious = 3
)

// observe records the answer to a change, and reports whether to stop.
func (s *stubborn) observe(c change, err *rps.Error) bool {
	switch {
	case err == nil:
		*s = stubborn{}
		return false
	case !aboutAccount(c, err.Kind):
		if err.Kind.Refused() {
			s.words, s.calls = "", 0
		}
		return false
	}
	if named, _ := c.split(err.MACs); len(named) > 0 {
		s.words, s.calls = "", 0
		return false
	}
	words := wordsOf(err)
	if words != s.words {
		s.words, s.calls = words, 0
	}
	if c.number == 0 { // the same row, tried again, says nothing new
		s.calls++
	}
	if c.family != nil && words == c.why && len(c.items) > 1 {
		if s.halves == nil {
			s.halves = map[*kin]int{}
		}
		s.halves[c.family]++
	}
	return s.calls >= tooMany || c.family != nil && s.halves[c.family] == 2
}

// aboutAccount reports whether a refusal may be about the account: its words are
// none of the guide's, which are about rows, nor about the size of the batch.
func aboutAccount(c change, k rps.Kind) bool {
	return k == rps.Refusal || k == rps.HandlerFailed || k == rps.BatchTooBig && len(c.items) == 1
}

// most returns how many calls may be in flight.
func (s *stubborn) most(workers int) int {
	if s.calls >= suspicious {
		return 1
	}
	return workers
}
