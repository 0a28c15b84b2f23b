package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"

	"github.com/spf13/cobra"

	"rpsbatch/batch"
	"rpsbatch/csvio"
)

func newServer(streams Streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "server COMMAND",
		Short: "Add configuration servers to the account",
		Long: `Add configuration servers to the account. The API cannot list, change or remove
them.`,
		Example: `  rpsbatch server add "Head office" https://hq.example.com/phones/`,
		// Without these, an unknown command would succeed.
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newServerAdd(streams))
	return c
}

func newServerAdd(streams Streams) *cobra.Command {
	j := newJob(streams, "server add", batch.AddServer)
	from := ""
	c := &cobra.Command{
		Use:   "add NAME URL | --from FILE",
		Short: "Add a server, or the servers of a file",
		Long: `Add a configuration server to the account, or each server of a file with the
columns name and url. For a file it writes a result with one verdict per row:
registered means that the server was added. Names are unique across all RPS accounts:
exists means that the name is taken, in this account or another.

` + exitCodes,
		Example: `  rpsbatch server add "Head office" https://hq.example.com/phones/
  rpsbatch server add --from servers.csv`,
		Args: func(c *cobra.Command, args []string) error {
			switch {
			case from == "" && len(args) != 2:
				return hint(errors.New("server add needs NAME and URL, or --from FILE"), "put a name with spaces in quotes; see 'rpsbatch server add --help'")
			case from != "" && len(args) > 0:
				return errors.New("server add takes NAME and URL or --from FILE, not both")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if from != "" {
				return j.main(c, []string{from})
			}
			if c.Flags().Changed("output") || j.resume || j.restart || j.retry || j.only != "" {
				return errors.New("--output, --resume, --restart, --retry and --only are for --from FILE")
			}
			return j.call.ended(c, j.streams, &j.ending, j.name, runFiles{plan: j.planJSON}, func(ctx context.Context) error {
				return j.one(ctx, args[0], args[1])
			})
		},
	}
	j.addFlags(c)
	c.Flags().StringVar(&from, "from", "", "add the servers of `FILE` (columns name, url)")
	addConflict(c.Flags(), &j.onConflict)
	return c
}

// one adds a single server, read like a file with one row.
func (j *job) one(ctx context.Context, name, url string) error {
	var file bytes.Buffer
	w := csv.NewWriter(&file)
	err := errors.Join(w.Write([]string{"name", "url"}), w.Write([]string{name, url}))
	if w.Flush(); err != nil {
		return err
	}
	open := func() (batch.Source, error) {
		return csvio.NewReader(bytes.NewReader(file.Bytes()), csvio.Options{Comma: ',', Encoding: "utf-8", Action: batch.AddServer})
	}
	config, err := j.config()
	if err != nil {
		return err
	}
	log, err := j.call.logger(newBar(j.streams.Err))
	if err != nil {
		return err
	}
	seen := rowWatch{Watch: new(csvio.Watch), each: func(row *batch.Row) { err = rowError(row) }}
	survey, surveyed := batch.TakeSurvey(open, config.OnConflict, seen.row)
	if err := errors.Join(surveyed, err); err != nil {
		return err
	}
	seen.tell(log)
	run := &batch.Run{Config: config, Survey: survey, Open: open, Log: log}
	if err := j.prepare(ctx, run, nil); err != nil {
		return err
	}
	if j.dryRun {
		return j.rehearse(ctx, run, batch.Account{})
	}
	account, err := j.takeAccount(ctx, log)
	if err != nil {
		return err
	}
	defer account.Close()
	verdict := &single{}
	run.Results = verdict
	summary, stopped := run.Do(ctx, batch.Account{})
	j.ending.summary = summary
	json := j.call.logFormat == "json"
	switch {
	case stopped != nil:
		return stopped
	case json:
		log.Info("run finished", "server", name, "status", verdict.Status, "detail", verdict.Detail)
		if summary.Failed() > 0 {
			return errRows
		}
	case summary.Failed() > 0:
		j.streams.say("server %q: %s: %s", name, verdict.Status, verdict.Detail)
		return errRows
	case !j.call.quiet:
		j.streams.say("server %q was added", name)
	}
	return nil
}

func rowError(row *batch.Row) error {
	if row.Problem == "" {
		return nil
	}
	return errors.New(row.Problem)
}

// single takes the result of a run with one row.
type single struct{ batch.Verdict }

func (s *single) Write(_ *batch.Row, v batch.Verdict) error {
	s.Verdict = v
	return nil
}

func (s *single) Pass(*batch.Row) error { return nil }
