package csvio

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A header is the meaning of each column.
type header struct {
	names []string   // of all columns, ours too
	ours  []int      // for each cell of the header: its place in Columns, or -1
	at    [roles]int // the column of each role, -1 if there is none
}

func newHeader(names []string) header {
	h := header{names: names, ours: make([]int, len(names))}
	for i, name := range names {
		h.ours[i] = slices.Index(Columns, name)
	}
	for r := range h.at {
		h.at[r] = -1
	}
	return h
}

// readHeader finds the columns. Names that Options give are looked for as they
// are, as plainName leaves them, and as numbers; the other roles by their usual
// names among the columns not yet taken.
func readHeader(names []string, line int, opts *Options) (header, error) {
	h, task := newHeader(names), opts.task()
	fail := func(reason, hint string) (header, error) {
		return header{}, &FileError{Line: line, Columns: h.shown(), Reason: reason, Hint: hint}
	}

	if err := checkRoles(opts.Columns); err != nil {
		return header{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(opts.Columns)) {
		wanted := opts.Columns[name]
		r := role(slices.Index(roleNames[:], name))
		found := h.named(wanted)
		switch {
		case len(found) == 0:
			return fail(fmt.Sprintf("there is no column %q", wanted), "give one of these with "+columnFlag(r, "NAME"))
		case len(found) > 1:
			return fail(fmt.Sprintf("there are %d columns named %q", len(found), wanted), "rename one of them")
		case slices.Contains(h.at[:], found[0]):
			return fail(fmt.Sprintf("column %q is to be read for two things", wanted), "give each "+flagColumn+" another name")
		}
		h.at[r] = found[0]
	}

	for _, r := range [roles]role{roleMAC, roleAction, roleServer, roleURL} {
		needed := !task.servers
		switch r {
		case roleAction:
			needed = task.actions
		case roleServer, roleURL:
			needed = h.readsTargets(task)
		}
		if h.at[r] >= 0 || !needed {
			continue
		}
		var found []int
		for i, name := range names {
			if alias, ok := task.roleOf(name); ok && alias == r && h.ours[i] < 0 && !slices.Contains(h.at[:], i) {
				found = append(found, i)
			}
		}
		if len(found) > 1 {
			first, second := names[found[0]], names[found[1]]
			hint := "say which with " + columnFlag(r, strconv.Quote(first))
			if len(h.named(first)) > 1 {
				hint = "rename one of them, or name another with " + columnFlag(r, "NAME")
			}
			return fail(fmt.Sprintf("both %q (column %d) and %q (column %d) can be the %s", first, found[0]+1,
				second, found[1]+1, roleNames[r]), hint)
		}
		if len(found) == 1 {
			h.at[r] = found[0]
		}
	}
	if h.at[roleMAC] < 0 && !slices.Contains(h.ours, -1) {
		// The account as 'list' writes it has no other column.
		h.at[roleMAC] = slices.Index(h.ours, macColumn)
	}
	for _, r := range []role{roleServer, roleURL} {
		if task.servers && h.at[r] < 0 {
			return fail("no column is known to hold the servers' "+map[role]string{roleServer: "names", roleURL: "URLs"}[r],
				"a list of servers has a header with name and url")
		}
	}
	if h.at[roleMAC] < 0 && !task.servers {
		return fail("no column is known to hold the MAC addresses", h.macHint())
	}
	return h, nil
}

// readsTargets reports whether the columns of servers and URLs are read. Rows
// that say register need them, whichever command reads the file.
func (h *header) readsTargets(t task) bool {
	return t.binds || t.servers || t.actions && h.at[roleAction] >= 0
}

func checkRoles(columns map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		if !slices.Contains(roleNames[:], name) {
			return optionError(flagColumn, "%s=%s: no such role; there are mac, server, url and action", name, columns[name])
		}
	}
	return nil
}

// named gives the user's columns of a name.
func (h *header) named(wanted string) (found []int) {
	for _, same := range []func(string) bool{
		func(name string) bool { return name == strings.TrimSpace(wanted) },
		func(name string) bool { return plainName(wanted) != "" && plainName(name) == plainName(wanted) },
	} {
		for i, name := range h.names {
			if h.ours[i] < 0 && same(name) {
				found = append(found, i)
			}
		}
		if found != nil {
			return found
		}
	}
	// In the result of a file without a header, --column names its columns by
	// their numbers still.
	if i := h.numbered(wanted); i >= 0 {
		found = append(found, i)
	}
	return found
}

// numbered gives the user's column of a number from 1 on, -1 if it is none.
func (h *header) numbered(wanted string) int {
	number, err := strconv.Atoi(wanted)
	if err != nil {
		return -1
	}
	for i := range h.names {
		if h.ours[i] >= 0 {
			continue
		}
		if number--; number == 0 {
			return i
		}
	}
	return -1
}

// macHint guesses why no column holds the MAC addresses.
func (h *header) macHint() string {
	if len(h.names) == 1 && strings.ContainsAny(h.names[0], ",;|\t") {
		return "another delimiter seems to separate them"
	}
	for _, name := range h.names {
		if name == "" {
			continue
		}
		switch kind, _ := macFault(name, nil); kind {
		case kindZeros, kindScientific, kindLookAlike:
			return "if this line is a device, give " + flagNoHeader
		}
	}
	return "name it with " + columnFlag(roleMAC, "NAME")
}

// shown gives the names of the user's columns for messages.
func (h *header) shown() (names []string) {
	const longest = 40
	for i, name := range h.names {
		switch r := []rune(strings.ToValidUTF8(name, "?")); {
		case h.ours[i] >= 0:
			continue
		case strings.Contains(name, "://"):
			name = "(a URL)" // a file without a header, and its URL a secret
		case len(r) > longest:
			name = string(r[:longest]) + "..."
		}
		names = append(names, name)
	}
	return names
}
