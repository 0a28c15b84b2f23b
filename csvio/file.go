package csvio

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"rpsbatch/batch"
	"rpsbatch/batch/durable"
	"rpsbatch/rps"
)

// A File is the input of a run: a file, a stream, or sheets of a workbook. It can
// be read more than once. It stays the same file if another takes its name
// meanwhile, and reading fails if its bytes have changed since they were first
// read.
type File struct {
	name   string // for messages
	opts   Options
	format Format
	whole  bool    // it was read to its end, and format is final
	book   *sheets // of a workbook

	file  *os.File
	spool bool // file is a copy of a stream, private to this process
	size  int64
	mtime time.Time
	sum   uint32 // of what is read, from the first full reading
	known bool   // sum is
}

// OpenFile opens a file and reads its header; a pipe, which can be read only
// once, is copied. The error is a *FileError if the file is at fault, and a
// *batch.StopError if ctx ended.
func OpenFile(ctx context.Context, name string, opts Options) (*File, error) {
	f := &File{name: name, opts: opts}
	return f.open(ctx, func() error { return f.openName(ctx, name) })
}

// OpenStream copies a stream, and reads the header as OpenFile does. name is its
// name in messages.
func OpenStream(ctx context.Context, stream io.Reader, name string, opts Options) (*File, error) {
	f := &File{name: name, opts: opts}
	return f.open(ctx, func() error { return f.copyOf(ctx, stream) })
}

func (f *File) open(ctx context.Context, take func() error) (*File, error) {
	err := take()
	if err == nil {
		err = f.openBook(ctx)
	}
	if err == nil {
		_, err = f.Rows(ctx) // shows problems of the header now
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (f *File) openName(ctx context.Context, name string) error {
	if err := lockFile(name); err != nil {
		return f.named(err)
	}
	src, err := durable.OpenInput(name)
	if errors.Is(err, fs.ErrNotExist) {
		return f.named(&FileError{Reason: "there is no such file", Hint: "check the name and folder"})
	}
	if err != nil {
		return fmt.Errorf("cannot read the input: %w", err)
	}
	info, err := src.Stat()
	switch {
	case err != nil:
		src.Close()
		return fmt.Errorf("cannot read the input: %w", err)
	case info.IsDir():
		src.Close()
		return f.named(&FileError{Reason: "this is a folder", Hint: "name the file in it"})
	case !info.Mode().IsRegular():
		defer src.Close()
		return f.copyOf(ctx, src)
	}
	f.file, f.size, f.mtime = src, info.Size(), info.ModTime()
	return nil
}

func (f *File) copyOf(ctx context.Context, stream io.Reader) error {
	dst, err := durable.TempFile() // it holds unique URLs
	if err != nil {
		return fmt.Errorf("cannot keep %s: %w", f.name, err)
	}
	f.file, f.spool = dst, true
	copied := make(chan error, 1)
	go func() {
		_, err := io.Copy(dst, stream)
		copied <- err
	}()
	select {
	case err = <-copied:
	case <-ctx.Done():
		// The copy may become a file that is closed and gone.
		return &batch.StopError{Reason: batch.ErrInterrupted}
	}
	if err != nil {
		return fmt.Errorf("cannot keep %s: %w", f.name, err)
	}
	return f.kept()
}

// kept records that the temporary file is written.
func (f *File) kept() error {
	info, err := f.file.Stat()
	if err != nil {
		return fmt.Errorf("cannot keep %s: %w", f.name, err)
	}
	f.size, f.mtime = info.Size(), info.ModTime()
	return nil
}

// named puts the file's name in front of an error about it, and says which sheet
// was read and which others there are: the first is often a cover.
func (f *File) named(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return &batch.StopError{Reason: batch.ErrInterrupted}
	}
	err = asFileError(err)
	if bad := (*FileError)(nil); f.book != nil && len(f.book.read) == 1 && len(f.book.others) > 0 && errors.As(err, &bad) {
		err = inSheet(err, f.book.read[0].Name)
		bad.Hint += fmt.Sprintf("; or read another sheet with %s NAME: %s", flagSheet, listed(f.book.others))
	}
	return fmt.Errorf("%s: %w", f.name, err)
}

// Name returns the file's name in messages.
func (f *File) Name() string { return f.name }

// Format returns the format of the file. It is final after the last row.
func (f *File) Format() Format { return f.format }

// Place returns what a line of the file is called: "row" in a workbook.
func (f *File) Place() string { return placeWord(f.book != nil) }

// Copied reports whether the file is a copy, not one of the user's files.
func (f *File) Copied() bool { return f.spool }

// Stat describes the file that is read.
func (f *File) Stat() (os.FileInfo, error) { return f.file.Stat() }

// Sum returns the size of what is read, and its CRC after it was read to its end.
func (f *File) Sum() (size int64, sum uint32) { return f.size, f.sum }

// Plain reports whether the file has the usual format, which need not be
// mentioned.
func (f *File) Plain() bool {
	return f.book == nil && f.format.Encoding == nameUTF8 && f.format.Comma == ',' && f.format.HeaderLine == 1
}

// String describes the format of the file, and what is read of it.
func (f *File) String() string {
	format := f.format
	header := "no header, columns read as " + strings.Join(format.Columns, ", ")
	if !format.NoHeader {
		header = fmt.Sprintf("header in %s %d", f.Place(), format.HeaderLine)
	}
	header += "; read: " + strings.Join(format.Read, ", ")
	if f.book != nil {
		var names []string
		for _, sheet := range f.book.read {
			names = append(names, sheet.Name)
		}
		return "workbook, " + sheetWord(len(names)) + " " + listed(names) + ", " + header
	}
	encoding := format.Encoding
	if format.BOM && strings.HasPrefix(encoding, nameUTF8) {
		encoding += " with a byte order mark"
	}
	return fmt.Sprintf("%s, cells separated by %s, lines ended by %s, %s",
		encoding, commaNames[format.Comma], lineEndNames[format.LineEnd], header)
}

var (
	commaNames   = map[byte]string{',': "comma", ';': "semicolon", '\t': "tab", '|': "pipe"}
	lineEndNames = map[string]string{"\n": "LF", "\r\n": "CRLF", "\r": "CR"}
)

// Rows starts reading the rows from the first. Reading a workbook fails when ctx
// ends.
func (f *File) Rows(ctx context.Context) (batch.Source, error) {
	rows := &fileRows{file: f, ctx: ctx}
	rows.text.file = f
	var err error
	if f.book != nil {
		rows.text.sum = f.book.sum(f.opts.Hidden)
		err = rows.nextSheet()
	} else {
		rows.Reader, err = NewReader(rows.text.of(io.NewSectionReader(f.file, 0, 1<<62)), f.opts)
	}
	if err != nil {
		return nil, f.named(err)
	}
	if !f.whole {
		f.setFormat(rows.Reader)
	}
	return rows, nil
}

// setFormat records the format of the file; for several sheets, of the first. The
// result of a workbook is for programs that take a file without a byte order mark
// for an older encoding.
func (f *File) setFormat(r *Reader) {
	if f.book == nil {
		f.format = r.Format()
		return
	}
	merged := f.format.Merged || r.format.Merged
	if f.format.Comma == 0 {
		f.format = r.Format()
		for _, sheet := range f.book.formats {
			for _, name := range sheet.PassedOver {
				if !slices.Contains(f.format.PassedOver, name) {
					f.format.PassedOver = append(f.format.PassedOver, name)
				}
			}
		}
	}
	f.format.BOM, f.format.Merged, f.format.Sheets = true, merged, f.format.Sheets || len(f.book.read) > 1
}

// Close ends the reading.
func (f *File) Close() {
	if f.file != nil {
		f.file.Close()
	}
}

// fileRows are the rows of a file, or those of its sheets one after the other.
// Their errors name the file, and they keep what all of it has shown.
type fileRows struct {
	*Reader
	file    *File
	ctx     context.Context // of reading a workbook
	sheet   int             // sheets begun
	hidden  Warning         // hidden rows that have a MAC
	crossed bool            // some of them are crossed out
	text    checked
}

func (r *fileRows) Read(row *batch.Row) error {
	for {
		err := r.Reader.Read(row)
		if book := r.file.book; err == nil && book != nil {
			if len(book.read) > 1 && row.Prior.Sheet == "" {
				row.Sheet = book.read[r.sheet-1].Name
			}
			if row.Skipped && !row.Prior.Skipped && r.file.opts.Hidden == HiddenRefuse && (row.Device.MAC != (rps.MAC{}) || row.Damaged) {
				crossed := r.Reader.hidden == crossedOut
				r.crossed = r.crossed || crossed
				r.hidden.add(func() string {
					if crossed {
						return "row " + row.Place() + " (" + crossedOut + ")"
					}
					return "row " + row.Place()
				})
			}
		}
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, io.EOF):
			return r.file.named(err)
		case r.file.book != nil && r.sheet < len(r.file.book.read):
			if err := r.nextSheet(); err != nil {
				return r.file.named(err)
			}
			continue
		case r.hidden.Count > 0:
			return fmt.Errorf("%s: %w", r.file.name, r.hiddenError())
		}
		if !r.file.whole {
			r.file.setFormat(r.Reader)
			r.file.whole = true
		}
		return err
	}
}

