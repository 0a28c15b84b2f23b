package cli

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"rpsbatch/batch"
	"rpsbatch/batch/durable"
	"rpsbatch/csvio"
)

// input is a file that is read more than once. It stays the same file when
// another one takes its name meanwhile, and reading fails when its bytes were
// changed since they were first read.
type input struct {
	name    string // for messages
	options csvio.Options
	format  csvio.Format
	whole   bool       // it was read to its end, and format is final
	sheet   string     // of a workbook, the sheet that is read
	others  []string   // and those that could be read
	only    batch.Only // rows to be run again; nil: all

	file  *os.File
	spool bool // file is a copy of a stream or of a sheet, for this process alone
	size  int64
	mtime time.Time
	sum   uint32 // of the bytes, from the first full reading
	known bool   // sum is
}

const standardStream = "-"

// openInput opens the file, or copies a stream ('-', a pipe) or the sheet of a
// workbook to a temporary one, and reads its header.
func openInput(ctx context.Context, streams Streams, name, sheet string, options csvio.Options) (*input, error) {
	in := &input{name: name, options: options}
	var err error
	if name == standardStream {
		in.name = "standard input"
		err = in.copyOf(ctx, streams.In)
	} else {
		err = in.openFile(ctx, name)
	}
	if err == nil {
		err = in.convert(sheet)
	}
	if err == nil {
		_, err = in.Open() // tells now what is wrong with the header
		err = in.namingSheets(err)
	}
	if err != nil {
		in.Close()
		return nil, err
	}
	return in, nil
}

func (in *input) openFile(ctx context.Context, name string) error {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return hint(fmt.Errorf("%s: there is no such file", name), "check the name and the folder")
	}
	if err != nil {
		return fmt.Errorf("cannot read the input: %w", err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		f.Close()
		return fmt.Errorf("cannot read the input: %w", err)
	case info.IsDir():
		f.Close()
		return hint(fmt.Errorf("%s is a folder", name), "give the CSV file in it")
	case !info.Mode().IsRegular():
		defer f.Close()
		return in.copyOf(ctx, f)
	}
	in.file, in.size, in.mtime = f, info.Size(), info.ModTime()
	return nil
}

func (in *input) copyOf(ctx context.Context, stream *os.File) error {
	f, err := durable.TempFile() // it holds unique URLs
	if err != nil {
		return fmt.Errorf("cannot keep %s: %w", in.name, err)
	}
	in.file, in.spool = f, true
	copied := make(chan error, 1)
	go func() {
		_, err := io.Copy(f, stream)
		copied <- err
	}()
	select {
	case err = <-copied:
	case <-ctx.Done():
		// The copy may go on into a file that is closed and gone.
		return &batch.StopError{Reason: batch.ErrInterrupted}
	}
	if err != nil {
		return fmt.Errorf("cannot keep %s: %w", in.name, err)
	}
	return in.kept()
}

// kept notes how the temporary file stands.
func (in *input) kept() error {
	info, err := in.file.Stat()
	if err != nil {
		return fmt.Errorf("cannot keep %s: %w", in.name, err)
	}
	in.size, in.mtime = info.Size(), info.ModTime()
	return nil
}

// convert puts a sheet as CSV in the place of a workbook.
func (in *input) convert(sheet string) error {
	head := make([]byte, 512)
	n, err := in.file.ReadAt(head, 0)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return fmt.Errorf("cannot read %s: %w", in.name, err)
	case !csvio.IsWorkbook(head[:n]) && sheet != "":
		return hint(fmt.Errorf("%s is not a workbook", in.name), "--sheet names a sheet of an .xlsx file")
	case !csvio.IsWorkbook(head[:n]):
		return nil
	}
	f, err := durable.TempFile()
	if err != nil {
		return fmt.Errorf("cannot keep a sheet of %s: %w", in.name, err)
	}
	book := *in
	in.file, in.spool = f, true
	if in.sheet, in.others, err = csvio.ConvertWorkbook(book.file, sheet, f); err != nil {
		book.Close()
		return fmt.Errorf("%s: %w", in.name, err)
	}
	in.options.Comma, in.options.Encoding, in.options.Records = ',', "utf-8", true
	book.Close()
	return in.kept()
}

// namingSheets adds to an error about the header which sheet was read and which
// others there are: the first is often a cover.
func (in *input) namingSheets(err error) error {
	var header *csvio.HeaderError
	var file *csvio.FileError
	if len(in.others) == 0 || !errors.As(err, &header) && !errors.As(err, &file) {
		return err
	}
	quoted := make([]string, len(in.others))
	for i, name := range in.others {
		quoted[i] = strconv.Quote(name)
	}
	return fmt.Errorf("%w; this is sheet %q; --sheet NAME reads another: %s", err, in.sheet, shortList(quoted))
}

