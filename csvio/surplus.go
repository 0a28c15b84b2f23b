package csvio

import (
	"strings"

	"rpsbatch/batch"
)

const (
	kindCutURL = "URL that may have been cut"

	surplusNote = "it has cells behind the last column with a name: a delimiter that is not in quotes may have moved them"
)

var commaWords = map[byte]string{',': "comma", ';': "semicolon", '\t': "tab", '|': "pipe"}

// HasSurplus tells of a row that it has cells with something in them behind the
// last column with a name, and is sent as it is all the same.
func HasSurplus(row *batch.Row) bool {
	return row.Note != "" && strings.Contains(row.Note, surplusNote)
}

// surplus finds cells with something in them behind the last column with a name,
// as a delimiter makes them that should have been in quotes. direct is set if
// the first follows that column with nothing between, and could be the rest of a
// URL: words of a note could not.
//
// A result gives such cells columns without a name, so those are behind it too.
func (r *Reader) surplus(record string) (found, direct bool) {
	if r.split.cells <= r.named {
		return false, false
	}
	r.split.splitAll()
	for i := r.named; i < r.split.cells; i++ {
		ours := i < len(r.header.ours) && r.header.ours[i] >= 0
		text := unquoted(cell(record, r.split.ends, i))
		if !ours && trimmed(text) != "" {
			return true, i == r.named && !strings.ContainsAny(text, " \t\u00a0")
		}
	}
	return false, false
}
