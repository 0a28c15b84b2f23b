package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rpsbatch/batch"
)

// ending is what a run came to, for the machines that watch over it.
type ending struct {
	command           string
	started, finished time.Time
	code              int
	err               error // nil: code 0
	summary           batch.Summary
	result            string // where the results are; "" if they are nowhere
}

// endingFlags name the files that tell of a run's ending.
type endingFlags struct {
	summaryJSON, metricsFile string
}

func (f *endingFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.summaryJSON, "summary-json", "", "`FILE` for the summary as JSON; '-' is standard output")
	flags.StringVar(&f.metricsFile, "metrics-file", "", "`FILE` for metrics of the run, for node_exporter's textfile collector: NAME.prom")
}

// check refuses files that are of the run, and what is no file: they would be
// replaced. result is the result of the run, inputs are what it reads.
func (f *endingFlags) check(result string, inputs ...string) error {
	if f.summaryJSON == standardStream && result == standardStream {
		return hint(errors.New("--summary-json and the results cannot both go to standard output"), "name a file for one of them")
	}
	if f.metricsFile == standardStream {
		return hint(errors.New("--metrics-file takes the name of a file"), "--summary-json - writes to standard output")
	}
	taken := append(inputs, result, result+partialEnding, result+journalEnding, result+journalEnding+".lock")
	for _, file := range []struct{ flag, name string }{
		{"--summary-json", f.summaryJSON},
		{"--metrics-file", f.metricsFile},
	} {
		if file.name == "" || file.name == standardStream {
			continue
		}
		if info, err := os.Stat(file.name); err == nil && !info.Mode().IsRegular() {
			return fmt.Errorf("%s %s is no file that can be replaced", file.flag, file.name)
		}
		for _, other := range taken {
			if other != "" && sameFile(file.name, other) {
				return hint(fmt.Errorf("%s would replace %s, which the run needs", file.flag, file.name), "name another file")
			}
		}
		taken = append(taken, file.name)
	}
	return nil
}

// sameFile tells whether two names are of one file, if it is there or not.
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

// ended does the run of a command, and tells of its ending. files are those of
// the run, its result the first of them.
func (f *callFlags) ended(c *cobra.Command, streams Streams, e *ending, command string, files []string, run func(context.Context) error) error {
	result := ""
	if len(files) > 0 {
		result = files[0]
	}
	if err := f.endings.check(result, append(files, f.passwordFile, f.caFile)...); err != nil {
		return err
	}
	e.command = command
	return f.endings.around(streams, e, func() error {
		if err := f.check(c); err != nil {
			return err
		}
		return run(c.Context())
	})
}

// around does a run, and tells of its ending whatever that is. e is what the
// run fills in.
func (f *endingFlags) around(streams Streams, e *ending, run func() error) error {
	e.started = time.Now()
	err := run()
	e.finished = time.Now()
	// What goes wrong here is told, and is no success; how the run itself ended
	// counts more.
	for _, file := range []struct {
		flag, name string
		write      func(name string) error
	}{
		{"--summary-json", f.summaryJSON, func(name string) error { return e.writeSummary(streams.Out, name) }},
		{"--metrics-file", f.metricsFile, e.writeMetrics},
	} {
		if file.name == "" {
			continue
		}
		e.err, e.code = err, exitCode(err)
		failed := file.write(file.name)
		switch {
		case failed == nil:
		case err == nil:
			err = cannotWrite(file.flag, file.name, failed)
		default:
			fmt.Fprintf(streams.Err, "rpsbatch: %v\n", cannotWrite(file.flag, file.name, failed))
		}
	}
	return err
}

func cannotWrite(flag, name string, err error) error {
	// The name of the temporary file says nothing to the user.
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	} else if link := (*os.LinkError)(nil); errors.As(err, &link) {
		err = link.Err
	}
	return fmt.Errorf("cannot write %s %s: %w", flag, name, err)
}
