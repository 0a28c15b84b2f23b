package csvio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"rpsbatch/batch"
)

// A Reader reads the rows of a CSV file, one for each record behind the
// header. It is not safe for concurrent use.
type Reader struct {
	split  *splitter
	opts   Options
	header header
	format Format
	users  int  // number of the user's columns if ours stand behind them, as a Writer leaves them; else -1
	ours   bool // some column is of an earlier result
	err    error
}

// NewReader reads the header. The error is a *HeaderError or *FileError where
// the file is at fault; another if an option is, or reading fails.
func NewReader(src io.Reader, opts Options) (*Reader, error) {
	if opts.Comma == 0 {
		opts.Comma = ','
	}
	if strings.IndexByte(",;\t|", opts.Comma) < 0 {
		return nil, fmt.Errorf("the delimiter %q is none of comma, semicolon, tab and pipe", rune(opts.Comma))
	}
	if opts.MaxRecord <= 0 {
		opts.MaxRecord = DefaultMaxRecord
	}
	opts.Server = strings.TrimSpace(opts.Server)
	if problem := serverProblem(opts.Server); problem != "" {
		return nil, errors.New("--server: " + problem)
	}

	r := &Reader{split: newSplitter(src, opts.Comma, opts.MaxRecord), opts: opts}
	if err := r.readHeader(); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Reader) readHeader() error {
	s := r.split
	s.fill()
	if s.err != nil && s.err != io.EOF {
		return s.err
	}
	if bytes.HasPrefix(s.buf, []byte(byteOrderMark)) {
		r.format.BOM = true
		s.pos = len(byteOrderMark)
	}
	if err := sniff(s.buf[s.pos:]); err != nil {
		return err
	}

	var names []string
	for len(names) == 0 {
		err := s.next()
		if err == io.EOF {
			return &FileError{Reason: "the file holds nothing but blank lines", Hint: "a header such as mac,server,url and a line for each device are needed"}
		}
		if err != nil {
			return err
		}
		if s.open {
			return &FileError{Line: s.start, Reason: "a quote in the header is never closed", Hint: "close or remove it"}
		}
		names = headerNames(string(s.rec), s.ends)
	}
	var err error
	if r.header, err = readHeader(names, s.start, &r.opts); err != nil {
		return err
	}
	r.describe(string(s.rec))
	return nil
}

// headerNames gives the names in a record, none if they are all blank.
func headerNames(record string, ends []int) []string {
	names := make([]string, len(ends))
	blank := true
	for i := range ends {
		names[i] = trimmed(unquoted(cell(record, ends, i)))
		blank = blank && names[i] == ""
	}
	if blank {
		return nil
	}
	return names
}

// describe sets the format, and how our columns lie between the user's.
func (r *Reader) describe(record string) {
	h, f := &r.header, &r.format
	f.Comma = r.opts.Comma
	f.LineEnd = r.split.lineEnd
	if f.LineEnd == "" {
		f.LineEnd = "\n"
	}
	row := batch.Row{Raw: record}
	for i, place := range h.ours {
		switch {
		case place < 0:
			f.Columns = append(f.Columns, h.names[i])
		case place == statusColumn:
			f.PriorStatus = true
		}
	}
	r.ours = len(f.Columns) < len(h.names)
	r.users = -1
	if tail := h.names[len(f.Columns):]; slices.Equal(tail, Columns) {
		r.users = len(f.Columns)
	}
	if r.ours {
		r.separate(&row, r.split.ends)
	}
	f.Header = row.Raw
	if !r.ours {
		r.split.wanted = slices.Max(h.at[:]) + 1
	}
}

// Format says how the file is written.
func (r *Reader) Format() Format {
	f := r.format
	f.Columns = slices.Clone(f.Columns)
	return f
}

// Offset is the number of bytes of the input that have become rows.
func (r *Reader) Offset() int64 { return r.split.offset() }

