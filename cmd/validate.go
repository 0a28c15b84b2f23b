package cmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rpsbatch/batch"
)

type validate struct {
	streams    Streams
	read       readFlags
	onConflict string
}

func newValidate(streams Streams) *cobra.Command {
	v := &validate{streams: streams}
	c := &cobra.Command{
		Use:   "validate FILE",
		Short: "Read and judge a CSV; no call is made",
		Long: `Read a CSV file as register would, and tell what is wrong with it. No call is
made and nothing is written. Exit code 1 says that some rows would not be sent.`,
		Example: `  rpsbatch validate devices.csv`,
		Args:    oneFile,
		RunE: func(c *cobra.Command, args []string) error {
			return v.run(c.Context(), args[0])
		},
	}
	c.Flags().SortFlags = false
	v.read.add(c.Flags())
	v.read.addServer(c.Flags())
	c.Flags().StringVar(&v.onConflict, "on-conflict", "refuse", "one MAC with several targets: refuse all its rows, or take the first or the last")
	return c
}

// problemsShown is how many bad rows are printed.
const problemsShown = 20

func (v *validate) run(ctx context.Context, file string) error {
	policy, err := batch.ParseOnConflict(v.onConflict)
	if err != nil {
		return fmt.Errorf("--on-conflict %w", err)
	}
	options, err := v.read.options(batch.Register)
	if err != nil {
		return err
	}
	in, err := openInput(ctx, v.streams, file, v.read.sheet, options)
	if err != nil {
		return err
	}
	defer in.Close()
	bad := 0
	survey, err := batch.TakeSurvey(in.opener(ctx), policy, func(row *batch.Row) {
		if row.Problem == "" || row.Blank {
			return
		}
		if bad++; bad <= problemsShown {
			fmt.Fprintf(v.streams.Out, "line %d: %s\n", row.Line, row.Problem)
		}
	})
	if err != nil {
		return err
	}
	if bad > problemsShown {
		fmt.Fprintf(v.streams.Out, "and %s more\n", thousands(bad-problemsShown))
	}
	shown := 0
	for text := range survey.Conflicts() {
		if shown++; shown > problemsShown {
			fmt.Fprintln(v.streams.Out, "and more conflicts")
			break
		}
		fmt.Fprintln(v.streams.Out, text)
	}
	tally := survey.Tally()
	fmt.Fprintf(v.streams.Out, "%s: %s to send, %s, %s invalid, %s in conflict",
		count(survey.Rows-survey.Blank, "row"), thousands(tally.Send), count(tally.Duplicates, "duplicate"),
		thousands(survey.Invalid), thousands(tally.Conflicts))
	if survey.Blank > 0 {
		fmt.Fprintf(v.streams.Out, ", and %s", count(survey.Blank, "blank record"))
	}
	fmt.Fprintln(v.streams.Out)
	if survey.Invalid+tally.Conflicts > 0 {
		return errRows
	}
	return nil
}
