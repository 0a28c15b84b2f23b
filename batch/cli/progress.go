package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"rpsbatch/batch"
)

// bar shows how far a run is, and lets others write to the same terminal:
// what they write goes above it. It is safe for concurrent use.
type bar struct {
	out io.Writer

	mu     sync.Mutex
	bar    *progressbar.ProgressBar // nil when none is shown
	paused bool

	stop chan struct{}
	done sync.WaitGroup
}

func newBar(out io.Writer) *bar { return &bar{out: out} }

// Write writes above the bar.
func (b *bar) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		b.clear()
	}
	return b.out.Write(p)
}

// start shows the progress of a run until finish is called, in the way that
// --progress asks for.
func (b *bar) start(mode string, terminal bool, progress func() batch.Progress) {
	var every time.Duration
	switch {
	case mode == "lines":
		every = 30 * time.Second
	case mode == "auto" && terminal:
		every = 100 * time.Millisecond
		b.bar = progressbar.NewOptions(progress().Total,
			progressbar.OptionSetWriter(b.out),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("rows"),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionFullWidth(),
			progressbar.OptionUseANSICodes(true),
			progressbar.OptionSetDescription("0 failed"),
		)
	default:
		return
	}
	b.stop = make(chan struct{})
	b.done.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				b.show(progress())
			case <-b.stop:
				return
			}
		}
	})
}

func (b *bar) show(p batch.Progress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.paused:
	case b.bar == nil:
		fmt.Fprintf(b.out, "%d of %d rows, %d failed, %d calls\n", p.Done, p.Total, p.Failed, p.Calls)
	case p.Total > 0 && p.Done < p.Total && b.narrow():
		// The bar would not fit on its line, and begin a new one each time.
		fmt.Fprintf(b.out, "\r\x1b[K%d/%d rows, %d failed", p.Done, p.Total, p.Failed)
	case p.Total > 0 && p.Done < p.Total:
		b.bar.Describe(fmt.Sprintf("%d failed", p.Failed))
		b.bar.Set(p.Done)
	}
}

// clear leaves the line to others.
func (b *bar) clear() {
	b.bar.Clear()
	fmt.Fprint(b.out, "\r\x1b[K")
}

// narrowest is the width of a terminal that the bar needs.
const narrowest = 60

// narrow tells whether the terminal, which may be resized at any time, is too
// narrow for the bar.
func (b *bar) narrow() bool {
	f, ok := b.out.(*os.File)
	if !ok {
		return false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	return err == nil && width > 0 && width < narrowest
}

// pause keeps the terminal free while do asks the user something.
func (b *bar) pause(do func()) {
	b.mu.Lock()
	b.paused = true
	if b.bar != nil {
		b.clear()
	}
	b.mu.Unlock()
	do()
	b.mu.Lock()
	b.paused = false
	b.mu.Unlock()
}

// finish ends the showing and leaves the line to others.
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
