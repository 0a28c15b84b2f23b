package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rpsbatch/batch"
)

func newSync(streams Streams) *cobra.Command {
	j := newJob(streams, "sync", batch.Register)
	j.sync = true
	c := &cobra.Command{
		Use:   "sync FILE",
		Short: "Make the account match the file: plan, confirm, apply",
		Long: `Make the account match a spreadsheet. The account is listed and the plan is
shown: what will be registered, what will be removed, and what is there already.
A terminal asks for confirmation; elsewhere --yes is needed.

Devices that are already registered count as unchanged, and the account's list
shows them all with one call. It does not show where they are bound. --verify looks
that up, one call per device, and --override decides about those bound elsewhere.
Without --verify, --override own or always registers them all again, a hundred per
call.

A row with the action deregister is removed. Devices that the file lacks are
removed only with --prune, and not at all if the file has no devices, seems to be
cut off, or has a row whose MAC cannot be read. A run that would remove more
devices than --max-removals, or move more than --max-moves, changes nothing. The
exit code is 1 if a device should have been removed but was not. The plan names the
first few devices to be removed; --plan-json names them all. Removed devices are
listed in devices.pruned.csv, beside the result.

'rpsbatch register --help' describes --servers and --baseline.

` + exitCodes,
		Example: `  rpsbatch sync devices.csv --dry-run
  rpsbatch sync devices.csv --prune
  rpsbatch sync devices.csv --prune --max-removals 2% --yes --quiet
  rpsbatch sync devices.csv --verify --servers servers.csv --override own`,
		Args: oneFile,
		RunE: j.main,
	}
	j.addFlags(c)
	j.read.addServer(c.Flags())
	c.Flags().StringVar(&j.override, "override", "never", "`MODE` what to do with devices that are already registered: never (leave them), ask, own (move this account's) or always")
	j.addBindFlags(c.Flags())
	c.Flags().BoolVar(&j.prune, "prune", false, "remove devices of the account that the file lacks")
	inGroup(c.Flags(), groupSafety, func(flags *pflag.FlagSet) {
		j.guards.addMoves(flags)
		j.guards.addRemovals(flags, "")
		flags.StringVar(&j.guards.maxRemovals, "max-prune", "10%", "`N|N%` same as --max-removals")
		j.guards.addYes(flags)
	})
	return c
}
