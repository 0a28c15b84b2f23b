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
	limiter *rate.Limiter // of the rate that the user allows

	// turn is held by the one call that waits to leave.
	turn chan struct{}

	mu       sync.Mutex
	until    time.Time // no call leaves before
	last     time.Time // a call left
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
}

// refused takes note that the service asked to slow down, and holds all calls
// back for a pause.
func (p *pacer) refused(left time.Time, pause time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.holdUntil(now.Add(p.throttle.refused(left, now, min(pause, maxPause))))
}

// slowed returns the rate after the service last asked to slow down, 0 if it
// never did.
func (p *pacer) slowed() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.throttle.rate
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
		if err := sleepUntil(ctx, p.opens()); err != nil {
			return err
		}
		if err := p.limiter.Wait(ctx); err != nil {
			return err
		}
		if p.leave() {
			return ctx.Err()
		}
	}
}

// opens returns when the next call may leave, as far as the service bears it.
func (p *pacer) opens() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.opensAt(time.Now())
}

// opensAt is for those that have p.mu. A service that has refused calls may take
// them one at a time: then each keeps its distance from where the one before it
// really left, since a timer that was late must not bring the next one nearer.
func (p *pacer) opensAt(now time.Time) time.Time {
	if p.throttle.rate > 0 {
		next := p.last.Add(time.Duration(float64(time.Second) / p.throttle.at(now)))
		if next.After(p.until) {
			return next
		}
	}
	return p.until
}

// leave lets a call leave, or reports that it may not: what began while it waited
// holds it too.
func (p *pacer) leave() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Before(p.opensAt(now)) {
		return false
	}
	p.last = now
	return true
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
