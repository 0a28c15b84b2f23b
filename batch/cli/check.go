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
		Long: `Look up each device of a CSV file with checkDeviceExt, one call a row: whether
it is registered, by whom, and the URL that it is bound to. Nothing is changed.

With --want it is an audit: what a device is bound to is compared with its row.
Its statuses are matches, and with exit code 1 differs (bound to another URL),
not-bound, still-bound (its column action says deregister, and it is there) and
not-verified: the service does not say what the URL of a server is, --servers
does. Without --want the column action is not read.

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
