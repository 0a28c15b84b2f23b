package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"rpsbatch/batch"
)

func newCheck(streams Streams) *cobra.Command {
	j := newJob(streams, "check", batch.Check)
	c := &cobra.Command{
		Use:   "check FILE",
		Short: "Look up each device: its status and the URL it is bound to",
		Long: `Look up each device of a CSV file with checkDeviceExt, one call a row: whether
it is registered, by whom, and the URL that it is bound to. Nothing is changed.

With --want it is an audit: what a device is bound to is compared with its row.
A device that is bound elsewhere, or not at all, makes exit code 1, and its
rps_detail has elsewhere-bound or not-bound. The service cannot tell the URL of
a server: give them with --servers, or such rows are not-verified. A row whose
column action says deregister wants the device not to be in the account, and is
still-bound if it is. Without --want that column is not read.

` + exitCodes,
		Example: `  rpsbatch check devices.csv
  rpsbatch check devices.csv --want --servers servers.csv
  rpsbatch check devices.result.csv --only in-doubt`,
		Args: oneFile,
		RunE: j.main,
	}
	j.addFlags(c)
	c.Flags().BoolVar(&j.want, "want", false, "compare what each device is bound to with its row")
	j.read.addServer(c.Flags())
	j.addServers(c.Flags())
	j.addConflict(c.Flags())
	return c
}

// An audit counts what check --want finds amiss, as the run goes.
type audit struct {
	batch.Results
	found map[string]int // by Verdict.Finding
}

func (a audit) Write(row *batch.Row, v batch.Verdict) error {
	if finding := v.Finding(); finding != "" {
		a.found[finding]++
	}
	return a.Results.Write(row, v)
}

// findings are what an audit finds, in the order in which they are told.
var findings = []struct{ name, remedy string }{
	{batch.ElsewhereBound, "register RESULT --only failed --override own"},
	{batch.NotBound, "register RESULT --only failed"},
	{batch.StillBound, "register RESULT --only failed removes them"},
	{batch.NotVerified, "--servers FILE tells the URLs of servers"},
}

// tellFindings prints what is behind the rows that are not as asked: their
// status does not say it.
func (j *job) tellFindings(w io.Writer) {
	if len(j.found) > 0 {
		fmt.Fprintln(w, "Not as their rows ask:")
	}
	for _, f := range findings {
		if n := j.found[f.name]; n > 0 {
			if f.name == batch.NotVerified && j.serversFile != "" {
				f.remedy = "rps_detail tells why"
			}
			fmt.Fprintln(w, hanging(fmt.Sprintf("  %-21s%10s  ", f.name, thousands(n)), f.remedy))
		}
	}
}
