package cmd

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"rpsbatch/batch"
)

// remedies say what to do about the rows of a status.
var remedies = map[batch.Status]string{
	batch.Invalid:             "mend the cells that rps_detail names",
	batch.Conflict:            "leave one target for each MAC, or give --on-conflict first or last",
	batch.Exists:              "--override own moves them",
	batch.RegisteredElsewhere: "owned by another account: it must release them, or open a ticket with Yealink",
	batch.NotRegistered:       "nothing to remove; --ignore-missing takes that for a success",
	batch.UnknownServer:       "add the server to the account, or mend its name",
	batch.Refused:             "rps_detail has the service's own words",
	batch.Failed:              "not applied: run again when the service answers",
	batch.InDoubt:             "may have been applied: run again, or look them up",
	batch.NotAttempted:        "not sent: run again",
}

// tell prints what a run came to, for a person.
func tell(w io.Writer, s batch.Summary, out results) {
	fmt.Fprintf(w, "%s in %s: %s as asked", count(s.Rows, "row"), roundTime(s.Elapsed), thousands(s.Succeeded))
	if s.Failed() > 0 {
		fmt.Fprintf(w, ", %s not", thousands(s.Failed()))
	}
	if s.Blank > 0 {
		fmt.Fprintf(w, ", %s passed through", count(s.Blank, "blank record"))
	}
	if s.Passed > 0 {
		fmt.Fprintf(w, ", %s left as they were", count(s.Passed, "row"))
	}
	if s.Resumed > 0 {
		fmt.Fprintf(w, "; %s done by the run that this one went on with", thousands(s.Resumed))
	}
	fmt.Fprintln(w)
	for _, status := range batch.Statuses {
		if n := s.Counts[status]; n > 0 {
			line := fmt.Sprintf("  %-21s%10s  %s", status, thousands(n), remedies[status])
			fmt.Fprintln(w, strings.TrimRight(line, " "))
		}
	}
	fmt.Fprintln(w, tellCalls(s.Calls))
	if s.Pruned+s.NotPruned > 0 {
		fmt.Fprintf(w, "%s that the file lacks %s removed", count(s.Pruned, "device"), plural(s.Pruned, "was", "were"))
		if s.NotPruned > 0 {
			fmt.Fprintf(w, ", %s could not be", thousands(s.NotPruned))
		}
		fmt.Fprintln(w)
	}
	if len(s.Added) > 0 {
		slices.Sort(s.Added)
		fmt.Fprintf(w, "%s added: %s\n", count(len(s.Added), "server"), shortList(s.Added))
	}
	if s.Throttled > 0 {
		fmt.Fprintf(w, "The service asked to slow down %s, last at %.3g calls a second.\n", count(s.Throttled, "time"), s.Bore)
	}
	if s.NoList != nil {
		fmt.Fprintln(w, "The account's devices could not be listed; the run went without.")
	}
	fmt.Fprintf(w, "Results: %s\n", out.place())
	if out.pruned != nil {
		fmt.Fprintf(w, "Removed: %s\n", out.pruned.place())
	}
}

// shortList gives the first few of many names.
func shortList(names []string) string {
	if more := len(names) - examples; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:examples], ", "), more)
	}
	return strings.Join(names, ", ")
}

func roundTime(d time.Duration) time.Duration {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second)
	case d >= time.Second:
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}
