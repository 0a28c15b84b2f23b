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

// surplus finds cells with something in them where the header has no name, as a
// delimiter makes them that should have been in quotes. cut is set if the row's
// URL seems to have been cut at one. In a workbook there are none.
//
// A result has a header cell without a name for each. Where it says that the row
// was invalid, the URL is taken for cut again, until it is in quotes.
func (r *Reader) surplus(record string, row *batch.Row) (found, cut bool) {
	if r.opts.Records {
		return false, false
	}
	at, width := r.header.at[roleURL], len(r.header.names)
	text := func(i int) string { return trimmed(unquoted(cell(record, r.split.ends, i))) }
	ours := func(i int) bool { return i < len(r.header.ours) && r.header.ours[i] >= 0 }
	beyond := false
	if r.split.cells > r.named {
		r.split.splitAll()
		for i := r.named; i < r.split.cells; i++ {
			if text(i) != "" && !ours(i) {
				found, beyond = true, beyond || i >= width
			}
		}
	}
	if row.Device.URL == "" || at < 0 || at+1 >= r.split.cells || ours(at+1) ||
		strings.HasPrefix(cell(record, r.split.ends, at), `"`) {
		return found, false
	}
	r.split.splitAll()
	rest := text(at + 1)
	switch {
	case rest == "" || strings.ContainsAny(rest, " \t\u00a0"):
		return found, false
	case beyond, found && row.Prior.Status == batch.Invalid:
		return found, true
	case strings.Contains(row.Device.URL, "?") && queryRest.MatchString(rest):
		return found, true
	}
	return found, r.split.cells > max(width, r.named) && strings.ContainsAny(rest, "=&?#%")
}

// queryRest is how the rest of a URL goes on that was cut within its query.
var queryRest = regexp.MustCompile(`^[A-Za-z0-9_.~%-]+=\S*$`)
