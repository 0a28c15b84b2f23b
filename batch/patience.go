package batch

import (
	"fmt"
	"net/http"
	"time"

	"rpsbatch/rps"
)

// patience limits what a silent service is asked: retries, by a token bucket as
// in the standard retry mode of the AWS SDKs, so that a failing service is not
// hammered; and the time without a readable answer. It has no clock.
type patience struct {
	limit  time.Duration // without a readable answer
	tokens int           // retries take from it, answers put back

	silent int           // calls since the last readable answer
	since  time.Time     // when the first of them left
	paused time.Duration // pauses that the service asked for since
	last   error         // of the last of these calls
}

const (
	budgetSize  = 500
	retryCost   = 5
	timeoutCost = 10 // of a call that was sent and not answered
	answerGives = 1

	// mostPaused is how much of the pauses that the service asks for does not
	// count as silence.
	mostPaused = time.Hour
)

// newPatience waits as long as the user allows, but at least as long as the next
// call has to wait at the user's own rate.
func newPatience(c Config) patience {
	return patience{limit: c.GiveUpAfter + time.Duration(min(1/c.Rate, 1e6)*float64(time.Second)), tokens: budgetSize}
}

// observe records a call that was made, and reports whether it may be tried
// again. A retry that got an answer puts back what it cost.
func (p *patience) observe(res result, now time.Time) (mayRetry bool) {
	err := res.answer.err
	if err == nil || readable(err.Kind) {
		gives := answerGives
		if res.task.tried() > 0 {
			gives = timeoutCost
		}
		p.silent, p.paused, p.tokens = 0, 0, min(budgetSize, p.tokens+gives)
		return true
	}
	if p.silent++; p.silent == 1 {
		p.since, p.paused = res.left, 0
	}
	p.last = err
	cost := retryCost
	switch err.Kind {
	case rps.Throttled:
		p.paused += min(err.RetryAfter, maxPause)
		return true // the rate falls instead, if there is a limit
	case rps.Unreadable:
		cost = timeoutCost
	}
	if p.tokens < cost {
		return false
	}
	p.tokens -= cost
	return true
}

// end returns when patience ends; zero if the service has answered.
func (p *patience) end() time.Time {
	if p.silent == 0 {
		return time.Time{}
	}
	return p.since.Add(p.limit + min(p.paused, mostPaused))
}

// exhausted returns a StopError if patience has ended.
func (p *patience) exhausted(now time.Time) *StopError {
	if p.silent == 0 || now.Before(p.end()) {
		return nil
	}
	silence := now.Sub(p.since).Round(100 * time.Millisecond)
	return &StopError{ErrUnreachable, fmt.Errorf("no readable answer for %v (--give-up-after): %w", silence, p.last)}
}

// suspicion weighs answers that may mean a rate limit, or only a lost call: a 503
// that does not say when to come back.
type suspicion int

const (
	lostCall  = 2  // weight of such an answer; any other but a plain request to slow down subtracts one
	suspected = 10 // five in a row, or every other of many, are a limit
)

// observe records an answer, and reports whether it asks to slow down.
func (s *suspicion) observe(err *rps.Error) bool {
	switch {
	case err == nil || err.Kind != rps.Throttled:
		*s = max(0, *s-1)
		return false
	case err.HasRetryAfter || err.StatusCode != http.StatusServiceUnavailable:
		return true
	}
	*s = min(*s+lostCall, suspected)
	return *s == suspected
}
