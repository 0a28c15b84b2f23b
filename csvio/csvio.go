// Package csvio reads the devices out of what spreadsheets write, CSV files of
// any dialect and workbooks, and writes the result file: the same cells, and our
// own columns behind them.
//
// A [File] is the input of a run. A [Reader] returns one [batch.Row] for each
// record, bad ones with their problem. A [Writer] writes the user's cells back
// byte for byte and adds [Columns]. A result that is read again has these columns
// replaced, never doubled.
//
// # Why not encoding/csv
//
// A result file must have the user's cells as they were, with their quoting, line
// breaks and byte order mark; encoding/csv returns values, and writing those
// again makes another file. Rows are named by physical line, a record's size is
// capped (one stray quote must not read the whole file into memory), and files
// that end their lines with CR are read. Reading takes about as long as a bare
// encoding/csv loop, with MAC addresses parsed and rows judged; see
// BenchmarkRead. On well-formed input both read the same cells, as a fuzz test
// checks.
//
// # What is read
//
// Encodings: UTF-8 and UTF-16, with or without a byte order mark, else
// Windows-1252, and any other that [Options] name. Cells, and the result, are in
// UTF-8.
//
// Delimiters: comma, semicolon, tab and pipe, as a first line sep=; says or as
// the first records show. Cells are quoted as Excel, LibreOffice and Google
// Sheets do: a cell that begins with a quote extends to the next single quote, ""
// in it is a quote, text after the closing quote is kept, and a quote inside any
// other cell is an ordinary character. LF, CRLF and CR each end a record; line
// ends outside quotes are written as the header's, those in quotes stay as they
// are. The last record gets a line end if it has none.
//
// The header is looked for among the first 20 records: it is the first with a
// known name for the column of the MACs. What stands above it, a title or notes,
// is written above the result's. If a phone's MAC comes first, there is no header;
// the result gets one, with the names of the roles, so that it can be fed back.
// Blank records before all of that are left out of the result, those after it are
// kept.
//
// Workbooks (.xlsx) are read by package xlsx, and their sheets by the Reader as
// the CSV that they are on the screen: numbers, dates and errors stand as they
// are shown, but a MAC that was stored as a number with all its digits. Of merged
// cells every row has the value, in the result as well, in rps_merged; a header
// of two rows that they join is read as one. Several sheets with the same columns
// are read as one file.
//
// # Damage, and what is done about it
//
// What can only have meant one thing is fixed; the cells in the file, and in the
// result, stay as they are. What can have meant another phone or another server
// makes the row invalid: its problem says what happened and how to fix it. Where
// that could be true of any row, the file is refused before anything is sent.
//
//	damage                                          what is done       where
//	white space, apostrophe, ="..." around a cell   fixed              clean.go
//	width of a MAC's digits, kinds of hyphens       fixed              clean.go
//	MAC without zeros, or as 1565000001.0           invalid; fixed by  mac.go
//	                                                Repair in 00-15-65
//	MAC as 1.5E+09, date, formula, error            invalid            mac.go, date.go
//	letters that look like a MAC's digits           invalid            lookalike.go
//	article, serial, telephone number for a MAC     invalid            mac.go
//	address outside Yealink's blocks                warning; decides   vendor.go, warn.go
//	                                                no column
//	formula without a result, error, where read      invalid            sheet.go
//	hidden rows that hold a MAC, and those where    refused; sent or   workbook.go
//	a cell that is read is crossed out              skipped by Hidden
//	hidden column that would be read                refused, unless    sheet.go
//	                                                Columns name it
//	several sheets with devices                     refused, unless    workbook.go
//	                                                chosen
//	row without a MAC                               invalid; passed by reader.go
//	                                                IgnoreNoMAC
//	row commented out with #, // or ;               invalid            reader.go
//	NULL, N/A, - for a server; URL for a server     invalid            judge.go
//	server like a date, or of a long name           warning            warn.go
//	more cells than the header                      warning; invalid   surplus.go
//	                                                if they moved what is read,
//	                                                or lie beside its empty cell
//	URL cut at a delimiter                          invalid            surplus.go
//	quote too many or too few, rows inside a cell   invalid            swallow.go
//	two cells joined by a lost quote                invalid, if they   surplus.go
//	                                                moved what is read
//	quote in the header never closed                refused            start.go
//	the header again                                passed             header.go
//	a second header with other columns              refused            header.go
//	no column of MACs is known, or two are          refused            header.go, guess.go
//	URLs, actions, or marks of some devices in a    refused            unread.go
//	column that is not read
//	phones' MACs in a column that is not read       warning            reader.go
//	header of two rows that nothing joins           refused            tworows.go
//	each line is one quoted cell                    refused            guess.go
//	record larger than MaxRecord                    refused            split.go
//	neither UTF-8 nor Windows-1252                  refused            encoding.go
//	bytes that the encoding does not have           U+FFFD; invalid    decode.go, judge.go
//	                                                where they are sent
//	web page, XML, PDF, archive, lock file          refused            sniff.go
package csvio

