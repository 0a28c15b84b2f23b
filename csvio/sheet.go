package csvio

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"rpsbatch/batch"
	"rpsbatch/csvio/xlsx"
	"rpsbatch/rps"
)

const (
	// Text of a sheet: a million rows of three columns are 80 MB.
	maxSheetText = 1 << 30
	// Empty cells before others, which take a few bytes in a workbook.
	maxEmptyCells = 64 << 20
	// Merged cells that a row does not share with the one above: 100 MB if all
	// rows are read ahead, and 4 s to write them.
	maxMerged = 4 << 20
	// How much is produced at a time.
	sheetChunk = 64 << 10
)

// A sheetText is a sheet as CSV in UTF-8, produced while it is read: record n is
// row n of the sheet, even if the row is empty. What a record cannot say about
// its row is in a note, which the Reader asks for when it comes to that row.
//
// A cell below the first row of a merged range is empty in the record, as in the
// workbook.
type sheetText struct {
	rows     *xlsx.Rows
	most     int       // bytes of a record
	macs     macReader // of numbers
	row      xlsx.Row
	begun    bool
	has      bool // row is not yet written
	line     int  // records written
	buf      []byte
	unread   []byte
	notes    []rowNote    // of rows that were not asked for
	merged   []mergedCell // of the last row that has some
	spare    []mergedCell
	distinct int // merged cells that differ from those above
	width    int // of the header, once it is known: merged cells beyond it are not noted
	empty    int
	size     int
	err      error
}

// A rowNote is what a record does not say about its row.
type rowNote struct {
	row    int
	hidden bool
	struck []int        // columns of cells that are crossed out
	across []acrossCell // merged with columns to their right
	merged []mergedCell // usually shared with the row above
}

// An acrossCell is a cell whose merged range covers others on its right.
type acrossCell struct {
	mergedCell
	last int // column
}

func newSheetText(rows *xlsx.Rows, maxRecord int, blocks Blocks) *sheetText {
	return &sheetText{rows: rows, most: maxRecord, macs: macReader{true, blocks}}
}

// Read returns the text. The error is a *FileError, one of xlsx, or io.EOF.
func (t *sheetText) Read(p []byte) (int, error) {
	for len(t.unread) == 0 {
		if t.err != nil {
			return 0, t.err
		}
		t.buf = t.buf[:0]
		if !t.begun {
			t.buf, t.begun = append(t.buf, byteOrderMark...), true
		}
		for t.err == nil && len(t.buf) < sheetChunk {
			t.err = t.next()
		}
		if t.size += len(t.buf); t.size > maxSheetText || t.empty > maxEmptyCells {
			t.err = tooLargeSheet()
			return 0, t.err
		}
		t.unread = t.buf
	}
	n := copy(p, t.unread)
	t.unread = t.unread[n:]
	return n, nil
}

func tooLargeSheet() error {
	return &FileError{Reason: "the sheet is too large", Hint: "remove everything but the devices, or save it as 'CSV UTF-8'"}
}

// next writes one record.
func (t *sheetText) next() error {
	if !t.has {
		if err := t.rows.Read(&t.row); err != nil {
			return err
		}
		t.has = true
	}
	if t.line++; t.line < t.row.Number {
		t.buf = append(t.buf, "\r\n"...)
		return nil
	}
	t.has = false
	merged := t.spare[:0]
	var struck []int
	var across []acrossCell
	column, start := 1, len(t.buf)
	for i := range t.row.Cells {
		cell := &t.row.Cells[i]
		t.empty += cell.Column - column
		for ; column < cell.Column; column++ {
			t.buf = append(t.buf, ',')
		}
		if cell.Struck {
			struck = append(struck, cell.Column-1)
		}
		if cell.Across > 0 && (t.width == 0 || cell.Column <= t.width) {
			across = append(across, acrossCell{mergedCell{cell.Column - 1, t.macs.cellText(cell)}, cell.Column - 1 + cell.Across})
		}
		if cell.Merged {
			if t.width == 0 || cell.Column <= t.width {
				merged = append(merged, mergedCell{cell.Column - 1, t.macs.cellText(cell)})
			}
			continue
		}
		t.buf = appendCell(t.buf, t.macs.cellText(cell))
		if len(t.buf)-start > t.most {
			return &FileError{Line: t.row.Number, Row: true, Reason: fmt.Sprintf("the row is larger than %d bytes", t.most), Hint: "is this a list of phones?"}
		}
	}
	t.buf = append(t.buf, "\r\n"...)
	t.spare = merged
	if !t.row.Hidden && struck == nil && across == nil && len(merged) == 0 {
		return nil
	}
	note := rowNote{row: t.row.Number, hidden: t.row.Hidden, struck: struck, across: across}
	if len(merged) > 0 {
		if !slices.Equal(merged, t.merged) {
			t.merged = slices.Clone(merged)
			t.distinct += len(merged)
		}
		note.merged = t.merged
	}
	t.notes = append(t.notes, note)
	if t.distinct > maxMerged {
		return tooLargeSheet()
	}
	return nil
}

