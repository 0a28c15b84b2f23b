package batch

import (
	"cmp"
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// maxPause caps how long Retry-After may ask to wait.
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

// pacer lets calls leave at the allowed rate, and holds them all when the service
// asks for it. It is safe for concurrent use.
type pacer struct {
	limiter *rate.Limiter // from the rate that the user allows

	// turn is held by the one call that waits to leave.
	turn chan struct{}

	mu       sync.Mutex
	until    time.Time     // no call leaves before
	last     time.Time     // a call left
	trip     time.Duration // round trip to the service, roughly
	throttle throttle
}

func newPacer(perSecond float64, burst int) *pacer {
	return &pacer{
		turn:     make(chan struct{}, 1),
		limiter:  rate.NewLimiter(rate.Limit(perSecond), burst),
		throttle: throttle{full: perSecond},
	}
}

// answered records an answer to a call that left at a time. If it took longer
// than most, the call may have reached the service late, so the next one keeps
// its distance from that, within reason.
func (p *pacer) answered(left time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.throttle.answered(left)
	trip := time.Since(left)
	late := trip - cmp.Or(p.trip, trip)
	p.trip = trip - late + late/8
	if !left.Before(p.last) {
		gap := p.throttle.gap(left)
		p.space(p.last.Add(min(late, gap/4)))
	}
}

// refused records that the service asked to slow down, and holds all calls back
// for a pause.
func (p *pacer) refused(left time.Time, pause time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.holdUntil(now.Add(p.throttle.refused(left, now, min(pause, maxPause))))
}

// slowed returns the rate after the service last asked to slow down; 0 if it
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
		if until := p.heldUntil(); time.Now().Before(until) {
			if err := sleepUntil(ctx, until); err != nil {
				return err
			}
			continue // it may be longer by now, and a token should not be wasted
		}
		if err := p.limiter.Wait(ctx); err != nil {
			return err
		}
		// What began while this call waited for its turn holds it too.
		if p.leave(time.Now()) {
			return ctx.Err()
		}
	}
}

// leave lets a call leave, unless all are held.
func (p *pacer) leave(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.until) {
		return false
	}
	p.last = now
	p.space(now)
	return true
}

// space holds the next call until it may follow one that left at a time. The
// caller holds p.mu. A service with a limit may take calls one at a time, so each
// keeps its distance from when the one before it really left: a late timer must
// not bring the next one closer.
func (p *pacer) space(left time.Time) {
	if p.throttle.rate > 0 {
		p.holdUntil(left.Add(p.throttle.gap(left)))
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

// holdUntil is hold for callers that hold p.mu.
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
