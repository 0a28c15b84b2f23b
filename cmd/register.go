package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"rpsbatch/batch"
	"rpsbatch/rps/rpstest"
)

// job is one run over a file: register, deregister.
type job struct {
	streams Streams
	action  batch.Action
	file    string
	read    readFlags
	call    callFlags

	override, onConflict string
	ignoreMissing        bool
}

func newRegister(streams Streams) *cobra.Command {
	j := &job{streams: streams, action: batch.Register}
	c := &cobra.Command{
		Use:   "register FILE",
		Short: "Register the devices of a CSV",
		Long: `Register the devices of a CSV file: bind the MAC of each row to the server
that it names, or to its unique URL.

FILE has a header with a column for the MACs and columns for server and URL, in
any order. '-' reads standard input. The result file has the same rows with
their verdicts.

` + exitCodes,
		Example: `  rpsbatch register devices.csv
  rpsbatch register devices.csv --server "Head office" --override own
  rpsbatch register samples/devices.csv --sandbox`,
		Args: oneFile,
		RunE: j.main,
	}
	j.addFlags(c)
	j.read.addServer(c.Flags())
	c.Flags().StringVar(&j.override, "override", "", "what to do with devices that are registered already: never, ask, own, always (default: ask on a terminal, else never)")
	c.Flags().StringVar(&j.onConflict, "on-conflict", "refuse", "one MAC with several targets: refuse all its rows, or take the first or the last")
	return c
}

func (j *job) addFlags(c *cobra.Command) {
	c.Flags().SortFlags = false
	j.read.add(c.Flags())
	j.call.add(c.Flags())
}

func (j *job) main(c *cobra.Command, args []string) error {
	j.file = args[0]
	if err := j.call.check(c); err != nil {
		return err
	}
	return j.run(c.Context())
}

// run takes the file through all stages: read and judge it, find duplicates,
// open the way to the service, make the calls, write the results, tell of them.
func (j *job) run(ctx context.Context) error {
	config, err := j.config()
	if err != nil {
		return err
	}
	options, err := j.read.options(j.action)
	if err != nil {
		return err
	}
	terminal := newBar(j.streams.Err)
	log, err := j.call.logger(terminal)
	if err != nil {
		return err
	}

	in, err := openInput(ctx, j.streams, j.file, options)
	if err != nil {
		return err
	}
	defer in.Close()
	var sandbox *rpstest.Server
	var each func(*batch.Row)
	if j.call.sandbox {
		sandbox, each = newSandbox()
	}
	survey, err := batch.TakeSurvey(in.opener(ctx), config.OnConflict, each)
	if err != nil {
		return err
	}
	client, err := j.call.client(ctx, j.streams, sandbox)
	if err != nil {
		return err
	}
	out, err := createResult(j.streams, j.output(), in, survey.Width)
	if err != nil {
		return err
	}

	run := &batch.Run{
		Config: config, Service: client, Survey: survey, Open: in.Open, Results: out, Log: log,
		Confirm: func(ctx context.Context, known batch.Known) (yes bool, err error) {
			terminal.pause(func() { yes, err = confirmOverride(ctx, j.streams, known) })
			return yes, err
		},
	}
	terminal.start(j.call.progress, j.streams.terminalErr() && !j.call.quiet, run.Progress)
	summary, stopped := run.Do(ctx)
	terminal.finish()

	return j.end(summary, stopped, out)
}

// end brings the results home and tells what the run came to.
func (j *job) end(summary batch.Summary, stopped error, out *resultFile) error {
	if errors.Is(stopped, batch.ErrOutput) {
		return hint(stopped, "what was written is in %s; make room and run again", out.partial())
	}
	if err := out.finish(); err != nil {
		return err
	}
	if stopped == nil && summary.Failed() == 0 && j.call.quiet {
		return nil
	}
	tell(j.streams.Err, summary, out.place())
	switch {
	case stopped != nil:
		return stopped
	case summary.Failed() > 0:
		return errRows
	}
	return nil
}

func (j *job) output() string {
	if j.call.output != "" {
		return j.call.output
	}
	return resultName(j.file)
}

// config gives the configuration of the run, with the flags that are words.
func (j *job) config() (batch.Config, error) {
	config, err := j.call.config(j.action)
	if err != nil {
		return config, err
	}
	config.IgnoreMissing = j.ignoreMissing
	if j.onConflict != "" {
		if config.OnConflict, err = batch.ParseOnConflict(j.onConflict); err != nil {
			return config, fmt.Errorf("--on-conflict %w", err)
		}
	}
	// A question needs somebody to answer it, on a stream that is not the file.
	canAsk := j.streams.terminalIn() && j.streams.terminalErr() && j.file != standardStream
	switch {
	case j.override != "":
		if config.Override, err = batch.ParseOverride(j.override); err != nil {
			return config, fmt.Errorf("--override %w", err)
		}
	case canAsk:
		config.Override = batch.OverrideAsk
	}
	if config.Override == batch.OverrideAsk && !canAsk {
		return config, hint(errors.New("--override ask needs a terminal to ask on, and a FILE that is not standard input"), "say never, own or always")
	}
	return config, nil
}
