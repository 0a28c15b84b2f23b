package cli

import (
	"github.com/spf13/cobra"

	"rpsbatch/batch"
)

func newEdit(streams Streams) *cobra.Command {
	j := newJob(streams, "edit", batch.Edit)
	c := &cobra.Command{
		Use:   "edit FILE",
		Short: "Bind registered devices to another server, one call each",
		Long: `Bind the devices of a CSV file, which are registered, to the server that their
row names, or to its unique URL: editDevice, or editDeviceWithUniqueUrl for rows
with a URL. The service takes one device a call; 'register --override own' moves
whole batches. A row whose column action says deregister is invalid here:
register and deregister take such rows.

` + exitCodes,
		Example: `  rpsbatch edit moved.csv
  rpsbatch edit moved.csv --server "Head office"
  rpsbatch edit moved.csv --dry-run`,
		Args: oneFile,
		RunE: j.main,
	}
	j.addFlags(c)
	j.read.addServer(c.Flags())
	j.addConflict(c.Flags())
	c.Flags().BoolVar(&j.ignoreMissing, "ignore-missing", false, "a device that is not registered is a success")
	return c
}
