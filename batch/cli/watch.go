package cli

import (
	"fmt"
	"log/slog"

	"rpsbatch/batch"
	"rpsbatch/csvio"
)

// rowWatch looks at each row of the first pass.
type rowWatch struct {
	*csvio.Watch
	each func(*batch.Row) // may be nil
	bad  string           // the line of the first row with a problem, and the problem
}

func (w *rowWatch) row(row *batch.Row) {
	if w.each != nil {
		w.each(row)
	}
	if w.bad == "" && row.Problem != "" && !row.Blank {
		w.bad = fmt.Sprintf("%s: %s", row.Place(), row.Problem)
	}
	w.Watch.Row(row)
}

// tell warns of what may go wrong at the service.
func (w *rowWatch) tell(log *slog.Logger) {
	for _, warning := range w.Warnings() {
		log.Warn(warning.Text, "count", warning.Count, "examples", shortList(warning.Examples))
	}
}
