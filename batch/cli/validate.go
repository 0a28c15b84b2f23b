package cli

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"rpsbatch/batch"
	"rpsbatch/rps"
)

type validate struct {
	streams    Streams
	read       readFlags
	onConflict string
	command    string
	output     string
	rate       float64
	batchSize  int
	guards     guardFlags
}

func newValidate(streams Streams) *cobra.Command {
	v := &validate{streams: streams}
	c := &cobra.Command{
		Use:   "validate FILE",
		Short: "Check a file without making any calls",
		Long: `Read a file as register would. Report its format, what is wrong with it and where
(five findings of each kind; --output has them all), and how many calls and how
much time a run would take. No calls are made. Exit code 1 means that some rows
would not be sent.

FILE is CSV as Excel, LibreOffice and Google Sheets write it, or an .xlsx
workbook. It is read as it is:

  encoding   UTF-8, UTF-16 (Excel's "Unicode Text") or, if the file is not valid
             UTF-8, Windows-1252; --encoding sets another
  delimiter  comma, semicolon, tab or pipe, with or without a line sep=;
  line ends  LF, CRLF or CR
  header     columns in any order, under their usual names ("MAC Address",
             "MAC-Adresse", "Server Name", "Provisioning URL"), below titles and
             notes if there are any; --column sets other names. Without a header,
             MACs and URLs identify their columns, and the server is the column
             after the MAC
  sheet      the visible sheet of a workbook that has MACs; if several do, choose
             with --sheet or --all-sheets. rps_line is then the sheet's row.
             A workbook of a million rows takes about 100 MB of memory
  hidden     a workbook is refused if rows that have MACs are hidden or crossed
             out, unless --hidden-rows says send or skip
  cells      as the spreadsheet shows them, in every row of a merged cell
  action     register or deregister in a column action applies to its row,
             whichever of the two commands reads the file

A MAC may be written in these forms, in either case:

  001565000001, 0015.6500.0001, 00-15-65-00-00-01, 00:15:65:00:00:01,
  00 15 65 00 00 01

White space around it, the word MAC before it, apostrophes, ="001565000001" and
full-width digits are accepted. --repair restores leading zeros that a spreadsheet
dropped, and rps_detail says so. 1.565E+09, dates, formulas and letters that look
like digits are refused: the digits are lost, or would be a guess. So is a number in scientific format that
may have been an address with an E, such as 0015651E0005.

A record of nothing but delimiters is not a device: it passes through with an
empty status. A cell that a stray quote extends over several lines is invalid, and
its detail names the line from which it swallowed rows. A row with more cells than
the header gets a warning; it is invalid if its URL seems to be cut at a delimiter.
A server name of more than 20 characters gets a warning: RPS may have cut it.

The result keeps the cells, delimiter and line ends of the file. It is UTF-8, with
a byte order mark if the file had one or was in another encoding. A file without
a header gets one, so that its result can be read again.`,
		Example: `  rpsbatch validate devices.csv
  rpsbatch validate devices.xlsx --sheet Phones --output judged.csv
  rpsbatch validate returned.csv --for deregister`,
		Args: oneFile,
		RunE: func(c *cobra.Command, args []string) error {
			return v.run(c.Context(), args[0])
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	v.read.add(flags)
	v.read.addServer(flags)
	v.guards.addEmpty(flags)
	addConflict(flags, &v.onConflict)
	flags.StringVar(&v.command, "for", "register", "check the file for `COMMAND`: register, deregister, edit or check")
	flags.StringVarP(&v.output, "output", "o", "", "write the checked rows to `FILE`, in the form of a result ('-' for standard output; the report then goes to standard error)")
	flags.Float64Var(&v.rate, "rate", 5, "assume `N` calls per second to estimate the time of a run")
	flags.IntVar(&v.batchSize, "batch-size", 100, "assume at most `N` MACs per call to estimate the number of calls")
	return c
}

// actionsFor are the values of --for.
var actionsFor = map[string]batch.Action{
	"register": batch.Register, "deregister": batch.Deregister, "edit": batch.Edit, "check": batch.Check,
}

func (v *validate) config() (batch.Config, error) {
	call := callFlags{rate: v.rate, burst: 1, workers: 1, batchSize: v.batchSize, maxAttempts: 1, giveUpAfter: 1}
	config, err := call.config()
	if err != nil {
		return config, err
	}
	if config.OnConflict, err = batch.ParseOnConflict(v.onConflict); err != nil {
		return config, fmt.Errorf("--on-conflict %w", err)
	}
	return config, nil
}

func (v *validate) run(ctx context.Context, file string) error {
	config, err := v.config()
	if err != nil {
		return err
	}
	action, ok := actionsFor[v.command]
	if !ok {
		return fmt.Errorf("--for %q is not one of register, deregister, edit, check", v.command)
	}
	options, err := v.read.options(action)
	if err != nil {
		return err
	}
	in, err := openInput(ctx, v.streams, file, options)
	if v.guards.emptyFile(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	problems := &problems{}
	seen := rowWatch{Watch: in.Watch(), each: problems.add}
	survey, err := batch.TakeSurvey(in.opener(ctx), config.OnConflict, seen.row)
	if err != nil {
		return err
	}
	if err := seen.Err(); err != nil {
		return err
	}
	if survey.Rows == survey.Blank && !v.guards.allowEmpty {
		return noRows(in.Name(), "devices")
	}
	plan := survey.Forecast(config)
	report := v.streams.Out
	if v.output != "" {
		if v.output == standardStream {
			report = v.streams.Err
		}
		if err := v.write(in, survey); err != nil {
			return err
		}
	}
	err = written(report, "the report", func(w io.Writer) {
		v.tell(w, in, survey, plan, config, problems, &seen)
	})
	if err != nil {
		return err
	}
	if plan.Fates[batch.Unsendable]+plan.Fates[batch.Conflicting] > 0 {
		return errRows
	}
	return nil
}

// write writes the file with a verdict for each row.
func (v *validate) write(in *input, survey *batch.Survey) error {
	if v.output != standardStream {
		if err := distinct(in, "the result", "--output", v.output, v.output+oldEnding); err != nil {
			return err
		}
	}
	out, err := createResult(v.streams, v.output, in.Format(), survey.Width, true)
	if err != nil {
		return err
	}
	source, err := in.Open()
	if err == nil {
		err = survey.Judge(source, out)
	}
	if err != nil {
		out.discard()
		return err
	}
	return out.finish()
}

func (v *validate) tell(w io.Writer, in *input, survey *batch.Survey, plan batch.Plan, config batch.Config, bad *problems, seen *rowWatch) {
	fmt.Fprintf(w, "%s: %s\n", rps.Printable(in.Name()), rps.Printable(in.String()))
	if over := in.Format().PassedOver; over != nil {
		fmt.Fprintf(w, "%s not read: %s; if one has MACs, servers or URLs, name it with --column mac=NAME, server=NAME or url=NAME\n",
			plural(len(over), "This column is", "These columns are"), shortList(over))
	}
	all := " (--output FILE has all)"
	if v.output != "" {
		all = ""
	}
	bad.tell(w, in.Place(), all)
	shown := 0
	for text := range survey.Conflicts() {
		if shown++; shown > mostExamples {
			fmt.Fprintf(w, "and more conflicts%s\n", all)
			break
		}
		fmt.Fprintln(w, text)
	}
	for _, warning := range seen.Warnings() {
		fmt.Fprintf(w, "Warning: %s\n", warning)
	}
	if text := seen.Missing(); text != "" {
		fmt.Fprintf(w, "Warning: %s\n", text)
	}
	tally := survey.Tally()
	fmt.Fprintf(w, "%s: %s to send, %s, %s invalid, %s in conflict", count(plan.Rows, "row"),
		thousands(tally.Send), count(tally.Duplicates, "duplicate"), thousands(survey.Invalid), thousands(tally.Conflicts))
	if survey.Hidden > 0 {
		fmt.Fprintf(w, ", %s to skip", count(survey.Hidden, "hidden or crossed-out row"))
	}
	if blank := survey.Blank - survey.Hidden; blank > 0 {
		fmt.Fprintf(w, ", and %s", count(blank, "blank record"))
	}
	fmt.Fprintln(w)
	if tally.Send > 0 {
		fmt.Fprintf(w, "A run takes %s\n", callsOf(plan, config))
	}
	if v.output != "" {
		fmt.Fprintf(w, "Checked rows: %s\n", placeOf(v.output))
	}
}

// problems collects what is wrong with rows, by kind.
type problems struct {
	kinds []*problemKind // in the order of their first rows
}

type problemKind struct {
	name     string
	rows     int
	examples []problemExample
}

type problemExample struct {
	line  int
	fault batch.Fault
}

// mostExamples is how many rows of each kind of problem are shown.
const mostExamples = 5

func (p *problems) add(row *batch.Row) {
	if row.Problem == "" || row.Blank {
		return
	}
	faults := row.Faults
	if faults == nil {
		faults = []batch.Fault{{Kind: "record cannot be read", Text: row.Problem}}
	}
	for _, fault := range faults {
		i := slices.IndexFunc(p.kinds, func(k *problemKind) bool { return k.name == fault.Kind })
		if i < 0 {
			i = len(p.kinds)
			p.kinds = append(p.kinds, &problemKind{name: fault.Kind})
		}
		k := p.kinds[i]
		if k.rows++; len(k.examples) < mostExamples {
			k.examples = append(k.examples, problemExample{row.Line, fault})
		}
	}
}

// tell prints the kinds of problems with their first rows. place is the word for
// a line, all says where to find the rest.
func (p *problems) tell(w io.Writer, place, all string) {
	for _, k := range p.kinds {
		fmt.Fprintf(w, "%s (%s):\n", k.name, count(k.rows, "row"))
		for _, e := range k.examples {
			where := fmt.Sprintf("%s %d", place, e.line)
			if e.fault.Cell > 0 {
				where += fmt.Sprintf(", column %d", e.fault.Cell)
			}
			if e.fault.Column != "" {
				where += fmt.Sprintf(" (%s)", e.fault.Column)
			}
			fmt.Fprintf(w, "  %s: %s\n", where, e.fault.Text)
		}
		if more := k.rows - len(k.examples); more > 0 {
			fmt.Fprintf(w, "  and %s more%s\n", thousands(more), all)
		}
	}
}
