package cli

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"rpsbatch/batch"
)

// remedies say what to do about the rows of a status.
var remedies = map[batch.Status]string{
	batch.Invalid:             "fix the cells that rps_detail names",
	batch.Conflict:            "keep one target for each MAC, or use --on-conflict first or last",
	batch.Exists:              "--override own moves them",
	batch.RegisteredElsewhere: "owned by another account, which must release them; or open a ticket with Yealink",
	batch.Differs:             "'register RESULT --only differs --override own' moves them",
	batch.NotBound:            "'register RESULT --only not-bound' registers them",
	batch.StillBound:          "'register RESULT --only still-bound' removes them",
	batch.NotVerified:         "--servers FILE supplies the URLs of servers",
	batch.NotRegistered:       "nothing to remove or edit",
	batch.UnknownServer:       "'rpsbatch server add' adds servers that the account lacks; or fix the name",
	batch.Refused:             "rps_detail has the service's own words",
	batch.Failed:              "not applied: --retry sends them again once the service answers",
	batch.InDoubt:             "may have been applied: 'check RESULT --only in-doubt' looks them up; after an interruption, --resume",
	batch.NotAttempted:        "not sent: --retry sends them",
}

// nameTaken is said of a server that exists.
const nameTaken = "the name is taken, in this account or another"

// remedy returns what to do about the rows of a status after this job.
func (j *job) remedy(status batch.Status) string {
	if text := j.missing.remedy(status); text != "" {
		return text
	}
	switch {
	case status == batch.NotRegistered && j.ignoreMissing:
		return ""
	case status == batch.NotRegistered && (j.action == batch.Deregister || j.action == batch.Edit):
		return remedies[status] + "; --ignore-missing counts that as success"
	case status == batch.Conflict && (j.onConflict == "first" || j.onConflict == "last"):
		return "--on-conflict " + j.onConflict + " chose another row for the MAC"
	case status == batch.NotAttempted && j.stopped != nil:
		return "not sent" // the hint says what to do
	case status == batch.NotAttempted && j.guards.limit > 0:
		return "left out: the same command with --resume, without --limit, sends them"
	case status == batch.NotVerified && j.serversFile != "":
		return "rps_detail says why"
	case status == batch.Exists && j.action == batch.AddServer:
		return nameTaken
	case status == batch.Exists && j.action == batch.Deregister:
		return "'register RESULT --only exists --override own' moves them"
	case status == batch.Exists && j.verify && j.serversFile == "":
		return "rps_detail says why; --servers supplies the URLs to compare them with"
	case status == batch.Exists && (j.override == "own" || j.override == "always"):
		return "rps_detail says why they were not moved; --servers supplies the URLs of servers"
	}
	return remedies[status]
}

// summaryWidth is the longest line of a summary.
const summaryWidth = 80

