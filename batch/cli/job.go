package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rpsbatch/batch"
)

// job is one run over a file: register, deregister, edit, check, sync or server
// add.
type job struct {
	streams Streams
	name    string       // of the command
	action  batch.Action // of rows that do not name one
	sync    bool         // the account should have what the file has, and with prune no more
	file    string
	placement

	read readFlags
	call callFlags
	lock lockFlags
	policyFlags
	knownFlags
	againFlags
	planFlags
	guards guardFlags

	missing missing
	ending  ending
	stopped error // why the run ended early
}

// policyFlags say what a run does with rows.
type policyFlags struct {
	override, onConflict string
	ignoreMissing        bool
	verify, want         bool
	prune                bool
	maxFailures          string
}

// newJob returns a job with the policies of a command that has no flags for them.
func newJob(streams Streams, name string, action batch.Action) *job {
	return &job{streams: streams, name: name, action: action, policyFlags: policyFlags{override: "never", onConflict: "refuse"}, guards: newGuards()}
}

// addFlags adds the flags of all commands that run over a file.
func (j *job) addFlags(c *cobra.Command) {
	inGroup(c.Flags(), groupSafety, func(flags *pflag.FlagSet) {
		flags.BoolVar(&j.dryRun, "dry-run", false, "print the plan and change nothing; the account is read if there are credentials")
		flags.StringVar(&j.planJSON, "plan-json", "", "write the plan as JSON to `FILE`, in dry runs and real ones")
		flags.StringVar(&j.maxFailures, "max-failures", "none", "`N|N%` stop when this many rows have not succeeded; a percentage counts from 100 rows on")
		j.guards.addEmpty(flags)
		j.guards.addLimit(flags)
		if j.action != batch.Check && j.action != batch.AddServer {
			j.guards.addExpect(flags)
			j.guards.addSave(flags)
		}
	})
	inGroup(c.Flags(), groupResume, func(flags *pflag.FlagSet) {
		flags.BoolVar(&j.resume, "resume", false, "continue an unfinished run, if there is one")
		flags.BoolVar(&j.restart, "restart", false, "discard an unfinished run; with --resume: only if its file or flags were different")
		flags.BoolVar(&j.retry, "retry", false, "rerun the rows of a result file that did not succeed")
		flags.StringVar(&j.only, "only", "", "rerun only the rows of a result file that have one of these `STATUSES`, separated by commas")
		j.lock.add(flags)
	})
	j.read.add(c.Flags())
	j.call.add(c.Flags())
}

// addBindFlags adds the flags of the commands that register devices.
func (j *job) addBindFlags(flags *pflag.FlagSet) {
	addConflict(flags, &j.onConflict)
	flags.BoolVar(&j.verify, "verify", false, "look up devices that are already registered: those bound as asked are unchanged, --override decides about the others")
	j.addServers(flags)
	flags.Lookup("servers").Usage = "read servers from `FILE` (columns name, url): add those that rows need, and compare their URLs in --verify"
	flags.StringVar(&j.baselineFile, "baseline", "", "save calls with `FILE`, an earlier result: rows that it shows bound as they ask, and that are still registered, take none; none: read no earlier result")
	j.takesBaseline = true
}

func addConflict(flags *pflag.FlagSet, rule *string) {
	flags.StringVar(rule, "on-conflict", "refuse", "`RULE` what to do with rows that have one MAC but different targets: refuse them all, or take the first or the last")
}

func (j *job) addServers(flags *pflag.FlagSet) {
	flags.StringVar(&j.serversFile, "servers", "", "read servers from `FILE` (columns name, url), to compare with where devices are bound")
}

// config returns the configuration of the run, with the flags that are words.
func (j *job) config() (batch.Config, error) {
	config, err := j.call.config()
	if err != nil {
		return config, err
	}
	config.IgnoreMissing = j.ignoreMissing
	config.Verify, config.Sync, config.Prune = j.verify, j.sync, j.prune
	if config.MaxFailures, err = batch.ParseMaxFailures(j.maxFailures); err != nil {
		return config, fmt.Errorf("--max-failures %w", err)
	}
	if config.OnConflict, err = batch.ParseOnConflict(j.onConflict); err != nil {
		return config, fmt.Errorf("--on-conflict %w", err)
	}
	if err := j.guards.check(j); err != nil {
		return config, err
	}
	if config.Limits, err = j.guards.limits(); err != nil {
		return config, err
	}
	config.Limits.NamedRemovals, config.Limit = !j.sync, j.guards.limit
	canAsk := j.canAsk()
	if j.sync {
		if !j.guards.yes && !j.dryRun && !canAsk {
			return config, hint(errors.New("there is no terminal on which to confirm the plan"), "use --yes, or look at the plan first with --dry-run")
		}
		if j.prune && j.result == standardStream {
			return config, hint(errors.New("--prune lists what it removed in a file beside the result"), "name a result file with --output")
		}
	}
	switch {
	case j.override != "default":
		if config.Override, err = batch.ParseOverride(j.override); err != nil {
			return config, fmt.Errorf("--override %w", err)
		}
	case canAsk:
		config.Override = batch.OverrideAsk
	}
	if config.Override == batch.OverrideAsk && !canAsk {
		return config, hint(errors.New("--override ask needs a terminal, and a FILE that is not standard input"), "use never, own or always")
	}
	return config, nil
}
