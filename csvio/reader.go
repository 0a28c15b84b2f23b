package csvio

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"rpsbatch/batch"
	"rpsbatch/rps"
)

// A Reader reads the rows of a CSV file, one per record after the header. It is
// not safe for concurrent use.
type Reader struct {
	text   *decoder
	split  *splitter
	opts   Options
	task   task
	macs   macReader
	header header
	format Format
	reads  [roles]bool
	users  int  // number of the user's columns if ours follow them, as a Writer writes them; else -1
	ours   bool // some column comes from an earlier result
	named  int  // number of columns up to the user's last one with a name

	comments int // the column in which a mark comments a row out; -1: none
	sheet    *sheetText
	hidden   string    // why nobody reads the row of the sheet: hidden or crossed-out
	merged   mergedRow // what the row takes from merged ranges
	keys     []string  // the names of columns for these
	err      error
}

// NewReader reads up to the header. The error is a *FileError if the file is at
// fault, and another if an option is, or if reading fails.
func NewReader(src io.Reader, opts Options) (*Reader, error) { return newReader(src, opts, nil) }

// newReader reads a file, or the text of a sheet.
func newReader(src io.Reader, opts Options, sheet *sheetText) (*Reader, error) {
	if opts.Comma != 0 && strings.IndexByte(commas, opts.Comma) < 0 {
		return nil, optionError(flagDelimiter, "%q is not one of comma, semicolon, tab and pipe", rune(opts.Comma))
	}
	opts.MaxRecord = opts.maxRecord()
	opts.Server = strings.TrimSpace(opts.Server)
	if _, problem := serverProblem(opts.Server); problem != "" {
		return nil, optionError(flagServer, "%s", problem)
	}
	text, err := newDecoder(src, opts.Encoding)
	if err != nil {
		return nil, err
	}
	r := &Reader{text: text, split: newSplitter(text, opts.Comma, opts.MaxRecord), opts: opts, task: opts.task(),
		macs: macReader{opts.Repair, opts.blocks()}, sheet: sheet}
	r.split.rows = opts.records
	if err := r.readStart(); err != nil {
		if opts.records {
			err = asRow(err)
		}
		return nil, err
	}
	return r, nil
}

// noteColumns records which columns are read, and which look as if they should
// be.
func (r *Reader) noteColumns(records []sampled) {
	h, f := &r.header, &r.format
	for of, i := range h.at {
		if i >= 0 && (r.reads[of] || role(of) == roleMAC || role(of) == roleAction) {
			f.Read = append(f.Read, fmt.Sprintf("%s %q", roleNames[of], h.names[i]))
		}
	}
	for i, name := range h.names {
		if h.ours[i] >= 0 || slices.Contains(h.at[:], i) {
			continue
		}
		holds := func(right func(string) bool) bool {
			return slices.ContainsFunc(records, func(record sampled) bool { return i < len(record.names) && right(record.names[i]) })
		}
		isTarget := slices.ContainsFunc(targetWords, func(word string) bool { return strings.Contains(plainName(name), word) }) || holds(isURL)
		_, named := r.opts.Columns[roleNames[roleMAC]]
		if isTarget && r.reads[roleServer] && (!r.isNone(roleURL) || h.at[roleServer] < 0) || r.reads[roleMAC] && !named && holds(r.macs.isPhone) {
			f.PassedOver = append(f.PassedOver, name)
		}
	}
}

// targetWords appear in the names of columns that may be meant for a server or a
// unique URL.
var targetWords = []string{"url", "server", "serveur", "servidor", "provision"}

// Format returns the format of the file.
func (r *Reader) Format() Format {
	f := r.format
	f.Encoding = r.text.name
	f.BOM = r.text.mark || r.text.foreign
	return f
}

// Offset returns how many bytes of text have become rows: of the input, without
// its byte order mark, if that is UTF-8.
func (r *Reader) Offset() int64 { return r.split.offset() }

