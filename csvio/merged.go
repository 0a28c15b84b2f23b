package csvio

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rpsbatch/batch"
)

// A mergedCell is a cell that has the value of a merged range.
type mergedCell struct {
	column int // from 0
	text   string
}

// A mergedRow is what a row takes from merged ranges.
//
// Its own cells are empty there, in the sheet and in the result. So the result
// has the values in rps_merged, as a JSON object by column name. They apply
// wherever the row's own cell is still empty: after sorting, filtering or moving
// columns, and also for a command that reads other columns.
//
// Neighboring rows usually share the same values, so those of the last row are
// kept.
type mergedRow struct {
	cells  []mergedCell      // by column
	text   string            // rps_merged
	broken bool              // that cannot be read
	rest   map[string]string // what that says of columns that are not there

	before string       // rps_merged in the row itself
	sheet  []mergedCell // by its sheet
}

// value returns the value of a column; "" if it has none.
func (m *mergedRow) value(column int) string {
	if i, ok := slices.BinarySearchFunc(m.cells, column, func(c mergedCell, column int) int { return cmp.Compare(c.column, column) }); ok {
		return tidy(m.cells[i].text)
	}
	return ""
}

// set sets what a row takes: what it says as the row of a result, and what it has
// in its sheet, for the columns that the header names.
func (m *mergedRow) set(r *Reader, before string, cells []mergedCell) {
	same := len(cells) == len(m.sheet) && (len(cells) == 0 || &cells[0] == &m.sheet[0])
	if same && before == m.before {
		return
	}
	*m = mergedRow{before: strings.Clone(before), sheet: cells, cells: cells, text: before}
	if before != "" {
		m.parse(&r.header)
	}
	values := map[string]string{}
	maps.Copy(values, m.rest)
	for _, c := range m.cells {
		if c.column < len(r.keys) {
			values[r.keys[c.column]] = c.text
		}
	}
	if len(cells) == 0 || len(values) == 0 {
		return
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // for people
	if encoder.Encode(values) == nil {
		m.text = strings.TrimSpace(text.String())
	}
	r.format.Merged = true
}

// spread returns what a row takes from merged ranges: also a server, URL or action
// from one that begins in a column that is not read. One that begins where the server
// is has no URL, and one across the MAC is a heading.
func (r *Reader) spread(note rowNote) []mergedCell {
	cells := note.merged
	for _, c := range note.across {
		covers := func(i int) bool { return c.column < i && i <= c.last }
		if slices.Contains(r.header.at[:], c.column) || covers(r.header.at[roleMAC]) {
			continue
		}
		for _, i := range r.header.at {
			if covers(i) {
				cells = append(cells[:len(cells):len(cells)], mergedCell{i, c.text})
			}
		}
	}
	if len(cells) > len(note.merged) {
		slices.SortFunc(cells, func(a, b mergedCell) int { return cmp.Compare(a.column, b.column) })
	}
	return cells
}

// parse adds the cells from a result, where there are none yet.
func (m *mergedRow) parse(h *header) {
	var values map[string]string
	if err := json.Unmarshal([]byte(m.before), &values); err != nil {
		m.broken = true
		return
	}
	var added []mergedCell
	for i, key := range h.keys() {
		text, ok := values[key]
		if ok && key != "" && m.value(i) == "" {
			added = append(added, mergedCell{i, text})
		}
		delete(values, key)
	}
	m.rest = values
	m.cells = append(added, m.cells...)
	slices.SortFunc(m.cells, func(a, b mergedCell) int { return cmp.Compare(a.column, b.column) })
}

// numberKey begins the key of a column that is known by its number.
const numberKey = "column "

// keys returns the names by which rps_merged knows the columns: the header's, or
// the user's column number if there is no name, or it is not unique or looks like a
// number.
func (h *header) keys() []string {
	times := map[string]int{}
	for i, name := range h.names {
		if h.ours[i] < 0 {
			times[name]++
		}
	}
	keys, number := make([]string, len(h.names)), 0
	for i, name := range h.names {
		if h.ours[i] >= 0 {
			continue
		}
		number++
		if keys[i] = name; name == "" || times[name] > 1 || strings.HasPrefix(name, numberKey) {
			keys[i] = numberKey + strconv.Itoa(number)
		}
	}
	return keys
}

// unclear returns what is wrong where a row leaves a cell open that is read, and
// rps_merged may have its value for a column of another name.
func (r *Reader) unclear(row *batch.Row, values *cells) string {
	m := &r.merged
	if !m.broken && len(m.rest) == 0 {
		return ""
	}
	for of, text := range values {
		of := role(of)
		if text != "" || !r.reads[of] || (of == roleServer || of == roleURL) && !r.binds(row) {
			continue
		}
		if m.broken {
			return Columns[mergedColumn] + " cannot be read: fill in the row's own cells where they are empty, and empty it"
		}
		for _, key := range slices.Sorted(maps.Keys(m.rest)) {
			if r.mayBe(of, key, tidy(m.rest[key])) {
				return fmt.Sprintf("%s has a value for the column %q, which is not there and may be the %s: name the column as before, fill in the %[3]s, or empty %[1]s",
					Columns[mergedColumn], key, roleNames[of])
			}
		}
	}
	return ""
}

// mayBe reports whether a column that is not there may have been read for a role: its
// name says so, or the role's column has another name since and could have its value.
func (r *Reader) mayBe(of role, key, text string) bool {
	if named, ok := r.task.roleOf(key); ok && named == of {
		return true
	}
	if r.header.at[of] < 0 || text == "" {
		return false
	}
	switch of {
	case roleMAC:
		return r.macs.isMAC(text)
	case roleAction:
		_, ok := actions[plainName(text)]
		return ok
	}
	return isURL(text) == (of == roleURL)
}