// note returns what is noted about a row. Rows must be asked for in order.
func (t *sheetText) note(row int) (note rowNote) {
	for len(t.notes) > 0 && t.notes[0].row <= row {
		note, t.notes = t.notes[0], t.notes[1:]
	}
	if note.row != row {
		return rowNote{}
	}
	return note
}

// notedOf returns the merged cells of a row that was not asked for yet.
func (t *sheetText) notedOf(row int) []mergedCell {
	if i, ok := slices.BinarySearchFunc(t.notes, row, func(n rowNote, row int) int { return cmp.Compare(n.row, row) }); ok {
		return t.notes[i].merged
	}
	return nil
}

// hiddenColumns refuses a sheet if a column is read that nobody sees, unless
// Options name it.
func (r *Reader) hiddenColumns() error {
	for of, i := range r.header.at {
		if _, named := r.opts.Columns[roleNames[of]]; r.sheet == nil || i < 0 || named || !r.sheet.rows.Hides(i+1) {
			continue
		}
		return &FileError{Line: r.split.line, Reason: fmt.Sprintf("column %d, %q, would be read for the %s, but is hidden", i+1, r.header.names[i], roleNames[of]),
			Hint: "show it, or name the right column with " + columnFlag(role(of), strconv.Itoa(i+1))}
	}
	return nil
}

// skip passes a hidden row through like a blank record. It remembers its device,
// or that there may be one.
func (r *Reader) skip(row *batch.Row, mac string) {
	note := row.Prior.Detail // of a result, which says why
	if r.hidden != "" {
		note = "a " + r.hidden + " row, which was skipped"
	}
	damaged := row.Damaged
	if _, _, kind, _ := r.macs.parse(mac); row.Device.MAC == (rps.MAC{}) {
		damaged = kind != "" && wasOnceMAC(mac, kind)
	}
	*row = batch.Row{Line: row.Line, Sheet: row.Sheet, Raw: row.Raw, Cells: row.Cells, Prior: row.Prior, Merged: row.Merged, Blank: true, Skipped: true,
		Device: batch.Device{MAC: row.Device.MAC}, Damaged: damaged, Note: note}
}

// appendCell writes a cell, quoted where CSV needs it.
func appendCell(line []byte, text string) []byte {
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\ufffd")
	}
	if !strings.ContainsAny(text, ",\"\r\n") && text == strings.TrimSpace(text) {
		return append(line, text...)
	}
	line = append(line, '"')
	line = append(line, strings.ReplaceAll(text, `"`, `""`)...)
	return append(line, '"')
}

// uncalculated stands for the result of a formula that has none, so that its cell
// is refused wherever it is read, also in the result.
const uncalculated = "#UNCALCULATED!"

const uncalculatedText = "the cell has a formula that was never calculated: open the workbook in the spreadsheet program and save it, so that it is calculated"

// cellText returns the text of a cell: what the spreadsheet shows, but all digits
// if they are a MAC or can be the rest of one, which no format must hide. The
// digits of any other number are not what people know a server by.
func (m *macReader) cellText(c *xlsx.Cell) string {
	switch c.Type {
	case xlsx.Uncalculated:
		return uncalculated
	case xlsx.Number:
		if digits, ok := m.keptDigits(c); ok {
			return digits
		}
	case xlsx.Text:
		if c.Stored != c.Shown {
			if _, err := rps.ParseMAC(tidy(c.Stored)); err == nil {
				return c.Stored
			}
		}
	}
	return c.Shown
}

// keptDigits returns the digits of a number that is shown with all of them.
//
// General shows 8.05E+11 in a narrow column. A spreadsheet applies a scientific
// format to an address with an E, such as 0015651E0005: the number 1565100000
// then ends in zeros, and stays as it is shown, which is refused.
func (m *macReader) keptDigits(c *xlsx.Cell) (digits string, ok bool) {
	if c.Format == xlsx.Date {
		return "", false
	}
	if digits, ok = wholeNumber(c.Stored); !ok {
		return c.Stored, m.isMAC(tidy(c.Shown)) // no format rounds a number to a MAC
	}
	switch c.Format {
	case xlsx.Scientific:
		return digits, len(digits) >= fewestDigits && !strings.HasSuffix(digits, "00")
	case xlsx.Numeric:
		mac, err := rps.ParseMAC(digits)
		if shown, err2 := rps.ParseMAC(c.Shown); err2 == nil {
			return digits, err == nil && shown != mac
		}
		return digits, err == nil && m.blocks.Has(mac)
	}
	return digits, true
}

// wholeNumber returns the digits of an exact whole number: 1565000001, even if it
// is stored as 1.565000001E9 or 1565000001.0.
func wholeNumber(stored string) (digits string, ok bool) {
	if len(stored) <= 15 && isDigits(stored) && stored[0] != '0' {
		return stored, true
	}
	number, err := strconv.ParseFloat(stored, 64)
	if err != nil || number != math.Trunc(number) || math.Abs(number) >= 1<<53 {
		return "", false
	}
	return strconv.FormatFloat(number, 'f', -1, 64), true
}
