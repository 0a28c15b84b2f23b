package csvio

import (
	"errors"
	"io"
	"slices"
	"strings"
)

const (
	// commas separate cells, the more likely ones first if nothing else decides.
	commas = ",;\t|"

	// sampleSize is the number of records, starting with the first that is not
	// blank, among which the header is looked for.
	sampleSize = 20
)

// readStart reads everything above the first row.
func (r *Reader) readStart() error {
	s, f := r.split, &r.format
	if err := r.readDialect(); err != nil {
		return err
	}
	records := s.sample(r.opts.Comma)
	if len(records) == 0 {
		if err := s.next(); err != nil && err != io.EOF {
			return err
		}
		return &FileError{Reason: "the " + r.thing() + " contains only blank lines", Hint: needed}
	}
	r.fillMerged(records)
	kind, at := r.start(records)
	if kind == startHeader {
		at = r.lastOfHeader(records, at)
	}
	if err := damagedStart(records, kind, at); err != nil {
		return err
	}
	if kind != startUnknown {
		f.keepPreamble(records[:at])
	}
	first := records[at]
	s.pos, s.line = first.pos, first.line
	s.forget()
	f.LineEnd = first.end
	if f.LineEnd == "" {
		f.LineEnd = "\n"
	}
	if err := r.takeHeader(records, kind, at); err != nil {
		return err
	}
	r.named = r.lastNamed()
	if r.sheet != nil {
		r.keys, r.sheet.width = r.header.keys(), len(r.header.names)
	}
	for _, record := range records[:at] {
		for i, line := range strings.FieldsFunc(record.raw, func(c rune) bool { return c == '\n' || c == '\r' }) {
			if _, _, ok := r.rowsMAC(line); ok && i > 0 && strings.IndexByte(line, r.opts.Comma) >= 0 {
				return swallowingHeader(record.line)
			}
		}
	}
	r.noteColumns(records[at:])
	r.comments = r.commentColumn(records[at:])
	f.noteUnread(&r.header, r.task, r.opts.Columns)
	if !r.ours {
		s.wanted = slices.Max(r.header.at[:]) + 1
	}
	return nil
}

// thing is the word for what is read.
func (r *Reader) thing() string {
	if r.opts.records {
		return "sheet"
	}
	return "file"
}

// readDialect detects the delimiter, and refuses what is no text of cells.
func (r *Reader) readDialect() error {
	s, f := r.split, &r.format
	s.fill()
	if s.err != nil && s.err != io.EOF {
		return s.err
	}
	head := s.buf
	if r.text.found && !r.text.mark && !strings.HasPrefix(r.text.name, "UTF-16") {
		head = r.text.head // as it is, since Windows-1252 accepts any byte
	}
	if len(head) == 0 {
		return &FileError{Reason: "the " + r.thing() + " is empty", Hint: needed, Empty: true}
	}
	if !r.opts.records { // a sheet with such cells is still a sheet
		if err := sniff(head); err != nil {
			return err
		}
		comma, line := separator(s.buf)
		f.SepLine = line
		if r.opts.Comma == 0 {
			r.opts.Comma = comma
		}
		if line != "" {
			s.skip(len(line))
		}
	}
	if r.opts.Comma == 0 {
		r.opts.Comma = r.findComma()
	}
	f.Comma, s.comma[0] = r.opts.Comma, r.opts.Comma
	return nil
}

// damagedStart refuses a start whose header, or what stands above it, is damaged.
func damagedStart(records []sampled, kind, at int) error {
	if i := slices.IndexFunc(records[:at+1], func(record sampled) bool { return record.open }); i >= 0 && kind != startDevice {
		return &FileError{Line: records[i].line, Reason: "a quote in the header is never closed", Hint: "close or remove it"}
	}
	if kind == startUnknown && eachLineQuoted(records) {
		return &FileError{Line: records[0].line, Reason: "each line is one quoted cell, so its columns cannot be read",
			Hint: "export the file again without quotes around whole lines, or remove the first and last quote of each line and halve those in between"}
	}
	above := records[:at]
	if kind != startDevice {
		above = records[:at+1]
	}
	if i := slices.IndexFunc(above, func(record sampled) bool { return record.torn }); i >= 0 {
		return swallowingHeader(records[i].line)
	}
	return nil
}