// hiddenError names the rows that nobody sees.
func (r *fileRows) hiddenError() error {
	what, show := "1 row that has a MAC is hidden", "show them"
	if r.hidden.Count > 1 {
		what = fmt.Sprintf("%d rows that have a MAC are hidden", r.hidden.Count)
	}
	if r.hidden.Text = what + ", by a filter or by hand"; r.crossed {
		r.hidden.Text, show = what+" or crossed out", "remove or show them"
	}
	return &FileError{Reason: r.hidden.String(), Hint: show + ", or decide with " + flagHidden + " send or " + flagHidden + " skip"}
}

// nextSheet starts reading the next sheet.
func (r *fileRows) nextSheet() (err error) {
	sheets, before := r.file.book.read, r.Reader
	r.sheet++
	r.text.more = r.sheet < len(sheets)
	r.Reader, err = r.file.sheetReader(r.ctx, sheets[r.sheet-1], r.text.of)
	if before != nil && err == nil {
		r.keys = before.keys // the result has the header of the first
		r.format.Merged = r.format.Merged || before.format.Merged
	}
	return err
}

// checked reads the file, or the text of its sheets, and fails if it has changed.
type checked struct {
	file *File
	r    io.Reader
	sum  uint32
	more bool // another sheet follows
}

// of continues with a reader.
func (c *checked) of(r io.Reader) io.Reader {
	c.r = r
	return c
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.sum = crc32.Update(c.sum, batch.Castagnoli, p[:n])
	if err != nil && !errors.Is(err, io.EOF) {
		return n, err
	}
	info, statErr := c.file.file.Stat()
	changed := &FileError{Reason: "the file changed while it was being read", Hint: "run again when nothing is writing to it"}
	switch {
	case statErr != nil:
		return n, statErr
	case info.Size() != c.file.size, !info.ModTime().Equal(c.file.mtime):
		return n, changed
	case err == nil || c.more:
	case c.file.known && c.sum != c.file.sum:
		return n, changed
	default:
		c.file.sum, c.file.known = c.sum, true
	}
	return n, err
}
