package csvio

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A header may have two rows: "MAC" merged over both, and "Provisioning" above
// "Server" and "URL". In a sheet the merged ranges show that, and the last row,
// with the names that reach down to it, is the header. Without them nobody knows
// which rows belong together: a header that would leave out a server that the
// person sees is refused.

// fillMerged gives the first records of a sheet the values of merged ranges.
func (r *Reader) fillMerged(records []sampled) {
	for i := range records {
		if r.sheet == nil {
			return
		}
		record := &records[i]
		for _, m := range r.sheet.notedOf(record.line) {
			if missing := m.column + 1 - len(record.names); missing > 0 {
				record.names = append(record.names, make([]string, missing)...)
			}
			record.names[m.column] = tidy(m.text)
			record.merged = append(record.merged, m.column)
		}
	}
}

// lastOfHeader returns the last row of the header that begins with a record: the
// next one is part of it if a name of the header reaches down to it, unless it has
// values. What it leaves empty is named above.
func (r *Reader) lastOfHeader(records []sampled, at int) int {
	for ; at+1 < len(records); at++ {
		above, next := records[at].names, &records[at+1]
		if r.holdsMAC(*next) || r.hasValues(next.names, above) || !slices.ContainsFunc(next.merged, func(i int) bool { return i < len(above) && above[i] != "" && above[i] == next.names[i] }) {
			break
		}
		for i, name := range above {
			if i == len(next.names) {
				next.names = append(next.names, "")
			}
			if next.names[i] == "" {
				next.names[i] = name
			}
		}
	}
	return at
}

// hasValues reports whether a row has something else than a name below the name of
// a role: it is a row of the table, whose MAC is empty or damaged.
func (r *Reader) hasValues(names, above []string) bool {
	isName := func(name string) bool {
		for _, given := range r.opts.Columns {
			if plainName(given) == plainName(name) {
				return true
			}
		}
		_, ok := r.task.roleOf(name)
		return ok
	}
	for i, name := range names {
		if name != "" && i < len(above) && isName(above[i]) && !isName(name) {
			return true
		}
	}
	return false
}

// filledHeader returns the header's record with the names that it has from above,
// without which its result could not be read.
func (r *Reader) filledHeader(record string) string {
	var filled []byte
	for i, name := range r.header.names {
		if i > 0 {
			filled = append(filled, ',')
		}
		if own := cell(record, r.split.ends, i); own != "" {
			filled = append(filled, own...)
		} else {
			filled = appendCell(filled, name)
		}
	}
	return string(filled)
}

// headerGoesOn refuses a two-row header that nothing joins, or that leaves open
// what is read: the row above or below names a column that is read and missing, or
// two columns below a single name that is read. A name below a column that is read
// does not count: the name above it decides what the column is.
func (r *Reader) headerGoesOn(records []sampled, at int) error {
	h := &r.header
	reads := h.reads(r.task)
	isRead := func(i int) bool { of := slices.Index(h.at[:], i); return of >= 0 && reads[of] }
	unnamed := func(i int) bool { return i >= len(h.names) || h.names[i] == "" }
	for _, i := range [...]int{at - 1, at + 1} {
		if i < 0 || i == len(records) || slices.ContainsFunc(records[i].names, hasDigit) {
			continue // a name has none, and most devices have
		}
		for column, name := range records[i].names {
			of, ok := r.task.roleOf(name)
			if ok && reads[of] && h.at[of] < 0 && !isRead(column) && (i > at || unnamed(column)) {
				hint := "put the names of all columns in one row, or name it with " + columnFlag(of, strconv.Itoa(column+1))
				if i > at {
					hint += "; if this line is a device, fill in its MAC or remove it"
				}
				return &FileError{Line: records[i].line, Columns: h.shown(), Reason: fmt.Sprintf("the header seems to have two rows: this one names a column %q, and the other does not", name), Hint: hint}
			}
		}
	}
	if at+1 == len(records) || r.holdsMAC(records[at+1]) {
		return nil
	}
	below, mac := records[at+1].names, h.at[roleMAC]
	under := func(i int) string {
		if i < 0 || i >= len(below) {
			return ""
		}
		return below[i]
	}
	for of, own := range h.at {
		of := role(of)
		if _, named := r.opts.Columns[roleNames[of]]; named || !isRead(own) || under(own) == "" {
			continue
		}
		holds, what, hint := r.macs.isMAC, ", which both have MACs", "say which with "+columnFlag(of, strconv.Itoa(own+1))
		if of != roleMAC {
			hint += "; if this line is a device, fill in its MAC or remove it"
			if holds, what = filled, ""; under(mac) != "" && under(mac) != h.names[mac] {
				continue // a device whose MAC is damaged
			}
		}
		for i, name := range below {
			if name != "" && unnamed(i) && (of == roleMAC || i == own+1) && slices.ContainsFunc(records[at+2:], func(record sampled) bool { return i < len(record.names) && holds(record.names[i]) }) {
				return &FileError{Line: records[at+1].line, Columns: h.shown(), Reason: fmt.Sprintf("the header seems to have two rows: below %q there are %q and %q%s", h.names[own], below[own], name, what), Hint: hint}
			}
		}
	}
	return nil
}

func hasDigit(text string) bool { return strings.ContainsAny(text, "0123456789") }
