package csvio

import (
	"fmt"
	"strconv"
	"strings"

	"rpsbatch/batch"
	"rpsbatch/rps"
)

const (
	kindQuote = "cell that may hold other rows"

	neverClosed = "a quote is never closed"
)

// swallowed returns what is wrong with a record that swallowed others: rows that
// would then have no verdict. Only quoted cells contain line breaks, so most
// records need no check.
//
// A later line of a cell that has a MAC but does not look like a record may be a
// note. The row's Note says so.
func (r *Reader) swallowed(record string, row *batch.Row) (faults []fault) {
	if !r.split.several {
		return nil
	}
	if i := r.split.torn; i >= 0 {
		line := r.lineAt(record, r.cellStart(i)) + 1
		faults = append(faults, fault{role: noRole, cell: i + 1, kind: kindQuote, text: fmt.Sprintf(
			"text follows the closing quote of a multi-line cell, so rows from %s on may have been swallowed: add the missing quote, or remove the extra one", r.lineName(record, i, line))})
	} else if i, line, mac, ok := r.recordInside(record); ok {
		faults = append(faults, fault{role: noRole, cell: i + 1, kind: kindQuote, text: fmt.Sprintf(
			"%s, inside a multi-line cell, looks like a row of its own, for the MAC %s: make it a row (a quote is missing or extra); if it is a note, remove the MAC from that line", r.lineName(record, i, line), mac)})
	}
	// The result has neither a MAC nor a server from what an unclosed quote swallowed.
	if prior := &row.Prior; prior.Status == batch.Invalid && prior.MAC == (rps.MAC{}) && prior.Server == "" && row.Device.MAC != (rps.MAC{}) && !row.Damaged {
		row.Unclosed = true
		faults = append(faults, fault{role: noRole, kind: kindQuote, text: neverClosed + ", as an earlier run found, and the lines of the cell may be rows of their own: make each a row; if they are not, empty the cell rps_status"})
	}
	return faults
}

func swallowingHeader(line int) error {
	return &FileError{Line: line, Reason: "a multi-line cell in the header seems to have swallowed rows",
		Hint: "add the missing quote, or remove the extra one"}
}

// recordInside finds the first line in a multi-line cell that looks like a record
// of this file: with delimiters, and with a MAC where the MAC column is. The last
// line continues with the cells after it; it is a record if there is a delimiter
// within the cell, or if there are then too many cells. It is not one if the MAC
// is the record's own, unless the first line has one too.
func (r *Reader) recordInside(record string) (cellIndex, line int, mac string, ok bool) {
	ends := r.split.ends
	if n := r.users; n > 0 && len(ends) == n+len(r.format.ours()) {
		ends = ends[:n] // those of the user
	}
	// A result has empty cells after them, which must not make a note a row.
	record = strings.TrimRight(record[:ends[len(ends)-1]], string(rune(r.opts.Comma)))
	own, named := r.header.at[roleMAC], r.lastNamed()
	for i, end := range ends {
		if end > len(record) {
			break
		}
		text := cell(record, ends, i)
		if text == "" || text[0] != '"' || !hasLineBreak(text) {
			continue
		}
		start := r.cellStart(i)
		first := start + strings.IndexAny(text, "\r\n")
		if i < own && !hasLineBreak(record[:first]) {
			if mac, _, ok := r.rowsMAC(record[:first]); ok {
				return i, r.split.start, mac, true
			}
		}
		for at := first; at < len(record) && (record[at] == '\r' || record[at] == '\n'); {
			if at++; record[at-1] == '\r' && strings.HasPrefix(record[at:], "\n") {
				at++
			}
			inner, whole := record[at:ends[i]], record[at:]
			if end := strings.IndexAny(whole, "\r\n"); end >= 0 {
				whole = whole[:end]
			}
			inner = inner[:min(len(inner), len(whole))]
			alone := strings.IndexByte(inner, r.opts.Comma) < 0
			if mac, offset, ok := r.rowsMAC(whole); ok && (!alone || len(whole) > len(inner) && len(ends) > named) &&
				(own < i || own >= len(ends) || at+offset != r.cellStart(own)) {
				return i, r.lineAt(record, at), mac, true
			}
			if at += len(inner); at >= ends[i] {
				break
			}
		}
	}
	return 0, 0, "", false
}

