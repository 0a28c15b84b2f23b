package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"rpsbatch/batch"
	"rpsbatch/rps"
)

// planFlags say what to do with the plan.
type planFlags struct {
	dryRun   bool
	planJSON string
}

// fates describe in words what a plan does with rows.
var fates = map[batch.Fate]string{
	batch.ToRegister:   "to register",
	batch.ToOverride:   "already registered, to move",
	batch.ToDeregister: "to remove",
	batch.ToEdit:       "to edit",
	batch.ToCheck:      "to look up",
	batch.ToAdd:        "servers to add",
	batch.ToVerify:     "already registered, to look up",
	batch.AsItIs:       "nothing to do",
	batch.ToLeave:      "already registered, to leave as they are",
	batch.Repeats:      "duplicates",
	batch.Conflicting:  "conflicts, not sent",
	batch.Unsendable:   "invalid, not sent",
	batch.NoServer:     "for servers that the account lacks",
	batch.Done:         "done by the run being resumed",
	batch.PassedOver:   "left as they were (--retry, --only)",
	batch.LeftOut:      "left for later (--limit)",
}

// rehearse prints what a run would do.
func (j *job) rehearse(ctx context.Context, run *batch.Run, account batch.Account) error {
	plan, err := run.Plan(ctx, account)
	if err != nil {
		return err
	}
	out := j.streams.Out
	if j.planJSON == standardStream {
		out = j.streams.Err // somebody who reads JSON wants nothing else there
	}
	// The plan is the only purpose of this run.
	if err := written(out, "the plan", func(w io.Writer) { j.tellPlan(w, plan, run.Config) }); err != nil {
		return err
	}
	file := j.planFile(plan, run.Config)
	if err := j.writePlan(file); err != nil {
		return err
	}
	if err := cmp.Or(j.guards.unexpected(file), j.guards.exceeded(plan, run.Config)); err != nil {
		return hint(fmt.Errorf("the run would stop: %w", err), "%s", hintOf(err))
	}
	if j.guards.expectNoChanges && plan.Left.Any() {
		j.streams.say("The run would change something (--expect-no-changes).")
		return errRows
	}
	if plan.Fates[batch.Unsendable]+plan.Fates[batch.Conflicting]+plan.Fates[batch.ToLeave]+plan.Fates[batch.NoServer] > 0 {
		return errRows
	}
	return nil
}

// approve keeps a run within its limits and has it confirmed before anything is
// changed. It returns the file for what is to be removed because the input lacks
// it, if there is any.
func (j *job) approve(ctx context.Context, run *batch.Run, account batch.Account, in *input, removed map[rps.MAC]batch.Verdict) (pruned *resultFile, err error) {
	prunes := len(removed) > 0
	if j.sync || j.planJSON != "" || j.guards.expectPlan != "" || j.asks() || !run.WithinLimits(account) {
		plan, err := run.Plan(ctx, account)
		if err != nil {
			return nil, err
		}
		file := j.planFile(plan, run.Config)
		if err := cmp.Or(j.guards.unexpected(file), j.guards.exceeded(plan, run.Config)); err != nil {
			return nil, err
		}
		if err := j.writePlan(file); err != nil {
			return nil, err
		}
		if err := j.confirmPlan(ctx, plan, run.Config); err != nil {
			return nil, err
		}
		prunes = prunes || plan.Prune+plan.Pruned > 0
		for mac := range plan.Removals {
			delete(removed, mac) // it is still there, and this run reports it
		}
	}
	if !prunes {
		return nil, nil
	}
	if pruned, err = j.createPruned(in, removed); err == nil {
		run.Pruned = bound{j.marked(pruned)}
	}
	return pruned, err
}

// createPruned creates the file for devices that the input lacks. It begins with
// those that a discarded run removed: nothing else records them.
func (j *job) createPruned(in *input, removed map[rps.MAC]batch.Verdict) (*resultFile, error) {
	if err := distinct(in, "the file of what is removed", "--output", prunedName(j.result)); err != nil {
		return nil, err
	}
	out, err := createResult(j.streams, prunedName(j.result), boundFormat, 2, !j.continues)
	if err != nil {
		return nil, err
	}
	for _, mac := range slices.SortedFunc(maps.Keys(removed), func(a, b rps.MAC) int { return cmp.Compare(a.Uint64(), b.Uint64()) }) {
		row := batch.Row{Device: batch.Device{Action: batch.Deregister, MAC: mac}}
		if err := (bound{j.marked(out)}).Write(&row, removed[mac]); err != nil {
			out.discard()
			return nil, err
		}
	}
	return out, nil
}

