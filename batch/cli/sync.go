package cli

import (
	"github.com/spf13/cobra"

	"rpsbatch/batch"
)

func newSync(streams Streams) *cobra.Command {
	j := newJob(streams, "sync", batch.Register)
	j.sync = true
	c := &cobra.Command{
		Use:   "sync FILE",
		Short: "Make the account match the file: plan, confirm, apply",
		Long: `Make the account match a CSV file. The account is listed and the plan is shown:
what is to be registered, what is to be removed, and what is there already. It
is confirmed on a terminal; elsewhere --yes is needed.

Devices that are registered already are left as they are: --verify looks up
whether they are bound as asked, and --override says what to do with those that
are not. Without --verify, --override own or always registers them anew.

Nothing is removed without --prune. --max-prune stops a run that would remove
more, before it changes anything, and no device is removed while a row of the
file has a MAC that cannot be read. What was removed is in a file beside the
result, FILE.pruned.csv.

` + exitCodes,
		Example: `  rpsbatch sync devices.csv --dry-run
  rpsbatch sync devices.csv --prune
  rpsbatch sync devices.csv --prune --max-prune 2% --yes --quiet
  rpsbatch sync devices.csv --verify --servers servers.csv --override own`,
		Args: oneFile,
		RunE: j.main,
	}
	j.addFlags(c)
	j.read.addServer(c.Flags())
	c.Flags().StringVar(&j.override, "override", "never", "what to do with devices that are registered already: never, ask, own (this account's), always")
	j.addBindFlags(c.Flags())
	c.Flags().BoolVar(&j.prune, "prune", false, "remove the devices of the account that the file lacks")
	c.Flags().StringVar(&j.maxPrune, "max-prune", "10%", "devices that --prune may remove at most: N, or N% of the account's; more stops the run")
	c.Flags().BoolVarP(&j.yes, "yes", "y", false, "do not ask whether to go on")
	return c
}
