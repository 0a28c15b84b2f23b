package batch

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"rpsbatch/rps"
	"rpsbatch/rps/rpstest"
)

// sendAll sends rows in batches to a service, as many calls at once as the run has
// workers, and does what decide says until nothing is left or the service is found
// to be stubborn.
func sendAll(rows, size, workers int, service func(calls int, c change) *rps.Error) (calls int, stopped bool) {
	var s stubborn
	var ready []change
	for _, c := range (change{items: rowsWith(rows)}).cut(size) {
		ready = append(ready, change{items: c.items})
	}
	f := facts{maxAttempts: 5, mayRetry: true, canList: true, trusted: true}
	for len(ready) > 0 {
		n := min(len(ready), s.most(workers))
		flying := ready[:n:n]
		ready = ready[n:]
		for _, c := range flying {
			calls++
			err := service(calls, c)
			stopped = s.observe(c, err) || stopped
			ready = append(decide(f, c, answer{err: err}).next, ready...)
		}
		if stopped {
			return calls, true
		}
	}
	return calls, false
}

func TestStubborn(t *testing.T) {
	refused := func(text string, named ...rps.MAC) *rps.Error {
		return &rps.Error{Kind: rps.Refusal, Text: text, MACs: named}
	}
	fails := &rps.Error{Kind: rps.HandlerFailed, Text: "fault 0: Failed to invoke method"}
	has := func(c change, rows ...int) bool {
		for _, it := range c.items {
			for _, row := range rows {
				if it.row == row {
					return true
				}
			}
		}
		return false
	}
	for _, c := range []struct {
		name                string
		rows, size, workers int
		service             func(calls int, c change) *rps.Error
		stops               bool
		calls               int // until it stops; else at most
	}{
		{"a locked account", 100, 100, 2, func(int, change) *rps.Error { return refused("The account has been locked") }, true, 3},
		{"a locked account, one call at a time", 1000, 100, 1, func(int, change) *rps.Error { return refused("The account has been locked") }, true, 10},
		{"a locked account, many calls at once", 1000, 100, 4, func(int, change) *rps.Error { return refused("The account has been locked") }, true, 10},
		{"a locked account, row by row", 1000, 1, 1, func(int, change) *rps.Error { return refused("The account has been locked") }, true, 10},
		{"a handler that always fails", 100, 100, 2, func(int, change) *rps.Error { return fails }, true, 3},
		{"a handler that fails for one MAC", 300, 100, 1, func(_ int, c change) *rps.Error {
			if has(c, 150) {
				return fails
			}
			return nil
		}, false, 30},
		{"a MAC that is refused without its name", 100, 100, 1, func(_ int, c change) *rps.Error {
			if has(c, 99) {
				return refused("no such model")
			}
			return nil
		}, false, 15},
		{"two of them in one half", 100, 100, 1, func(_ int, c change) *rps.Error {
			if has(c, 3, 4) {
				return refused("no such model")
			}
			return nil
		}, false, 30},
		{"one in each half, which looks the same", 100, 100, 2, func(_ int, c change) *rps.Error {
			if has(c, 3, 99) {
				return refused("no such model")
			}
			return nil
		}, true, 3},
		{"halves that are refused in other words", 4, 4, 1, func(calls int, c change) *rps.Error { return refused(fmt.Sprint(calls)) }, false, 7},
		{"rows that are refused by name", 50, 1, 1, func(_ int, c change) *rps.Error { return refused("no such model", c.items[0].mac) }, false, 50},
		{"rows that are refused in the guide's words", 50, 1, 1, func(_ int, c change) *rps.Error { return &rps.Error{Kind: rps.InvalidMAC, Text: "Invalid MAC(s)"} }, false, 50},
		{"every tenth row is granted", 100, 1, 1, func(calls int, c change) *rps.Error {
			if calls%10 == 0 {
				return nil
			}
			return refused("busy")
		}, false, 100},
		{"every tenth row is refused by name", 100, 1, 1, func(calls int, c change) *rps.Error {
			if calls%10 == 0 {
				return refused("busy", c.items[0].mac)
			}
			return refused("busy")
		}, false, 100},
		{"every second row is lost", 100, 1, 1, func(calls int, c change) *rps.Error {
			if calls%2 == 0 {
				return &rps.Error{Kind: rps.Unreadable}
			}
			return refused("busy")
		}, true, 19},
		{"batches that are too big", 100, 100, 1, func(_ int, c change) *rps.Error {
			if len(c.items) > 1 {
				return &rps.Error{Kind: rps.BatchTooBig, Text: "too many"}
			}
			return nil
		}, false, 199},
		{"batches of one that are too big", 100, 1, 1, func(int, change) *rps.Error {
			return &rps.Error{Kind: rps.BatchTooBig, Text: "your limit is reached"}
		}, true, 10},
		{"a row that is tried again", 1, 1, 1, func(int, change) *rps.Error { return fails }, false, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls, stopped := sendAll(c.rows, c.size, c.workers, c.service)
			if stopped != c.stops || stopped && calls != c.calls || calls > c.calls {
				t.Errorf("%d calls, stopped: %v; want %d, %v", calls, stopped, c.calls, c.stops)
			}
		})
	}
}

// Once it looks as if the account were refused, one call at a time is enough.
func TestStubbornCallsOneAtATime(t *testing.T) {
	s := stubborn{}
	for calls, want := range []int{4, 4, 4, 1} {
		if got := s.most(4); got != want {
			t.Errorf("after %d refusals %d calls may be in flight, want %d", calls, got, want)
		}
		s.observe(change{items: rowsWith(1)}, &rps.Error{Kind: rps.Refusal, Text: "busy"})
	}
	if s.observe(change{items: rowsWith(1)}, nil); s.most(4) != 4 {
		t.Error("a success is nothing to it")
	}
}

func TestLockedAccountTakesFewCalls(t *testing.T) {
	for _, size := range []int{1, 100} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := &trial{rows: devices(300, "A"), options: rpstest.Options{Faults: []rpstest.Fault{
					{Name: "says", Method: "registerDevices", Text: "The account has been locked", Times: -1},
				}}}
				tr.config = func(c *Config) { c.BatchSize = size }
				tr.run(t)
				if n := tr.summary.TotalCalls(); !errors.Is(tr.err, ErrStubborn) || n > 13 {
					t.Errorf("%v after %d calls", tr.err, n)
				}
			})
		})
	}
}