// rowsMAC returns the MAC of a line as a record of its own, by the columns of
// this file or of the file that it is a result of, and where in the line it is.
// For a line with as many cells as a row, that may be a damaged MAC.
func (r *Reader) rowsMAC(line string) (mac string, offset int, ok bool) {
	full := r.header.at[roleMAC]
	users := full
	for i := range min(max(full, 0), len(r.header.ours)) {
		if r.header.ours[i] >= 0 {
			users--
		}
	}
	try := func(cells []string) (string, int, bool) {
		offset := 0
		for i, text := range cells {
			if i == full || i == users {
				text := tidy(strings.Trim(text, `"`))
				mac, _, kind, _ := r.macs.parse(text)
				switch {
				// Somebody types a note of a few words into a workbook's cell.
				case kind == "" && (!r.opts.records || len(cells) >= r.named):
					return mac.String(), offset, true
				case len(cells) > 1 && len(cells) >= r.named && wasOnceMAC(text, kind):
					return strconv.Quote(text), offset, true
				}
			}
			offset += len(text) + 1
		}
		return "", 0, false
	}
	if mac, offset, ok = try(strings.Split(line, string(rune(r.opts.Comma)))); ok || strings.IndexByte(line, '"') < 0 {
		return mac, offset, ok
	}
	// One of its cells may be quoted, with quotes that a program has doubled
	// since.
	for _, text := range [...]string{line, strings.ReplaceAll(line, `""`, `"`)} {
		var cells []string
		for rest, more := text, true; more; {
			text, rest, more = cutCell(rest, r.opts.Comma)
			cells = append(cells, text)
		}
		if mac, offset, ok = try(cells); ok {
			break
		}
	}
	return mac, offset, ok
}

// wasOnce reports whether a cell that is not a MAC can be the rest of one.
func (m *macReader) wasOnce(cell string) bool {
	_, _, kind, _ := m.parse(cell)
	return kind != "" && wasOnceMAC(cell, kind)
}

// wasOnceMAC reports whether a text with a fault can be the rest of a MAC.
func wasOnceMAC(text, kind string) bool {
	switch kind {
	case kindZeros, kindDecimal, kindScientific, kindLookAlike, kindOther:
		return true
	case kindBadMAC:
		digits := 0
		for _, c := range []byte(text) {
			if '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' {
				digits++
			} else if strings.IndexByte("-:. ", c) < 0 {
				return false
			}
		}
		return digits >= fewestDigits && digits <= 16
	}
	return false
}

// lastNamed is the number of columns up to the user's last one that has a name or
// is read. After it a result has empty cells in its header.
func (r *Reader) lastNamed() (n int) {
	for i, name := range r.header.names {
		if r.header.ours[i] < 0 && name != "" {
			n = i + 1
		}
	}
	for _, at := range r.header.at {
		n = max(n, at+1)
	}
	return n
}

func (r *Reader) cellStart(i int) int {
	if i == 0 {
		return 0
	}
	return r.split.ends[i-1] + 1
}

// lineAt returns the physical line of a place in the record.
func (r *Reader) lineAt(record string, at int) int {
	return r.split.start + lineBreaks([]byte(record[:at]))
}

// lineName names a physical line. In a sheet only the cell has lines.
func (r *Reader) lineName(record string, i, line int) string {
	if r.opts.records {
		return fmt.Sprintf("line %d of the cell", line-r.lineAt(record, r.cellStart(i))+1)
	}
	return fmt.Sprintf("line %d", line)
}

func hasLineBreak(text string) bool {
	return strings.IndexByte(text, '\n') >= 0 || strings.IndexByte(text, '\r') >= 0
}

// mentions reports whether a multi-line cell may contain records: a later line
// has a cell that is a MAC, and not the row's own, as when a quote was closed too
// late.
func (r *Reader) mentions(record string, own rps.MAC) bool {
	if !r.split.several {
		return false
	}
	lines := strings.FieldsFunc(record, func(c rune) bool { return c == '\n' || c == '\r' })
	for _, line := range lines[min(1, len(lines)):] {
		for text := range strings.SplitSeq(line, string(rune(r.opts.Comma))) {
			mac, _, kind, _ := r.macs.parse(tidy(strings.Trim(text, `"`)))
			if kind == "" && mac != own {
				return true
			}
		}
	}
	return false
}
