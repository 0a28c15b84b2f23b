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
	var sandbox *rpstest.Server
	if l.call.sandbox {
		sandbox, _ = newSandbox()
	}
	client, err := l.call.client(ctx, l.streams, sandbox)
	if err != nil {
		return err
	}
	devices, listing, err := batch.ListDevices(ctx, config, client, log)
	l.ending.summary = listing
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
	return l.lookUp(ctx, config, client, devices, terminal, log)
}

// lookUp writes the devices with the URL that each is bound to.
func (l *list) lookUp(ctx context.Context, config batch.Config, client batch.Service, devices *batch.Devices, terminal *bar, log *slog.Logger) error {
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
		run := &batch.Run{Config: config, Service: client, Survey: survey, Open: open, Results: out, Log: log}
		terminal.start(ctx, l.call.progress, l.streams.terminalErr(), run.Progress)
		summary, stopped = run.Do(ctx)
		terminal.finish()
		return out.Flush()
	})
	summary.Add(l.ending.summary)
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

// write writes the list, to a file in one step.
func (l *list) write(to func(io.Writer) error) error {
	var err error
	if l.call.output == standardStream {
		if err = to(l.streams.results()); closedPipe(err) {
			return nil
		}
	} else {
		err = writeWhole(l.call.output, 0o600, to)
		l.ending.result = l.call.output
	}
	if err != nil {
		return cannotWrite("the list", l.call.output, err)
	}
	return nil
}
