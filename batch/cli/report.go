package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"rpsbatch/batch"
	"rpsbatch/csvio"
	"rpsbatch/csvio/report"
	"rpsbatch/rps"
)

// reporting summarizes a result file for people.
type reporting struct {
	streams Streams
	read    readFlags

	html, summary string
	showURLs      bool
	ignoreMissing bool
}

func newReport(streams Streams) *cobra.Command {
	r := &reporting{streams: streams}
	c := &cobra.Command{
		Use:   "report RESULT.csv",
		Short: "Summarize a result file: counts and refusals, as text or a page",
		Long: `Count the rows of a result file by status and by server, and show the most common
refusals with a few rows of each. '-' reads standard input.

With --html the report is also written as a single page that can be mailed, printed
and read on a phone. It loads nothing, forbids the browser to load anything, and
follows the light or dark setting. Its table lists the first 10,000 rows that did
not succeed and what to do about each; it can be searched and filtered by status.
Unique URLs are masked in both, unless --show-urls is set. A result does not name
its account; --summary adds it. After 'deregister --ignore-missing', use
--ignore-missing here too.

Exit code 0 means that the report was written, whatever happened to the rows; 2 that
the file cannot be read, or is not a result.`,
		Example: `  rpsbatch report devices.result.csv
  rpsbatch report devices.result.csv --html report.html
  rpsbatch register devices.csv -o - | rpsbatch report - --html -  > report.html`,
		Args: oneFile,
		RunE: func(c *cobra.Command, args []string) error {
			return r.run(c.Context(), args[0])
		},
	}
	c.Flags().SortFlags = false
	c.Flags().StringVar(&r.html, "html", "", "write a page to `FILE` ('-' for standard output; the text then goes to standard error)")
	c.Flags().StringVar(&r.summary, "summary", "", "show the account from `FILE`, which the run's --summary-json wrote")
	c.Flags().BoolVar(&r.showURLs, "show-urls", false, "show unique URLs, which are secrets")
	c.Flags().BoolVar(&r.ignoreMissing, "ignore-missing", false, "count not-registered as success")
	r.read.add(c.Flags())
	r.read.addServer(c.Flags())
	return c
}

// pageRows is the longest table of a page: browsers can handle more, but nobody
// reads it.
const pageRows = 10_000

func (r *reporting) run(ctx context.Context, file string) error {
	options, err := r.read.options(batch.Register) // including servers and URLs, whichever command left them
	if err != nil {
		return err
	}
	in, err := r.open(ctx, file, options)
	if err != nil {
		return err
	}
	defer in.Close()
	if format := in.Format(); !format.PriorStatus && format.Lacks != "rps_line" { // a list is worth a report
		return hint(fmt.Errorf("%s is not a result: it has no column rps_status", in.Name()), "name a file that a run wrote, such as devices.result.csv")
	}
	if r.html != "" && r.html != standardStream {
		if err := distinct(in, "the page", "--html", r.html); err != nil {
			return err
		}
	}

	tally := report.NewTally(report.Options{
		ShowURLs: r.showURLs, IgnoreMissing: r.ignoreMissing, Rows: pageRows,
	})
	macs, err := addAll(tally, in.opener(ctx))
	in.servers = in.servers && !macs
	if again, needed := tally.Again(); needed && err == nil {
		tally = again
		_, err = addAll(tally, in.opener(ctx))
	}
	if err != nil {
		return err
	}
	account, err := r.account(tally)
	if err != nil {
		return err
	}
	steps := nextSteps(file, in, tally)
	if r.html == "" {
		return tellReport(r.streams.Out, in, account, tally, steps)
	}
	page := report.Page{Name: rps.Printable(filepath.Base(in.Name())), Account: account, Tally: tally, Remedy: in.remedy, Number: thousands}
	page.Next = nextSteps(filepath.Base(file), in, tally)
	text := r.streams.Out
	if r.html == standardStream {
		text = r.streams.Err
	}
	if err := writeWhole(r.streams.Out, r.html, page.Write); err != nil {
		return cannotWrite("the page", "--html", r.html, err)
	}
	if err := tellReport(text, in, account, tally, steps); err != nil || r.html == standardStream {
		return err
	}
	_, err = fmt.Fprintf(text, "Page: %s\n", rps.Printable(r.html))
	return err
}

// account returns the account that --summary names; "" without it. A wrong one is
// worse than none: a summary with other numbers is from another run.
func (r *reporting) account(t *report.Tally) (string, error) {
	if r.summary == "" {
		return "", nil
	}
	const remedy = "name the file that this run's --summary-json wrote"
	var s summaryJSON
	data, err := readSmall(r.summary)
	if err != nil {
		return "", hint(fmt.Errorf("--summary: %w", err), remedy)
	}
	switch err := json.Unmarshal(data, &s); {
	case err != nil || s.Host == "":
		return "", hint(fmt.Errorf("--summary %s names no account", r.summary), remedy)
	case s.ResultFile == "" || s.Rows+s.Blank+s.Passed != t.Rows+t.Blank+t.Hidden || t.To.After(s.Finished.Add(time.Second)),
		s.Passed == 0 && slices.ContainsFunc(t.Statuses(), func(c report.Count) bool { return s.Statuses[c.Status()] != c.Rows }):
		return "", hint(fmt.Errorf("--summary %s is from another run: its rows or times do not match this result", r.summary), remedy)
	}
	return accountName(s.Username, s.Host), nil
}

