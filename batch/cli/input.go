package cli

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"

	"rpsbatch/batch"
	"rpsbatch/csvio"
)

// input is the file of a command, and the rows of it that are run.
type input struct {
	*csvio.File
	only    *batch.Only // rows to be run again; nil: all
	servers bool        // the rows are servers, and not devices
}

const standardStream = "-"

// openInput opens a file, or standard input for '-'.
func openInput(ctx context.Context, streams Streams, name string, options csvio.Options) (*input, error) {
	var file *csvio.File
	var err error
	if name == standardStream {
		file, err = csvio.OpenStream(ctx, streams.In, "standard input", options)
	} else {
		file, err = csvio.OpenFile(ctx, name, options)
	}
	if err != nil {
		return nil, err
	}
	return &input{File: file}, nil
}

// tell logs the format of the file if it is unusual.
func (in *input) tell(log *slog.Logger) {
	if over := in.Format().PassedOver; over != nil {
		log.Warn("some columns look like MACs, servers or URLs but are not read; name one with --column mac=NAME, server=NAME or url=NAME", "columns", shortList(over))
	}
	if !in.Plain() {
		log.Info("reading the file", "file", in.Name(), "format", in.String())
	}
}

// Open starts reading the rows from the first.
func (in *input) Open() (batch.Source, error) { return in.openUntil(context.Background()) }

// openUntil starts reading the rows. It fails when ctx ends.
func (in *input) openUntil(ctx context.Context) (batch.Source, error) {
	source, err := in.Rows(ctx)
	if err == nil && in.only != nil {
		source = in.only.Of(source)
	}
	return source, err
}

// choose restricts the run to these rows.
func (in *input) choose(only batch.Only) { in.only = &only }

// isResult refuses a file that is not the result of an earlier run, or if it
// matters, the result of an unfinished run.
func (in *input) isResult(flag string, evenUnfinished bool) error {
	if !in.Format().PriorStatus {
		return hint(fmt.Errorf("%s has no column %s", in.Name(), cmp.Or(in.Format().Lacks, "rps_status")), "%s needs the result of an earlier run", flag)
	}
	if !evenUnfinished && in.unfinished() {
		journal := target(in.Name()) + journalEnding
		return hint(fmt.Errorf("%s is the result of an unfinished run: its journal %s may have more", in.Name(), journal),
			"finish that run first, with %s", resumeOf(batch.UnfinishedCommand(journal)))
	}
	return nil
}

// resumeOf returns the command that resumes a run; the run's own command may be
// unknown.
func resumeOf(command string) string {
	if command == "" {
		return "--resume"
	}
	return fmt.Sprintf("'rpsbatch %s' and --resume", command)
}

// unfinished reports whether the journal of a run exists beside its result.
func (in *input) unfinished() bool {
	_, err := os.Stat(target(in.Name()) + journalEnding)
	return err == nil && !in.Copied()
}

// opener returns Open for a pass that need not be finished: it fails when ctx
// ends.
func (in *input) opener(ctx context.Context) func() (batch.Source, error) {
	return func() (batch.Source, error) {
		source, err := in.openUntil(ctx)
		return interruptible{source, ctx}, err
	}
}

type interruptible struct {
	batch.Source
	ctx context.Context
}

func (i interruptible) Read(row *batch.Row) error {
	if i.ctx.Err() != nil {
		return &batch.StopError{Reason: batch.ErrInterrupted}
	}
	return i.Source.Read(row)
}