// keepPreamble keeps what stands above the header, for the result.
func (f *Format) keepPreamble(above []sampled) {
	for _, record := range above {
		f.Preamble = append(f.Preamble, record.raw)
	}
	if len(above) == 0 {
		return
	}
	// After blank lines it does not count as such a line, so the result needs one.
	if _, line := separator([]byte(above[0].raw)); line != "" {
		f.Preamble = slices.Insert(f.Preamble, 0, "")
	}
}

// takeHeader reads the header, or makes one if there is none.
func (r *Reader) takeHeader(records []sampled, kind, at int) (err error) {
	s, f := r.split, &r.format
	if kind == startDevice {
		f.NoHeader = true
		r.header, err = r.guessHeader(records[at:])
	} else {
		r.header, err = r.readHeader(records[at:])
		if err == nil && kind == startHeader {
			err = r.headerGoesOn(records, at)
		}
	}
	if bad := (*FileError)(nil); kind == startUnknown && len(records) == sampleSize && errors.As(err, &bad) && !slices.ContainsFunc(records, r.holdsMAC) {
		bad.Hint += "; if the header is further down, remove the rows above it"
	}
	if err != nil {
		return err
	}
	if err := r.hiddenColumns(); err != nil {
		return err
	}
	f.hasServers = r.header.at[roleServer] >= 0
	r.reads = r.header.reads(r.task)
	if kind == startDevice {
		f.Header = strings.Join(r.header.names, string(rune(f.Comma)))
		f.Columns = r.header.names
		r.users = -1
		return nil
	}
	if err := s.next(); err != nil {
		return err
	}
	f.HeaderLine = s.start
	if _, _, _, ok := r.recordInside(string(s.raw)); ok {
		return swallowingHeader(s.start)
	}
	r.describe(string(s.raw))
	return nil
}

// separator returns the delimiter that a first line such as sep=; names, and the
// line without its end.
func separator(text []byte) (comma byte, line string) {
	const size = len("sep=;")
	if len(text) < size || !strings.EqualFold(string(text[:size-1]), "sep=") ||
		strings.IndexByte(commas, text[size-1]) < 0 || len(text) > size && text[size] != '\r' && text[size] != '\n' {
		return 0, ""
	}
	return text[size-1], string(text[:size])
}

// A sampled record is one of the first.
type sampled struct {
	names  []string // its cells, without quotes and what tidy takes away
	raw    string
	filled int // cells that are not blank
	open   bool
	torn   bool
	end    string // its line end
	merged []int  // columns that it takes from merged ranges

	pos, line int // where it starts in the buffer
}

// sample splits the first records without reading them: up to sampleSize starting
// with the first that is not blank, as far as they are in the buffer, which holds
// at least one. Blank records before them are dropped for good.
func (s *splitter) sample(comma byte) (records []sampled) {
	was := s.comma
	s.comma[0] = comma
	s.forget()
	pos, line := s.pos, s.line
	for len(records) < sampleSize {
		at := sampled{pos: s.pos, line: s.line}
		if !s.scan() {
			if len(records) > 0 || s.err != nil || len(s.buf)-s.pos > s.max+2 {
				break
			}
			s.fill()
			pos = s.pos
			continue
		}
		if len(s.raw) > s.max {
			s.pos, s.line = at.pos, at.line
			break
		}
		at.raw, at.open, at.torn, at.end = string(s.raw), s.open, s.torn >= 0, s.lineEnd
		for i := range s.ends {
			name := tidy(unquoted(cell(at.raw, s.ends, i)))
			at.names = append(at.names, name)
			if name != "" {
				at.filled++
			}
		}
		if at.filled == 0 && !at.open && len(records) == 0 {
			pos, line = s.pos, s.line
			continue
		}
		records = append(records, at)
	}
	s.pos, s.line, s.comma = pos, line, was
	s.forget()
	return records
}

