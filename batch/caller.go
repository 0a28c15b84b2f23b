package batch

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"rpsbatch/rps"
)

// Caller makes the calls of a run, and reads the account before it, at one rate
// and with one patience. A Caller is for one Run.
type Caller struct {
	config   Config
	service  Service
	log      *slog.Logger
	pace     *pacer
	patience patience

	suspicion suspicion
	tally     calls
	denied    atomic.Bool  // an answer came after which no call may be sent
	made      atomic.Int64 // calls
	flying    atomic.Int64 // calls in flight
}

// calls counts the calls that were made, by method.
type calls struct {
	made      map[string]int
	outcomes  map[string]Outcomes
	throttled int
}

// NewCaller returns a caller of the service. log may be nil.
func NewCaller(config Config, service Service, log *slog.Logger) *Caller {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Caller{
		config: config, service: service, log: log,
		pace:     newPacer(config.Rate, config.Burst),
		patience: newPatience(config),
		tally:    calls{made: map[string]int{}, outcomes: map[string]Outcomes{}},
	}
}

// result is a task that a worker has finished.
type result struct {
	task   task
	answer answer
	left   time.Time // when the call was made
	made   bool      // the call was made; else the run had stopped, or the task was stale
	err    error     // it could not be made: the journal cannot be written
}

// make makes the call of a task when it may be sent. It stops waiting when
// waiting ends. The call of a change continues when the run is stopped, and its
// answer is awaited. stale reports whether an answer that arrived meanwhile has
// made the task pointless.
func (c *Caller) make(waiting context.Context, t task, stale func(task) bool) result {
	if c.pace.wait(waiting) != nil || c.denied.Load() || stale(t) {
		return result{task: t}
	}
	c.made.Add(1)
	c.flying.Add(1)
	defer c.flying.Add(-1)
	left := time.Now()
	calling := waiting
	if _, ok := t.(change); ok {
		calling = context.WithoutCancel(waiting)
	}
	ans := perform(calling, c.service, t)
	if calling.Err() != nil && ans.err != nil {
		return result{task: t} // nobody needs the answer any more
	}
	if ans.err != nil {
		if fatal(ans.err.Kind) {
			// Now, not when the answer is decided: each further call with wrong
			// credentials brings the account closer to being locked.
			c.denied.Store(true)
		}
		if ans.err.MayStillApply() {
			ans.until = left.Add(c.config.Timeout)
		}
	}
	return result{task: t, answer: ans, left: left, made: true}
}

// observe learns from an answer whether the service is there and how fast it may
// be called. It reports whether the call may be tried again, and returns a
// StopError if the run must end.
func (c *Caller) observe(res result) (mayRetry bool, stop *StopError) {
	err, method := res.answer.err, res.task.method()
	c.tally.made[method]++
	c.tally.outcomes[method] = c.tally.outcomes[method].with(err)
	slow := c.suspicion.observe(err)
	switch {
	case err == nil || err.Kind != rps.Throttled:
		c.pace.answered(res.left)
	case slow:
		c.tally.throttled++
		c.pace.refused(res.left, err.RetryAfter)
	}
	mayRetry = c.patience.observe(res, time.Now())
	if over := c.patience.silent - c.config.Workers; over > 0 && err.Kind != rps.Throttled {
		// One lost call is a retry. If all calls in flight are lost, so is the
		// service: then new calls wait as well, longer and longer.
		c.pace.hold(backoffBound(over))
	}
	if err != nil && fatal(err.Kind) {
		reason := ErrRefused
		if err.Kind == rps.NotService {
			reason = ErrUnreachable
		}
		return mayRetry, &StopError{reason, err}
	}
	return mayRetry, c.patience.exhausted(time.Now())
}

// ReadAccount lists the devices of the account. It tries as often as the
// configuration allows; if that fails, it returns an account that is not listed.
// The error is a *StopError.
func (c *Caller) ReadAccount(ctx context.Context) (Account, error) {
	return c.readAccount(ctx, c.config.MaxAttempts)
}

// readAccount is ReadAccount with so many attempts. A call that was not sent does
// not count as one.
func (c *Caller) readAccount(ctx context.Context, attempts int) (Account, error) {
	for l := (lookup{why: forList}); ; l.tries++ {
		res := c.make(ctx, l, func(task) bool { return false })
		if !res.made {
			return Account{}, &StopError{Reason: ErrInterrupted}
		}
		mayRetry, stop := c.observe(res)
		err := res.answer.err
		switch {
		case stop != nil:
			return Account{}, stop
		case err == nil:
			return Account{devices: res.answer.devices, asked: res.left, more: l.tries}, nil
		case (!readable(err.Kind) || err.Kind == rps.HandlerFailed) && mayRetry &&
			(l.tries+1 < attempts || err.Kind == rps.NotSent && l.tries+1 < c.config.MaxAttempts):
		case err.Kind == rps.NotSent: // nothing was sent, and nothing would be
			return Account{}, &StopError{ErrUnreachable, err}
		default:
			return Account{noList: err}, nil
		}
		if sleepUntil(ctx, time.Now().Add(backoff(l.tries+1))) != nil {
			return Account{}, &StopError{Reason: ErrInterrupted}
		}
	}
}

// ListDevices is ReadAccount, but returns an error if the account cannot be
// listed.
func (c *Caller) ListDevices(ctx context.Context) (Account, error) {
	a, err := c.ReadAccount(ctx)
	if err == nil {
		err = a.Unlisted()
	}
	return a, err
}

// Summary returns the calls that were made so far.
func (c *Caller) Summary() Summary {
	return Summary{Calls: c.tally.made, Outcomes: c.tally.outcomes, Throttled: c.tally.throttled, SlowedTo: c.pace.slowed()}
}
