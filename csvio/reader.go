package csvio

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"rpsbatch/batch"
)

// A Reader reads the rows of a CSV file, one for each record behind the
// header. It is not safe for concurrent use.
type Reader struct {
	text    *decoder
	split   *splitter
	opts    Options
	task    task
	header  header
	format  Format
	targets bool // servers and URLs are read
	users   int  // number of the user's columns if ours stand behind them, as a Writer leaves them; else -1
	ours    bool // some column is of an earlier result
	named   int  // number of columns up to the last of the user's with a name
	err     error
}

// NewReader reads up to the header. The error is a *FileError
// where the file is at fault; another if an option is, or reading fails.
func NewReader(src io.Reader, opts Options) (*Reader, error) {
	if opts.Comma != 0 && strings.IndexByte(commas, opts.Comma) < 0 {
		return nil, optionError(flagDelimiter, "%q is none of comma, semicolon, tab and pipe", rune(opts.Comma))
	}
	if opts.MaxRecord <= 0 {
		opts.MaxRecord = DefaultMaxRecord
	}
	opts.Server = strings.TrimSpace(opts.Server)
	if problem := serverProblem(opts.Server); problem != "" {
		return nil, optionError(flagServer, "%s", problem)
	}
	text, err := newDecoder(src, opts.Encoding)
	if err != nil {
		return nil, err
	}
	r := &Reader{text: text, split: newSplitter(text, opts.Comma, opts.MaxRecord), opts: opts, task: opts.task()}
	r.split.rows = opts.Records
	if err := r.readStart(); err != nil {
		if opts.Records {
			err = asRow(err)
		}
		return nil, err
	}
	return r, nil
}

