package batch

import (
	"errors"
	"fmt"
	"time"

	"rpsbatch/rps"
)

// Why a run stopped before its end.
var (
	ErrInterrupted = errors.New("interrupted")
	ErrRefused     = errors.New("access denied")
	ErrUnreachable = errors.New("the service cannot be reached")
	ErrFailures    = errors.New("too many rows did not succeed")
	ErrStubborn    = errors.New("the service refuses everything with the same message")
	ErrInput       = errors.New("the rest of the input cannot be read")
	ErrOutput      = errors.New("the results cannot be written")
)

// A StopError says why a run stopped before its end. It wraps one of the errors
// above, for errors.Is, and the cause.
type StopError struct {
	Reason error
	Cause  error
}

func (e *StopError) Error() string {
	switch {
	case e.Cause == nil:
		return e.Reason.Error()
	case e.Reason == ErrRefused: // its causes say that themselves
		return e.Cause.Error()
	}
	return fmt.Sprintf("%v: %v", e.Reason, e.Cause)
}

// Unwrap returns the reason and the cause.
func (e *StopError) Unwrap() []error { return []error{e.Reason, e.Cause} }

// Summary is the outcome of a run.
type Summary struct {
	Rows       int                 // written to the results, not counting blank ones
	Blank      int                 // records that are not devices, or are skipped
	Hidden     int                 // of these, skipped because the sheet hides them or crosses them out
	Counts     map[Status]int      // rows by status
	Succeeded  int                 // rows that are as asked, including duplicates of such rows
	Calls      map[string]int      // calls made, by method without "redirect."
	Outcomes   map[string]Outcomes // the same calls by outcome
	LeftOut    int                 // rows that Config.Limit left, and their duplicates
	SentFailed int                 // rows that needed a call, and did not succeed
	Elapsed    time.Duration
	Throttled  int      // answers that asked to slow down
	SlowedTo   float64  // calls per second after it last asked; 0: never
	Passed     int      // rows that were not rerun (Only)
	Pruned     int      // devices removed because the file lacks them
	NotPruned  int      // devices that should have been removed, but were not
	HeldBack   int      // devices that the file lacks, kept because some of its rows cannot be read
	Added      []string // servers added because rows needed them
	Resumed    int      // rows that had their verdict from an earlier part of the run
	Learned    bool     // calls of the run that may have changed the account, or else lookups, gave rows a verdict
	NoList     error    // why the run continued without the account's list; nil if it had it
}

// Outcomes counts calls by outcome.
type Outcomes struct {
	Granted    int `json:"granted"`    // done, or reported
	Refused    int `json:"refused"`    // answered, and not done; also if told to call later
	Unanswered int `json:"unanswered"` // not sent, or without a readable answer
}

func (o Outcomes) with(err *rps.Error) Outcomes {
	if err == nil {
		o.Granted++
		return o
	}
	switch err.Kind {
	case rps.NotSent, rps.Untrusted, rps.Unencodable, rps.Unreadable, rps.HandlerFailed:
		o.Unanswered++
	default:
		o.Refused++
	}
	return o
}

// addCalls sets the calls that a Caller has made.
func (s *Summary) addCalls(calls Summary) {
	s.Calls, s.Outcomes, s.Throttled, s.SlowedTo = calls.Calls, calls.Outcomes, calls.Throttled, calls.SlowedTo
}

// Failed returns the number of rows that did not succeed, except those left for
// another part of the run.
func (s Summary) Failed() int { return s.Rows - s.Succeeded - s.LeftOut }

// TotalCalls returns the number of calls made.
func (s Summary) TotalCalls() int { return total(s.Calls) }

func total(calls map[string]int) (n int) {
	for _, calls := range calls {
		n += calls
	}
	return n
}