// tellPlan prints a plan for a person.
func (j *job) tellPlan(w io.Writer, p batch.Plan, config batch.Config) {
	fmt.Fprintf(w, "Plan for %s of %s", count(p.Rows, "row"), rps.Printable(j.file))
	switch {
	case p.Listed:
		fmt.Fprintf(w, ", in the account %s with %s:\n", j.call.account(), count(p.Devices, "device"))
	case p.NoList != nil:
		fmt.Fprintf(w, "; the account's devices could not be listed (%v):\n", p.NoList)
	default:
		fmt.Fprintln(w, "; the account was not read:")
	}
	for _, fate := range batch.Fates {
		if n := p.Fates[fate]; n > 0 {
			fmt.Fprintf(w, "  %-43s%10s\n", fates[fate], thousands(n))
		}
	}
	if p.Hidden > 0 {
		fmt.Fprintf(w, "  %-43s%10s\n", "hidden or crossed out, skipped", thousands(p.Hidden))
	}
	if blank := p.Blank - p.Hidden; blank > 0 {
		fmt.Fprintf(w, "  %-43s%10s\n", "blank records, passed through", thousands(blank))
	}
	if p.Prune > 0 {
		fmt.Fprintf(w, "  %-43s%10s\n", "in the account only, to remove", thousands(p.Prune))
	} else if p.Missing > 0 {
		fmt.Fprintf(w, "  %-43s%10s\n", "in the account only, kept", thousands(p.Missing))
	}
	for _, a := range []struct {
		text string
		batch.Affected
	}{{"Bound to something else, at most", p.Left.Moves}, {"Removed", p.Left.Removals}} {
		if a.Count > 0 {
			fmt.Fprintln(w, hanging("", fmt.Sprintf("%s: %s", a.text, affected(a.Affected, p.Left))))
		}
	}
	fmt.Fprintln(w, callsOf(p, config))
}

// callsOf returns the calls of a plan, and how long they take.
func callsOf(p batch.Plan, config batch.Config) string {
	text := tellCalls(p.Calls)
	if p.Time > 0 {
		text += fmt.Sprintf("; about %v at %g calls a second", roundTime(p.Time), config.Rate)
	}
	return text
}

// tellCalls returns the numbers of calls by method.
func tellCalls(calls map[string]int) string {
	total := 0
	var parts []string
	for _, method := range slices.Sorted(maps.Keys(calls)) {
		total += calls[method]
		parts = append(parts, thousands(calls[method])+" "+method)
	}
	text := count(total, "call")
	if total > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	return text
}

// planFile is the content of --plan-json.
type planFile struct {
	Command  string             `json:"command"`
	File     string             `json:"file"`
	Rows     int                `json:"rows"`
	Blank    int                `json:"blank"`
	Fates    map[batch.Fate]int `json:"fates"`
	Calls    int                `json:"calls"`
	ByMethod map[string]int     `json:"calls_by_method"`
	Rate     float64            `json:"rate"`
	Seconds  float64            `json:"expected_seconds"`
	Listed   bool               `json:"listed"`
	Devices  int                `json:"devices"`
	Missing  int                `json:"missing"`
	Prune    int                `json:"prune"`
	Pruned   int                `json:"pruned"`   // by the run being resumed
	Removals []string           `json:"removals"` // their MACs
	DryRun   bool               `json:"dry_run"`
	Changes  planChanges        `json:"changes"`
	Whole    map[batch.Fate]int `json:"whole_fates"` // including those of a resumed run
	Digest   string             `json:"digest"`      // of what is done with each row
	Time     time.Time          `json:"time"`
}

// planChanges is what a whole run may change of the account's devices.
type planChanges struct {
	Moves    int `json:"moves"`
	Removals int `json:"removals"`
	Lacking  int `json:"lacking"` // of these, those that the file lacks
	Others   int `json:"others"`  // devices and servers that are added
	Devices  int `json:"devices"`
}

func (j *job) planFile(p batch.Plan, config batch.Config) planFile {
	removals := []string{}
	for mac := range p.Removals {
		removals = append(removals, mac.String())
	}
	return planFile{
		Removals: removals,
		Command:  j.name, File: rps.Printable(j.file), Rows: p.Rows, Blank: p.Blank, Fates: p.Fates, ByMethod: p.Calls,
		Calls: p.TotalCalls(), Rate: config.Rate, Seconds: p.Time.Seconds(), Listed: p.Listed,
		Devices: p.Devices, Missing: p.Missing, Prune: p.Prune, Pruned: p.Pruned, DryRun: j.dryRun,
		Changes: planChanges{p.Whole.Moves.Count, p.Whole.Removals.Count, p.Prune + p.Pruned, p.Whole.Others, p.Whole.Devices},
		Whole:   p.WholeFates, Digest: p.Digest,
		Time: time.Now().UTC().Truncate(time.Second),
	}
}

func (j *job) writePlan(file planFile) error {
	if j.planJSON == "" {
		return nil
	}
	if err := writeJSON(j.streams.Out, j.planJSON, file); err != nil {
		return cannotWrite("--plan-json", "--plan-json", j.planJSON, err)
	}
	return nil
}
