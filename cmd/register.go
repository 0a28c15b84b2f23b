package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

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
	lock    lockFlags

	override, onConflict string
	ignoreMissing        bool
	maxFailures, only    string
	resume, restart      bool

	ending ending
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
	c.Flags().StringVar(&j.override, "override", "default", "what to do with devices that are registered already: never, ask, own (this account's), always; by default ask on a terminal, else never")
	c.Flags().Lookup("override").DefValue = "" // it is in the text
	c.Flags().StringVar(&j.onConflict, "on-conflict", "refuse", "one MAC with several targets: refuse all its rows, or take the first or the last")
	return c
}

func (j *job) addFlags(c *cobra.Command) {
	c.Flags().SortFlags = false
	j.read.add(c.Flags())
	j.call.add(c.Flags())
	j.lock.add(c.Flags())
	c.Flags().StringVar(&j.maxFailures, "max-failures", "none", "stop when so many rows did not succeed: N, or N% once 100 rows are judged")
	c.Flags().StringVar(&j.only, "only", "", "of a result file fed back, the `STATUSES` to run again, separated by commas; failed: all that did not succeed")
	c.Flags().BoolVar(&j.resume, "resume", false, "go on with an unfinished run, if there is one")
	c.Flags().BoolVar(&j.restart, "restart", false, "discard an unfinished run; with --resume: only if it is not of this file and these flags")
}

func (j *job) main(c *cobra.Command, args []string) error {
	j.file = args[0]
	if err := j.call.endings.check(j.output(), j.file, j.call.passwordFile, j.call.caFile); err != nil {
		return err
	}
	j.ending.command = j.command()
	return j.call.endings.around(j.streams, &j.ending, func() error {
		if err := errors.Join(j.call.check(c), j.lock.check()); err != nil {
			return err
		}
		return j.run(c.Context())
	})
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
	if err := j.choose(in); err != nil {
		return err
	}
	survey, err := batch.TakeSurvey(in.opener(ctx), config.OnConflict, each)
	if err != nil {
		return err
	}
	client, err := j.call.client(ctx, j.streams, sandbox)
	if err != nil {
		return err
	}
	if !j.call.sandbox {
		account, err := j.lock.take(ctx, log, j.call.url, j.call.username)
		if err != nil {
			return err
		}
		defer account.release()
	}
	journal, past, err := j.openJournal(in, survey, log)
	if err != nil {
		return err
	}
	defer journal.close()
	out, err := createResult(j.streams, j.output(), in, survey.Width)
	if err != nil {
		return err
	}

	run := &batch.Run{
		Config: config, Service: client, Survey: survey, Open: in.Open, Results: out, Log: log,
		Journal: journal.Journal, Past: past,
		Confirm: func(ctx context.Context, known batch.Known) (yes bool, err error) {
			terminal.pause(func() { yes, err = confirmOverride(ctx, j.streams, known) })
			return yes, err
		},
	}
	terminal.start(j.call.progress, j.streams.terminalErr() && !j.call.quiet, run.Progress)
	summary, stopped := run.Do(ctx)
	terminal.finish()
	j.ending.summary = summary

	return j.end(summary, stopped, out, journal)
}

// end brings the results home and tells what the run came to.
func (j *job) end(summary batch.Summary, stopped error, out *resultFile, journal *runJournal) error {
	if errors.Is(stopped, batch.ErrOutput) {
		out.discard()
		return hint(stopped, "mend that and %s", j.goOn(stopped, journal))
	}
	if err := out.finish(); err != nil {
		return hint(err, "mend that and %s", j.goOn(stopped, journal))
	}
	j.ending.result = out.name
	journal.done = stopped == nil
	if stopped == nil && summary.Failed() == 0 && j.call.quiet {
		return nil
	}
	tell(j.streams.Err, summary, out.place())
	switch {
	case stopped != nil:
		return hint(stopped, "%s", j.goOn(stopped, journal))
	case summary.Failed() > 0:
		return errRows
	}
	return nil
}

// goOn says how a run that was stopped is gone on with.
func (j *job) goOn(stopped error, journal *runJournal) string {
	if journal.Journal == nil || !journal.Used() {
		return "run again"
	}
	if errors.Is(stopped, batch.ErrInput) {
		return "run again with --restart when the file is at rest"
	}
	return "go on with the same command and --resume"
}

// output names the result: where a link leads, if it is one.
func (j *job) output() string {
	name := j.call.output
	if name == "" {
		name = resultName(j.file)
	}
	if target, err := filepath.EvalSymlinks(name); err == nil && name != standardStream {
		return target
	}
	return name
}

// config gives the configuration of the run, with the flags that are words.
func (j *job) config() (batch.Config, error) {
	config, err := j.call.config(j.action)
	if err != nil {
		return config, err
	}
	config.IgnoreMissing = j.ignoreMissing
	if config.MaxFailures, err = batch.ParseMaxFailures(j.maxFailures); err != nil {
		return config, fmt.Errorf("--max-failures %w", err)
	}
	if j.action != batch.Register {
		return config, nil
	}
	if config.OnConflict, err = batch.ParseOnConflict(j.onConflict); err != nil {
		return config, fmt.Errorf("--on-conflict %w", err)
	}
	// A question needs somebody to answer it, on a stream that is not the file.
	canAsk := j.streams.terminalIn() && j.streams.terminalErr() && j.file != standardStream
	switch {
	case j.override != "default":
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

// choose leaves the rows of a result file alone that --only does not name.
func (j *job) choose(in *input) error {
	if j.only == "" {
		return nil
	}
	if !in.format.PriorStatus {
		return hint(fmt.Errorf("%s has no column rps_status", in.name), "--only takes a result file of an earlier run")
	}
	only, err := batch.ParseOnly(j.only)
	if err != nil {
		return fmt.Errorf("--only %w", err)
	}
	in.only = only
	return nil
}
