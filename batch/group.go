package batch

import (
	"slices"
	"strings"
)

// A groupKey says which rows may share a call.
type groupKey struct {
	call   call
	server string
	// apart keeps rows that may get a call refused from those that will not:
	// devices to be removed that the account's list does not show, and what
	// an earlier part of the run may have sent already.
	apart bool
}

// grouper gathers rows into batches: those of one key, in input order, full
// ones as soon as there are enough rows.
type grouper struct {
	groups map[groupKey]*group
	// order has the groups by their first row, oldest first. One that has
	// left may still be in it, with no rows.
	order []*group
}

type group struct {
	key   groupKey
	items []item
}

func newGrouper() *grouper { return &grouper{groups: map[groupKey]*group{}} }

// add puts a row into its group. When that makes the group full, it leaves as
// a batch.
func (g *grouper) add(key groupKey, it item, size int) (batch attempt, full bool) {
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
		return attempt{}, false
	}
	return g.leave(in), true
}

// oldest takes out the group that has waited longest, as it is.
func (g *grouper) oldest() (batch attempt, ok bool) {
	for len(g.order) > 0 {
		in := g.order[0]
		g.order[0] = nil
		g.order = g.order[1:]
		if len(in.items) > 0 {
			return g.leave(in), true
		}
	}
	return attempt{}, false
}

func (g *grouper) leave(in *group) attempt {
	a := attempt{call: in.key.call, server: in.key.server, items: in.items}
	in.items = nil
	delete(g.groups, in.key)
	return a
}

// cut splits a batch that is larger than a call may be by now.
func cut(a attempt, size int) []attempt {
	var parts []attempt
	for len(a.items) > size {
		parts = append(parts, a.with(a.items[:size:size]))
		a = a.with(a.items[size:])
	}
	return append(parts, a)
}