// Read sets row to the next record. It returns io.EOF after the last, a
// *FileError for a record that is too large or is a second header, or an error of
// the input; after an error there is nothing more.
//
// The strings in a row may be kept, but share a copy of a few KiB with those of
// the rows around them: clone a short one that is kept longer than its row.
func (r *Reader) Read(row *batch.Row) error {
	if r.err == nil {
		if r.err = r.read(row); r.err != nil && r.opts.records {
			r.err = asRow(r.err)
		}
	}
	return r.err
}

func (r *Reader) read(row *batch.Row) error {
	s := r.split
	if err := s.next(); err != nil {
		return err
	}
	*row = batch.Row{Line: s.start}
	if len(s.raw) == 0 {
		row.Blank = true
		return nil
	}
	// All strings of a row are usually parts of this one.
	record := s.text()
	if s.open {
		record += `"`
		s.ends[len(s.ends)-1]++
	}
	row.Raw, row.Cells = record, s.cells
	if r.ours {
		r.separate(row, s.ends)
		if row.Prior.Sheet != "" && row.Prior.Line > 0 {
			row.Sheet, row.Line = row.Prior.Sheet, row.Prior.Line // in which it can be fixed
		}
	}

	if r.sheet != nil {
		note := r.sheet.note(s.start)
		r.hidden = ""
		if slices.ContainsFunc(note.struck, r.isRead) {
			r.hidden = crossedOut
		} else if note.hidden {
			r.hidden = "hidden"
		}
		r.merged.set(r, row.Merged, r.spread(note))
		row.Merged = r.merged.text
		r.sheet.size += len(row.Merged) // it is in the result
	} else if r.ours {
		r.merged.set(r, row.Merged, nil)
	}

	row.Cut = s.lineEnd == "" && (s.open || s.cells < len(r.header.names))
	var values cells
	values[roleMAC] = r.cellOf(row, record, roleMAC)
	if s.open {
		row.Device.MAC, _, _, _ = r.macs.parse(values[roleMAC])
		row.Swallows, row.Unclosed = true, hasLineBreak(record)
		r.blame(row, fault{role: noRole, cell: s.cells, kind: kindQuote,
			text: fmt.Sprintf(neverClosed+", which makes everything from line %d to the end of the file one record: close or remove it", s.start)})
		return nil
	}
	// A row of only merged cells does not count.
	if (values[roleMAC] == "" || len(r.merged.cells) > 0) && !r.anyCell(record, filled) {
		row.Blank = true
		return nil
	}
	for of := roleServer; of < roles; of++ {
		if r.reads[of] {
			values[of] = r.cellOf(row, record, of)
		}
	}
	if err := r.judgeRecord(row, record, &values); err != nil {
		return err
	}
	if text := r.unclear(row, &values); text != "" && !row.Blank {
		r.blame(row, fault{role: noRole, kind: kindUnclear, text: text})
	}
	if !row.Blank && r.opts.Hidden != HiddenSend && (r.hidden != "" || row.Prior.Skipped) {
		r.skip(row, values[roleMAC])
	}
	return nil
}

// crossedOut is what a row is called whose cells are, where they are read. Whoever
// crosses out a phone, or its server, no longer wants it there.
const crossedOut = "crossed-out"

// isRead reports whether a column is read for a role.
func (r *Reader) isRead(i int) bool {
	of := slices.Index(r.header.at[:], i)
	return of >= 0 && r.reads[of]
}

// cellOf returns the cell of a role, or the value that it takes from a merged
// range.
func (r *Reader) cellOf(row *batch.Row, record string, of role) string {
	own := r.value(record, r.header.at[of])
	if own != "" || len(r.merged.cells) == 0 {
		return own
	}
	shared := r.merged.value(r.header.at[of])
	row.MergedRead = row.MergedRead || shared != ""
	return shared
}

