package cli

import (
	"io"
	"maps"
	"time"

	"rpsbatch/batch"
	"rpsbatch/rps"
)

// summaryJSON is the content of --summary-json. Programs rely on its keys: keys
// may be added, but none changes its meaning.
type summaryJSON struct {
	Command        string                    `json:"command"`
	Version        string                    `json:"version"`
	Started        time.Time                 `json:"started"`
	Finished       time.Time                 `json:"finished"`
	ElapsedSeconds float64                   `json:"elapsed_seconds"` // in all, including the wait for the account
	ExitCode       int                       `json:"exit_code"`
	Reason         string                    `json:"reason"`      // why the exit code is not 0; "" if it is
	Username       string                    `json:"username"`    // of the account; "" if the run ended before it was needed
	Host           string                    `json:"host"`        // of the service
	ResultFile     string                    `json:"result_file"` // as named; "-": standard output; "": there is none
	Rows           int                       `json:"rows"`        // of the result, not counting blank ones
	Succeeded      int                       `json:"succeeded"`
	Failed         int                       `json:"failed"`
	LeftOut        int                       `json:"left_out"`   // rows that --limit left for later
	Blank          int                       `json:"blank"`      // records that are not devices
	Passed         int                       `json:"passed"`     // rows that --retry or --only left as they were
	Resumed        int                       `json:"resumed"`    // rows done by the earlier run that this run resumed
	Pruned         int                       `json:"pruned"`     // devices removed because the file lacks them
	NotPruned      int                       `json:"not_pruned"` // devices that should have been
	HeldBack       int                       `json:"held_back"`  // devices kept because rows of the file cannot be read
	Statuses       map[batch.Status]int      `json:"statuses"`   // rows by rps_status, omitting zeros
	Calls          int                       `json:"calls"`
	CallsByMethod  map[string]batch.Outcomes `json:"calls_by_method"`
	ServersAdded   int                       `json:"servers_added"`  // because rows need them
	Throttled      int                       `json:"throttled"`      // answers that asked to slow down
	ThrottledRate  float64                   `json:"throttled_rate"` // calls per second when the service last asked; 0: never
}

func (e *ending) toJSON() summaryJSON {
	s := e.summary
	out := summaryJSON{
		Command:        e.command,
		Version:        version(),
		Started:        e.started.UTC().Truncate(time.Second),
		Finished:       e.finished.UTC().Truncate(time.Second),
		ElapsedSeconds: e.finished.Sub(e.started).Round(time.Millisecond).Seconds(),
		ExitCode:       e.code,
		Username:       rps.Printable(e.user),
		Host:           rps.Printable(e.host),
		ResultFile:     rps.Printable(e.result),
		Rows:           s.Rows,
		Succeeded:      s.Succeeded,
		Failed:         s.Failed(),
		LeftOut:        s.LeftOut,
		Blank:          s.Blank,
		Passed:         s.Passed,
		Resumed:        s.Resumed,
		Pruned:         s.Pruned,
		NotPruned:      s.NotPruned,
		HeldBack:       s.HeldBack,
		Statuses:       map[batch.Status]int{},
		Calls:          s.TotalCalls(),
		CallsByMethod:  map[string]batch.Outcomes{},
		ServersAdded:   len(s.Added),
		Throttled:      s.Throttled,
		ThrottledRate:  s.SlowedTo,
	}
	if e.err != nil {
		out.Reason = rps.Printable(e.err.Error())
	}
	maps.Copy(out.Statuses, s.Counts)
	maps.DeleteFunc(out.Statuses, func(_ batch.Status, n int) bool { return n == 0 })
	maps.Copy(out.CallsByMethod, s.Outcomes)
	return out
}

// writeSummary writes the summary to standard output, or to a file that only its
// owner can read: the reason may quote the service and the input.
func (e *ending) writeSummary(stdout io.Writer, name string) error {
	return writeJSON(stdout, name, e.toJSON())
}
