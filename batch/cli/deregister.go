package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rpsbatch/batch"
)

func newDeregister(streams Streams) *cobra.Command {
	j := newJob(streams, "deregister", batch.Deregister)
	c := &cobra.Command{
		Use:   "deregister FILE",
		Short: "Remove the devices of a spreadsheet",
		Long: `Remove the devices of a spreadsheet from the account. Only the MAC column is read,
and a column action if there is one: a row whose action is register is registered,
and needs a server or a URL. '-' reads standard input. The result file has the
same rows, each with its verdict.

On a terminal the run asks before it removes anything. It changes nothing if it
would remove more than ten devices and more than --max-removals.

` + exitCodes,
		Example: `  rpsbatch deregister returned.csv
  rpsbatch deregister returned.csv --ignore-missing`,
		Args: oneFile,
		RunE: j.main,
	}
	j.addFlags(c)
	c.Flags().BoolVar(&j.ignoreMissing, "ignore-missing", false, "count a device that is not registered as success")
	inGroup(c.Flags(), groupSafety, func(flags *pflag.FlagSet) {
		j.guards.addRemovals(flags, "; 10 are always allowed")
		j.guards.addYes(flags)
	})
	return c
}
