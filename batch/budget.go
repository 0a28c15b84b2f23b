package batch

import "rpsbatch/rps"

// budget bounds the retries of a run, so that a service that is going down is
// not hammered: a bucket of tokens, as in the standard retry mode of the AWS
// SDKs. Retries take from it, answers give back.
type budget struct{ tokens int }

const (
	budgetSize  = 500
	retryCost   = 5
	timeoutCost = 10 // of a call that was sent and not answered
	answerGives = 1
)

func newBudget() budget { return budget{tokens: budgetSize} }

// pays tells whether a retry after an answer can be paid for, and takes what
// it costs. A retry that got an answer gives back what it cost.
func (b *budget) pays(err *rps.Error, retry bool) bool {
	cost := 0
	switch {
	case err == nil || readable(err.Kind):
		gives := answerGives
		if retry {
			gives = timeoutCost
		}
		b.tokens = min(budgetSize, b.tokens+gives)
		return true
	case err.Kind == rps.Throttled:
		return true // the rate falls instead
	case err.Kind == rps.Unreadable, err.Kind == rps.HandlerFailed:
		cost = timeoutCost
	default:
		cost = retryCost
	}
	if b.tokens < cost {
		return false
	}
	b.tokens -= cost
	return true
}
