package csvio

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
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
	cells   []mergedCell // by column
	text    string       // rps_merged
	unclear string       // what is wrong with it

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

// parse adds the cells from a result, where there are none yet.
func (m *mergedRow) parse(h *header) {
	var values map[string]string
	if err := json.Unmarshal([]byte(m.before), &values); err != nil {
		m.unclear = Columns[mergedColumn] + " cannot be read: fill in the row's own cells where they are empty, and empty it"
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
	if len(values) > 0 {
		m.unclear = fmt.Sprintf("%s has a value for the column %q, which is not there: name the column as before, or fill in the row's own cells and empty %[1]s",
			Columns[mergedColumn], slices.Min(slices.Collect(maps.Keys(values))))
	}
	m.cells = append(added, m.cells...)
	slices.SortFunc(m.cells, func(a, b mergedCell) int { return cmp.Compare(a.column, b.column) })
}

// keys returns the names by which rps_merged knows the columns: the header's, or
// the user's column number if there is no name or it is not unique.
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
		if keys[i] = name; name == "" || times[name] > 1 {
			keys[i] = "column " + strconv.Itoa(number)
		}
	}
	return keys
}

// leavesOpen reports whether a cell that is read is empty.
func (r *Reader) leavesOpen(values *cells) bool {
	for of, text := range values {
		if r.reads[of] && text == "" {
			return true
		}
	}
	return false
}
