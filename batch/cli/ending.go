package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rpsbatch/batch"
	"rpsbatch/batch/durable"
)

// ending is how a run ended, for the programs that watch it.
type ending struct {
	command           string
	started, finished time.Time
	code              int
	err               error // nil: code 0
	summary           batch.Summary
	user, host        string // of the account; "" if the run ended before that
	result            string // where the results are; "" if nowhere
}

// metricsFlag is the flag of the one file that cannot be standard output.
const metricsFlag = "--metrics-file"

// endingFlags name the files that report how a run ended.
type endingFlags struct {
	summaryJSON, metricsFile string
}

func (f *endingFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.summaryJSON, "summary-json", "", "write the summary as JSON to `FILE`, however the run ends ('-' for standard output)")
	flags.StringVar(&f.metricsFile, "metrics-file", "", "write metrics of the run to `FILE`, ending in .prom, for node_exporter's textfile collector")
}

// runFiles are the files of a run, besides those that report how it ended. A name
// may be empty.
type runFiles struct {
	result string   // what it writes: the results,
	pruned string   // what it removed,
	saved  string   // where devices were bound,
	plan   string   // and what it is going to do
	before string   // the results of an earlier run, which those of this one may replace
	inputs []string // what it reads
}

// check refuses to replace another file of the run, or something that is not a
// file.
func (f *endingFlags) check(files runFiles) error {
	if f.metricsFile == standardStream {
		return hint(errors.New(metricsFlag+" needs the name of a file"), "--summary-json - writes to standard output")
	}
	output := "" // what goes to standard output
	if files.result == standardStream {
		output = "the results"
	}
	taken := files.inputs
	for _, file := range []struct {
		flag, name string
		with       []string // what else writing it takes
	}{
		{"--output", files.result, []string{files.before, files.result + oldEnding,
			files.result + journalEnding, files.result + journalEnding + ".lock"}},
		{"the file of what is removed", files.pruned, nil},
		{"--save-before", files.saved, nil},
		{"--plan-json", files.plan, nil},
		{"--summary-json", f.summaryJSON, nil},
		{metricsFlag, f.metricsFile, nil},
	} {
		switch {
		case file.name == "", file.name == standardStream && file.flag == "--output":
			continue
		case file.name == standardStream && output != "":
			return hint(fmt.Errorf("%s and %s cannot both go to standard output", file.flag, output), "name a file for one of them")
		case file.name == standardStream:
			output = file.flag
			continue
		}
		if file.flag != "--output" { // others say more about it
			if err := durable.Check(file.name); durable.Refused(err) {
				return cannotWrite(file.flag, file.flag, file.name, err)
			}
		}
		for _, other := range taken {
			if other != "" && sameFile(file.name, other) {
				return hint(fmt.Errorf("%s would replace %s, which the run needs", file.flag, file.name), "name another file; the list of what is removed goes beside --output")
			}
		}
		taken = append(append(taken, file.name), file.with...)
	}
	return nil
}

// sameFile reports whether two names refer to one file, whether it exists or not.
func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return os.SameFile(infoA, infoB)
	}
	absA, errA := filepath.Abs(a)
	absB, errB := filepath.Abs(b)
	return errA == nil && errB == nil && absA == absB
}

// ended runs a command, and reports how it ended.
func (f *callFlags) ended(c *cobra.Command, streams Streams, e *ending, command string, files runFiles, run func(context.Context) error) error {
	files.inputs = append(files.inputs, f.passwordFile, f.caFile)
	if err := f.endings.check(files); err != nil {
		return err
	}
	e.command = command
	err := f.endings.around(streams, e, func() error {
		if err := f.check(c); err != nil {
			return err
		}
		return run(c.Context())
	})
	if f.logFormat != "json" || err == nil || errors.Is(err, errRows) {
		return err
	}
	// A reader of JSON also reads the last line.
	attrs := []any{"error", err, "exit_code", exitCode(err)}
	if text := hintOf(err); text != "" {
		attrs = append(attrs, "hint", text)
	}
	slog.New(slog.NewJSONHandler(streams.Err, &slog.HandlerOptions{ReplaceAttr: printableAttr})).Error("run failed", attrs...)
	return told{err}
}

// around performs a run, and reports how it ended, whatever the outcome. The run
// fills in e.
func (f *endingFlags) around(streams Streams, e *ending, run func() error) error {
	e.started = time.Now()
	err := run()
	e.finished = time.Now()
	// What goes wrong here is an error, but how the run itself ended matters
	// more.
	for _, file := range []struct {
		flag, name string
		write      func(name string) error
	}{
		{"--summary-json", f.summaryJSON, func(name string) error { return e.writeSummary(streams.Out, name) }},
		{metricsFlag, f.metricsFile, e.writeMetrics},
	} {
		if file.name == "" {
			continue
		}
		e.err, e.code = err, exitCode(err)
		failed := file.write(file.name)
		switch {
		case failed == nil:
		case err == nil:
			err = cannotWrite(file.flag, file.flag, file.name, failed)
		default:
			streams.say("rpsbatch: %s", errorText(cannotWrite(file.flag, file.flag, file.name, failed)))
		}
	}
	return err
}
