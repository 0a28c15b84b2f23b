package csvio

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"rpsbatch/batch"
)

const (
	kindCutURL = "URL that may have been cut"
	kindMoved  = "cells that may have moved"
)

// surplus judges non-empty cells where the header has no name. They come from a
// delimiter that should have been in quotes: it shifts the cells after it by one.
// bad are the cells that are read and may have shifted, or a URL that seems to
// have been cut; note describes the others.
//
// In a workbook nothing shifts: somebody wrote beside the table. Nor has anything
// shifted in a row that was sent before.
//
// A result has an unnamed header cell for each. If it says that the row was
// invalid, the URL counts as cut again, until it is in quotes.
func (r *Reader) surplus(record string, row *batch.Row, values *cells, faults []fault) (note string, bad []fault) {
	at, width := r.header.at[roleURL], len(r.header.names)
	found, beyond, mac := false, false, ""
	if r.split.cells > r.named {
		r.split.splitAll()
		for i := r.named; i < r.split.cells; i++ {
			value := r.value(record, i)
			if value == "" || r.header.isOurs(i) {
				continue
			}
			found, beyond = true, beyond || i >= width
			if address, _, kind, _ := r.macs.parse(value); kind == "" && mac == "" {
				mac = ", one of them the MAC " + address.String()
			}
		}
	}
	if found && r.runsOn(record) {
		return "", []fault{{role: noRole, cell: r.split.cells - width + 1, kind: kindMoved,
			text: "the first line of another file follows in the same line: start a new line there"}}
	}
	bad = append(r.glued(record, row), r.beside(record, row, values)...)
	if r.opts.records {
		if found {
			note = "it has cells where the header has no name, which are not read" + mac
		}
		return note, bad
	}
	if bad == nil && r.cutURL(record, row, at, found, beyond) {
		bad = append(bad, fault{role: roleURL, kind: kindCutURL, text: fmt.Sprintf("the URL may have been cut at a %s: put it in quotes; if the next cell is not part of it, put that in quotes, or reword it", commaNames[r.opts.Comma])})
	}
	if !found {
		return "", bad
	}
	if before := row.Prior.Status; bad == nil && (before == "" || before == batch.Invalid) {
		bad = r.moved(record, row, values, faults)
	}
	return fmt.Sprintf("it has more cells than the header%s: an unquoted %s may have shifted them", mac, commaNames[r.opts.Comma]), bad
}

// runsOn reports whether the first line of another file follows in a record: its
// header, or a row that begins with a MAC. The last line of a file had no end when the
// other was appended to it, so that its last cell and the first of the other are one.
func (r *Reader) runsOn(record string) bool {
	names := r.header.names
	from := r.split.cells - len(names)
	if r.ours || len(names) < 2 || from != len(names)-1 {
		return false
	}
	joint, same := r.value(record, from), true
	for i, name := range names {
		text, plain := plainName(r.value(record, from+i)), plainName(name)
		same = same && plain != "" && (text == plain || i == 0 && strings.HasSuffix(text, plain))
	}
	return same || r.header.at[roleMAC] == 0 && slices.ContainsFunc([]string{"001565000001", "0015.6500.0001", "00-15-65-00-00-01"}, func(form string) bool {
		own := len(joint) - len(form)
		return own > 0 && r.macs.isPhone(joint[own:])
	})
}

// glued returns a user's cell that has text behind its closing quote and a delimiter
// in quotes, if the row lacks its last cell and what is read may be there: a quote
// that is missing has made one cell of two and moved those behind them.
func (r *Reader) glued(record string, row *batch.Row) []fault {
	at := r.split.glued
	if at < 0 || r.header.isOurs(at) || r.value(record, r.named-1) != "" {
		return nil
	}
	for of, i := range r.header.at {
		of := role(of)
		if i >= at && r.reads[of] && (of == roleMAC || of == roleAction || r.binds(row)) {
			return []fault{{role: noRole, cell: at + 1, kind: kindMoved, text: fmt.Sprintf(
				"text follows the closing quote of a cell that contains a %s, so the %s may be in it or in another column: add the missing quote, or remove the extra one", commaNames[r.opts.Comma], roleNames[of])}}
		}
	}
	return nil
}

