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
	names []string   // of all columns, including ours
	ours  []int      // for each cell of the header: its index in Columns, or -1
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

// isOurs reports whether a column is one of an earlier result.
func (h *header) isOurs(i int) bool { return i < len(h.ours) && h.ours[i] >= 0 }

// readHeader finds the columns from the first of the records. Names that Options
// set are looked for as they are, as plainName leaves them, and as numbers; the
// other roles by their usual names among the remaining columns.
func (r *Reader) readHeader(records []sampled) (header, error) {
	names, line, task := records[0].names, records[0].line, r.task
	h := newHeader(names)
	fail := func(reason, hint string) (header, error) {
		return header{}, &FileError{Line: line, Columns: h.shown(), Reason: reason, Hint: hint}
	}

	if err := checkRoles(r.opts.Columns); err != nil {
		return header{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(r.opts.Columns)) {
		wanted := r.opts.Columns[name]
		of := role(slices.Index(roleNames[:], name))
		if r.isNone(of) {
			continue
		}
		found := h.named(wanted)
		switch {
		case len(found) == 0:
			return fail(fmt.Sprintf("there is no column %q", wanted), "name one of these with "+columnFlag(of, "NAME"))
		case len(found) > 1:
			return fail(fmt.Sprintf("there are %d columns named %q", len(found), wanted), "rename one of them")
		case slices.Contains(h.at[:], found[0]):
			return fail(fmt.Sprintf("column %q is used for two roles", wanted), "use a different name for each "+flagColumn)
		}
		h.at[of] = found[0]
	}

	for _, of := range [roles]role{roleMAC, roleAction, roleServer, roleURL} {
		if h.at[of] >= 0 || !h.reads(task)[of] || r.isNone(of) {
			continue
		}
		var found []int
		for i, name := range names {
			if alias, ok := task.roleOf(name); ok && alias == of && h.ours[i] < 0 && !slices.Contains(h.at[:], i) {
				found = append(found, i)
			}
		}
		if len(found) > 1 {
			first, second := names[found[0]], names[found[1]]
			hint := "say which with " + columnFlag(of, strconv.Quote(first))
			if len(h.named(first)) > 1 {
				hint = "say which by its number, such as " + columnFlag(of, strconv.Itoa(found[0]+1))
			}
			return fail(fmt.Sprintf("both %q (column %d) and %q (column %d) can be the %s", first, found[0]+1,
				second, found[1]+1, roleNames[of]), hint)
		}
		if len(found) == 1 {
			h.at[of] = found[0]
		}
	}
	if h.at[roleMAC] < 0 && !slices.Contains(h.ours, -1) {
		// The account as 'list' writes it has no other column.
		h.at[roleMAC] = slices.Index(h.ours, macColumn)
	}
	for _, of := range []role{roleServer, roleURL} {
		if task.servers && h.at[of] < 0 {
			return fail("no column was recognized as the servers' "+map[role]string{roleServer: "names", roleURL: "URLs"}[of],
				"a list of servers has a header with name and url")
		}
	}
	if h.at[roleMAC] < 0 && !task.servers {
		return fail(r.noMACs(&h, records))
	}
	return h, nil
}

// isNone reports whether no column is to be read for a role.
func (r *Reader) isNone(of role) bool {
	return of != roleMAC && r.opts.Columns[roleNames[of]] == noColumn
}

// reads returns which columns a task reads. Rows that say register need servers
// and URLs, whichever command reads the file.
func (h *header) reads(t task) [roles]bool {
	targets := t.binds || t.servers || t.actions && h.at[roleAction] >= 0
	return [roles]bool{roleMAC: !t.servers, roleServer: targets, roleURL: targets, roleAction: t.actions}
}

func checkRoles(columns map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		if !slices.Contains(roleNames[:], name) {
			return optionError(flagColumn, "%s=%s: no such role; there are mac, server, url and action", name, columns[name])
		}
	}
	return nil
}

// named returns the user's columns with a name.
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
	// In the result of a file without a header, --column still names columns by
	// their numbers.
	if i := h.numbered(wanted); i >= 0 {
		found = append(found, i)
	}
	return found
}

// numbered returns the user's column with a number, from 1; -1 if there is none.
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

