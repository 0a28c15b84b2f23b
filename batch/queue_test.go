package batch

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"rpsbatch/rps"
)

// taskInShort writes a task: its call, server and rows.
func taskInShort(t task) string {
	switch t := t.(type) {
	case change:
		return callNames[t.call] + t.server + itemsInShort(t.items)
	case lookup:
		return "look" + itemsInShort([]item{t.item})
	}
	return "nothing"
}

func TestGrouper(t *testing.T) {
	g := newGrouper()
	var got []string
	add := func(row int, key groupKey) {
		if c, full := g.add(key, item{row: row}, 2); full {
			got = append(got, "full "+taskInShort(c))
		}
	}
	a, b := groupKey{server: "A"}, groupKey{server: "B"}
	apart, remove := groupKey{server: "A", apart: true}, groupKey{call: callDeregister}
	add(1, a)
	add(2, b)
	add(3, apart)
	add(4, remove)
	add(5, a) // full
	add(6, a)
	add(7, remove) // full
	for c, ok := g.oldest(); ok; c, ok = g.oldest() {
		got = append(got, taskInShort(c))
	}
	want := "full registerA[1 5], full deregister[4 7], registerB[2], registerA[3], registerA[6]"
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

// A file may have very many servers. The groups that have left take no memory.
func TestGrouperForgetsWhatHasLeft(t *testing.T) {
	g := newGrouper()
	for i := range 100_000 {
		g.add(groupKey{server: fmt.Sprint(i)}, item{row: i}, 1)
	}
	if len(g.order) > 200 || len(g.groups) > 0 {
		t.Errorf("it keeps %d groups, %d of them with rows", len(g.order), len(g.groups))
	}
	// Nor does that take those that wait out of their order.
	g.add(groupKey{server: "first"}, item{row: 1}, 2)
	for i := range 1000 {
		g.add(groupKey{server: fmt.Sprint(i)}, item{row: i}, 1)
	}
	g.add(groupKey{server: "second"}, item{row: 2}, 2)
	for _, want := range []string{"registerfirst[1]", "registersecond[2]"} {
		if c, ok := g.oldest(); !ok || taskInShort(c) != want {
			t.Errorf("got %s, want %s", taskInShort(c), want)
		}
	}
}

func TestQueue(t *testing.T) {
	q := newQueue()
	task := func(row int) task { return lookup{item: item{row: row}} }
	start := time.Unix(1000, 0)
	q.push(task(2), task(3))
	q.first(task(0), task(1))
	q.delay(task(6), start.Add(2*time.Second))
	q.delay(task(4), start.Add(time.Second))
	q.delay(task(5), start.Add(time.Second)) // not before the other
	q.due(start)
	for row := range 4 {
		if got := q.pop(); taskInShort(got) != taskInShort(task(row)) {
			t.Errorf("got %s as number %d", taskInShort(got), row)
		}
	}
	if len(q.ready) > 0 || q.idle() {
		t.Error("what waits for its time is ready, or nothing")
	}
	q.due(start.Add(time.Second))
	if len(q.ready) != 2 || len(q.later) != 1 {
		t.Errorf("%d are ready, %d wait", len(q.ready), len(q.later))
	}
	q.clear()
	if !q.idle() {
		t.Error("it is not empty")
	}
}

// refusing is a service that refuses who calls, and counts the calls.
type refusing struct {
	Service
	kind  rps.Kind
	calls int
}

func (r *refusing) CheckDeviceExt(context.Context, rps.MAC) (rps.DeviceStatus, string, error) {
	r.calls++
	return "", "", &rps.Error{Kind: r.kind}
}

// A call that waits for its turn does not leave once another one was denied
// access: each brings the account nearer to being locked. What the engine makes of
// that answer comes later.
func TestNoCallLeavesAfterADeniedOne(t *testing.T) {
	for kind, want := range map[rps.Kind]int{rps.Unauthorized: 1, rps.Forbidden: 1, rps.Untrusted: 1, rps.NotService: 1, rps.Throttled: 2, rps.Refusal: 2} {
		service := &refusing{kind: kind}
		c := NewCaller(testConfig(), service, nil)
		fresh := func(task) bool { return false }
		first, second := c.make(t.Context(), lookup{}, fresh), c.make(t.Context(), lookup{}, fresh)
		if service.calls != want || !first.made || second.made != (want == 2) {
			t.Errorf("%v: %d calls, want %d", kind, service.calls, want)
		}
	}
}

// A task that an answer has made pointless meanwhile is given back.
func TestStaleTaskIsNotSent(t *testing.T) {
	service := &refusing{}
	c := NewCaller(testConfig(), service, nil)
	if res := c.make(t.Context(), lookup{}, func(task) bool { return true }); res.made || service.calls > 0 {
		t.Errorf("%d calls", service.calls)
	}
}
