package cli

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"rpsbatch/batch"
	"rpsbatch/batch/durable"
	"rpsbatch/rps/rpstest"
)

func newRegister(streams Streams) *cobra.Command {
	j := newJob(streams, "register", batch.Register)
	c := &cobra.Command{
		Use:   "register FILE",
		Short: "Register the devices of a spreadsheet",
		Long: `Register the devices of a spreadsheet: bind the MAC of each row to the server
that it names, or to its unique URL.

FILE is a CSV file or an .xlsx workbook with a MAC column and columns for server
and URL; 'rpsbatch validate --help' describes what can be read. '-' reads standard
input. A row with the action deregister is removed.

The result file, devices.result.csv for devices.csv, has the same rows, each with
its verdict. Fix the cells that rps_detail names in it, then retry the rows that
did not succeed with --retry: a result is updated in place. What a run replaces is
kept as devices.result.csv.bak, and a run that changed nothing leaves an earlier
result as it is. After an interruption or a kill, --resume continues where the run
stopped.

Rows with a unique URL take one call each; the others share calls by server. A
row with a unique URL and no server is sent with an empty server name: RPS
documents that the URL takes precedence, but not whether a server is needed.

Devices that are already registered are left alone unless --override says
otherwise. The account's list does not show where they are bound; --verify looks
that up, one call each.

--servers adds servers just before rows need them. RPS cannot list servers, so
one that already exists costs one refused call. If a server's URL is known,
--verify can check whether a device is bound to it.

Before a run replaces its last result, it reads it. Devices that it shows bound as
their rows ask, and that the account's list still has, are unchanged instead of
exists. So you can fix some cells and run the same command again.

--baseline is for nightly runs, when little has changed. Devices that the named
result shows bound as asked take no call, even with --override own or --verify. Do
not edit the targets in a result that serves as a baseline. A baseline that does
not exist yet counts as empty: with --override own, the first night then needs
--max-moves 100% if most devices are already registered. With --baseline none no
earlier result is read.

` + exitCodes,
		Example: `  rpsbatch register devices.csv
  rpsbatch register devices.csv --server "Head office" --override own --dry-run
  rpsbatch register devices.result.csv --retry
  rpsbatch register samples/devices.csv --sandbox`,
		Args: oneFile,
		RunE: j.main,
	}
	j.addFlags(c)
	j.read.addServer(c.Flags())
	c.Flags().StringVar(&j.override, "override", "default", "`MODE` what to do with devices that are already registered: never (leave them), ask, own (move this account's) or always (default: ask on a terminal, else never)")
	c.Flags().Lookup("override").DefValue = "" // it is in the text
	j.addBindFlags(c.Flags())
	inGroup(c.Flags(), groupSafety, j.guards.addMoves)
	return c
}

func (j *job) main(c *cobra.Command, args []string) error {
	j.file = args[0]
	switch {
	case c.Flags().Changed("only") && j.only == "":
		return hint(errors.New("--only names no status"), "--retry reruns all rows that did not succeed")
	case j.only != "" && j.retry:
		return hint(errors.New("--only and --retry cannot be combined"), "--retry is for all rows that did not succeed")
	}
	j.nameResult(c.Context())
	files := runFiles{result: j.result, saved: j.guards.saveBefore, plan: j.planJSON, inputs: []string{j.serversFile, j.guards.expectPlan}}
	if j.namesBaseline() {
		files.before = j.baselineFile
	}
	if j.prune || j.restart {
		files.pruned = prunedName(j.result)
	}
	if !sameFile(j.result, j.file) { // else a better message follows
		files.inputs = append(files.inputs, j.file)
	}
	return j.call.ended(c, j.streams, &j.ending, j.name, files, func(ctx context.Context) error {
		if err := j.lock.check(); err != nil {
			return err
		}
		return j.run(ctx)
	})
}

