package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"rpsbatch/batch"
	"rpsbatch/csvio"
	"rpsbatch/csvio/report"
	"rpsbatch/rps"
)

// guardFlags keep a run from changing more than was meant. Limits refuse,
// questions confirm.
type guardFlags struct {
	maxMoves, maxRemovals string
	yes                   bool
	allowEmpty            bool
	limit                 int
	expectNoChanges       bool
	expectPlan            string
	saveBefore            string
}

// newGuards has the limits for a command that has no flags for them.
func newGuards() guardFlags { return guardFlags{maxMoves: "100%", maxRemovals: "100%"} }

func (g *guardFlags) addMoves(flags *pflag.FlagSet) {
	flags.StringVar(&g.maxMoves, "max-moves", "30%", "`N|N%` stop, and change nothing, if more registered devices, or a larger share of the account's, may be bound to something else; 10 are always allowed")
}

func (g *guardFlags) addRemovals(flags *pflag.FlagSet, always string) {
	flags.StringVar(&g.maxRemovals, "max-removals", "10%", "`N|N%` stop, and change nothing, if more devices, or a larger share of the account's, would be removed"+always)
}

func (g *guardFlags) addYes(flags *pflag.FlagSet) {
	flags.BoolVarP(&g.yes, "yes", "y", false, "answer questions with yes; limits still apply")
}

func (g *guardFlags) addLimit(flags *pflag.FlagSet) {
	flags.Var((*atLeastOne)(&g.limit), "limit", "send only the first `N` rows that need a call; --resume without --limit sends the rest")
}

func (g *guardFlags) addExpect(flags *pflag.FlagSet) {
	flags.BoolVar(&g.expectNoChanges, "expect-no-changes", false, "with --dry-run: exit code 1 if the run would change anything")
	flags.StringVar(&g.expectPlan, "expect-plan", "", "continue only if the plan is still the one in `FILE`, from --dry-run --plan-json")
}

func (g *guardFlags) addSave(flags *pflag.FlagSet) {
	flags.StringVar(&g.saveBefore, "save-before", "", "look up registered devices before they are moved or removed, one call each, and write MAC and URL to `FILE`; 'register FILE --override own' puts them back, with --server NAME for rows saved without a server")
}

// atLeastOne is the value of a flag that is a number of one or more; 0 is none given.
type atLeastOne int

func (n *atLeastOne) Set(text string) error {
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 {
		return errors.New("must be a number of 1 or more")
	}
	*n = atLeastOne(number)
	return nil
}

func (n *atLeastOne) String() string { return "" }
func (n *atLeastOne) Type() string   { return "int" }

// check reports what is wrong with the flags before anything is done.
func (g *guardFlags) check(j *job) error {
	switch {
	case g.limit > 0 && j.prune:
		return hint(errors.New("--limit cannot be combined with --prune"), "run without --prune first: what the file lacks is removed only after all of its rows are done")
	case g.saveBefore == standardStream:
		return errors.New("--save-before needs the name of a file")
	case g.expectNoChanges && !j.dryRun:
		return hint(errors.New("--expect-no-changes needs --dry-run"), "add --dry-run")
	}
	return nil
}

// limits returns the limits of a run.
func (g *guardFlags) limits() (l batch.Limits, err error) {
	if l.Moves, err = batch.ParseAllowance(g.maxMoves); err != nil {
		return l, fmt.Errorf("--max-moves %w", err)
	}
	if l.Removals, err = batch.ParseAllowance(g.maxRemovals); err != nil {
		return l, fmt.Errorf("--max-removals %w", err)
	}
	return l, nil
}

// exceeded returns an error if a plan changes more than is allowed.
func (g *guardFlags) exceeded(p batch.Plan, config batch.Config) error {
	c := p.Whole
	if !c.Listed && p.NoList == nil {
		return nil // nobody asked for the account, so nothing will be changed
	}
	var excess, flags []string
	moves, removals := c.Exceed(config.Limits)
	if removals {
		excess = append(excess, fmt.Sprintf("too many devices would be removed: %s (--max-removals %s)", affected(c.Removals, c), g.maxRemovals))
		flags = append(flags, fmt.Sprintf("--max-removals %d", c.Removals.Count))
	}
	switch {
	case moves && c.Listed:
		excess = append(excess, fmt.Sprintf("too many registered devices may be moved: %s (--max-moves %s)", affected(c.Moves, c), g.maxMoves))
		flags = append(flags, fmt.Sprintf("--max-moves %d", c.Moves.Count))
	case moves:
		excess = append(excess, fmt.Sprintf("the number of registered devices that would be moved is not known, because the account's devices could not be listed (%v)", p.NoList))
		flags = append(flags, "--max-moves 100%")
	}
	if excess == nil {
		return nil
	}
	return hint(fmt.Errorf("%s; nothing was changed", strings.Join(excess, "; ")),
		"check that the file is complete and the right one; if you mean it, use %s", strings.Join(flags, " "))
}

const planRemedy = "name the file that --dry-run --plan-json wrote"

// unexpected returns an error if a plan is not the one in --expect-plan.
func (g *guardFlags) unexpected(now planFile) error {
	if g.expectPlan == "" {
		return nil
	}
	var was planFile
	data, err := readSmall(g.expectPlan)
	if err != nil {
		return hint(fmt.Errorf("--expect-plan: %w", err), planRemedy)
	}
	if err := json.Unmarshal(data, &was); err != nil || was.Digest == "" {
		return hint(fmt.Errorf("--expect-plan %s is not a plan", g.expectPlan), planRemedy)
	}
	differs := was.differs(now)
	if differs == nil {
		return nil
	}
	return hint(fmt.Errorf("the plan differs from %s: %s; nothing was changed", g.expectPlan, strings.Join(differs, "; ")),
		"look at the new plan with --dry-run")
}