// beside returns an empty cell that is read, if the next column has no name and
// may have its value: a header merged over both, or an extra delimiter.
func (r *Reader) beside(record string, row *batch.Row, values *cells) []fault {
	if !r.binds(row) {
		return nil
	}
	for _, of := range []role{roleServer, roleURL} {
		next := r.header.at[of] + 1
		if next == 0 || values[of] != "" || next >= r.split.cells || next < len(r.header.names) && r.header.names[next] != "" || slices.Contains(r.header.at[:], next) {
			continue
		}
		r.split.splitAll()
		value := r.value(record, next)
		if value != "" && isURL(value) == (of == roleURL) && !r.macs.isMAC(value) {
			return []fault{{role: of, kind: kindMoved, text: fmt.Sprintf(
				"its %[1]s is empty, and the cell beside it, in a column without a name, may be it: put the %[1]s in its column; if that cell is something else, empty it or name its column", roleNames[of])}}
		}
	}
	return nil
}

// binds reports whether a row's device is to be bound to a server or a URL.
func (r *Reader) binds(row *batch.Row) bool {
	return r.reads[roleServer] && row.Device.Action != batch.Deregister && row.Device.Action != batch.CheckGone
}

// moved returns the first cell that is read and may have moved in a row with
// more cells than the header. A cell is where it belongs if it is next to the
// MAC, or if a cell after it shows what it is, a MAC or a URL. An empty URL has
// shifted only if there is a URL somewhere else.
func (r *Reader) moved(record string, row *batch.Row, values *cells, faults []fault) []fault {
	h := &r.header
	var wrong [roles]bool
	for _, f := range faults {
		if f.role >= 0 {
			wrong[f.role] = true
		}
	}
	last := -1 // the last cell that shows what it is
	for _, of := range []role{roleMAC, roleURL, roleAction} {
		if values[of] != "" && !wrong[of] {
			last = max(last, h.at[of])
		}
	}
	for _, of := range []role{roleServer, roleURL, roleAction} {
		i := h.at[of]
		if i < 0 || i <= last || i == h.at[roleMAC]+1 || wrong[of] || of != roleAction && !r.binds(row) || of == roleAction && !r.reads[of] {
			continue
		}
		if of == roleURL && !r.anyCell(record, isURL) {
			continue
		}
		return []fault{{role: of, kind: kindMoved, text: fmt.Sprintf(
			"it has more cells than the header, so its %s may be in another column: put the cell that contains a %s in quotes", roleNames[of], commaNames[r.opts.Comma])}}
	}
	return nil
}

// cutURL reports whether the row's URL seems to have been cut at a delimiter, its
// rest being the next cell.
func (r *Reader) cutURL(record string, row *batch.Row, at int, found, beyond bool) bool {
	if row.Device.URL == "" || at < 0 || at+1 >= r.split.cells || r.header.isOurs(at+1) {
		return false
	}
	if own := trimmed(cell(record, r.split.ends, at)); strings.HasPrefix(own, `"`) && strings.HasSuffix(own, `"`) {
		return false
	}
	r.split.splitAll()
	rest := trimmed(unquoted(cell(record, r.split.ends, at+1)))
	switch {
	case rest == "" || strings.ContainsAny(rest, " \t\u00a0"):
		return false
	case beyond, found && row.Prior.Status == batch.Invalid:
		return true
	case strings.Contains(row.Device.URL, "?") && queryRest.MatchString(rest):
		return true
	}
	return r.split.cells > max(len(r.header.names), r.named) && strings.ContainsAny(rest, "=&?#%")
}

// queryRest matches what follows in a URL that was cut within its query.
var queryRest = regexp.MustCompile(`^[A-Za-z0-9_.~%-]+=\S*$`)
