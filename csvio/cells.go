package csvio

import (
	"slices"
	"strings"

	"rpsbatch/batch"
)

// describe sets the header of the format, and where our columns lie among the
// user's.
func (r *Reader) describe(record string) {
	h, f := &r.header, &r.format
	row := batch.Row{Raw: record}
	for i, place := range h.ours {
		if place < 0 {
			f.Columns = append(f.Columns, h.names[i])
		}
	}
	has := func(place int) bool { return slices.Contains(h.ours, place) }
	switch {
	case !has(statusColumn):
		f.Lacks = Columns[statusColumn]
	case has(macColumn) && !has(lineColumn):
		f.Lacks = Columns[lineColumn]
	}
	f.PriorStatus = f.Lacks == ""
	r.ours = len(f.Columns) < len(h.names)
	r.users = -1
	f.Sheets, f.Merged = slices.Contains(h.ours, sheetColumn), slices.Contains(h.ours, mergedColumn)
	if tail := h.names[len(f.Columns):]; slices.Equal(tail, f.ours()) {
		r.users = len(f.Columns)
	}
	if r.ours {
		r.separate(&row, r.split.ends)
	} else if r.sheet != nil {
		row.Raw = r.filledHeader(record)
	}
	f.Header = row.Raw
}

// ours are the names of our columns in the result.
func (f *Format) ours() []string {
	from, to := lineColumn, mergedColumn
	switch {
	case f.Sheets:
		from = sheetColumn
	case f.List:
		from = macColumn
	}
	if f.Merged {
		to = ourColumns
	}
	return Columns[from:to]
}

// separate divides a record in row.Raw into the user's cells and those of an
// earlier result. Cells beyond the header are the user's.
func (r *Reader) separate(row *batch.Row, ends []int) {
	record, ours := row.Raw, r.format.ours()
	first := slices.Index(Columns, ours[0])
	if n := r.users; n > 0 && len(ends) == n+len(ours) {
		row.Raw, row.Cells = record[:ends[n-1]], n
		setPrior(row, func(column int) string {
			if column < first {
				return ""
			}
			return cell(record, ends, n+column-first)
		})
		row.Prior.Cells = record[ends[n-1]+1:]
		return
	}
	var prior [ourColumns]string
	raw := make([]byte, 0, len(record))
	row.Cells = 0
	for i := range ends {
		text := cell(record, ends, i)
		if r.header.isOurs(i) {
			prior[r.header.ours[i]] = text
			continue
		}
		if row.Cells > 0 {
			raw = append(raw, r.opts.Comma)
		}
		raw = append(raw, text...)
		row.Cells++
	}
	if len(r.format.Columns) > 0 {
		// A record with only our cells is still a record, not a blank line.
		row.Cells = max(row.Cells, 1)
	}
	row.Raw = string(raw)
	setPrior(row, func(column int) string { return prior[column] })
	row.Prior.Cells = strings.Join(prior[first:first+len(ours)], string(rune(r.opts.Comma)))
}

// cell returns a cell of a record as it is, "" if there is no such cell.
func cell(record string, ends []int, i int) string {
	switch {
	case i < 0 || i >= len(ends):
		return ""
	case i == 0:
		return record[:ends[0]]
	default:
		return record[ends[i-1]+1 : ends[i]]
	}
}

// unquoted returns the value of a cell.
func unquoted(text string) string {
	if text == "" || text[0] != '"' {
		return text
	}
	rest := text[1:]
	end := strings.IndexByte(rest, '"')
	if end >= 0 && end == len(rest)-1 {
		return rest[:end]
	}
	value := make([]byte, 0, len(rest))
	for ; end >= 0; end = strings.IndexByte(rest, '"') {
		value = append(value, rest[:end]...)
		rest = rest[end+1:]
		if rest == "" || rest[0] != '"' {
			break
		}
		value = append(value, '"')
		rest = rest[1:]
	}
	return string(append(value, rest...))
}
