package xlsx

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// maxRow limits the text of a row, in bytes.
const maxRow = 16 << 20

// A CellType is the type of a cell's value.
type CellType uint8

const (
	Number CellType = iota + 1
	Text
	Bool
	Error        // such as #N/A
	Uncalculated // a formula without a stored result; both texts are empty
)

// A Row is a row with its non-empty cells, in order of column.
type Row struct {
	Number int  // from 1
	Hidden bool // by the user, by a filter or in a collapsed outline
	Cells  []Cell
}

// A Cell is a non-empty cell.
type Cell struct {
	Column int // from 1
	Type   CellType
	Format Format // of a number
	// Merged reports that the cell lies below the first row of a merged range and
	// has the value of the range's first cell. Whatever the file itself has there
	// is not shown by any program.
	Merged bool
	Across int    // number of columns to its right that its merged range covers
	Struck bool   // crossed out, in whole or in part
	Stored string // as in the file: all digits of a number; ISO dates as serial numbers
	Shown  string // as displayed, with the number format applied
}

// A rowReader reads the rows of a sheet in file order.
type rowReader struct {
	s        *scanner
	strings  *table
	styles   *styles
	date1904 bool
	stale    bool // formulas with a result of zero or nothing have none

	last  int // number of the previous row
	count int
	bare  bool   // the row is empty and already consumed
	text  []byte // of the row's cells, except shared strings
	marks []mark
}

// A mark locates a cell's texts in the text of its row: the stored one from
// stored to shown, the shown one from there to end. stored is -1 if the cell has
// its stored text already, end if both are the same.
type mark struct{ stored, shown, end int }

// next moves to the next row. If the row has no number of its own, its first
// cell's reference decides. It returns false at the end.
func (r *rowReader) next(row *Row) (bool, error) {
	const sheetData = 2 // depth of the element
	for found := false; !found; found = r.s.is("row") {
		if more, err := r.s.child(sheetData); !more {
			return false, err
		}
	}
	if r.count++; r.count > 2*MaxRows {
		return false, tooManyRows()
	}
	height, ok := parseNumber(string(r.s.attr("ht")))
	*row = Row{Number: r.last + 1, Hidden: r.s.attrBool("hidden") || ok && height == 0, Cells: row.Cells[:0]}
	r.bare = false
	if ref := r.s.attr("r"); ref != nil {
		if row.Number, ok = parseInt(bytes.TrimSpace(ref)); !ok || row.Number == 0 {
			return false, fmt.Errorf("a row is numbered %.20q", ref)
		}
	} else if more, err := r.s.child(sheetData + 1); err != nil {
		return false, err
	} else if r.bare = !more; more {
		if number, _, ok := parseRef(r.s.attr("r")); ok && r.s.is("c") {
			row.Number = number
		}
		r.s.again = true
	}
	if r.last = row.Number; row.Number > MaxRows {
		return false, tooManyRows()
	}
	return true, nil
}

func tooManyRows() error {
	return tooLarge(fmt.Sprintf("a sheet has more than %d rows", MaxRows))
}

// read reads the cells of the current row.
func (r *rowReader) read(row *Row) error {
	r.text, r.marks = r.text[:0], r.marks[:0]
	column, ordered := 0, true
	for !r.bare {
		const depth = 3 // of the row element
		more, err := r.s.child(depth)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if !r.s.is("c") {
			continue
		}
		before := column
		column++
		if ref := r.s.attr("r"); ref != nil {
			of, at, ok := parseRef(ref)
			if !ok || of != row.Number {
				return fmt.Errorf("cell %.20q is in row %d", ref, row.Number)
			}
			column = at
		}
		if column > MaxColumns {
			return tooLarge(fmt.Sprintf("a row has more than %d columns", MaxColumns))
		}
		ordered = ordered && column > before
		cell, m, err := r.cell(column)
		if err != nil {
			return err
		}
		if cell.Type != 0 {
			row.Cells, r.marks = append(row.Cells, cell), append(r.marks, m)
		}
		if len(row.Cells) > 2*MaxColumns || len(r.text) > maxRow {
			return tooLarge("a row holds more text than any program shows")
		}
	}
	text := string(r.text)
	for i, m := range r.marks {
		cell := &row.Cells[i]
		if m.stored >= 0 {
			cell.Stored = text[m.stored:m.shown]
		}
		if cell.Shown = cell.Stored; m.end >= 0 {
			cell.Shown = text[m.shown:m.end]
		}
	}
	if !ordered {
		return row.sort()
	}
	return nil
}

var cellKinds = map[string]byte{"": 'n', "n": 'n', "d": 'd', "s": 's', "str": 't', "inlineStr": 't', "b": 'b', "e": 'e'}

