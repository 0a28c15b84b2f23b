package cli

import (
	"github.com/spf13/cobra"

	"rpsbatch/batch"
)

func newCheck(streams Streams) *cobra.Command {
	j := newJob(streams, "check", batch.Check)
	c := &cobra.Command{
		Use:   "check FILE",
		Short: "Look up each device: its status and the URL it is bound to",
		Long: `Look up each device of a spreadsheet with checkDeviceExt, one call per row:
whether it is registered, by whom, and the URL that it is bound to. Nothing is
changed. The statuses are registered, unregistered, registered-elsewhere and
unknown. For devices.csv, or its result, check writes devices.check.csv.

With --want it is an audit that compares each device with its row:

  matches       it is bound as the row asks
  differs       it is bound to something else
  not-bound     it is not registered by this account
  still-bound   it is registered, and the row's action is deregister
  not-verified  it is registered, but the URL of its server is not known

The exit code is 1 unless all rows match. RPS does not report the URL of a server,
so name a file of them with --servers. Without --want the column action is not read.

` + exitCodes,
		Example: `  rpsbatch check devices.csv
  rpsbatch check devices.csv --want --servers servers.csv
  rpsbatch check devices.result.csv --only in-doubt`,
		Args: oneFile,
		RunE: j.main,
	}
	j.addFlags(c)
	c.Flags().BoolVar(&j.want, "want", false, "audit: compare what each device is bound to with its row")
	j.read.addServer(c.Flags())
	j.addServers(c.Flags())
	addConflict(c.Flags(), &j.onConflict)
	return c
}
