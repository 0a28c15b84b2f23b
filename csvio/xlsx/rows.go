package xlsx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

const (
	// Memory that rows out of order may take.
	maxLate = 64 << 20

	rowSize, cellSize, spanSize = 48, 48, 12 // in bytes, roughly
)

// Rows reads the rows of a sheet in order of row number.
type Rows struct {
	book   *Book
	part   string
	rows   rowReader
	merger merger
	hidden []columnRange
	late   []Row // not yet returned
	ahead  Row   // read but not yet returned, if has is set
	has    bool
	ended  bool // only late rows are left

	highest int // row number of the rows in order
	err     error
}

// An outline is what must be known about a sheet before its first row.
type outline struct {
	spans  []span
	hidden []columnRange
	late   []Row // that follow a row with a higher number
	cost   int   // in memory
}

// A columnRange is a range of columns, from 1.
type columnRange struct{ first, last int }

// Rows starts reading a sheet. It scans the whole sheet first, so broken XML or a
// wrong checksum is reported before any row. Canceling ctx also ends Read.
func (b *Book) Rows(ctx context.Context, sheet Sheet) (*Rows, error) {
	if !sheet.Cells {
		return nil, &FormatError{OtherFile, sheet.part, fmt.Sprintf("sheet %q is a chart or another sheet without cells", sheet.Name), "choose another sheet"}
	}
	if err := b.loadStyles(ctx); err != nil {
		return nil, err
	}
	if err := b.loadStrings(ctx); err != nil {
		return nil, err
	}
	o := b.outlines[sheet.part]
	if o == nil {
		o = &outline{}
		if err := b.walk(ctx, sheet.part, maxPart, "worksheet", func(s *scanner) error { return o.read(b.rowReader(s)) }); err != nil {
			return nil, err
		}
		if b.outlined += o.cost; b.outlined <= maxLate {
			b.outlines[sheet.part] = o
		}
	}
	s, err := b.open(ctx, sheet.part, maxPart, "worksheet")
	if err != nil {
		return nil, b.fault(sheet.part, err)
	}
	r := &Rows{book: b, part: sheet.part, rows: b.rowReader(s), merger: merger{spans: o.spans}, hidden: o.hidden, late: o.late}
	return r, b.fault(r.part, r.sheetData())
}

func (b *Book) rowReader(s *scanner) rowReader {
	return rowReader{s: s, strings: b.strings, styles: b.styles, date1904: b.date1904, stale: b.stale}
}

// read scans a sheet. Rows in order are skipped.
func (o *outline) read(rows rowReader) error {
	highest := 0
	err := rows.s.each(func() (err error) {
		switch {
		case rows.s.is("sheetData"):
			highest, err = o.readLate(&rows, highest)
		case rows.s.is("cols"):
			err = o.readHidden(rows.s)
		case rows.s.is("mergeCells"):
			o.spans, err = readMerges(rows.s)
			o.cost += len(o.spans) * spanSize
		}
		return err
	})
	slices.SortStableFunc(o.late, func(a, b Row) int { return cmp.Compare(a.Number, b.Number) })
	return err
}

// readHidden reads which columns are hidden, or have no width.
func (o *outline) readHidden(s *scanner) error {
	return s.each(func() error {
		first, ok1 := parseInt(s.attr("min"))
		last, ok2 := parseInt(s.attr("max"))
		width, ok := parseNumber(string(s.attr("width")))
		if ok1 && ok2 && len(o.hidden) < MaxColumns && (s.attrBool("hidden") || ok && width == 0) {
			o.hidden = append(o.hidden, columnRange{first, last})
			o.cost += spanSize
		}
		return nil
	})
}

// Hides reports whether a column, from 1, is hidden.
func (r *Rows) Hides(column int) bool {
	return slices.ContainsFunc(r.hidden, func(c columnRange) bool { return c.first <= column && column <= c.last })
}

func (o *outline) readLate(rows *rowReader, highest int) (int, error) {
	for {
		var row Row
		if more, err := rows.next(&row); !more {
			return highest, err
		}
		if row.Number > highest {
			highest = row.Number
			continue
		}
		if err := rows.read(&row); err != nil {
			return 0, err
		}
		if len(row.Cells) > 0 {
			o.late = append(o.late, row)
			o.cost += rowSize + cap(row.Cells)*cellSize + len(rows.text)
			if o.cost > maxLate {
				return 0, other(TooLarge, "too many rows of the workbook are out of order", "open it in the spreadsheet program and save it again as .xlsx")
			}
		}
	}
}

// sheetData moves to the next sheetData element, or to the end of the part.
func (r *Rows) sheetData() error {
	for {
		more, err := r.rows.s.child(1)
		if err != nil {
			return err
		}
		if !more {
			r.ended = true
			return r.rows.s.drain()
		}
		if r.rows.s.is("sheetData") {
			return nil
		}
	}
}

// Read reads the next row that has a value of its own, not only values from merged
// ranges. It reuses row.Cells. The error is io.EOF after the last row, a
// *FormatError, or an error of the file or of ctx.
func (r *Rows) Read(row *Row) error {
	for r.err == nil {
		if err := r.read(row); err != nil {
			r.err = err
			if !errors.Is(err, io.EOF) {
				r.err = r.book.fault(r.part, err)
			}
			break
		}
		own, err := r.merger.apply(row)
		if r.err = r.book.fault(r.part, err); own && err == nil {
			return nil
		}
	}
	return r.err
}

// read reads the next row and joins all its occurrences in the file.
func (r *Rows) read(row *Row) error {
	if err := r.advance(); err != nil {
		return err
	}
	if !r.has && len(r.late) == 0 {
		return io.EOF
	}
	if r.has && (len(r.late) == 0 || r.ahead.Number <= r.late[0].Number) {
		*row, r.ahead = r.ahead, *row
		r.has = false
	} else {
		*row = Row{Number: r.late[0].Number, Hidden: r.late[0].Hidden, Cells: append(row.Cells[:0], r.late[0].Cells...)}
		r.late = r.late[1:]
	}
	alone := true
	for ; len(r.late) > 0 && r.late[0].Number == row.Number; r.late = r.late[1:] {
		row.Cells = append(row.Cells, r.late[0].Cells...)
		row.Hidden = row.Hidden || r.late[0].Hidden
		alone = false
	}
	if alone {
		return nil
	}
	return row.sort()
}

// advance reads the next row in order into r.ahead, unless there is one.
func (r *Rows) advance() error {
	for !r.has && !r.ended {
		more, err := r.rows.next(&r.ahead)
		switch {
		case err == nil && !more:
			err = r.sheetData()
		case err == nil && r.ahead.Number > r.highest:
			r.highest = r.ahead.Number
			err = r.rows.read(&r.ahead)
			r.has = len(r.ahead.Cells) > 0
		}
		if err != nil {
			return err
		}
	}
	return nil
}
