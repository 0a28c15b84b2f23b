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
		Long: `Write the devices of the account as CSV, in the order of their addresses: one
call of listDevices. The service may cut its list short; nothing tells.

With --urls each device is looked up as well, one call each, and the file has
the URL that it is bound to: a secret, if it is a device's own.

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
	c.Flags().SortFlags = false
	l.call.add(c.Flags())
	c.Flags().Lookup("output").Usage = "`FILE` to write to (default: standard output)"
	c.Flags().BoolVar(&l.urls, "urls", false, "look up what each device is bound to, one call each")
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
	var sandbox *rpstest.Server
	if l.call.sandbox {
		sandbox, _ = newSandbox()
	}
	client, err := l.call.client(ctx, l.streams, sandbox)
	if err != nil {
		return err
	}
	caller := batch.NewCaller(config, client, log)
	devices, err := caller.ListDevices(ctx)
	l.ending.summary = caller.Summary()
	if err != nil {
		return err
	}
	if !l.urls {
		return l.write(func(w io.Writer) error {
			if _, err := fmt.Fprintln(w, "rps_mac"); err != nil {
				return err
			}
			for mac := range devices.All() {
				if _, err := fmt.Fprintln(w, mac); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return l.lookUp(ctx, config, caller, devices, terminal, log)
}

// lookUp writes the devices with what each is bound to.
func (l *list) lookUp(ctx context.Context, config batch.Config, caller *batch.Caller, devices batch.Account, terminal *bar, log *slog.Logger) error {
	open := func() (batch.Source, error) { return devices.Rows(batch.Check), nil }
	survey, err := batch.TakeSurvey(open, config.OnConflict, nil)
	if err != nil {
		return err
	}
	var stopped error
	var summary batch.Summary
	written := l.write(func(w io.Writer) error {
		out, err := csvio.NewWriter(w, csvio.Format{Comma: ',', LineEnd: "\n"}, 0)
		if err != nil {
			return err
		}
		run := &batch.Run{Config: config, Caller: caller, Survey: survey, Open: open, Results: out, Log: log}
		terminal.start(l.call.progress, l.streams.terminalErr() && !l.call.quiet, run.Progress)
		summary, stopped = run.Do(ctx, devices)
		terminal.finish()
		return out.Flush()
	})
	l.ending.summary = summary
	if err := errors.Join(stopped, written); err != nil {
		return err
	}
	if summary.Failed() > 0 {
		fmt.Fprintf(l.streams.Err, "%s could not be looked up: rps_detail tells why\n", count(summary.Failed(), "device"))
		return errRows
	}
	return nil
}

// write writes the list, a file of it in one step.
func (l *list) write(to func(io.Writer) error) error {
	var err error
	if l.call.output == standardStream {
		err = to(l.streams.Out)
	} else {
		err = writeWhole(l.call.output, 0o600, to)
		l.ending.result = l.call.output
	}
	if err != nil {
		return cannotWrite("the list", l.call.output, err)
	}
	return nil
}