// cell reads the cell whose start tag is current. Its type is 0 if it is empty.
func (r *rowReader) cell(column int) (cell Cell, m mark, err error) {
	style, _ := parseInt(r.s.attr("s"))
	kind := cellKinds[string(r.s.attr("t"))]
	struck := r.styles.strikes(style)
	from, values, formula := len(r.text), 0, false
	err = r.s.each(func() (err error) {
		switch {
		case r.s.is("f"):
			formula = true
		case r.s.is("v"):
			values++
			r.text, err = r.s.appendT(r.text)
		case r.s.is("is"):
			values++
			kind = 't'
			r.text, err = r.s.appendRich(r.text)
			struck = struck || r.s.struck
		}
		return err
	})
	switch {
	case err != nil:
		return cell, m, err
	case kind == 0:
		return cell, m, r.bad(column, "has an unknown type")
	case values > 1:
		return cell, m, r.bad(column, "has two values")
	case formula && r.stale && kind == 'n' && isZero(r.text[from:]):
		r.text = r.text[:from]
	}
	switch {
	case len(r.text) > from:
		cell, m, err = r.value(column, kind, r.styles.format(style), from)
		cell.Struck = cell.Struck || struck
		return cell, m, err
	case formula && (values == 0 || kind != 't' || r.stale):
		return Cell{Column: column, Type: Uncalculated, Struck: struck}, mark{from, from, -1}, nil
	}
	return cell, m, nil
}

// value interprets the text in r.text from the given offset, and appends the shown
// text where that differs.
func (r *rowReader) value(column int, kind byte, f *format, from int) (cell Cell, m mark, err error) {
	cell = Cell{Column: column, Type: Text}
	value := r.text[from:]
	shown := -1 // where the shown text begins, if it differs
	switch kind {
	case 's':
		index, ok := parseInt(value)
		text, found := r.strings.get(index)
		if !ok || !found {
			return cell, m, r.bad(column, "refers to a shared string that is missing")
		}
		if cell.Stored = text; text == "" {
			return Cell{}, m, nil
		}
		cell.Struck = r.strings.strikes(index)
		r.text = r.text[:from]
	case 'b':
		cell.Type = Bool
		text, ok := booleans[string(value)]
		if !ok {
			return cell, m, r.bad(column, "is neither true nor false")
		}
		shown = len(r.text)
		r.text = append(r.text, text...)
	case 'e':
		cell.Type = Error
	case 'd', 'n':
		v, ok := parseNumber(string(value))
		if !ok && kind == 'd' {
			if v, ok = parseISO(string(value), r.date1904); !ok {
				break // keep it as text
			}
			r.text = strconv.AppendFloat(r.text[:from], v, 'f', -1, 64)
		}
		if !ok {
			return cell, m, r.bad(column, "does not hold a number")
		}
		cell.Type = Number
		if f != general || !isShort(r.text[from:]) {
			shown = len(r.text)
			r.text, cell.Format = f.show(r.text, v, r.date1904)
		}
	}
	if cell.Type == Text && !f.plainText() {
		shown = len(r.text)
		r.text = f.showText(r.text, cmp.Or(cell.Stored, string(r.text[from:])))
	}
	m = mark{from, len(r.text), -1}
	if shown >= 0 {
		m = mark{from, shown, len(r.text)}
	}
	if cell.Stored != "" {
		m.stored = -1
	}
	return cell, m, nil
}

// bad returns an error about a cell of the current row.
func (r *rowReader) bad(column int, what string) error {
	return fmt.Errorf("cell %s %s", cellName(r.last, column), what)
}

var booleans = map[string]string{"1": "TRUE", "true": "TRUE", "0": "FALSE", "false": "FALSE"}

// isShort reports whether a number is an integer that General shows unchanged.
func isShort(number []byte) bool {
	_, ok := parseInt(number)
	return ok && (number[0] != '0' || len(number) == 1)
}

func isZero(number []byte) bool {
	v, ok := parseNumber(string(number))
	return ok && v == 0
}

// sort sorts the cells by column. Duplicates are allowed if they are identical.
func (row *Row) sort() error {
	slices.SortStableFunc(row.Cells, func(a, b Cell) int { return cmp.Compare(a.Column, b.Column) })
	kept := row.Cells[:0]
	for _, cell := range row.Cells {
		if last := len(kept) - 1; last < 0 || kept[last].Column != cell.Column {
			kept = append(kept, cell)
		} else if kept[last] != cell {
			return fmt.Errorf("cell %s has two values", cellName(row.Number, cell.Column))
		}
	}
	row.Cells = kept
	return nil
}
