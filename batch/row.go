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

// key identifies what rows have in common: one device, or one server's name.
func (d *Device) key() uint64 {
	if d.Action != AddServer {
		return d.MAC.Uint64()
	}
	h := fnv.New64a()
	io.WriteString(h, d.Server)
	return h.Sum64()
}

// keyName returns what a key is, in words.
func (d *Device) keyName() string {
	if d.Action == AddServer {
		return "server name"
	}
	return "MAC"
}

// Row is one record of the input.
type Row struct {
	Sheet  string // of a workbook of which several are read
	Line   int    // physical line of the input where the record starts, from 1; in a sheet, its row
	Raw    string // the user's cells as they are in the input, without the line end
	Cells  int    // number of the user's cells in Raw
	Device Device // valid if Problem is "" and Blank is false

	// Problem says why the row cannot be sent and how to fix it; "" for a good
	// row. It has the texts of Faults, or what is wrong with the record as a
	// whole.
	Problem string

	// Faults are what is wrong with its cells, one for each cell that is read.
	Faults []Fault

	// Swallows is set if the row seems to have swallowed others because of a
	// stray quote: it is then unknown which devices the file has rows for.
	Swallows bool

	// Unclosed is set if it swallows them because a quote is never closed.
	Unclosed bool

	// Surplus is set if the row has non-empty cells where the header has none,
	// and is sent as it is all the same.
	Surplus bool

	// Cut is set if the file seems to end in the middle of the row: it has no
	// line end, and a problem or fewer cells than the header.
	Cut bool

	// Damaged is set if the cell of the MAC is not to be believed: a spreadsheet may have
	// made a number or a date of a MAC, or it is more likely another kind of number.
	Damaged bool

	// Merged has the values that cells of the row take from merged ranges, by
	// column, as they are written in a result. MergedRead is set if one of them
	// is read.
	Merged     string
	MergedRead bool

	// Said is the cell of a MAC that cannot be read, for people. It may be a URL
	// in the wrong column.
	Said string

	// Note says what was done to read a good row, if the user should know.
	Note string

	// Blank marks a record that is not a device: only delimiters and white space.
	// It passes through with an empty status.
	Blank bool

	// Skipped marks a blank row that was hidden in its sheet: Device.MAC is a
	// device that the file has, and Damaged says that it cannot be read.
	Skipped bool

	// Pass marks a row of a result used as input that is not rerun: it is written
	// as it was.
	Pass bool

	// Prior is what an earlier run made of the row, in a result fed back.
	Prior Prior
}

// Prior is what a result file says of a row. It is zero if the file is not a
// result. Cells that are missing or changed, perhaps by a spreadsheet, have their
// zero value.
type Prior struct {
	// Cells are the cells of the result's own columns as they are in the input,
	// joined with its delimiter; "" if it has no such columns.
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

// A Source returns the rows of the input, one after the other, and io.EOF at
// their end. The strings of a row stay valid.
type Source interface {
	Read(*Row) error
}

// Results takes the rows of a run with their verdicts, in input order.
type Results interface {
	Write(*Row, Verdict) error
	Pass(*Row) error // with what an earlier run made of it
}
