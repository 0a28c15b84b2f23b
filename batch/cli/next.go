package cli

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"

	"rpsbatch/batch"
	"rpsbatch/csvio/report"
	"rpsbatch/rps"
)

// nextSteps returns commands for the rows of a result that did not succeed. name
// is the file as the reader calls it.
func nextSteps(name string, in *input, t *report.Tally) (steps []report.Step) {
	if in.unfinished() { // the journal knows more about these, and no other run may take them
		command := batch.UnfinishedCommand(target(in.Name()) + journalEnding)
		return []report.Step{{Why: fmt.Sprintf("the run is unfinished: finish it first, with %s", resumeOf(command))}}
	}
	rows := map[batch.Status]int{}
	for _, c := range t.Statuses() {
		rows[c.Status()] = c.Rows
	}
	has := func(statuses ...batch.Status) (found []string) {
		for _, s := range statuses {
			if rows[s] > 0 {
				found = append(found, string(s))
			}
		}
		return found
	}
	command, retry := "register", "--retry"
	switch {
	case in.servers:
		command = "server add --from"
	case has(batch.Matches, batch.Differs, batch.NotBound, batch.StillBound, batch.NotVerified) != nil:
		command, retry = "check", "--retry --want"
	case has(batch.Unregistered, batch.Unknown) != nil:
		command = "check"
	case rows[batch.Edited] > 0:
		command = "edit"
	case rows[batch.Deregistered]+rows[batch.NotRegistered] > 0 && has(batch.Registered, batch.Overridden, batch.Unchanged) == nil:
		command = "deregister"
	}
	add := func(why, command, flags string) {
		if t.Sandbox > 0 {
			flags += " --sandbox"
		}
		steps = append(steps, report.Step{Why: why, Command: fmt.Sprintf("rpsbatch %s %s %s", command, shellWord(name), flags)})
	}
	if rows[batch.InDoubt] > 0 {
		add("look up the rows in doubt", "check", "--only in-doubt")
	}
	if has(batch.Invalid, batch.Conflict, batch.UnknownServer) != nil {
		add("after fixing the cells or adding the servers", command, retry)
	} else if has(batch.Failed, batch.NotAttempted, batch.Refused, report.NoVerdict) != nil {
		add("resend what did not succeed", command, retry)
	}
	if rows[batch.Exists] > 0 && command != "check" && !in.servers {
		add("move what is already registered to where the file says", "register", "--only exists --override own --dry-run")
	}
	if found := has(batch.Differs, batch.NotBound); found != nil {
		add("register and move what is not bound as its row asks", "register", "--only "+strings.Join(found, ",")+" --override own --dry-run")
	}
	if rows[batch.StillBound] > 0 {
		add("remove what should be gone", "register", "--only still-bound --dry-run")
	}
	return steps
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9._/][A-Za-z0-9._/-]*$`)

// shellWord quotes the name of a file for a shell.
func shellWord(name string) string {
	switch {
	case plainWord.MatchString(name):
		return name
	case name == standardStream, name != rps.Printable(name):
		return "RESULT.csv"
	case runtime.GOOS == "windows": // where no name has a quote
		return `"` + name + `"`
	case strings.HasPrefix(name, "-"):
		name = "./" + name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}