// readStart reads what stands above the first row.
func (r *Reader) readStart() error {
	s, f := r.split, &r.format
	s.fill()
	if s.err != nil && s.err != io.EOF {
		return s.err
	}
	head := s.buf
	if r.text.found && !r.text.mark && !strings.HasPrefix(r.text.name, "UTF-16") {
		head = r.text.head // as it is, since Windows-1252 takes any byte
	}
	thing := "file"
	if r.opts.Records {
		thing = "sheet"
	}
	if len(head) == 0 {
		return &FileError{Reason: "the " + thing + " is empty", Hint: needed}
	}
	if err := sniff(head, r.text.found); err != nil {
		return err
	}
	if !r.opts.Records { // a sheet with such a cell is still a sheet
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

	records := s.sample(r.opts.Comma)
	if len(records) == 0 {
		if err := s.next(); err != nil && err != io.EOF {
			return err
		}
		return &FileError{Reason: "the " + thing + " holds nothing but blank lines", Hint: needed}
	}
	kind, at := r.start(records)
	first := records[at]
	if i := slices.IndexFunc(records[:at+1], func(record sampled) bool { return record.open }); i >= 0 && kind != startDevice {
		return &FileError{Line: records[i].line, Reason: "a quote in the header is never closed", Hint: "close or remove it"}
	}
	above := records[:at]
	if kind != startDevice {
		above = records[:at+1]
	}
	if i := slices.IndexFunc(above, func(record sampled) bool { return record.torn }); i >= 0 {
		return swallowingHeader(records[i].line)
	}
	if kind != startUnknown {
		for _, record := range records[:at] {
			f.Preamble = append(f.Preamble, record.raw)
		}
		if at > 0 {
			// Behind blank lines it is no such line, so the result needs one.
			if _, line := separator([]byte(records[0].raw)); line != "" {
				f.Preamble = slices.Insert(f.Preamble, 0, "")
			}
		}
	}
	s.pos, s.line = first.pos, first.line
	s.forget()
	f.LineEnd = first.end
	if f.LineEnd == "" {
		f.LineEnd = "\n"
	}

	var err error
	if kind == startDevice {
		f.NoHeader = true
		r.header, err = guessHeader(records[at:], first.line, &r.opts)
	} else {
		r.header, err = readHeader(first.names, first.line, &r.opts)
	}
	if err != nil {
		return err
	}
	r.targets = r.header.readsTargets(r.task)
	if kind == startDevice {
		f.Header = strings.Join(r.header.names, string(rune(f.Comma)))
		f.Columns = r.header.names
		r.users = -1
	} else {
		if err := s.next(); err != nil {
			return err
		}
		f.HeaderLine = s.start
		if _, _, _, ok := r.recordInside(string(s.rec)); ok {
			return swallowingHeader(s.start)
		}
		r.describe(string(s.rec))
	}
	r.named = r.lastNamed()
	for _, record := range records[:at] {
		for i, line := range strings.FieldsFunc(record.raw, func(c rune) bool { return c == '\n' || c == '\r' }) {
			if _, _, ok := r.rowsMAC(line); ok && i > 0 && strings.IndexByte(line, r.opts.Comma) >= 0 {
				return swallowingHeader(record.line)
			}
		}
	}
	r.tellColumns(records[at:])
	if !r.ours {
		s.wanted = slices.Max(r.header.at[:]) + 1
	}
	return nil
}

// tellColumns notes which columns are read, and which look as if they should be.
func (r *Reader) tellColumns(records []sampled) {
	h, f := &r.header, &r.format
	for of, i := range h.at {
		if i >= 0 && (role(of) != roleServer && role(of) != roleURL || r.targets) {
			f.Read = append(f.Read, fmt.Sprintf("%s %q", roleNames[of], h.names[i]))
		}
	}
	for i, name := range h.names {
		if h.ours[i] >= 0 || slices.Contains(h.at[:], i) || !r.targets {
			continue
		}
		suspect := slices.ContainsFunc(targetWords, func(word string) bool { return strings.Contains(plainName(name), word) })
		for _, record := range records {
			suspect = suspect || i < len(record.names) && afterScheme(record.names[i]) >= 0
		}
		if suspect {
			f.PassedOver = append(f.PassedOver, name)
		}
	}
}

// targetWords stand in the names of columns that may be meant for a server or a
// unique URL.
var targetWords = []string{"url", "server", "serveur", "servidor", "provision"}

// describe sets the header of the format, and how our columns lie between the
// user's.
func (r *Reader) describe(record string) {
	h, f := &r.header, &r.format
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
}

// Format says how the file is written.
func (r *Reader) Format() Format {
	f := r.format
	f.Columns = slices.Clone(f.Columns)
	f.Preamble = slices.Clone(f.Preamble)
	f.Read, f.PassedOver = slices.Clone(f.Read), slices.Clone(f.PassedOver)
	f.Encoding = r.text.name
	f.BOM = r.text.mark || r.text.foreign
	return f
}

// Offset is the number of bytes of text that have become rows: of the input,
// but for its byte order mark, if that is in UTF-8.
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
		if r.opts.Records {
			r.err = asRow(r.err)
		}
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

	row.Cut = s.lineEnd == "" && (s.open || s.cells < len(r.header.names))
	var values cells
	values[roleMAC] = r.value(record, roleMAC)
	if s.open {
		row.Device.MAC, _, _, _ = parseMAC(values[roleMAC], r.opts.Repair)
		row.Swallows, row.Unclosed = true, hasLineBreak(record)
		r.blame(row, fault{role: noRole, cell: s.cells, kind: kindQuote,
			text: fmt.Sprintf(neverClosed+", which makes all from line %d to the end of the file one record: close or remove it", s.start)})
		return nil
	}
	if values[roleMAC] == "" && r.allBlank(record) {
		row.Blank = true
		return nil
	}
	if r.targets {
		values[roleServer] = r.value(record, roleServer)
		values[roleURL] = r.value(record, roleURL)
	}
	if r.task.actions {
		values[roleAction] = r.value(record, roleAction)
	}
	var faults []fault
	row.Device, row.Note, faults = judge(&values, &r.opts)
	if more, cut := r.surplus(record, row); cut {
		faults = append(faults, fault{role: roleURL, kind: kindCutURL, text: urlCut + " " + commaNames[r.opts.Comma] +
			": put it in quotes; if the next cell is no part of it, put that in quotes, or words"})
	} else if more {
		row.Surplus = true
		row.Note = joined(row.Note, surplusNote)
	}
	swallowed := r.swallowed(record, row)
	faults = append(swallowed, faults...)
	if row.Swallows = swallowed != nil || r.mentions(record, row.Device.MAC); row.Swallows && swallowed == nil {
		row.Note = joined(row.Note, "a cell of several lines holds another MAC: if that is a row of its own, it was swallowed by a quote too many")
	}
	for _, fault := range faults {
		if fault.role == roleMAC && wasMAC(values[roleMAC], row.Prior.MAC) {
			// The earlier result knows what a spreadsheet made of it since.
			row.Device.MAC = row.Prior.MAC
			row.Note = joined(row.Note, "the MAC is that of rps_mac: its cell was damaged since")
			continue
		}
		row.Cut = s.lineEnd == ""
		row.Damaged = row.Damaged || fault.kind == kindZeros || fault.kind == kindScientific || fault.kind == kindDate
		r.blame(row, fault)
	}
	return nil
}

// value gives the cell of a role, without what tidy takes away.
func (r *Reader) value(record string, of role) string {
	return tidy(unquoted(cell(record, r.split.ends, r.header.at[of])))
}

// blame adds a fault to a row.
func (r *Reader) blame(row *batch.Row, f fault) {
	bad := batch.Fault{Kind: f.kind, Text: f.text}
	at := f.cell - 1
	if f.role != noRole {
		at = r.header.at[f.role]
	}
	if at >= 0 && at < len(r.header.names) {
		bad.Column = r.header.names[at]
	}
	if at >= 0 && at < r.split.cells {
		bad.Cell = at + 1
	}
	row.Faults = append(row.Faults, bad)
	if row.Problem != "" {
		row.Problem += "; "
	}
	row.Problem += f.text
}

// separate divides a record that is all in row.Raw into the user's cells and
// those of an earlier result. Cells beyond the header are the user's.
func (r *Reader) separate(row *batch.Row, ends []int) {
	record := row.Raw
	if n := r.users; n > 0 && len(ends) == n+ourColumns {
		row.Raw, row.Cells = record[:ends[n-1]], n
		row.Prior = priorOf(func(column int) string { return cell(record, ends, n+column) })
		row.Prior.Cells = record[ends[n-1]+1:]
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
	if len(r.format.Columns) > 0 {
		// A record of our cells only is still a record, not a blank line.
		row.Cells = max(row.Cells, 1)
	}
	row.Raw = string(raw)
	row.Prior = priorOf(func(column int) string { return prior[column] })
	row.Prior.Cells = strings.Join(prior[:], string(rune(r.opts.Comma)))
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
