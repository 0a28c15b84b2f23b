package cli

import (
	"github.com/spf13/cobra"

	"rpsbatch/batch"
)

func newEdit(streams Streams) *cobra.Command {
	j := newJob(streams, "edit", batch.Edit)
	c := &cobra.Command{
		Use:   "edit FILE",
		Short: "Change the server of registered devices, one call each",
		Long: `Bind registered devices to the server that their row names, or to its unique
URL, with editDevice or editDeviceWithUniqueUrl. RPS edits one device per call;
'register --override own' moves whole batches, and is much faster. A row with the
action deregister is invalid here; register and deregister accept it.

` + exitCodes,
		Example: `  rpsbatch edit moved.csv
  rpsbatch edit moved.csv --server "Head office"
  rpsbatch edit moved.csv --dry-run`,
		Args: oneFile,
		RunE: j.main,
	}
	j.addFlags(c)
	j.read.addServer(c.Flags())
	addConflict(c.Flags(), &j.onConflict)
	c.Flags().BoolVar(&j.ignoreMissing, "ignore-missing", false, "count a device that is not registered as success")
	inGroup(c.Flags(), groupSafety, j.guards.addMoves)
	return c
}
