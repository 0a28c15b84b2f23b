package csvio

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"rpsbatch/batch"
	"rpsbatch/rps"
)

// Columns are the names of our columns in the result file, in their order. The
// first is only in results of several sheets.
// Header cells with just these names are taken for those of an earlier result.
var Columns = []string{
	sheetColumn: "rps_sheet", lineColumn: "rps_line", macColumn: "rps_mac", serverColumn: "rps_server", statusColumn: "rps_status", proofColumn: "rps_proof",
	detailColumn: "rps_detail", urlColumn: "rps_url", callsColumn: "rps_calls", timeColumn: "rps_time",
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
	ourColumns // their number
)

// priorOf reads what an earlier result says of a row, from the cells of Columns
// as they stand there.
func priorOf(cell func(column int) string) (p batch.Prior) {
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
	return p
}

// mergedBefore restores to a row of a result the server that it had from a merged cell of
// its workbook: its own cell is empty, and rps_server has the name of the cell
// above. If another server is given for such rows, it may mean this one.
func (r *Reader) mergedBefore(row *batch.Row, values *cells) *fault {
	switch server := row.Prior.Server; {
	case values[roleServer] != "":
		r.above = values[roleServer]
	case server == "" || server != r.above || server == r.opts.Server:
	case r.opts.Server == "":
		values[roleServer], row.Merged = server, true
	default:
		return &fault{role: roleServer, kind: kindUnclear, text: fmt.Sprintf(
			"its server cell is empty, and it had %q before, as a merged cell may have said: fill it in, or empty rps_server to use %s", server, flagServer)}
	}
	return nil
}

// cutCell cuts a text behind its first cell. more reports whether there was a
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
