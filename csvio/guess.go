package csvio

import (
	"fmt"
	"slices"
	"strconv"
)

// guessHeader gives the columns of a file without a header their meaning and
// names: those of their roles, and "column 4" for the others. Options.Columns
// has numbers. What they leave open is found out from the first records:
//
//   - the MAC is the column in which one of them has a MAC; two such are an
//     error,
//   - the URL is the first in which one of them has a URL,
//   - the action is the first in which one of them has register or deregister,
//   - the server is the next column behind the MAC that is neither,
//   - if none of them has a URL, it is the next column behind the server,
//     provided that all of them leave that blank: a URL that comes later must
//     not be overlooked.
//
// This does not depend on what Options need, so that a result has the same
// names whatever was done.
func guessHeader(records []sampled, line int, opts *Options) (header, error) {
	width := 0
	for _, record := range records {
		width = max(width, len(record.names))
	}
	h := newHeader(nil)
	fail := func(reason, hint string) (header, error) {
		shown := newHeader(records[0].names)
		return header{}, &FileError{Line: line, Columns: shown.shown(), Reason: reason, Hint: hint}
	}
	taken := func(i int) bool { return slices.Contains(h.at[:], i) }

	if err := checkRoles(opts.Columns); err != nil {
		return header{}, err
	}
	for r, name := range roleNames {
		wanted, ok := opts.Columns[name]
		if !ok {
			continue
		}
		const most = 1 << 14 // columns of a spreadsheet
		number, err := strconv.Atoi(wanted)
		switch {
		case err != nil || number < 1 || number > most:
			return fail(fmt.Sprintf("there is no header that could name a column %q", wanted), "give its number, such as "+columnFlag(role(r), "2"))
		case taken(number - 1):
			return fail(fmt.Sprintf("column %d is to be read for two things", number), "give each "+flagColumn+" another number")
		}
		h.at[r], width = number-1, max(width, number)
	}

	holds := func(i int, right func(string) bool) bool {
		return slices.ContainsFunc(records, func(record sampled) bool {
			return i < len(record.names) && right(record.names[i])
		})
	}
	find := func(r role, right func(string) bool) {
		for i := 0; i < width && h.at[r] < 0; i++ {
			if !taken(i) && holds(i, right) {
				h.at[r] = i
			}
		}
	}
	if h.at[roleMAC] < 0 {
		var found []int
		for i := range width {
			if !taken(i) && holds(i, isMAC) {
				found = append(found, i+1)
			}
		}
		if len(found) > 1 {
			return fail(fmt.Sprintf("there is no header, and columns %d and %d both hold MACs", found[0], found[1]),
				"say which with "+columnFlag(roleMAC, strconv.Itoa(found[0])))
		}
	}
	find(roleMAC, isMAC)
	if h.at[roleMAC] < 0 {
		return fail("there is no header, and no cell of the first records holds a MAC", "give the number of the MAC's column, such as "+columnFlag(roleMAC, "2"))
	}
	find(roleURL, func(cell string) bool { return afterScheme(cell) >= 0 })
	find(roleAction, func(cell string) bool { _, ok := actions[plainName(cell)]; return ok })

	next := func(i int) int {
		for i++; i < width && taken(i); i++ {
		}
		if i < width {
			return i
		}
		return -1
	}
	if h.at[roleServer] < 0 {
		h.at[roleServer] = next(h.at[roleMAC])
	}
	if server := h.at[roleServer]; server >= 0 && h.at[roleURL] < 0 {
		if i := next(server); i >= 0 && !holds(i, func(cell string) bool { return cell != "" }) {
			h.at[roleURL] = i
		}
	}

	for i := range width {
		name := "column " + strconv.Itoa(i+1)
		if r := slices.Index(h.at[:], i); r >= 0 {
			name = roleNames[r]
		}
		h.names, h.ours = append(h.names, name), append(h.ours, -1)
	}
	return h, nil
}

func isMAC(cell string) bool {
	_, _, kind, _ := parseMAC(cell, false)
	return kind == ""
}