// open opens the result. The user's MAC column need not be known, because the
// result has one of ours: if that is the only obstacle, any column will do.
func (r *reporting) open(ctx context.Context, file string, options csvio.Options) (*input, error) {
	in, err := openInput(ctx, r.streams, file, options)
	var bad *csvio.FileError
	if !errors.As(err, &bad) || bad.Columns == nil || options.Columns["mac"] != "" {
		return in, err
	}
	if info, statErr := os.Stat(file); statErr != nil || !info.Mode().IsRegular() {
		return nil, err // a stream has been consumed, and cannot be read again
	}
	asServers := options
	asServers.Action, asServers.Columns = batch.AddServer, maps.Clone(options.Columns)
	for _, name := range bad.Columns {
		// Columns of servers and URLs are needed as such.
		if lower := strings.ToLower(name); strings.Contains(lower, "server") || strings.Contains(lower, "url") {
			continue
		}
		options.Columns["mac"] = name
		if in, err := openInput(ctx, r.streams, file, options); err == nil {
			if list, err := openInput(ctx, r.streams, file, asServers); err == nil {
				list.Close()
				in.servers = true
			}
			return in, nil
		}
	}
	return nil, err
}

// addAll adds all rows, and reports whether some have a MAC in the result.
func addAll(tally *report.Tally, open func() (batch.Source, error)) (macs bool, err error) {
	source, err := open()
	if err != nil {
		return false, err
	}
	err = batch.EachRow(source, func(_ int, row *batch.Row) error {
		macs = macs || row.Prior.MAC != rps.MAC{}
		tally.Add(row)
		return nil
	})
	return macs, err
}

// remedy returns what to do about the rows of a status. Rows without one were not
// reached by any run.
func (in *input) remedy(s batch.Status) string {
	switch {
	case s == report.NoVerdict:
		s = batch.NotAttempted
	case s == batch.Exists && in.servers:
		return nameTaken
	}
	return remedies[s]
}

// How much of each list the text shows.
const (
	serversShown  = 10
	refusalsShown = 10
)

// tellReport prints the counts for a person.
func tellReport(w io.Writer, in *input, account string, t *report.Tally, next []report.Step) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%s: %s: %s", rps.Printable(in.Name()), count(t.Rows, "row"), outcome(t.Succeeded, t.Rows-t.Succeeded))
	if t.Hidden > 0 {
		fmt.Fprintf(out, "; %s skipped", count(t.Hidden, "hidden or crossed-out row"))
	}
	if t.Blank > 0 {
		fmt.Fprintf(out, "; %s passed through", count(t.Blank, "blank record"))
	}
	fmt.Fprintln(out)
	if t.Sandbox > 0 {
		fmt.Fprintf(out, "Nothing of this reached RPS: %s tried in the sandbox\n", plural(t.Sandbox, "1 row was", thousands(t.Sandbox)+" rows were"))
	}
	if when := t.When(); when != "" {
		fmt.Fprintf(out, "Verdicts recorded %s\n", when)
	}
	if account != "" {
		fmt.Fprintf(out, "Account: %s\n", account)
	}

	if t.Rows > 0 {
		fmt.Fprintln(out, "\nBy status")
	}
	for _, c := range t.Statuses() {
		what := ""
		if c.Failed() > 0 {
			what = in.remedy(c.Status())
		}
		if c.Failed() > 0 && c.Succeeded > 0 {
			what = strings.TrimLeft(what+"; ", "; ") + fmt.Sprintf("%s of these did not succeed", thousands(c.Failed()))
		}
		printLine(out, "  %-21s%10s  %s", c.Name, thousands(c.Rows), what)
	}
	tellServers(out, t.Servers())
	tellRefusals(out, t)
	for i, step := range next {
		if i == 0 {
			fmt.Fprintln(out, "\nWhat to do next")
		}
		fmt.Fprintf(out, "  %s\n", step.Why)
		if step.Command != "" {
			fmt.Fprintf(out, "    %s\n", step.Command)
		}
	}
	return out.Flush()
}

func tellServers(w io.Writer, servers []report.Count) {
	if len(servers) == 0 {
		return
	}
	fmt.Fprintln(w, "\nBy server")
	shown, more, rows := report.Head(servers, serversShown)
	width := 21
	for _, c := range shown {
		width = max(width, utf8.RuneCountInString(c.Name))
	}
	for _, c := range shown {
		not := ""
		if c.Failed() > 0 {
			not = thousands(c.Failed()) + " did not succeed"
		}
		printLine(w, "  %-*s%10s  %s", width, c.Name, thousands(c.Rows), not)
	}
	if more > 0 {
		fmt.Fprintf(w, "  and %s with %s\n", count(more, "more server"), count(rows, "row"))
	}
}

func tellRefusals(w io.Writer, t *report.Tally) {
	refusals, unmatched := t.Refusals()
	if len(refusals) == 0 {
		return
	}
	fmt.Fprintln(w, "\nMost common refusals")
	shown, more, rows := report.Head(refusals, refusalsShown)
	for _, r := range shown {
		fmt.Fprintf(w, "%8s  %s: %s\n", thousands(r.Rows), r.Status, cmp.Or(r.Text, "(no detail)"))
		var lines []string
		for _, e := range r.Examples {
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("line %d %s", e.Line, e.MAC)))
		}
		dots := ""
		if r.Rows > len(lines) {
			dots = " ..."
		}
		fmt.Fprintf(w, "          %s%s\n", strings.Join(lines, ", "), dots)
	}
	if more > 0 {
		fmt.Fprintf(w, "  and %s more with %s\n", thousands(more), count(rows, "row"))
	}
	if unmatched > 0 {
		fmt.Fprintf(w, "  and %s with too many different texts to list\n", count(unmatched, "row"))
	}
}

func printLine(w io.Writer, format string, args ...any) {
	fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf(format, args...), " "))
}