import "rpsbatch/batch"

// DefaultMaxRecord is the size limit of a record in bytes. Only files with a
// stray quote exceed it.
const DefaultMaxRecord = 1 << 20

const byteOrderMark = "\ufeff"

// Options say what a Reader looks for. With the zero value everything is
// detected.
type Options struct {
	// Columns has the header's name for a role ("mac", "server", "url", "action")
	// if it is not one of the usual names, or the column's number, from 1, if no
	// column has that name. It is an error if the header lacks one. "none" reads no
	// column for a role, except for the MAC.
	Columns map[string]string

	// Comma separates cells: comma, semicolon, tab or pipe. 0: as the line sep=;
	// says, or as detected in the first records.
	Comma byte

	// Encoding is a label of the WHATWG encoding standard, such as utf-8,
	// utf-16le, windows-1252 or shift_jis. "": detected. A byte order mark
	// overrides both.
	Encoding string

	// Sheets are the sheets of a workbook that a [File] reads. By default it is
	// the visible one that has devices; several are an error unless AllSheets is
	// set.
	Sheets    []string
	AllSheets bool

	// Hidden says what to do with hidden and crossed-out rows of a workbook.
	Hidden HiddenRows

	// NoHeader is set if the first record is a device. It is not needed if the
	// first record has the MAC of a phone.
	NoHeader bool

	// Repair restores the leading zeros of a MAC that a spreadsheet took for a
	// number, if the result is in Yealink's block 00-15-65. Otherwise such a
	// number is a problem.
	Repair bool

	// Blocks are address blocks of phones, besides Yealink's.
	Blocks Blocks

	// IgnoreNoMAC passes through rows without a MAC, such as subtotals and notes,
	// like blank records.
	IgnoreNoMAC bool

	// records makes Row.Line and Format.HeaderLine count records, including blank
	// ones, instead of lines: record n of a sheet is row n.
	records bool

	// Action is what rows want that say nothing else in a column "action", and
	// decides which columns are read: registering or editing a device needs a
	// server or a URL, and adding a server needs a name and a URL. For Edit, a
	// row that says deregister is a problem.
	Action batch.Action

	// Want is set if Check should compare: rows then need what Edit needs, and a
	// row that says deregister becomes CheckGone.
	Want bool

	// Server applies to rows that name none.
	Server string

	// PriorServer makes rows that name no server use the one that they asked for
	// in an earlier result.
	PriorServer bool

	// MaxRecord is the size limit of a record, in bytes of UTF-8; 0 is
	// DefaultMaxRecord. A larger record ends the reading.
	MaxRecord int
}

func (o *Options) maxRecord() int {
	if o.MaxRecord <= 0 {
		return DefaultMaxRecord
	}
	return o.MaxRecord
}

// Format is the format of a file, so that its result can be written alike: in
// UTF-8, with a byte order mark if the file has one or is in another encoding.
type Format struct {
	BOM     bool // of the result; final after the last row, as Encoding is
	Comma   byte
	LineEnd string   // "\n", "\r\n" or "\r", whichever ends the header
	Header  string   // the user's header cells as they are, without line end; our names if there is none
	Columns []string // their names, without quotes and surrounding white space

	// Sheets is set if the rows come from several sheets, and the result has a
	// column rps_sheet.
	Sheets bool

	// Merged is set if a row has values of merged cells, and the result has a
	// column rps_merged. It is final after the last row.
	Merged bool

	// PriorStatus is set if the file has the columns rps_status and rps_line, which
	// show what an earlier run made of its rows. A list of devices has no rps_line,
	// as its rows come from no file, so it is never taken for a result. Lacks names
	// the column that keeps a file with a header from being a result.
	PriorStatus bool
	Lacks       string

	List bool // to be written as a list of devices

	// Encoding is the encoding of the file, as a person names it. It is final
	// after the last row: a file is UTF-8 until a byte says otherwise.
	Encoding string

	hasServers bool        // some column is read for them
	lacks      [roles]bool // roles that are read, and for which no column is known
	unread     []int       // the user's columns that are read for nothing

	HeaderLine int  // line of the header, or its row in a sheet; 0: there is none
	NoHeader   bool // the first record is a device

	// Read are the columns that are read, with their roles: mac "MAC Address".
	// Passed over are the names of others that look as if they were meant for a
	// server or a URL, or that have MACs of phones.
	Read       []string
	PassedOver []string

	// SepLine is the line sep=; and Preamble the records above the header, both
	// as they are. The result begins with them, so that it is read like the
	// input.
	SepLine  string
	Preamble []string
}

// Width is the number of the user's cells in the header.
func (f Format) Width() int { return len(f.Columns) }
