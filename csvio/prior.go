package csvio

import (
	"strconv"
	"strings"
	"time"

	"rpsbatch/batch"
	"rpsbatch/rps"
)

// Prior is what an earlier run said of a row: the cells of [Columns].
type Prior struct {
	Line int    // rps_line, 0 if it holds no number
	MAC  string // rps_mac, as it stands there
	batch.Verdict
}

// Prior takes [batch.Row.Prior] of a file's row apart. Cells that are missing,
// or no longer what a [Writer] wrote, have their zero value: a spreadsheet may
// have been there since.
//
// Its strings are parts of the row's, and to be cloned where they are kept.
func (f Format) Prior(row *batch.Row) Prior {
	var cells [ourColumns]string
	rest, more := row.Prior, true
	for i := 0; i < len(cells) && more; i++ {
		cells[i], rest, more = cutCell(rest, f.Comma)
		cells[i] = trimmed(unquoted(cells[i]))
	}
	p := Prior{MAC: cells[1]}
	p.Line, _ = strconv.Atoi(cells[0])
	p.Status = batch.Status(cells[2])
	p.Detail = unguarded(cells[3])
	p.URL = unguarded(cells[4])
	p.Calls, _ = strconv.Atoi(cells[5])
	p.Time, _ = time.Parse(time.RFC3339, cells[6])
	return p
}

// Device gives the MAC as a device's, if it is one.
func (p Prior) Device() (mac rps.MAC, ok bool) {
	if p.MAC == "" {
		return rps.MAC{}, false
	}
	mac, err := rps.ParseMAC(p.MAC)
	return mac, err == nil
}

// cutCell cuts a text behind its first cell. more tells whether there was a
// delimiter.
func cutCell(text string, comma byte) (cell, rest string, more bool) {
	from := 0
	if strings.HasPrefix(text, `"`) {
		for from = 1; ; from += 2 {
			end := strings.IndexByte(text[from:], '"')
			if end < 0 {
				return text, "", false
			}
			from += end
			if from+1 == len(text) || text[from+1] != '"' {
				break
			}
		}
	}
	end := strings.IndexByte(text[from:], comma)
	if end < 0 {
		return text, "", false
	}
	return text[:from+end], text[from+end+1:], true
}

// unguarded takes away what a Writer put before a text that a spreadsheet
// would have taken for a formula.
func unguarded(text string) string {
	if len(text) > 1 && text[0] == '\'' && strings.IndexByte(formulaStarts, text[1]) >= 0 {
		return text[1:]
	}
	return text
}

// formulaStarts are the bytes with which a spreadsheet begins a formula.
const formulaStarts = "=+-@\t\r"