// Read sets row to the next record. It gives io.EOF after the last, and may
// give a *FileError for a record that is too large, or an error of the input;
// after an error there is nothing more.
//
// The strings in a row may be kept, but share a copy of a few KiB with those of
// the rows around them: clone a short one that is kept longer than its row.
func (r *Reader) Read(row *batch.Row) error {
	if r.err != nil {
		return r.err
	}
	s := r.split
	if r.err = s.next(); r.err != nil {
		return r.err
	}
	*row = batch.Row{Line: s.start}
	if len(s.rec) == 0 {
		row.Blank = true
		return nil
	}

	// All strings of a row are parts of this one, as a rule.
	record := s.text()
	if s.open {
		record += `"`
		s.ends[len(s.ends)-1]++
	}
	row.Raw, row.Cells = record, s.cells
	if r.ours {
		r.separate(row, s.ends)
	}

	at := &r.header.at
	mac := trimmed(unquoted(cell(record, s.ends, at[roleMAC])))
	if s.open {
		row.Device, _ = judge(mac, "", "", &r.opts)
		row.Problem = fmt.Sprintf("a quote is never closed, which makes all from line %d to the end of the file one record: close or remove it", s.start)
		return nil
	}
	if mac == "" && r.allBlank(record) {
		row.Blank = true
		return nil
	}
	server, url := "", ""
	if r.opts.NeedServer {
		server = trimmed(unquoted(cell(record, s.ends, at[roleServer])))
		url = trimmed(unquoted(cell(record, s.ends, at[roleURL])))
	}
	row.Device, row.Problem = judge(mac, server, url, &r.opts)
	return nil
}

// separate divides a record that is all in row.Raw into the user's cells and
// those of an earlier result. Cells beyond the header are the user's.
func (r *Reader) separate(row *batch.Row, ends []int) {
	record := row.Raw
	if n := r.users; n > 0 && len(ends) == n+ourColumns {
		row.Raw, row.Cells = record[:ends[n-1]], n
		row.Prior = record[ends[n-1]+1:]
		row.PriorStatus = batch.Status(trimmed(unquoted(cell(record, ends, n+statusColumn))))
		return
	}
	var prior [ourColumns]string
	raw := make([]byte, 0, len(record))
	row.Cells = 0
	for i := range ends {
		text := cell(record, ends, i)
		if i < len(r.header.ours) && r.header.ours[i] >= 0 {
			prior[r.header.ours[i]] = text
			continue
		}
		if row.Cells > 0 {
			raw = append(raw, r.opts.Comma)
		}
		raw = append(raw, text...)
		row.Cells++
	}
	// A record of our cells only is still a record, not a blank line.
	row.Cells = max(row.Cells, 1)
	row.Raw = string(raw)
	row.Prior = strings.Join(prior[:], string(rune(r.opts.Comma)))
	row.PriorStatus = batch.Status(trimmed(unquoted(prior[statusColumn])))
}

// allBlank reports whether the user's cells hold nothing but white space.
func (r *Reader) allBlank(record string) bool {
	r.split.splitAll()
	ends := r.split.ends
	for i := range ends {
		ours := i < len(r.header.ours) && r.header.ours[i] >= 0
		if !ours && trimmed(unquoted(cell(record, ends, i))) != "" {
			return false
		}
	}
	return true
}

// trimmed is strings.TrimSpace, inlined for texts with nothing to trim.
func trimmed(text string) string {
	if text == "" || notSpace[text[0]] && notSpace[text[len(text)-1]] {
		return text
	}
	return strings.TrimSpace(text)
}

// notSpace has the bytes that are, whatever is next to them, no white space.
var notSpace = func() (set [256]bool) {
	for c := '!'; c < 0x7f; c++ {
		set[c] = true
	}
	return set
}()

// cell gives a cell of a record as it stands, "" if there is no such cell.
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

// unquoted gives the value of a cell.
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
