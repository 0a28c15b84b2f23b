package csvio

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"rpsbatch/batch"
	"rpsbatch/rps"
)

// A Writer writes a result file. It is not safe for concurrent use.
type Writer struct {
	dst    io.Writer
	format Format
	width  int  // the user's cells of each record
	begun  bool // the record has a cell
	buf    []byte
	err    error
}

// writeSize is roughly how much is written at a time.
const writeSize = 64 << 10

// NewWriter writes the byte order mark, what is above the header, and the header.
// width is the number of the user's cells in the widest record,
// [batch.Row.Cells]: header and records are padded to it with empty cells, so
// that our columns line up.
func NewWriter(dst io.Writer, format Format, width int) (*Writer, error) {
	w := &Writer{dst: dst, format: format, width: max(width, format.Width())}
	if format.BOM {
		w.buf = append(w.buf, byteOrderMark...)
	}
	if format.SepLine != "" {
		w.buf = append(append(w.buf, format.SepLine...), format.LineEnd...)
	}
	for _, record := range format.Preamble {
		w.buf = append(append(w.buf, record...), format.LineEnd...)
	}
	w.user(format.Header, format.Width())
	for _, name := range format.ours() {
		w.comma()
		w.buf = append(w.buf, name...)
		w.begun = true
	}
	return w, w.end()
}

// Write writes a row and its verdict, [batch.Row.Note] first. A blank line is
// written as one; a record of blank cells gets its rps_line and no verdict.
func (w *Writer) Write(row *batch.Row, verdict batch.Verdict) error {
	if w.isLine(row) {
		return w.end()
	}
	if err := w.fits(row); err != nil {
		return err
	}
	if row.Blank {
		verdict = batch.Verdict{}
	}
	comma := w.format.Comma
	w.user(row.Raw, row.Cells)
	if w.format.Sheets {
		w.cell(rps.Printable(row.Sheet))
	}
	if !w.format.List {
		w.comma()
		if row.Line > 0 {
			w.buf = strconv.AppendInt(w.buf, int64(row.Line), 10)
		}
	}
	w.buf = append(w.buf, comma)
	mac, server := row.Device.MAC, row.Device.Server
	switch {
	case row.Unclosed:
		mac, server = rps.MAC{}, "" // identifies it in a result, where the quote is closed
	case row.Damaged:
		mac = row.Prior.MAC // the only trace of it
	}
	if mac != (rps.MAC{}) {
		w.buf = append(w.buf, mac.String()...)
	}
	w.cell(rps.Printable(server))
	w.cell(string(verdict.Status))
	w.cell(string(verdict.Proof))
	w.put(cut(guarded(rps.OneLine(joined(row.Note, verdict.Detail))), longestDetail))
	w.cell(rps.OneLine(verdict.URL))
	w.buf = append(w.buf, comma)
	if !row.Blank {
		w.buf = strconv.AppendInt(w.buf, int64(verdict.Calls), 10)
	}
	w.buf = append(w.buf, comma)
	if !verdict.Time.IsZero() {
		w.buf = verdict.Time.UTC().AppendFormat(w.buf, time.RFC3339)
	}
	if w.format.Merged {
		w.cell(row.Merged)
	}
	return w.end()
}

// Pass writes a row with the cells that it has from an earlier result, or empty
// ones.
func (w *Writer) Pass(row *batch.Row) error {
	if w.isLine(row) {
		return w.end()
	}
	if err := w.fits(row); err != nil {
		return err
	}
	w.user(row.Raw, row.Cells)
	w.comma()
	w.buf = append(w.buf, row.Prior.Cells...)
	if row.Prior.Cells == "" {
		w.fill(len(w.format.ours()) - 1)
	}
	return w.end()
}

// Flush writes what is still buffered.
func (w *Writer) Flush() error {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.dst.Write(w.buf)
		w.buf = w.buf[:0]
	}
	return w.err
}

// isLine reports whether a row is an empty line, which programs that read CSV do
// not take for a record.
func (w *Writer) isLine(row *batch.Row) bool {
	return row.Blank && row.Cells == 0 && row.Prior.Cells == ""
}

// fits refuses a row with more cells than the first pass found, which would push
// our cells under the wrong header.
func (w *Writer) fits(row *batch.Row) error {
	if row.Cells > w.width {
		return fmt.Errorf("line %d has %d cells, more than the %d of the widest line when the file was first read: the file has changed", row.Line, row.Cells, w.width)
	}
	return nil
}

// end ends a record.
func (w *Writer) end() error {
	w.buf = append(w.buf, w.format.LineEnd...)
	if w.err != nil || len(w.buf) >= writeSize {
		return w.Flush()
	}
	return nil
}

// comma separates our cells from the user's, if there are any.
func (w *Writer) comma() {
	if w.begun {
		w.buf = append(w.buf, w.format.Comma)
	}
}

// user writes the user's cells of a record, and empty ones up to the width.
func (w *Writer) user(raw string, cells int) {
	w.begun = w.width > 0
	w.buf = append(w.buf, raw...)
	w.fill(w.width - cells)
}

func (w *Writer) fill(cells int) {
	for range cells {
		w.buf = append(w.buf, w.format.Comma)
	}
}

// cell writes one of our cells so that no spreadsheet takes it for a formula.
func (w *Writer) cell(text string) { w.put(guarded(text)) }

// put writes a cell, quoted where CSV needs it.
func (w *Writer) put(text string) {
	w.buf = append(w.buf, w.format.Comma)
	quotes := !isPlain(text) &&
		(strings.IndexByte(text, w.format.Comma) >= 0 || strings.ContainsAny(text, "\"\r\n") || text != strings.Trim(text, " \t"))
	if quotes {
		text = `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
	}
	w.buf = append(w.buf, text...)
}

// joined puts a note in front of a detail.
func joined(note, detail string) string {
	if note == "" || detail == "" {
		return note + detail
	}
	return note + "; " + detail
}

// longestDetail is the length limit of rps_detail, in characters: nobody reads
// more, and some programs show no more.
const longestDetail = 1000

// cut shortens a text to so many characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	n, last := 0, 0 // last is where the last character that may stay begins
	for i := range text {
		if n++; n == most {
			last = i
		} else if n > most {
			return text[:last] + "…"
		}
	}
	return text
}
