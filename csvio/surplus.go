package csvio

import (
	"regexp"
	"strings"

	"rpsbatch/batch"
)

const (
	kindCutURL = "URL that may have been cut"

	urlCut = "the URL may have been cut at a"

	surplusNote = "it has more cells than the header: a delimiter that is not in quotes may have moved them"
)

// CommaNames are the words for the delimiters that are read.
var CommaNames = map[byte]string{',': "comma", ';': "semicolon", '\t': "tab", '|': "pipe"}

// HasSurplus tells of a row that it has cells with something in them where the
// header has none, and is sent as it is all the same.
func HasSurplus(row *batch.Row) bool {
	return row.Note != "" && strings.Contains(row.Note, surplusNote)
}

// surplus finds cells with something in them where the header has none, as a
// delimiter makes them that should have been in quotes. cut is set if the row's
// URL seems to have been cut at one. In a workbook there are none.
//
// A result has columns for all cells: of its rows the earlier result tells.
func (r *Reader) surplus(record string, row *batch.Row) (found, cut bool) {
	at, width := r.header.at[roleURL], max(len(r.header.names), r.named)
	if r.opts.Records {
		return false, false
	}
	text := func(i int) string { return trimmed(unquoted(cell(record, r.split.ends, i))) }
	if r.ours {
		found = strings.Contains(row.PriorDetail, surplusNote)
	} else if r.split.cells > width {
		r.split.splitAll()
		for i := width; i < r.split.cells && !found; i++ {
			found = text(i) != ""
		}
	}
	if row.Device.URL == "" || at < 0 || at+1 >= r.split.cells || at+1 < len(r.header.ours) && r.header.ours[at+1] >= 0 ||
		strings.HasPrefix(cell(record, r.split.ends, at), `"`) {
		return found, false
	}
	r.split.splitAll()
	rest := text(at + 1)
	switch {
	case rest == "" || strings.ContainsAny(rest, " \t\u00a0"):
		return found, false
	case r.ours && strings.Contains(row.PriorDetail, urlCut), !r.ours && found:
		return found, true
	case strings.Contains(row.Device.URL, "?") && queryRest.MatchString(rest):
		return found, true
	}
	return found, r.split.cells > width && strings.ContainsAny(rest, "=&?#%")
}

// queryRest is how the rest of a URL goes on that was cut within its query.
var queryRest = regexp.MustCompile(`^[A-Za-z0-9_.~%-]+=\S*$`)
