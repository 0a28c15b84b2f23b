package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"rpsbatch/batch"
	"rpsbatch/csvio"
	"rpsbatch/rps/rpstest"
)

type list struct {
	streams Streams
	call    callFlags
	urls    bool
	ending  ending
}

func newList(streams Streams) *cobra.Command {
	l := &list{streams: streams}
	c := &cobra.Command{
		Use:   "list",
		Short: "Export the account's devices as CSV",
		Long: `Write the devices of the account as CSV, in the order of their MACs, with one call
of listDevices. RPS may cut the list short without saying so.

With --urls each device is also looked up, one call each, and the file has the
URL that it is bound to. A device's unique URL is a secret.

` + exitCodes,
		Example: `  rpsbatch list
  rpsbatch list --urls --output account.csv`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if l.call.output == "" {
				l.call.output = standardStream
			}
			return l.call.ended(c, l.streams, &l.ending, "list", runFiles{result: l.call.output}, l.run)
		},
	}
	l.call.add(c.Flags())
	c.Flags().Lookup("output").Usage = "write the list to `FILE` (default: standard output)"
	c.Flags().BoolVar(&l.urls, "urls", false, "look up the URL that each device is bound to, one call each")
	return c
}

func (l *list) run(ctx context.Context) error {
	config, err := l.call.config()
	if err != nil {
		return err
	}
	terminal := newBar(l.streams.Err)
	log, err := l.call.logger(terminal)
	if err != nil {
		return err
	}
	l.call.announce(log)
	var sandbox *rpstest.Server
	if l.call.sandbox {
		sandbox, _ = newSandbox()
	}
	client, err := l.call.client(ctx, l.streams, sandbox)
	if err != nil {
		return err
	}
	out, err := openDestination(l.streams.results(), l.call.output)
	if err != nil {
		return cannotWrite("the list", "--output", l.call.output, err)
	}
	defer out.Discard()
	caller := batch.NewCaller(config, client, log)
	devices, err := caller.ListDevices(ctx)
	l.ending.summary = caller.Summary()
	if err != nil {
		return err
	}
	if !l.urls {
		return l.finish(out, writeMACs(out, devices))
	}
	return l.lookUp(ctx, out, config, caller, devices, terminal, log)
}

func writeMACs(w io.Writer, devices batch.Account) error {
	if _, err := fmt.Fprintln(w, "rps_mac"); err != nil {
		return err
	}
	for mac := range devices.All() {
		if _, err := fmt.Fprintln(w, mac); err != nil {
			return err
		}
	}
	return nil
}

// lookUp writes the devices with the URL that each is bound to.
func (l *list) lookUp(ctx context.Context, to destination, config batch.Config, caller *batch.Caller, devices batch.Account, terminal *bar, log *slog.Logger) error {
	open := func() (batch.Source, error) { return devices.Rows(batch.Check), nil }
	survey, err := batch.TakeSurvey(open, config.OnConflict, nil)
	if err != nil {
		return err
	}
	out, err := csvio.NewWriter(to, csvio.Format{Comma: ',', LineEnd: "\n"}, 0)
	if err != nil {
		return l.finish(to, err)
	}
	run := &batch.Run{Config: config, Caller: caller, Survey: survey, Open: open, Results: out, Log: log}
	terminal.start(ctx, l.call.progress, l.streams.terminalErr(), run.Progress)
	summary, stopped := run.Do(ctx, devices)
	terminal.finish()
	written := l.finish(to, out.Flush())
	l.ending.summary = summary
	if err := errors.Join(stopped, written); err != nil && !closedPipe(err) {
		return err
	}
	if summary.Failed() > 0 {
		fmt.Fprintf(l.streams.Err, "%s could not be looked up: rps_detail says why\n", count(summary.Failed(), "device"))
		return errRows
	}
	return nil
}

// finish brings the list to its place, unless it could not be written. That
// nobody reads standard output any more is not an error.
func (l *list) finish(to destination, err error) error {
	if err == nil {
		err = to.Commit()
	}
	if l.call.output != standardStream {
		l.ending.result = l.call.output
	}
	if err != nil && !closedPipe(err) {
		return cannotWrite("the list", "--output", l.call.output, err)
	}
	return nil
}
