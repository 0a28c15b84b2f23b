package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rpsbatch/batch"
	"rpsbatch/batch/durable"
	"rpsbatch/rps"
)

// runJournal is the journal of a run, if it has one.
type runJournal struct {
	*batch.Journal
	past *batch.History
	done bool // the results are in place
}

// removed returns what discarded runs removed because their files lacked it.
func (r *runJournal) removed(account batch.Account) map[rps.MAC]batch.Verdict {
	if r.Journal == nil {
		return nil
	}
	return r.Removed(r.past, account)
}

// close removes the journal if nothing is left to resume. It returns how the run
// ended: a failure here is an error, and is only logged if the run has a worse
// one.
func (r *runJournal) close(ended error, log *slog.Logger) error {
	var err error
	switch {
	case r.Journal == nil:
	case r.done, !r.Used():
		if err = r.Finish(); err != nil {
			err = hint(err, "remove it by hand: it is no longer needed")
		}
	default:
		if err = r.Close(); err != nil {
			err = hint(err, "a resumed run may make calls again")
		}
	}
	if err == nil || ended != nil && !errors.Is(ended, errRows) {
		if err != nil {
			log.Error(err.Error(), "hint", hintOf(err))
		}
		return ended
	}
	return err
}

// openJournal opens the journal beside the result file. A result on standard
// output has none.
func (j *job) openJournal(in *input, survey *batch.Survey, log *slog.Logger) (*runJournal, error) {
	if j.result == standardStream {
		if j.resume {
			return nil, hint(errors.New("--resume needs a result file: a run that writes to standard output has no journal"), "name one with --output")
		}
		log.Info("the results go to standard output: this run has no journal and cannot be resumed")
		return &runJournal{}, nil
	}
	name := j.result + journalEnding
	names := []string{name, j.result + oldEnding}
	if !j.inPlace {
		names = append(names, j.result)
	}
	if err := distinct(in, "the result", "--output", names...); err != nil {
		return nil, err
	}
	journal, past, err := batch.OpenJournal(name, j.header(in, survey), j.resume, j.restart)
	if err != nil {
		return nil, journalHint(err, name, j.name, j.changes())
	}
	if past != nil {
		log.Info("resuming an unfinished run", "rows_done", past.Settled())
	}
	return &runJournal{Journal: journal, past: past}, nil
}

// journalHint says what to do if a command cannot have a journal. A command that
// changes nothing never discards another's.
func journalHint(err error, name, command string, changes bool) error {
	held, other := (*durable.LockedError)(nil), (*batch.JournalError)(nil)
	switch {
	case errors.As(err, &held):
		return hint(fmt.Errorf("%s: another run is using it: %v", name, held.Holder), "wait until it is done, or name another result file with --output")
	case errors.As(err, &other) && other.Command != command:
		remedy := fmt.Sprintf("finish that run first, with %s, or name another result file with --output", resumeOf(other.Command))
		if changes {
			remedy += "; --restart discards it"
		}
		return hint(err, "%s", remedy)
	case errors.Is(err, batch.ErrUnfinished):
		return hint(err, "use --resume to continue it, or --restart to discard it")
	case errors.Is(err, batch.ErrDamaged):
		return hint(err, "--restart discards it and sends its rows again")
	case errors.Is(err, batch.ErrOtherRun):
		return hint(err, "use the input and the flags that it was started with, or --restart to discard it")
	}
	return cannotWrite("the journal", "--output", name, err)
}

// header returns what must be unchanged for a run to be resumed.
func (j *job) header(in *input, survey *batch.Survey) batch.Header {
	policies := map[string]string{
		"--url":            j.call.url,
		"--username":       j.call.username,
		"--override":       j.override,
		"--on-conflict":    j.onConflict,
		"--server":         j.read.server,
		"--only":           j.only,
		"--retry":          strconv.FormatBool(j.retry),
		"--repair":         strconv.FormatBool(j.read.repair),
		"--vendor-prefix":  strings.Join(slices.Sorted(slices.Values(j.read.vendors)), ", "),
		"--ignore-no-mac":  strconv.FormatBool(j.read.noMAC),
		"--no-header":      strconv.FormatBool(j.read.noHeader),
		"--delimiter":      j.read.delimiter,
		"--encoding":       j.read.encoding,
		"--column":         strings.Join(slices.Sorted(slices.Values(j.read.columns)), ", "),
		"--ignore-missing": strconv.FormatBool(j.ignoreMissing),
		"--verify":         strconv.FormatBool(j.verify),
		"--want":           strconv.FormatBool(j.want),
		"--prune":          strconv.FormatBool(j.prune),
		"--save-before":    j.guards.saveBefore,
		"--servers":        j.serversSum,
		"--baseline":       j.baselineFile,
		"--sandbox":        strconv.FormatBool(j.call.sandbox),
		"--max-moves":      j.guards.maxMoves,
		"--max-removals":   j.guards.maxRemovals,
	}
	maps.DeleteFunc(policies, func(_, value string) bool { return value == "" })
	size, sum := in.Sum()
	return batch.Header{Command: j.name, ReadOnly: !j.changes(), Rows: survey.Rows, Sum: batch.Sum{Size: size, CRC: sum}, Policies: policies, Survey: survey, Prunes: j.prune, InPlace: j.inPlace}
}
