package cli

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"rpsbatch/batch"
)

type validate struct {
	streams    Streams
	read       readFlags
	onConflict string
	command    string
	output     string
	rate       float64
	batchSize  int
}

func newValidate(streams Streams) *cobra.Command {
	v := &validate{streams: streams}
	c := &cobra.Command{
		Use:   "validate FILE",
		Short: "Read and judge a file; no call is made",
		Long: `Read a file as register would, and tell how it is written, what is wrong with
it and where, and how many calls a run would take and how long. No call is made,
and nothing is written but with --output. Exit code 1 says that some rows would
not be sent.`,
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
	flags.StringVar(&v.onConflict, "on-conflict", "refuse", "one MAC with several targets: refuse all its rows, or take the first or the last")
	flags.StringVar(&v.command, "for", "register", "the command that the file is for: register, deregister, edit, check")
	flags.StringVarP(&v.output, "output", "o", "", "`FILE` for the judged rows, like a result file ('-' is standard output, the report then goes to standard error)")
	flags.Float64Var(&v.rate, "rate", 5, "calls a second, for the time that a run would take")
	flags.IntVar(&v.batchSize, "batch-size", 100, "MACs in one call at most, for the number of calls")
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
		return fmt.Errorf("--for %q is none of register, deregister, edit, check", v.command)
	}
	options, err := v.read.options(action)
	if err != nil {
		return err
	}
	in, err := openInput(ctx, v.streams, file, options)
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

// write leaves the file with a judgement of each row.
func (v *validate) write(in *input, survey *batch.Survey) error {
	out, err := createResult(v.streams, v.output, in, survey.Width)
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
	fmt.Fprintf(w, "%s: %s\n", in.Name(), in.String())
	if over := in.Format().PassedOver; over != nil {
		fmt.Fprintf(w, "%s not read: %s; if one is meant for servers or URLs, name it with --column server=NAME or url=NAME\n",
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
	if survey.Blank > 0 {
		fmt.Fprintf(w, ", and %s", count(survey.Blank, "blank record"))
	}
	fmt.Fprintln(w)
	if tally.Send > 0 {
		fmt.Fprintf(w, "A run takes %s\n", callsOf(plan, config))
	}
	if v.output != "" {
		place := v.output
		if place == standardStream {
			place = "standard output"
		}
		fmt.Fprintf(w, "Judged rows: %s\n", place)
	}
}

// problems gathers what is wrong with rows, by kind.
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

// mostExamples is how many rows of a kind of problem are shown.
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

// tell prints the kinds of problems with their first rows. place says what a
// line is called, all where the rest is found.
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