// differs returns how a plan differs from another.
func (p planFile) differs(now planFile) (differs []string) {
	differ := func(what string, was, is any) {
		if was != is {
			differs = append(differs, fmt.Sprintf("%s: %v, was %v", what, is, was))
		}
	}
	differ("command", p.Command, now.Command)
	differ("rows", p.Rows, now.Rows)
	for _, fate := range batch.Fates {
		differ(fates[fate], p.Whole[fate], now.Whole[fate])
	}
	differ("in the account only, to remove", p.Changes.Lacking, now.Changes.Lacking)
	if differs == nil && p.Digest != now.Digest {
		differs = []string{"the numbers are the same, but the devices or their targets are different"}
	}
	return differs
}

// affected returns how many of an account's devices are affected, and which.
func affected(a batch.Affected, c batch.Changes) string {
	text := count(a.Count, "device")
	if c.Listed {
		text = fmt.Sprintf("%s of the %s in the account (%s)", thousands(a.Count), thousands(c.Devices), report.Share(a.Count, c.Devices))
	}
	return text + ": " + firstOf(a)
}

// firstOf names the first few of some devices.
func firstOf(a batch.Affected) string {
	var names []string
	for mac := range a.MACs() {
		if len(names) == examples {
			break
		}
		names = append(names, mac.String())
	}
	if more := a.Count - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %s more", thousands(more)))
	}
	return strings.Join(names, ", ")
}

// confirmPlan shows what is to be changed and asks for confirmation. With --yes
// it does not ask.
func (j *job) confirmPlan(ctx context.Context, plan batch.Plan, config batch.Config) error {
	question := ""
	switch {
	case j.sync && plan.Left.Any():
		if !j.guards.yes || !j.call.quiet {
			j.tellPlan(printable{j.streams.Err}, plan, config)
		}
		question = fmt.Sprintf("Apply this plan to the account %s?", j.call.account())
	case j.asks() && plan.Left.Removals.Count > 0:
		r := plan.Left.Removals
		j.streams.say("%s", hanging("", "Remove "+affected(r, plan.Left)))
		question = fmt.Sprintf("Remove %s from the account %s?", plural(r.Count, "it", "them"), j.call.account())
	}
	if question == "" || j.guards.yes {
		return nil
	}
	yes, err := confirm(ctx, j.streams, question+" [y]es, [N]o", nil)
	if err == nil && !yes {
		j.streams.say("Nothing was changed.")
		err = errRows
	}
	return err
}

// asks reports whether the command asks before it removes what a file names.
func (j *job) asks() bool { return j.action == batch.Deregister && !j.guards.yes && j.canAsk() }

// canAsk reports whether there is somebody to answer a question, on a stream
// other than the file.
func (j *job) canAsk() bool {
	return j.streams.terminalIn() && j.streams.terminalErr() && j.file != standardStream
}

// account names the account of a run by its user and the host of the service, so
// that somebody with several can see which one it is.
func (f *callFlags) account() string {
	if f.sandbox {
		return sandboxAccount
	}
	return accountName(f.username, f.host())
}

func accountName(username, host string) string { return rps.Printable(username + " at " + host) }

// host returns the host of the service.
func (f *callFlags) host() string {
	if f.sandbox {
		return "sandbox"
	}
	u, err := url.Parse(f.url)
	if err != nil || u.Host == "" {
		u, _ = url.Parse(rps.DefaultURL)
	}
	return u.Host
}

// seemsWhole refuses a file that seems cut off or empty.
func (j *job) seemsWhole(in *input, survey *batch.Survey, bad string) error {
	rows := survey.Rows - survey.Blank
	switch {
	case j.guards.allowEmpty:
	case rows == 0 && j.action == batch.AddServer:
		return noRows(in.Name(), "servers")
	case rows == 0:
		return noRows(in.Name(), "devices")
	case j.sync && survey.Devices() == 0:
		return hint(fmt.Errorf("%s has %s, but none that can be sent: %s %s", in.Name(), count(rows, "row"), in.Place(), bad),
			"sync would read that as an empty account; 'rpsbatch validate %s' shows what is wrong with each", j.file)
	}
	if j.prune && survey.Cut {
		return hint(fmt.Errorf("%s seems to be cut off: its last line has no line end, and is incomplete", in.Name()), "nothing was sent, because devices that it lacks would be removed; add a line end if the line is correct")
	}
	return nil
}

// noRows returns the error for a file without a single row.
func noRows(name, what string) error {
	return hint(fmt.Errorf("%s has no %s", name, what), "check that the export is complete; if it may be empty, use --allow-empty")
}

// emptyFile reports whether an error means that a file has not even a header, and
// the file may be empty: then there is nothing to do, and no result.
func (g *guardFlags) emptyFile(err error) bool {
	bad := (*csvio.FileError)(nil)
	return g.allowEmpty && errors.As(err, &bad) && bad.Empty
}

func (g *guardFlags) addEmpty(flags *pflag.FlagSet) {
	flags.BoolVar(&g.allowEmpty, "allow-empty", false, "accept a file without a single device")
}
