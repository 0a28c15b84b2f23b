package csvio

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"

	"rpsbatch/batch"
	"rpsbatch/csvio/xlsx"
	"rpsbatch/rps"
)

// HiddenRows says what to do with rows hidden by a filter or by hand, and with
// those whose MAC, or another cell that is read, is crossed out.
type HiddenRows uint8

const (
	HiddenRefuse HiddenRows = iota // the file is refused if they have MACs
	HiddenSend
	HiddenSkip // they pass through like blank records, and their devices are known
)

// sheets are the sheets of a workbook that are read.
type sheets struct {
	book   *xlsx.Book
	read   []xlsx.Sheet
	others []string // those that are not

	formats []Format // of those that are read, if they are several
}

// sum starts the sum of what is read, with everything besides the text that
// decides it.
func (b *sheets) sum(hidden HiddenRows) uint32 {
	sum := crc32.Update(0, batch.Castagnoli, []byte{byte(hidden)})
	for _, sheet := range b.read {
		sum = crc32.Update(sum, batch.Castagnoli, []byte(sheet.Name+"\x00"))
	}
	return sum
}

func sheetWord(n int) string {
	if n == 1 {
		return "sheet"
	}
	return "sheets"
}

// openBook opens the file as a workbook, if it is one.
func (f *File) openBook(ctx context.Context) error {
	head := make([]byte, headSize)
	n, err := f.file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("cannot read %s: %w", f.name, err)
	}
	if !xlsx.Sniff(head[:n]) {
		if f.opts.Sheets != nil || f.opts.AllSheets {
			return f.named(&FileError{Reason: "this is not a workbook", Hint: flagSheet + " and " + flagAllSheets + " are for .xlsx files"})
		}
		return nil
	}
	book, err := xlsx.Open(f.file, f.size)
	if err != nil {
		return f.named(err)
	}
	f.book = &sheets{book: book}
	f.opts.Comma, f.opts.Encoding, f.opts.records = ',', "utf-8", true
	return f.named(f.chooseSheets(ctx))
}

// chooseSheets finds the sheets to read: the named ones, or the visible ones that
// have devices, of which there must be one unless all are wanted.
func (f *File) chooseSheets(ctx context.Context) error {
	b := f.book
	var visible []xlsx.Sheet
	for _, sheet := range b.book.Sheets() {
		if sheet.Cells && sheet.State == xlsx.Visible {
			visible = append(visible, sheet)
		}
	}
	if visible == nil {
		visible = b.book.Sheets()
	}
	defer func() {
		for _, sheet := range b.book.Sheets() {
			if sheet.Cells && !slices.Contains(b.read, sheet) {
				b.others = append(b.others, sheet.Name)
			}
		}
	}()
	if f.opts.Sheets != nil {
		for _, name := range f.opts.Sheets {
			sheet, err := b.find(name)
			if err != nil {
				return err
			}
			if !slices.Contains(b.read, sheet) {
				b.read = append(b.read, sheet)
			}
		}
		return f.sameColumns(ctx)
	}
	b.read = visible[:1]
	if len(visible) == 1 {
		return nil
	}
	var found []xlsx.Sheet
	var names []string
	for _, sheet := range visible {
		devices, holds, err := f.devicesOf(ctx, sheet)
		if err != nil {
			return err
		}
		if holds {
			found = append(found, sheet)
			names = append(names, fmt.Sprintf("%q (%d)", sheet.Name, devices))
		}
	}
	switch {
	case len(found) == 0:
		return nil // the first one's header says what is wrong
	case len(found) > 1 && !f.opts.AllSheets:
		what := "MACs"
		if f.opts.task().servers {
			what = "servers"
		}
		b.read = nil
		return &FileError{Reason: fmt.Sprintf("%d sheets have %s: %s", len(found), what, strings.Join(names, ", ")),
			Hint: "choose with " + flagSheet + " NAME (repeatable), or use " + flagAllSheets}
	}
	b.read = found
	return f.sameColumns(ctx)
}

// find returns the sheet with a name.
func (b *sheets) find(wanted string) (xlsx.Sheet, error) {
	all := b.book.Sheets()
	for _, same := range []func(name string) bool{
		func(name string) bool { return name == wanted },
		func(name string) bool { return strings.EqualFold(trimmed(name), trimmed(wanted)) },
	} {
		if i := slices.IndexFunc(all, func(s xlsx.Sheet) bool { return same(s.Name) }); i >= 0 {
			return all[i], nil
		}
	}
	var names []string
	for _, sheet := range all {
		names = append(names, sheet.Name)
	}
	return xlsx.Sheet{}, &FileError{Reason: fmt.Sprintf("the workbook has no sheet %q", wanted), Hint: "choose one of these with " + flagSheet + ": " + listed(names)}
}

