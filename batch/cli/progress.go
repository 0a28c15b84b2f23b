package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"rpsbatch/batch"
)

// bar shows how far a run is, and lets others write to the same terminal: their
// output goes above it. It is safe for concurrent use.
type bar struct {
	out io.Writer

	mu    sync.Mutex
	bar   *progressbar.ProgressBar // nil if none is shown
	first batch.Progress           // what there was at the start
	begun time.Time

	stop chan struct{}
	done sync.WaitGroup
}

func newBar(out io.Writer) *bar { return &bar{out: out} }

func (b *bar) onTerminal() bool { return b != nil && isTerminal(b.out) }

// Write writes above the bar.
func (b *bar) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		b.clear()
	}
	return printable{b.out}.Write(p)
}

// start shows the progress of a run until finish is called, as --progress asks.
// On a terminal it also says what an interrupted run is waiting for.
func (b *bar) start(ctx context.Context, mode string, terminal bool, progress func() batch.Progress) {
	b.first, b.begun = progress(), time.Now()
	var ticks <-chan time.Time
	switch {
	case mode == "lines", mode == "auto" && terminal && (wantsPlainText(os.Getenv) || !obeysEscapes(b.out)):
		ticks = time.Tick(30 * time.Second)
	case mode == "auto" && terminal:
		ticks = time.Tick(100 * time.Millisecond)
		b.bar = progressbar.NewOptions(b.first.Total,
			progressbar.OptionSetWriter(b.out),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionFullWidth(),
			progressbar.OptionUseANSICodes(true),
		)
	}
	var interrupted <-chan struct{}
	if terminal {
		interrupted = ctx.Done()
	}
	b.stop = make(chan struct{})
	b.done.Go(func() {
		for {
			select {
			case <-ticks:
				b.show(progress())
			case <-interrupted:
				interrupted = nil
				if n := progress().InFlight; n > 0 {
					fmt.Fprintln(b, waitingFor(n))
				}
			case <-b.stop:
				return
			}
		}
	})
}

// waitingFor says what a run that is interrupted with so many calls in flight is
// waiting for, and what another signal does.
func waitingFor(inFlight int) string {
	return "waiting for " + count(inFlight, "call") + " in flight; press Ctrl-C again to stop at once"
}

// wantsPlainText reports whether the environment asks for plain ASCII without
// control characters on a terminal.
func wantsPlainText(env func(string) string) bool {
	locale := cmp.Or(env("LC_ALL"), env("LC_CTYPE"), env("LANG"))
	return env("TERM") == "dumb" || env("NO_COLOR") != "" || locale == "C" || locale == "POSIX"
}

func (b *bar) show(p batch.Progress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := progressText(p, b.first, time.Since(b.begun))
	switch {
	case b.bar == nil:
		fmt.Fprintf(b.out, "%s, %s\n", text, count(p.Calls, "call"))
	case p.Total > 0 && p.Done < p.Total && b.narrow():
		// The bar would not fit on its line, and would start a new one each time.
		fmt.Fprintf(b.out, "\r\x1b[K%d/%d rows, %d failed", p.Done, p.Total, p.Failed)
	case p.Total > 0 && p.Done < p.Total:
		b.bar.Describe(text)
		b.bar.Set(p.Done)
	}
}

// progressText returns how far a run is, and how much longer it takes if its
// speed so far shows that.
func progressText(p, first batch.Progress, elapsed time.Duration) string {
	text := fmt.Sprintf("%s/%s rows, %s failed", thousands(p.Done), thousands(p.Total), thousands(p.Failed))
	if done := p.Done - first.Done; done > 0 && p.Done < p.Total && elapsed >= 3*time.Second {
		left := time.Duration(float64(elapsed) / float64(done) * float64(p.Total-p.Done))
		text += fmt.Sprintf(", %v left", left.Round(time.Second))
	}
	return text
}

// clear leaves the line to others.
func (b *bar) clear() {
	b.bar.Clear()
	fmt.Fprint(b.out, "\r\x1b[K")
}

// narrowest is the width of a terminal that the bar needs.
const narrowest = 72

// narrow reports whether the terminal, which may be resized at any time, is too
// narrow for the bar.
func (b *bar) narrow() bool {
	f, ok := b.out.(*os.File)
	if !ok {
		return false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	return err == nil && width > 0 && width < narrowest
}

// finish stops showing, and leaves the line to others.
func (b *bar) finish() {
	if b.stop == nil {
		return
	}
	close(b.stop)
	b.done.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		b.clear()
		b.bar = nil
	}
}
