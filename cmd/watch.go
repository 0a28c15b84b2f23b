package cmd

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode/utf8"

	"rpsbatch/batch"
	"rpsbatch/csvio"
)

// rowWatch looks at each row of the first reading.
type rowWatch struct {
	each func(*batch.Row) // may be nil
	bad  string           // the line of the first row with a problem, and the problem
	long map[string]bool  // names of servers that may be cut
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
		log.Warn("names of servers have more than 20 characters: the service may know them cut", "names", shortList(w.names()))
	}
}

func (w *rowWatch) names() []string {
	names := make([]string, 0, len(w.long))
	for name := range w.long {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
