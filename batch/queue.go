package batch

import (
	"slices"
	"strings"
	"time"
)

// queue holds the calls to be made: those that are ready, in order; those that
// wait for a time; and rows that are gathered into batches. It has no clock and
// starts nothing.
type queue struct {
	ready  []task
	later  []delayed
	held   []lookup // to be made when there is nothing else to do
	groups grouper  // rows that no call has carried
	// gathered has rows to be sent again after a lookup or a list. They are
	// batched until no other work is left.
	gathered grouper
}

// delayed is a task that waits for its time.
type delayed struct {
	task task
	due  time.Time
}

func newQueue() queue { return queue{groups: newGrouper(), gathered: newGrouper()} }

// push puts tasks at the end, first at the beginning.
func (q *queue) push(tasks ...task)  { q.ready = append(q.ready, tasks...) }
func (q *queue) first(tasks ...task) { q.ready = append(tasks, q.ready...) }

// pop takes the first task, which must be there.
func (q *queue) pop() task {
	t := q.ready[0]
	q.ready[0] = nil
	q.ready = q.ready[1:]
	return t
}

// delay postpones a task.
func (q *queue) delay(t task, due time.Time) {
	i := len(q.later)
	for i > 0 && q.later[i-1].due.After(due) {
		i--
	}
	q.later = slices.Insert(q.later, i, delayed{t, due})
}

// due moves the tasks whose time has come to the ready ones.
func (q *queue) due(now time.Time) {
	for len(q.later) > 0 && !q.later[0].due.After(now) {
		q.first(q.later[0].task)
		q.later = q.later[1:]
	}
}

// oldest moves the groups that have waited longest to the ready tasks, until
// there are that many.
func (q *queue) oldest(from *grouper, tasks int) {
	for len(q.ready) < tasks {
		c, ok := from.oldest()
		if !ok {
			return
		}
		q.push(c)
	}
}

// idle reports whether nothing is ready or waits for its time.
func (q *queue) idle() bool { return len(q.ready)+len(q.later) == 0 }

// clear drops everything.
func (q *queue) clear() {
	if !q.idle() || len(q.held)+len(q.groups.groups)+len(q.gathered.groups) > 0 {
		*q = newQueue()
	}
}

// together puts a row into a group, which is ready when it is full.
func (q *queue) together(in *grouper, key groupKey, it item, size int) {
	if c, full := in.add(key, it, size); full {
		q.push(c)
	}
}

// A groupKey says which rows may share a call.
type groupKey struct {
	call   call
	server string
	// apart separates rows whose call may be refused from others: devices to be
	// removed that the account's list does not show, and what an earlier part of
	// the run may have sent already.
	apart bool
	last  bool // so many calls with the rows were lost that this is the last, in smaller batches
}

// grouper gathers rows into batches: those of one key, in input order, as full
// batches as soon as there are enough rows.
type grouper struct {
	groups map[groupKey]*group
	// order has the groups by their first row, oldest first. One that has left
	// may still be in it, without rows.
	order []*group
}

type group struct {
	key   groupKey
	items []item
}

func newGrouper() grouper { return grouper{groups: map[groupKey]*group{}} }

// add puts a row into its group. When that makes the group full, it leaves as
// a batch.
func (g *grouper) add(key groupKey, it item, size int) (batch change, full bool) {
	in := g.groups[key]
	if in == nil {
		if len(g.order) > 2*len(g.groups)+100 {
			g.order = slices.DeleteFunc(g.order, func(in *group) bool { return len(in.items) == 0 })
		}
		key.server = strings.Clone(key.server) // not the whole record
		in = &group{key: key}
		g.groups[key] = in
		g.order = append(g.order, in)
	}
	in.items = append(in.items, it)
	if len(in.items) < size {
		return change{}, false
	}
	return g.leave(in), true
}

// oldest takes out the group that has waited longest, as it is.
func (g *grouper) oldest() (batch change, ok bool) {
	for len(g.order) > 0 {
		in := g.order[0]
		g.order[0] = nil
		g.order = g.order[1:]
		if len(in.items) > 0 {
			return g.leave(in), true
		}
	}
	return change{}, false
}

func (g *grouper) leave(in *group) change {
	c := change{call: in.key.call, server: in.key.server, items: in.items}
	in.items = nil
	delete(g.groups, in.key)
	return c
}
