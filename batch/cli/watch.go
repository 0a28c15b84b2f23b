package cli

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode/utf8"

	"rpsbatch/batch"
	"rpsbatch/csvio"
)

// rowWatch looks at each row of the first pass.
type rowWatch struct {
	each func(*batch.Row) // may be nil
	bad  string           // the line of the first row with a problem, and the problem
	long map[string]bool  // server names that RPS may cut

	surplus []int // lines of the first rows with more cells than the header
	wide    int   // all such rows
}

// mostLong bounds the names that are kept for a warning.
const mostLong = 1000

func (w *rowWatch) row(row *batch.Row) {
	if w.each != nil {
		w.each(row)
	}
	if w.bad == "" && row.Problem != "" && !row.Blank {
		w.bad = fmt.Sprintf("%d: %s", row.Line, row.Problem)
	}
	if row.Problem == "" && !row.Pass && row.Surplus {
		if w.wide++; len(w.surplus) < mostExamples {
			w.surplus = append(w.surplus, row.Line)
		}
	}
	if name := row.Device.Server; row.Problem == "" && len(name) > csvio.LongServer && len(w.long) < mostLong &&
		utf8.RuneCountInString(name) > csvio.LongServer && !w.long[name] {
		if w.long == nil {
			w.long = map[string]bool{}
		}
		w.long[strings.Clone(name)] = true // not the whole record
	}
}

// tell warns of what may go wrong at the service.
func (w *rowWatch) tell(log *slog.Logger) {
	if len(w.long) > 0 {
		log.Warn("server names have more than 20 characters: RPS may have cut them", "names", shortList(w.names()))
	}
	if w.wide > 0 {
		log.Warn("rows have more cells than the header: a delimiter outside quotes may have moved their cells", "rows", w.surplusLines("line"))
	}
}

// surplusLines lists the first rows with more cells than the header; place is
// the word for a line of the file.
func (w *rowWatch) surplusLines(place string) string {
	var b strings.Builder
	for i, line := range w.surplus {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %d", place, line)
	}
	if more := w.wide - len(w.surplus); more > 0 {
		fmt.Fprintf(&b, " and %s more", thousands(more))
	}
	return b.String()
}

func (w *rowWatch) names() []string {
	names := make([]string, 0, len(w.long))
	for name := range w.long {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