// sheetReader starts reading a sheet, through the reader that wrap returns for
// its text.
func (f *File) sheetReader(ctx context.Context, sheet xlsx.Sheet, wrap func(io.Reader) io.Reader) (*Reader, error) {
	rows, err := f.book.book.Rows(ctx, sheet)
	if err != nil {
		return nil, err
	}
	text := newSheetText(rows, f.opts.maxRecord(), f.opts.blocks())
	return newReader(wrap(text), f.opts, text)
}

func asItIs(r io.Reader) io.Reader { return r }

// devicesOf counts the devices of a sheet. holds is set if it has any row of
// devices, even one that cannot be sent: such a sheet must not be lost silently.
// If its columns cannot be read, any cell with a phone's MAC counts, even without
// its leading zeros.
func (f *File) devicesOf(ctx context.Context, sheet xlsx.Sheet) (devices int, holds bool, err error) {
	r, err := f.sheetReader(ctx, sheet, asItIs)
	if err == nil {
		var row batch.Row
		for err = r.Read(&row); err == nil; err = r.Read(&row) {
			holds = holds || !row.Blank || row.Skipped
			if row.Device.MAC != (rps.MAC{}) || f.opts.task().servers && !row.Blank {
				devices++
			}
		}
		if errors.Is(err, io.EOF) {
			return devices, holds, nil
		}
		holds = true
	}
	if bad := (*FileError)(nil); !errors.As(err, &bad) {
		return 0, false, err
	}
	if f.opts.task().servers {
		return devices, holds, nil
	}
	rows, err := f.book.book.Rows(ctx, sheet)
	if err != nil {
		return 0, false, err
	}
	macs := macReader{true, f.opts.blocks()}
	devices = 0
	var row xlsx.Row
	for err = rows.Read(&row); err == nil; err = rows.Read(&row) {
		for i := range row.Cells {
			const longest = 32
			if text := tidy(macs.cellText(&row.Cells[i])); len(text) >= fewestDigits && len(text) <= longest && macs.isPhone(text) {
				devices++
			}
		}
	}
	if !errors.Is(err, io.EOF) {
		return 0, false, err
	}
	return devices, holds || devices > 0, nil
}

// sameColumns refuses sheets whose columns are not where those of the first are:
// the result has one header for all of them.
func (f *File) sameColumns(ctx context.Context) error {
	if len(f.book.read) < 2 {
		return nil
	}
	var first *Reader
	for _, sheet := range f.book.read {
		r, err := f.sheetReader(ctx, sheet, asItIs)
		if err != nil {
			return inSheet(err, sheet.Name)
		}
		f.book.formats = append(f.book.formats, r.Format())
		if first == nil {
			first = r
			continue
		}
		for of, at := range r.header.at {
			if was := first.header.at[of]; was != at {
				return &FileError{Reason: fmt.Sprintf("the sheets have different columns: the %s is in %s of %q and in %s of %q",
					roleNames[of], columnPlace(was), f.book.read[0].Name, columnPlace(at), sheet.Name),
					Hint: "use the same columns in all sheets, or read one at a time with " + flagSheet + " NAME"}
			}
		}
	}
	return nil
}

// sheetFormat returns the format of one of several sheets; nil if it is none.
func (f *File) sheetFormat(name string) *Format {
	if f.book == nil || len(f.book.formats) == 0 {
		return nil
	}
	i := slices.IndexFunc(f.book.read, func(s xlsx.Sheet) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return &f.book.formats[i]
}

func columnPlace(i int) string {
	if i < 0 {
		return "no column"
	}
	return fmt.Sprintf("column %d", i+1)
}

// inSheet adds to an error about a file which sheet it is about.
func inSheet(err error, sheet string) error {
	if bad := (*FileError)(nil); errors.As(err, &bad) {
		bad.Reason = fmt.Sprintf("sheet %q: %s", sheet, bad.Reason)
	}
	return err
}

// asFileError returns an error of a workbook as one about the file.
func asFileError(err error) error {
	var bad *xlsx.FormatError
	if errors.As(err, &bad) {
		return &FileError{Reason: bad.Reason, Hint: bad.Hint}
	}
	return err
}
