// Package csvio reads the devices out of what spreadsheets write, CSV files of
// any dialect and workbooks, and writes the result file: the same cells, and
// columns of ours behind them.
//
// A [Reader] gives one [batch.Row] for each record, bad ones with their
// problem. A [Writer] writes the user's cells back byte for byte and adds
// [Columns]. A result read again has these columns replaced, never doubled.
//
// # Why not encoding/csv
//
// A result file must give the user's cells back as they were, with their
// quoting, line breaks and byte order mark; encoding/csv hands out values, and
// writing those again makes another file. Rows are named by physical line, a
// record's size is capped (one stray quote must not read the whole file into
// memory), and files that end their lines with CR are read. Reading takes about
// as long as a bare encoding/csv loop, with MAC addresses parsed and rows
// judged; see BenchmarkRead. On well-formed input both read the same cells,
// which a fuzz test holds them to.
//
// # What is read
//
// Encodings: UTF-8 and UTF-16, with or without a byte order mark, else
// Windows-1252, and whatever else [Options] name. It is text in UTF-8 that is
// split, so cells, and the result, are in UTF-8.
//
// Delimiters: comma, semicolon, tab and pipe, as a first line sep=; says or as
// the first records show. Cells are quoted as Excel, LibreOffice and Google
// Sheets do: a cell that begins with a quote goes on to the next single quote,
// "" in it is a quote, text after the closing quote is kept, and a quote inside
// any other cell is an ordinary character. LF, CRLF and CR each end a record;
// line ends outside quotes are written as the header's, those in quotes are
// left alone. The last record gets a line end if it has none.
//
// The header is looked for among the first 20 records: it is the first with a
// known name for the column of the MACs. What stands above it, a title or
// notes, is written above the result's. If a MAC comes first, there is no
// header; the result gets one, with the names of the roles, so that it can be
// fed back. Blank records before all of that are left out of the result, those
// after it are kept.
//
// Workbooks (.xlsx) are converted first, by [ConvertWorkbook].
//
// # What is mended
//
// White space of all kinds around a cell, an apostrophe in front of it and
// ="..." around it do not become part of a device, nor does the width of a
// MAC's digits. Leading zeros of a MAC are given back only on request. All else
// that a spreadsheet does to a MAC, and letters that only look like digits, are
// a problem that says what happened: to guess would register another phone. The
// cells in the file, and in the result, stay as they are.
//
// A quote that is never closed makes the rest of the file one cell: its row is
// a problem, and is given a closing quote, without which it would swallow our
// columns and the result would read back as another file.
//
// Bytes that are not what the file is in become U+FFFD, but in a file that is
// in UTF-8 they pass through. Either makes a row a problem where they stand in
// a cell that is sent.
package csvio

import "rpsbatch/batch"

// DefaultMaxRecord is the size of a record in bytes that is refused nowhere
// but in files with a stray quote.
const DefaultMaxRecord = 1 << 20

const byteOrderMark = "\ufeff"

// Options say what a Reader looks for. The zero value finds all of it out.
type Options struct {
	// Columns has the header's name for a role ("mac", "server", "url",
	// "action") where it is not left to the usual names, or the number of the
	// column, from 1 on, where no column is so named. What the header lacks
	// is an error.
	Columns map[string]string

	// Comma separates cells: comma, semicolon, tab or pipe. 0: as the line
	// sep=; says, or as the first records do.
	Comma byte

	// Encoding is a label of the WHATWG's encoding standard, such as utf-8,
	// utf-16le, windows-1252 or shift_jis. "": found out. A byte order mark
	// counts for more than either.
	Encoding string

	// Sheet is the sheet of a workbook that a [File] reads; "": the first that
	// is not hidden.
	Sheet string

	// NoHeader is set if the first record is a device. A file whose first
	// record holds a MAC needs no such telling.
	NoHeader bool

	// Repair restores the leading zeros of a MAC that a spreadsheet took for a
	// number, where that makes an address of Yealink's block 00-15-65.
	// Otherwise such a number is a problem.
	Repair bool

	// Blocks are blocks of addresses beside Yealink's that phones have.
	Blocks Blocks

	// IgnoreNoMAC passes rows without a MAC, such as subtotals and notes,
	// through like blank records.
	IgnoreNoMAC bool

	// Records makes Row.Line and Format.HeaderLine the number of the record,
	// blank ones counted, instead of a line: for a converted workbook, whose
	// record n is row n of its sheet.
	Records bool

	// Action is wanted of the rows that say nothing else in a column "action",
	// and decides which columns are read: a server or a URL is needed to
	// register or edit a device, and a name and a URL to add a server. Of
	// Edit, a row that says deregister is a problem.
	Action batch.Action

	// Want is set if Check is to compare: rows then need what Edit needs, and
	// one that says deregister becomes CheckGone.
	Want bool

	// Server is for rows that name none.
	Server string

	// MaxRecord is the size of one record at most, in bytes of UTF-8; 0 is
	// DefaultMaxRecord. A larger one ends the reading.
	MaxRecord int
}

// Format is how a file is written, so that its result can be written alike: in
// UTF-8, with a byte order mark if the file has one or is in another encoding.
type Format struct {
	BOM     bool // of the result; final after the last row, as Encoding is
	Comma   byte
	LineEnd string   // "\n", "\r\n" or "\r", whichever ends the header
	Header  string   // the user's header cells as they stand, without line end; names of ours if there is none
	Columns []string // their names, without quotes and white space around them

	// PriorStatus is set if the file has a column rps_status, so that it is
	// known what an earlier run made of its rows.
	PriorStatus bool

	// Encoding is what the file is written in, as a person names it. It is
	// final after the last row: a file is UTF-8 until a byte says otherwise.
	Encoding string

	hasServers bool // some column is read for them

	HeaderLine int  // line of the header, or its record with Options.Records; 0: there is none
	NoHeader   bool // the first record is a device

	// Read are the columns that are read, and for what: mac "MAC Address". Passed
	// over are the names of others that look as if they were meant for a
	// server or a URL.
	Read       []string
	PassedOver []string

	// SepLine is the line sep=; and Preamble the records above the header,
	// both as they stand. The result begins with them, so that it is read as
	// the input was.
	SepLine  string
	Preamble []string
}

// Width is the number of the user's cells in the header.
func (f Format) Width() int { return len(f.Columns) }