// run takes the file through all stages: read and check it, find duplicates,
// reach the service, make the calls, write the results and summarize them.
func (j *job) run(ctx context.Context) (err error) {
	config, err := j.config()
	if err != nil {
		return err
	}
	options, err := j.read.options(j.action)
	if err != nil {
		return err
	}
	options.Want = j.want
	terminal := newBar(j.streams.Err)
	log, err := j.call.logger(terminal)
	if err != nil {
		return err
	}
	j.call.announce(log)
	in, err := openInput(ctx, j.streams, j.file, options)
	if j.guards.emptyFile(err) {
		log.Info("the file is empty: there is nothing to do")
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	survey, sandbox, err := j.survey(ctx, in, config.OnConflict, log)
	if err != nil {
		return err
	}
	run := &batch.Run{Config: config, Survey: survey, Open: in.Open, Log: log}
	if err := j.prepare(ctx, run, sandbox); err != nil {
		return err
	}
	account, err := j.takeAccount(ctx, log)
	if err != nil {
		return err
	}
	defer account.Close()
	// Not earlier: a run that was waited for may have written it.
	if run.Baseline, err = j.readBaseline(ctx, config.Override, log); err != nil {
		return err
	}
	if j.dryRun {
		return j.preview(ctx, run)
	}
	journal, err := j.openJournal(in, survey, log)
	if err != nil {
		return err
	}
	defer func() { err = journal.close(err, log) }()
	if err := j.rechoose(ctx, run, in, journal.past); err != nil {
		return err
	}
	j.forgetBaseline(run, journal)
	return j.execute(ctx, run, in, journal, terminal)
}

// survey makes the first pass over the file, and refuses one that a run must not
// act on. In the sandbox it returns the simulated service.
func (j *job) survey(ctx context.Context, in *input, rule batch.OnConflict, log *slog.Logger) (survey *batch.Survey, sandbox *rpstest.Server, err error) {
	if err := j.choose(in); err != nil {
		return nil, nil, err
	}
	seen := rowWatch{Watch: in.Watch()}
	if j.call.sandbox {
		sandbox, seen.each = newSandbox()
	}
	if survey, err = batch.TakeSurvey(in.opener(ctx), rule, seen.row); err != nil {
		return nil, nil, err
	}
	if err := seen.Err(); err != nil {
		return nil, nil, err
	}
	in.tell(log)
	seen.tell(log)
	j.missing.column = seen.Missing()
	return survey, sandbox, j.seemsWhole(in, survey, seen.bad)
}

// execute is the second pass: it makes the calls and puts the results in place.
func (j *job) execute(ctx context.Context, run *batch.Run, in *input, journal *runJournal, terminal *bar) (err error) {
	out, err := createResult(j.streams, j.result, in.Format(), run.Survey.Width, !j.continues)
	if err != nil {
		return err
	}
	defer out.discard()
	run.Results, run.Journal, run.Past = j.missing.counting(j.marked(out)), journal.Journal, journal.past
	chosen, err := j.chosen(run, in)
	if err != nil {
		return err
	}
	saved, err := j.openSaved(run)
	if err != nil {
		return err
	}
	defer func() {
		if failed := saved.close(journal.Journal != nil && !journal.Used()); failed != nil {
			err = errors.Join(err, failed)
		}
	}()
	began := time.Now()
	devices, stopped := j.look(ctx, run)
	var pruned *resultFile
	if stopped == nil {
		pruned, err = j.approve(ctx, run, devices, in, journal.removed(devices))
	}
	if stop := (*batch.StopError)(nil); errors.As(err, &stop) {
		err = hint(err, "%s", j.goOn(err, journal))
	}
	if err != nil {
		tellLeft(run.Log, out.name)
		return err
	}
	var summary batch.Summary
	if stop := (*batch.StopError)(nil); errors.As(stopped, &stop) {
		summary, stopped = run.Leave(stop)
		summary.Elapsed = time.Since(began)
	} else {
		terminal.start(ctx, j.call.progress, j.streams.terminalErr(), run.Progress)
		summary, stopped = run.Do(ctx, devices)
		terminal.finish()
	}
	j.ending.summary = summary
	in.Close() // some systems cannot replace an open file
	return j.end(summary, stopped, results{resultFile: out, pruned: pruned, chosen: chosen, saved: saved.saved()}, journal, run.Log)
}

// preview shows what a run would do with the account as it is.
func (j *job) preview(ctx context.Context, run *batch.Run) error {
	if j.guards.saveBefore != "" {
		run.Before = &before{}
	}
	var devices batch.Account
	if run.Config.Override == batch.OverrideAsk {
		run.Config.Override = batch.OverrideNever
	}
	if run.Caller != nil {
		var err error
		if devices, err = j.look(ctx, run); err != nil {
			return err
		}
	}
	return j.rehearse(ctx, run, devices)
}

// look reads the account, if the run needs it, and asks what to do with the
// devices of the file that it has. The error is a *batch.StopError.
func (j *job) look(ctx context.Context, run *batch.Run) (devices batch.Account, err error) {
	if run.NeedsAccount() {
		devices, err = run.ReadAccount(ctx)
		if err == nil && (j.sync || j.guards.expectNoChanges) {
			err = devices.Unlisted()
		}
	}
	if err != nil || run.Config.Override != batch.OverrideAsk {
		return devices, err
	}
	run.Config.Override = batch.OverrideOwn
	plan, err := run.Plan(ctx, devices)
	if err != nil {
		return devices, err
	}
	yes := j.guards.yes
	if plan.Left.Moves.Count > 0 && run.NeedsAccount() && !yes {
		if yes, err = confirmOverride(ctx, j.streams, j.call.account(), plan.Left); err != nil {
			return devices, stopped(err)
		}
	}
	if !yes {
		run.Config.Override = batch.OverrideNever
	}
	return devices, nil
}

// stopped returns why a question had no answer as a *batch.StopError.
func stopped(err error) error {
	if errors.Is(err, batch.ErrInterrupted) {
		return err
	}
	return &batch.StopError{Reason: batch.ErrInterrupted, Cause: err}
}

// takeAccount keeps other runs from changing the account, if this one changes it.
func (j *job) takeAccount(ctx context.Context, log *slog.Logger) (*durable.Lock, error) {
	if j.call.sandbox || j.dryRun || !j.changes() {
		return nil, nil
	}
	return j.lock.take(ctx, log, j.call.url, j.call.username)
}

// changes reports whether the command may change the account.
func (j *job) changes() bool { return j.action != batch.Check }

// prepare gives a run what it needs besides the file. A dry run without
// credentials gets no client.
func (j *job) prepare(ctx context.Context, run *batch.Run, sandbox *rpstest.Server) (err error) {
	if run.Servers, err = j.readServers(ctx); err != nil {
		return err
	}
	if j.dryRun && !j.call.sandbox && !j.guards.expectNoChanges && !j.call.knowsAccount() {
		return nil
	}
	client, err := j.call.client(ctx, j.streams, sandbox)
	j.ending.user, j.ending.host = j.call.username, j.call.host()
	if err == nil {
		run.Caller = batch.NewCaller(run.Config, client, run.Log)
	}
	return err
}
