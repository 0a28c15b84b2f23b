package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rpsbatch/batch"
	"rpsbatch/batch/durable"
	"rpsbatch/csvio"
	"rpsbatch/rps"
)

type list struct {
	streams Streams
	call    callFlags
	urls    bool
	resume  bool
	restart bool
	ending  ending
}

func newList(streams Streams) *cobra.Command {
	l := &list{streams: streams}
	c := &cobra.Command{
		Use:   "list",
		Short: "Export the account's devices as CSV",
		Long: `Write the devices of the account as CSV, sorted by MAC, with one listDevices call.
RPS may cut the list short without saying so.

With --urls each device is also looked up, one call each, and the column url has
the URL that it is bound to, even if by the name of a server. That file is an input
like any other, and proves nothing to a run. Keep it:
'rpsbatch register FILE --override own' puts all devices back where they were, one
call each (with --server NAME, if RPS requires a server beside a URL). --resume
continues an interrupted list that goes to a file. The file that a list replaces is
kept with the ending .bak. Unique URLs are secrets.

` + exitCodes,
		Example: `  rpsbatch list
  rpsbatch list --urls --output account.csv`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if l.call.output == "" {
				l.call.output = standardStream
			}
			if (l.resume || l.restart) && (!l.urls || l.call.output == standardStream) {
				return hint(errors.New("--resume and --restart are for --urls into a file"), "name it with --output")
			}
			return l.call.ended(c, l.streams, &l.ending, "list", runFiles{result: l.call.output}, l.run)
		},
	}
	l.call.add(c.Flags())
	c.Flags().Lookup("output").Usage = "write the list to `FILE` (default: standard output)"
	c.Flags().BoolVar(&l.urls, "urls", false, "look up the URL that each device is bound to, one call per device")
	inGroup(c.Flags(), groupResume, func(flags *pflag.FlagSet) {
		flags.BoolVar(&l.resume, "resume", false, "with --urls: continue an unfinished list, if there is one")
		flags.BoolVar(&l.restart, "restart", false, "discard an unfinished list")
	})
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
	client, err := l.call.client(ctx, l.streams, nil)
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
		if err := l.keepOld(out); err != nil {
			return err
		}
		return l.finish(out, writeMACs(out, devices))
	}
	return l.lookUp(ctx, out, config, caller, devices, terminal, log)
}

func writeMACs(w io.Writer, devices batch.Account) error {
	if _, err := fmt.Fprintln(w, "mac"); err != nil {
		return err
	}
	for mac := range devices.All() {
		if _, err := fmt.Fprintln(w, mac); err != nil {
			return err
		}
	}
	return nil
}

// bound writes devices with the URLs that they are bound to as user cells, so
// that another command can read the list as an input like any other.
type bound struct{ batch.Results }

var boundFormat = csvio.Format{Comma: ',', LineEnd: "\n", Header: "mac,url", Columns: []string{"mac", "url"}}

func (b bound) Write(row *batch.Row, v batch.Verdict) error {
	url := rps.OneLine(v.URL)
	if strings.ContainsAny(url, "\",") {
		url = `"` + strings.ReplaceAll(url, `"`, `""`) + `"`
	}
	row.Raw, row.Cells = row.Device.MAC.String()+","+url, 2
	return b.Results.Write(row, v)
}

// lookUp writes the devices with the URL that each is bound to.
func (l *list) lookUp(ctx context.Context, to destination, config batch.Config, caller *batch.Caller, devices batch.Account, terminal *bar, log *slog.Logger) (err error) {
	open := func() (batch.Source, error) { return devices.Rows(batch.Check), nil }
	survey, err := batch.TakeSurvey(open, config.OnConflict, nil)
	if err != nil {
		return err
	}
	journal := &runJournal{}
	if l.call.output != standardStream {
		if journal, err = l.openJournal(devices, log); err != nil {
			return err
		}
	}
	defer func() { err = journal.close(err, log) }()
	if journal.past == nil {
		if err := l.keepOld(to); err != nil {
			return err
		}
	}
	format := boundFormat
	format.List = true
	out, err := csvio.NewWriter(to, format, 0)
	if err != nil {
		return l.finish(to, err)
	}
	run := &batch.Run{Config: config, Caller: caller, Survey: survey, Open: open, Results: bound{out}, Log: log, Journal: journal.Journal, Past: journal.past}
	terminal.start(ctx, l.call.progress, l.streams.terminalErr(), run.Progress)
	summary, stopped := run.Do(ctx, devices)
	terminal.finish()
	l.ending.summary = summary
	if stopped != nil && !summary.Learned && exists(l.call.output) {
		tellLeft(log, l.call.output)
		return stopped
	}
	written := l.finish(to, out.Flush())
	journal.done = stopped == nil && written == nil
	if err := errors.Join(stopped, written); err != nil && !closedPipe(err) {
		if journal.Journal != nil && journal.Used() {
			return hint(err, "run the same command with --resume")
		}
		return err
	}
	if summary.Failed() > 0 {
		l.streams.say("%s could not be looked up: rps_detail says why", count(summary.Failed(), "device"))
		return errRows
	}
	return nil
}

// openJournal opens the journal beside the file of the list. It belongs to one
// set of devices: if the account has others by now, it is for another list.
func (l *list) openJournal(devices batch.Account, log *slog.Logger) (*runJournal, error) {
	header := batch.Header{Command: "list", ReadOnly: true, Rows: devices.Len(), Policies: map[string]string{
		"--url": l.call.url, "--username": l.call.username, "--sandbox": strconv.FormatBool(l.call.sandbox)}}
	for mac := range devices.All() {
		header.Sum.Write([]byte(mac.String()))
	}
	name := target(l.call.output) + journalEnding
	journal, past, err := batch.OpenJournal(name, header, l.resume, l.restart)
	if err != nil {
		return nil, journalHint(err, name, "list", false)
	}
	if past != nil {
		log.Info("resuming an unfinished list", "rows_done", past.Settled())
	}
	return &runJournal{Journal: journal, past: past}, nil
}

// keepOld keeps the list that this one replaces.
func (l *list) keepOld(to destination) error {
	if file, ok := to.(*durable.File); ok {
		if err := file.KeepOld(oldEnding); err != nil {
			return cannotWrite("the list", "--output", l.call.output, err)
		}
	}
	return nil
}

// finish puts the list in its place, unless it could not be written. A closed
// standard output is not an error.
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
