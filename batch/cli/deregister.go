package cli

import (
	"github.com/spf13/cobra"

	"rpsbatch/batch"
)

func newDeregister(streams Streams) *cobra.Command {
	j := newJob(streams, "deregister", batch.Deregister)
	c := &cobra.Command{
		Use:   "deregister FILE",
		Short: "Remove the devices of a CSV",
		Long: `Remove the devices of a CSV file from the account: its column of MACs is read,
and a column action if it has one. A row whose action is register is registered,
and needs a server or a URL then. '-' reads standard input. The result file has
the same rows with their verdicts.

` + exitCodes,
		Example: `  rpsbatch deregister returned.csv
  rpsbatch deregister returned.csv --ignore-missing`,
		Args: oneFile,
		RunE: j.main,
	}
	j.addFlags(c)
	c.Flags().BoolVar(&j.ignoreMissing, "ignore-missing", false, "a device that is not registered is a success")
	return c
}