// noMACs says why no column was recognized as the MACs, judging by the first
// records, and how to name the right one.
func (r *Reader) noMACs(h *header, records []sampled) (reason, hint string) {
	reason = "no column was recognized as the MAC addresses"
	if len(h.names) == 1 && strings.ContainsAny(h.names[0], commas) {
		return reason, "they seem to have another delimiter: set it with " + flagDelimiter
	}
	if len(h.names) == 1 && slices.ContainsFunc(strings.FieldsFunc(h.names[0], isDivider), func(word string) bool { of, ok := r.task.roleOf(word); return ok && of == roleMAC }) {
		return reason, "separate the cells by comma, semicolon, tab or pipe: save the table as 'CSV UTF-8'"
	}
	var columns []int // with MACs
	var others []string
	device := false // there may be no header
	for i := range h.names {
		if h.isOurs(i) {
			continue
		}
		macs, fault := false, ""
		for at, record := range records {
			if i >= len(record.names) || record.names[i] == "" {
				continue
			}
			_, _, kind, _ := r.macs.parse(record.names[i])
			like := kind == "" || wasOnceMAC(record.names[i], kind) && kind != kindBadMAC || kind == kindOther
			macs, device = macs || kind == "", device || like && at == 0
			if like && kind != "" && fault == "" {
				fault = fmt.Sprintf("column %d: %s", i+1, kind)
			}
		}
		if macs {
			columns = append(columns, i)
		} else if fault != "" {
			others = append(others, fault)
		}
	}
	flag := columnFlag(roleMAC, "NAME")
	if len(columns) > 0 {
		flag = columnFlag(roleMAC, strconv.Quote(h.names[columns[0]]))
		if device || h.names[columns[0]] == "" {
			flag = columnFlag(roleMAC, strconv.Itoa(columns[0]+1))
		}
		if !device {
			reason += fmt.Sprintf(", but column %d has some", columns[0]+1)
		}
	} else if others != nil {
		reason += ", and none has any (" + strings.Join(others, "; ") + ")"
	}
	switch {
	case device && len(columns) > 0:
		return reason, "if this line is a device, use " + flagNoHeader + " and " + flag
	case device:
		return reason, "if this line is a device, use " + flagNoHeader + " and " + columnFlag(roleMAC, "NUMBER")
	case len(columns) > 1:
		return reason, "say which with " + flag
	}
	return reason, "name it with " + flag
}

// shown returns the names of the user's columns for messages.
func (h *header) shown() (names []string) {
	const longest = 40
	for i, name := range h.names {
		switch r := []rune(strings.ToValidUTF8(name, "?")); {
		case h.ours[i] >= 0:
			continue
		case strings.Contains(name, "://"):
			name = "(a URL)" // a file without a header, and its URL is a secret
		case len(r) > longest:
			name = string(r[:longest]) + "..."
		}
		names = append(names, name)
	}
	return names
}

// again reports whether a record without a MAC repeats the header, as in files
// that were joined. With other columns it is an error: the rows below it would be
// read by the wrong ones.
func (r *Reader) again(record string) (bool, error) {
	if r.task.servers || r.header.at[roleMAC] < 0 {
		return false, nil
	}
	r.split.splitAll()
	same, named, key, inPlace := true, 0, false, false
	var names []string
	own := plainName(r.header.names[r.header.at[roleMAC]])
	for i := range max(r.split.cells, len(r.header.names)) {
		if r.header.isOurs(i) {
			continue
		}
		name, here := r.value(record, i), ""
		if i < len(r.header.names) {
			here = r.header.names[i]
		}
		plain := plainName(name)
		alias, ok := r.task.roleOf(name)
		other, too := r.task.roleOf(here)
		same = same && (plain == plainName(here) || ok && too && alias == other)
		if name == "" {
			continue
		}
		if r.macs.isMAC(name) {
			return false, nil
		}
		names = append(names, name)
		isKey := ok && alias == roleMAC || plain == own
		key, inPlace = key || isKey, inPlace || isKey && i == r.header.at[roleMAC]
		if ok || slices.ContainsFunc(r.header.names, func(of string) bool { return plainName(of) == plain }) {
			named++
		}
	}
	switch {
	case same:
		return true, nil
	case inPlace && len(names) > 1: // above a table of another kind
	case !key || named < 2 || named < len(names)-1:
		return false, nil
	}
	h := newHeader(names)
	return false, &FileError{Line: r.split.start, Columns: h.shown(), Reason: "this is a second header, with different columns than the first, or in another order",
		Hint: "move the rows below it to their own file, or put their cells in the order of the first header"}
}