// tell logs how the file is written, where that is not plain.
func (in *input) tell(log *slog.Logger) {
	f := in.format
	if f.PassedOver != nil {
		log.Warn("some columns look like servers or URLs and are not read; name one with --column server=NAME or url=NAME", "columns", shortList(f.PassedOver))
	}
	if in.sheet == "" && f.Encoding == "UTF-8" && f.Comma == ',' && f.HeaderLine == 1 {
		return
	}
	log.Info("reading the file", "file", in.name, "format", in.dialect())
}

// dialect returns how the file is written.
func (in *input) dialect() string {
	f := in.format
	header := "no header, columns taken for " + strings.Join(f.Columns, ", ")
	if !f.NoHeader {
		header = fmt.Sprintf("header in %s %d", in.place(), f.HeaderLine)
	}
	header += "; read: " + strings.Join(f.Read, ", ")
	if in.sheet != "" {
		return fmt.Sprintf("workbook, sheet %q, %s", in.sheet, header)
	}
	encoding := f.Encoding
	if f.BOM && strings.HasPrefix(encoding, "UTF-8") {
		encoding += " with a byte order mark"
	}
	return fmt.Sprintf("%s, cells separated by %s, lines ended by %s, %s", encoding, csvio.CommaNames[f.Comma], lineEndNames[f.LineEnd], header)
}

var lineEndNames = map[string]string{"\n": "LF", "\r\n": "CRLF", "\r": "CR"}

// place returns the word for a line of the file.
func (in *input) place() string {
	if in.sheet != "" {
		return "row"
	}
	return "line"
}

// Open starts reading the rows from the first.
func (in *input) Open() (batch.Source, error) {
	bytes := &checked{in: in, r: io.NewSectionReader(in.file, 0, 1<<62)}
	r, err := csvio.NewReader(bytes, in.options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in.name, err)
	}
	if !in.whole {
		in.setFormat(r)
	}
	source := batch.Source(named{r, in})
	if in.only != nil {
		source = in.only.Of(source)
	}
	return source, nil
}

// setFormat notes how the file is written. The result of a workbook is for
// programs that take a file without a byte order mark for one in an older
// encoding.
func (in *input) setFormat(r *csvio.Reader) {
	in.format = r.Format()
	in.format.BOM = in.format.BOM || in.sheet != ""
}

// isResult refuses what is not the result of an earlier run, and that of one
// that is unfinished, if that matters.
func (in *input) isResult(flag string, evenUnfinished bool) error {
	if !in.format.PriorStatus {
		return hint(fmt.Errorf("%s has no column rps_status", in.name), "%s takes a result file of an earlier run", flag)
	}
	if !evenUnfinished && in.unfinished() {
		return hint(fmt.Errorf("%s is the result of an unfinished run: its journal %s%s may know more", in.name, in.name, journalEnding),
			"finish that run first, with --resume")
	}
	return nil
}

// unfinished reports whether the journal of a run stands beside its result.
func (in *input) unfinished() bool {
	_, err := os.Stat(target(in.name) + journalEnding)
	return err == nil && !in.spool
}

// opener returns Open for a pass that nobody need finish: it fails when ctx ends.
func (in *input) opener(ctx context.Context) func() (batch.Source, error) {
	return func() (batch.Source, error) {
		source, err := in.Open()
		return interruptible{source, ctx}, err
	}
}

type interruptible struct {
	batch.Source
	ctx context.Context
}

func (i interruptible) Read(row *batch.Row) error {
	if i.ctx.Err() != nil {
		return &batch.StopError{Reason: batch.ErrInterrupted}
	}
	return i.Source.Read(row)
}

// Close ends the reading.
func (in *input) Close() {
	if in.file != nil {
		in.file.Close()
	}
}

// named adds the name of the file to errors, and keeps what reading all of it has
// shown.
type named struct {
	*csvio.Reader
	in *input
}

func (n named) Read(row *batch.Row) error {
	err := n.Reader.Read(row)
	switch {
	case errors.Is(err, io.EOF) && !n.in.whole:
		n.in.setFormat(n.Reader)
		n.in.whole = true
	case err != nil && !errors.Is(err, io.EOF):
		return fmt.Errorf("%s: %w", n.in.name, err)
	}
	return err
}

// checked reads the file and fails where it is no longer what it was.
type checked struct {
	in  *input
	r   io.Reader
	sum uint32
}

var errChanged = errors.New("the file was changed while it was read; run again once it no longer changes")

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.sum = crc32.Update(c.sum, batch.Castagnoli, p[:n])
	if err != nil && !errors.Is(err, io.EOF) {
		return n, err
	}
	info, statErr := c.in.file.Stat()
	switch {
	case statErr != nil:
		return n, statErr
	case info.Size() != c.in.size, !info.ModTime().Equal(c.in.mtime):
		return n, errChanged
	case errors.Is(err, io.EOF) && c.in.known && c.sum != c.in.sum:
		return n, errChanged
	case errors.Is(err, io.EOF):
		c.in.sum, c.in.known = c.sum, true
	}
	return n, err
}
