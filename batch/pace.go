package batch

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// maxPause caps what Retry-After may ask for.
	maxPause = 5 * time.Minute

	backoffBase = 250 * time.Millisecond
	backoffCap  = 20 * time.Second
)

// backoff returns how long to wait before a call is tried again: full jitter
// below a bound that doubles with each try.
func backoff(tries int) time.Duration { return rand.N(backoffBound(tries)) }

func backoffBound(tries int) time.Duration {
	if tries >= 16 {
		return backoffCap
	}
	return min(backoffCap, backoffBase<<tries)
}

// pacer lets calls leave at the rate they may, and holds them all when the
// service asks for it. It is safe for concurrent use.
type pacer struct {
	limiter *rate.Limiter

	// turn is held by the one call that waits for its token. Reservations made
	// at different rates would not be the time of either apart.
	turn chan struct{}

	mu       sync.Mutex
	until    time.Time // no call leaves before
	throttle throttle
}

func newPacer(perSecond float64, burst int) *pacer {
	return &pacer{
		turn:     make(chan struct{}, 1),
		limiter:  rate.NewLimiter(rate.Limit(perSecond), burst),
		throttle: throttle{full: perSecond},
	}
}

// answered takes note of an answer to a call that left at a time.
func (p *pacer) answered(left time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.throttle.answered(left)
	p.limiter.SetLimit(rate.Limit(p.throttle.at(time.Now())))
}

// refused takes note that the service asked to slow down, and holds all calls
// back for a pause.
func (p *pacer) refused(left time.Time, pause time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.holdUntil(now.Add(p.throttle.refused(left, now, min(pause, maxPause))))
	p.limiter.SetBurst(1) // what it bears at once is not known
	p.limiter.SetLimit(rate.Limit(p.throttle.at(now)))
}

// slowed returns the rate that the service refused last, 0 if it never did.
func (p *pacer) slowed() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.throttle.peak
}

// wait returns when a call may leave, or with the error of the context.
func (p *pacer) wait(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.turn }()
	for {
		if err := sleepUntil(ctx, p.heldUntil()); err != nil {
			return err
		}
		if err := p.limiter.Wait(ctx); err != nil {
			return err
		}
		// What began while this call waited for its turn holds it too.
		if !time.Now().Before(p.heldUntil()) {
			return ctx.Err()
		}
	}
}

func (p *pacer) heldUntil() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.until
}

// hold keeps all calls back for d.
func (p *pacer) hold(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holdUntil(time.Now().Add(min(d, maxPause)))
}

// holdUntil is for those that have p.mu.
func (p *pacer) holdUntil(until time.Time) {
	if until.After(p.until) {
		p.until = until
	}
}

func sleepUntil(ctx context.Context, t time.Time) error {
	d := time.Until(t)
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
