package csvio

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// guessHeader returns the meaning and names of the columns of a file without a
// header: those of their roles, and "column 4" for the others. Options.Columns
// has numbers. What they leave open is found in the first records:
//
//   - the MAC is the column in which one of them has the MAC of a phone; two
//     such are an error, and addresses of other makers decide nothing,
//   - the URL is the first in which one of them has a URL,
//   - the action is the first in which one of them has register or deregister,
//   - the server is the next column behind the MAC that is neither, unless
//     Options have a server for all rows: it is then more likely a model,
//   - if none of them has a URL, it is the next column behind the server,
//     provided that all of them leave that blank: a URL that comes later must
//     not be overlooked.
//
// This does not depend on the command, so that a result has the same names
// whatever was done.
func (r *Reader) guessHeader(records []sampled) (header, error) {
	width := 0
	for _, record := range records {
		width = max(width, len(record.names))
	}
	h := newHeader(nil)
	fail := func(reason, hint string) (header, error) {
		shown := newHeader(records[0].names)
		return header{}, &FileError{Line: records[0].line, Columns: shown.shown(), Reason: reason, Hint: hint}
	}
	taken := func(i int) bool { return slices.Contains(h.at[:], i) }

	if err := checkRoles(r.opts.Columns); err != nil {
		return header{}, err
	}
	for of, name := range roleNames {
		wanted, ok := r.opts.Columns[name]
		if !ok || r.isNone(role(of)) {
			continue
		}
		const most = 1 << 14 // columns of a spreadsheet
		number, err := strconv.Atoi(wanted)
		switch {
		case err != nil || number < 1 || number > most:
			return fail(fmt.Sprintf("there is no header to name a column %q", wanted), "use its number, such as "+columnFlag(role(of), "2"))
		case taken(number - 1):
			return fail(fmt.Sprintf("column %d is used for two roles", number), "use a different number for each "+flagColumn)
		}
		h.at[of], width = number-1, max(width, number)
	}

	holding := func(right func(string) bool) (found []int) {
		for i := range width {
			if !taken(i) && slices.ContainsFunc(records, func(record sampled) bool {
				return i < len(record.names) && right(record.names[i])
			}) {
				found = append(found, i)
			}
		}
		return found
	}
	if h.at[roleMAC] < 0 {
		switch found := holding(r.macs.isPhone); {
		case len(found) > 1:
			return fail(fmt.Sprintf("there is no header, and columns %d and %d both have MACs", found[0]+1, found[1]+1),
				"say which with "+columnFlag(roleMAC, strconv.Itoa(found[0]+1)))
		case len(found) == 1:
			h.at[roleMAC] = found[0]
		default:
			reason, hint := "there is no header, and no cell of the first records has a MAC", "name the MAC column by its number, such as "
			column := "2"
			if others := holding(r.macs.isMAC); others != nil {
				reason += " of Yealink's blocks of addresses"
				column = strconv.Itoa(others[0] + 1)
			}
			return fail(reason, hint+columnFlag(roleMAC, column))
		}
	}
	find := func(of role, right func(string) bool) {
		if found := holding(right); h.at[of] < 0 && found != nil && !r.isNone(of) {
			h.at[of] = found[0]
		}
	}
	find(roleURL, isURL)
	find(roleAction, func(cell string) bool { _, ok := actionOf(cell); return ok })

	next := func(i int) int {
		for i++; i < width && taken(i); i++ {
		}
		if i < width {
			return i
		}
		return -1
	}
	if h.at[roleServer] < 0 && r.opts.Server == "" && !r.isNone(roleServer) {
		h.at[roleServer] = next(h.at[roleMAC])
	}
	if server := h.at[roleServer]; server >= 0 && h.at[roleURL] < 0 && !r.isNone(roleURL) {
		filled := holding(filled)
		if i := next(server); i >= 0 && !slices.Contains(filled, i) {
			h.at[roleURL] = i
		}
	}

	for i := range width {
		name := "column " + strconv.Itoa(i+1)
		if of := slices.Index(h.at[:], i); of >= 0 {
			name = roleNames[of]
		}
		h.names, h.ours = append(h.names, name), append(h.ours, -1)
	}
	return h, nil
}

// eachLineQuoted reports whether every record is one quoted cell that has cells
// of its own, as programs write it that take a line for a cell.
func eachLineQuoted(records []sampled) bool {
	for _, record := range records {
		if len(record.names) != 1 || !strings.HasPrefix(record.raw, `"`) || !strings.ContainsAny(record.names[0], commas) {
			return false
		}
	}
	return len(records) > 1
}
