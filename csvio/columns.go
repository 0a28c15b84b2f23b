package csvio

import (
	"strconv"
	"strings"
	"time"

	"rpsbatch/batch"
	"rpsbatch/rps"
)

// Columns are the names of our columns in the result file, in order. The first is
// only in results of several sheets, the last only in those of sheets whose rows
// have values of merged cells. Header cells with exactly these names count as
// those of an earlier result.
var Columns = []string{
	sheetColumn: "rps_sheet", lineColumn: "rps_line", macColumn: "rps_mac", serverColumn: "rps_server", statusColumn: "rps_status", proofColumn: "rps_proof",
	detailColumn: "rps_detail", urlColumn: "rps_url", callsColumn: "rps_calls", timeColumn: "rps_time", mergedColumn: "rps_merged",
}

const (
	sheetColumn = iota // only in a result of several sheets
	lineColumn
	macColumn
	serverColumn
	statusColumn
	proofColumn
	detailColumn
	urlColumn
	callsColumn
	timeColumn
	mergedColumn // only if merged ranges supply values
	ourColumns   // their number
)

// setPrior reads what an earlier result says of a row, from the cells of Columns
// as they are there.
func setPrior(row *batch.Row, cell func(column int) string) {
	p := &row.Prior
	value := func(column int) string { return trimmed(unquoted(cell(column))) }
	p.Sheet = unguarded(value(sheetColumn))
	p.Line, _ = strconv.Atoi(value(lineColumn))
	if text := value(macColumn); text != "" {
		p.MAC, _ = rps.ParseMAC(text)
	}
	p.Server = unguarded(value(serverColumn))
	p.Status, p.Proof = batch.Status(value(statusColumn)), batch.Proof(value(proofColumn))
	p.Detail, p.URL = unguarded(value(detailColumn)), unguarded(value(urlColumn))
	calls := value(callsColumn)
	p.Calls, _ = strconv.Atoi(calls)
	p.Skipped = p.Line > 0 && p.Status == "" && calls == "" && p.Detail != "" // see Writer.Write
	if text := value(timeColumn); text != "" {
		p.Time, _ = time.Parse(time.RFC3339, text)
	}
	row.Merged = unguarded(value(mergedColumn))
}

// cutCell cuts a text after its first cell. more reports whether there was a
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