// tell prints the summary of a run for a person.
func tell(w io.Writer, s batch.Summary, out results, account string, remedy func(batch.Status) string) {
	fmt.Fprintf(w, "%s in %s: %s", count(s.Rows, "row"), roundTime(s.Elapsed), outcome(s.Succeeded, s.Failed()))
	for _, part := range []struct {
		n    int
		text string
	}{
		{s.LeftOut, thousands(s.LeftOut) + " left for later"},
		{s.Hidden, count(s.Hidden, "hidden or crossed-out row") + " skipped"},
		{s.Blank - s.Hidden, count(s.Blank-s.Hidden, "blank record") + " passed through"},
		{s.Passed, count(s.Passed, "row") + " left as " + plural(s.Passed, "it was", "they were")},
		{s.Resumed, thousands(s.Resumed) + " resumed from the earlier run"},
	} {
		if part.n > 0 {
			fmt.Fprintf(w, "; %s", part.text)
		}
	}
	fmt.Fprintln(w)
	for _, status := range batch.Statuses {
		if n := s.Counts[status]; n > 0 {
			fmt.Fprintln(w, hanging(fmt.Sprintf("  %-21s%10s  ", status, thousands(n)), remedy(status)))
		}
	}
	fmt.Fprintln(w, tellCalls(s.Calls))
	if s.Pruned+s.NotPruned > 0 {
		fmt.Fprintf(w, "%s missing from the file %s removed", count(s.Pruned, "device"), plural(s.Pruned, "was", "were"))
		if s.NotPruned > 0 {
			fmt.Fprintf(w, ", %s could not be", thousands(s.NotPruned))
		}
		fmt.Fprintln(w)
	}
	if s.HeldBack > 0 {
		fmt.Fprintf(w, "%s missing from the file %s kept, because some rows have no readable MAC or swallowed others\n", count(s.HeldBack, "device"), plural(s.HeldBack, "was", "were"))
	}
	if len(s.Added) > 0 {
		slices.Sort(s.Added)
		fmt.Fprintf(w, "%s added: %s\n", count(len(s.Added), "server"), shortList(s.Added))
	}
	if s.Throttled > 0 {
		fmt.Fprintf(w, "The service asked to slow down %s: slowed to %s calls a second.\n", count(s.Throttled, "time"), rateText(s.SlowedTo))
	}
	if s.NoList != nil {
		fmt.Fprintln(w, "The account's devices could not be listed; the run continued without the list.")
	}
	if account == sandboxAccount {
		fmt.Fprintln(w, nothingReached)
	} else {
		fmt.Fprintf(w, "Account: %s\n", account)
	}
	if out.saved != "" {
		fmt.Fprintf(w, "Saved: %s\n", out.saved)
	}
	if out.left {
		fmt.Fprintf(w, "This run changed nothing, so %s is left as it was.\n", placeOf(out.name))
		return
	}
	fmt.Fprintf(w, "Results: %s\n", placeOf(out.name))
	if out.pruned != nil {
		fmt.Fprintf(w, "Removed: %s\n", placeOf(out.pruned.name))
	}
}

// outcome says how many rows succeeded and how many did not.
func outcome(succeeded, failed int) string {
	text := thousands(succeeded) + " succeeded"
	if failed > 0 {
		text += fmt.Sprintf(", %s did not", thousands(failed))
	}
	return text
}

// rateText returns a rate with three digits, or all digits before the point.
func rateText(perSecond float64) string {
	if perSecond >= 100 {
		return thousands(int(perSecond + 0.5))
	}
	return fmt.Sprintf("%.3g", perSecond)
}

// logSummary logs the same for programs, with the keys of --summary-json.
func logSummary(log *slog.Logger, s batch.Summary, out results, account *callFlags) {
	attrs := []any{"rows", s.Rows, "succeeded", s.Succeeded, "failed", s.Failed(), "blank", s.Blank, "passed", s.Passed,
		"resumed", s.Resumed, "statuses", s.Counts, "calls", s.TotalCalls(), "calls_by_method", s.Outcomes, "throttled", s.Throttled,
		"elapsed_seconds", s.Elapsed.Seconds(), "username", account.username, "host", account.host()}
	if !out.left {
		attrs = append(attrs, "result_file", out.name)
	}
	if out.pruned != nil {
		attrs = append(attrs, "pruned", s.Pruned, "not_pruned", s.NotPruned)
	}
	if s.HeldBack > 0 {
		attrs = append(attrs, "held_back", s.HeldBack)
	}
	log.Info("run finished", attrs...)
}

// hanging returns a text after a label, its lines indented to where it began.
func hanging(label, text string) string { return fold(label, text, summaryWidth) }

// fold is hanging for lines of a width.
func fold(label, text string, width int) string {
	var b strings.Builder
	b.WriteString(label)
	at := len(label)
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case at+1+len(word) > width:
			b.WriteString("\n" + strings.Repeat(" ", len(label)))
			at = len(label)
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += len(word)
	}
	return strings.TrimRight(b.String(), " ")
}

// shortList returns the first few of many names.
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
