package batch

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// minPause holds all calls after a 429 or 503 that names no time.
	minPause = 250 * time.Millisecond
	// maxPause caps what Retry-After may ask for.
	maxPause = 5 * time.Minute

	backoffBase = 250 * time.Millisecond
	backoffCap  = 20 * time.Second
)

// backoff gives how long to wait before a call is tried again: full jitter
// below a bound that doubles with each try.
func backoff(tries int) time.Duration {
	bound := backoffCap
	if tries < 16 {
		bound = min(bound, backoffBase<<tries)
	}
	return rand.N(bound)
}

// pacer lets calls leave at the rate they may, and holds them all when the
// service asks for it. It is safe for concurrent use.
type pacer struct {
	limiter *rate.Limiter

	mu    sync.Mutex
	until time.Time // no call leaves before
}

func newPacer(perSecond float64, burst int) *pacer {
	return &pacer{limiter: rate.NewLimiter(rate.Limit(perSecond), burst)}
}

// wait returns when a call may leave, or with the error of the context.
func (p *pacer) wait(ctx context.Context) error {
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
	if until := time.Now().Add(min(d, maxPause)); until.After(p.until) {
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
