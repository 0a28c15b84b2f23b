package batch

import (
	"fmt"
	"hash/fnv"
	"io"
	"strconv"

	"rpsbatch/rps"
)

// Device is what one row asks for.
type Device struct {
	Action Action
	MAC    rps.MAC
	Server string // name of a server of the account, "" if the row has none
	URL    string // unique URL, "" if the row has none; a secret
}

// key tells which rows ask something of the same: of one device, or of one
// server's name.
func (d *Device) key() uint64 {
	if d.Action != AddServer {
		return d.MAC.Uint64()
	}
	h := fnv.New64a()
	io.WriteString(h, d.Server)
	return h.Sum64()
}

// keyName says what key is of.
func (d *Device) keyName() string {
	if d.Action == AddServer {
		return "server name"
	}
	return "MAC"
}

// Row is one record of the input.
type Row struct {
	Sheet  string // of a workbook of which several are read
	Line   int    // physical line of the input where the record starts, 1-based; of a sheet, its row
	Raw    string // the user's cells as they stand in the input, without line end
	Cells  int    // number of the user's cells in Raw
	Device Device // valid if Problem is "" and Blank is false

	// Problem says why the row cannot be sent and how to fix it; "" for a
	// good row. It has the texts of Faults, or of what is wrong with the
	// record as a whole.
	Problem string

	// Faults are what is wrong with its cells, one for each that is read.
	Faults []Fault

	// Swallows is set if the row seems to have taken in others, by a quote too
	// many: of which devices the file has rows is then not known.
	Swallows bool

	// Unclosed is set if it swallows them by a quote that is never closed.
	Unclosed bool

	// Surplus is set if the row has cells with something in them where the
	// header has none, and is sent as it is all the same.
	Surplus bool

	// Cut is set if the file seems to end in the middle of the row: it has no
	// line end, and a problem or fewer cells than the header.
	Cut bool

	// Damaged is set if the MAC cannot be read because a spreadsheet took it for
	// a number or a date.
	Damaged bool

	// Merged has the values that cells of the row have from merged ranges, by
	// column, as they stand in a result. MergedRead is set if one of them is read.
	Merged     string
	MergedRead bool

	// Said is the cell of a MAC that cannot be read, for people. It may be a URL in
	// the wrong column.
	Said string

	// Note is what was done to read a good row, where the user should know it.
	Note string

	// Blank marks a record that is no device: nothing but delimiters and
	// white space. It is passed through with an empty status.
	Blank bool

	// Skipped marks a blank row that has been hidden in its sheet: Device.MAC
	// is of a device that the file has, and Damaged says that it cannot be read.
	Skipped bool

	// Pass marks a row of a result file fed back that is not run again: it is
	// written as it was.
	Pass bool

	// Prior is what an earlier run made of the row, in a result fed back.
	Prior Prior
}

// Prior is what a result file says of a row. The zero value is that of a file
// that is no result. Cells that are missing, or no longer what was written, have
// their zero value: a spreadsheet may have been there since.
type Prior struct {
	// Cells are the cells of the result's own columns as they stand in the
	// input, joined with its delimiter. "" if it has no such columns.
	Cells string

	Sheet   string
	Line    int
	MAC     rps.MAC
	Server  string // that the row asked for
	Skipped bool   // the row was hidden in its sheet
	Verdict
}

// Place names the row for messages: its line, and its sheet if there are several.
func (row *Row) Place() string { return place(row.Line, row.Sheet) }

func place(line int, sheet string) string {
	if sheet == "" {
		return strconv.Itoa(line)
	}
	return fmt.Sprintf("%d of sheet %q", line, sheet)
}

// A Fault is what is wrong with one cell.
type Fault struct {
	Cell   int    // number of the cell in the record, 1-based; 0 if it is missing
	Column string // name of its column in the header, "" if it has none
	Kind   string // a few words that are the same for all such cells
	Text   string // what is wrong, and how to fix it; never a whole cell
}

// A Source gives the rows of the input, one after the other, and io.EOF at
// their end. The strings of a row stay valid.
type Source interface {
	Read(*Row) error
}

// Results takes the rows of a run with their verdicts, in input order.
type Results interface {
	Write(*Row, Verdict) error
	Pass(*Row) error // with what an earlier run made of it
}