// judgeRecord sets what a record asks for and what is wrong with it, in its cells
// and as a whole.
func (r *Reader) judgeRecord(row *batch.Row, record string, values *cells) error {
	var faults []fault
	if r.opts.PriorServer && values[roleServer] == "" {
		values[roleServer] = row.Prior.Server
	}
	row.Device, row.Note, faults = r.judge(values)
	if row.Device.MAC == (rps.MAC{}) {
		row.Said = values[roleMAC]
	}
	row.Damaged = slices.ContainsFunc(faults, func(f fault) bool {
		return f.role == roleMAC && (spoilt(f.kind) || row.Device.MAC != (rps.MAC{}))
	})
	swallowed := r.swallowed(record, row)
	row.Swallows = swallowed != nil
	if swallowed == nil && r.mentions(record, row.Device.MAC) {
		row.Swallows = true
		row.Note = joined(row.Note, "a multi-line cell has another MAC: if that is a row of its own, a stray quote swallowed it")
	}
	blank := r.opts.IgnoreNoMAC && values[roleMAC] == "" && !r.anyCell(record, r.macs.isMAC)
	if row.Device.MAC == (rps.MAC{}) && !blank && !hasDigit(values[roleMAC]) {
		var err error
		if blank, err = r.again(record); err != nil {
			return err
		}
	}
	if blank && !row.Swallows {
		row.Blank, row.Device, row.Note = true, batch.Device{}, ""
		return nil
	}
	if comment := r.commented(record, row, values); comment != nil {
		faults = comment
	} else if note, bad := r.surplus(record, row, values, faults); bad != nil {
		faults = append(faults, bad...)
	} else if note != "" {
		row.Surplus = true
		row.Note = joined(row.Note, note)
	}
	for _, fault := range append(swallowed, faults...) {
		if fault.role == roleMAC && row.Device.MAC == (rps.MAC{}) && wasMAC(values[roleMAC], row.Prior.MAC) {
			// The earlier result has what a spreadsheet has damaged since.
			row.Device.MAC, row.Damaged = row.Prior.MAC, false
			row.Note = joined(row.Note, "the MAC comes from rps_mac, because its cell has been damaged since")
			continue
		}
		row.Cut = r.split.lineEnd == ""
		r.blame(row, fault)
	}
	return nil
}

// commentColumn returns the user's first column, where a mark comments a row out:
// -1 if it does not have the MACs, and all its cells in the first rows are numbers
// such as #12.
func (r *Reader) commentColumn(records []sampled) int {
	first := 0
	for r.header.isOurs(first) {
		first++
	}
	if !r.format.NoHeader {
		records = records[1:]
	}
	filled, numbers := 0, 0
	for _, record := range records {
		if first < len(record.names) && record.names[first] != "" {
			filled++
			if number, ok := strings.CutPrefix(record.names[first], "#"); ok && isDigits(number) {
				numbers++
			}
		}
	}
	if first != r.header.at[roleMAC] && numbers > 1 && numbers == filled {
		return -1
	}
	return first
}

// commented returns what is wrong with a record that somebody has commented out
// with a mark before its first cell. Its MAC is set if it follows the mark: the
// row still accounts for the device.
func (r *Reader) commented(record string, row *batch.Row, values *cells) []fault {
	text := cell(record, r.split.ends, r.comments)
	if text == "" || text[0] >= '0' && text[0] < utf8.RuneSelf && text[0] != ';' {
		return nil // most records, at the price of one comparison
	}
	text = tidy(unquoted(text))
	marks := [...]string{"#", "//", ";"}
	i := slices.IndexFunc(marks[:], func(mark string) bool { return strings.HasPrefix(text, mark) })
	if i < 0 || isSheetError(text) {
		return nil
	}
	mark := marks[i]
	if mac, _, kind, _ := r.macs.parse(strings.TrimLeft(values[roleMAC], "#/; ")); kind == "" {
		row.Device.MAC = mac
	}
	return []fault{{role: noRole, cell: r.comments + 1, kind: kindComment, text: "the row is commented out with " + mark + ": remove that to send it, or remove the row"}}
}

// anyCell reports whether any of the user's cells is right.
func (r *Reader) anyCell(record string, right func(text string) bool) bool {
	r.split.splitAll()
	for i := range r.split.ends {
		if !r.header.isOurs(i) && right(r.value(record, i)) {
			return true
		}
	}
	return false
}

// value returns the cell of a column as tidy leaves it.
func (r *Reader) value(record string, i int) string {
	return tidy(unquoted(cell(record, r.split.ends, i)))
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