// findComma returns the delimiter under which the first records make most sense:
// a header of an earlier result is best, then one with a known name for the MAC,
// then a MAC in a cell of its own. Among several, the one with several cells
// wins, then the earlier. Among equals, the delimiter wins under which most
// records have as many cells as it, then the one with more cells.
func (r *Reader) findComma() byte {
	var best byte
	var most []int
	for _, comma := range []byte(commas) {
		records := r.split.sample(comma)
		if len(records) == 0 {
			continue
		}
		kind, at := r.start(records)
		cells := len(records[at].names)
		alike := 0
		if cells > 1 {
			for _, other := range records[at+1:] {
				if len(other.names) == cells {
					alike++
				}
			}
		}
		score := []int{kind, min(cells, 2), -at, alike, cells}
		if r.opts.NoHeader && kind == startDevice && !slices.ContainsFunc(records, r.holdsMAC) {
			score[0] = startUnknown
		} else if kind == startUnknown {
			score[1], score[2] = 0, 0
		}
		if most == nil || slices.Compare(score, most) > 0 {
			best, most = comma, score
		}
	}
	return best
}

// What the rows start with.
const (
	startUnknown = iota
	startDevice  // no header
	startHeader
	startResult // the header of an earlier result
)

// start finds the record that the rows start with, and what it is: a header, a
// device, or unknown, if no column can be the MAC.
//
// It is the first record that has a MAC, and is then a device, or that names a
// known MAC column, and is then the header: no device is taken for a note above
// the header. Above a device there may be titles and notes of one cell, but no
// more: two cells may be a header with unknown names, and guessing the server's
// column under it could bind devices to anything.
//
// A title of one cell may be such a name, "MAC addresses", or a number that may
// be a MAC, such as a time: a header of more cells below it, and above the first
// device, is better.
//
// The header of an earlier result wins if nothing above it looks like a device:
// above it is what the result has from its input, including the first row of a
// two-row header. Otherwise, with NoHeader, the first record is a device.
func (r *Reader) start(records []sampled) (kind, at int) {
	headed := false
	for i, record := range records {
		kind := r.kindOf(record)
		if kind == startResult {
			return kind, i
		}
		if kind == startDevice || headed && slices.ContainsFunc(record.names, r.macs.wasOnce) {
			break
		}
		headed = headed || kind == startHeader
	}
	widest := 0
	for i, record := range records {
		kind := r.kindOf(record)
		switch {
		case kind == startResult:
			return kind, i
		case r.opts.NoHeader && kind == startDevice:
			return startDevice, 0
		case r.opts.NoHeader:
			continue
		case kind == startDevice && i > 0 && records[widest].filled > 1:
			return startUnknown, widest
		case (kind == startHeader || kind == startDevice) && record.filled == 1:
			return r.belowTitle(records, i, kind)
		case kind != startUnknown:
			return kind, i
		}
		if record.filled > records[widest].filled {
			widest = i
		}
	}
	if r.opts.NoHeader {
		return startDevice, 0
	}
	return startUnknown, widest
}

// belowTitle returns the header with more cells below a single-cell one, or that
// one.
func (r *Reader) belowTitle(records []sampled, title, as int) (kind, at int) {
	for i := title + 1; i < len(records); i++ {
		switch kind := r.kindOf(records[i]); {
		case kind == startDevice:
			return as, title
		case kind != startUnknown && records[i].filled > 1:
			return kind, i
		}
	}
	return as, title
}

func (r *Reader) holdsMAC(record sampled) bool {
	return slices.ContainsFunc(record.names, r.macs.isMAC)
}

func (r *Reader) kindOf(record sampled) int {
	h := newHeader(record.names)
	ours := 0
	for _, place := range h.ours {
		if place >= 0 {
			ours++
		}
	}
	if ours > 1 {
		return startResult
	}
	if !r.task.servers && slices.ContainsFunc(record.names, r.macs.isPhone) {
		return startDevice
	}
	if wanted, ok := r.opts.Columns[roleNames[roleMAC]]; ok {
		if len(h.named(wanted)) > 0 {
			return startHeader
		}
		return startUnknown
	}
	key := roleMAC
	if r.task.servers {
		key = roleServer
	}
	for i, name := range record.names {
		if alias, ok := r.task.roleOf(name); ok && alias == key && h.ours[i] < 0 || h.ours[i] == macColumn {
			return startHeader
		}
	}
	return startUnknown
}
