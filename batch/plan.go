package batch

import (
	"context"
	"iter"
	"time"

	"rpsbatch/rps"
)

// Plan is what a run would do, as far as that is known before it: what the
// service refuses shows only when it is asked.
type Plan struct {
	Rows     int            // of the file; blank records are not counted
	Blank    int            // records that are no devices
	Fates    map[Fate]int   // rows by what is done with them
	Calls    map[string]int // by method without "redirect."; the list is among them
	Prune    int            // devices of the account that the file lacks and that are to be removed
	Pruned   int            // those that an earlier part of the run has dealt with
	Missing  int            // devices of the account that the file lacks
	HeldBack int            // of these, left because some rows cannot be read

	Removals iter.Seq[rps.MAC] // those that are still to be removed
	Devices  int               // of the account
	Listed   bool              // the account was listed; else it is not known what it has
	NoList   error             // why not, if it was tried
	Time     time.Duration     // of the calls, at the rate of the run
}

// Changes returns the number of devices, and of servers, that may be changed.
func (p Plan) Changes() int {
	return p.Fates[ToRegister] + p.Fates[ToOverride] + p.Fates[ToDeregister] + p.Fates[ToEdit] + p.Fates[ToAdd] +
		p.Fates[ToVerify] + p.Prune
}

// TotalCalls returns the number of calls.
func (p Plan) TotalCalls() int { return total(p.Calls) }

// A Fate is what a run would do with a row.
type Fate string

const (
	ToRegister   Fate = "register"
	ToOverride   Fate = "override"   // registered already, and moved
	ToDeregister Fate = "deregister" // because its row says so
	ToEdit       Fate = "edit"
	ToCheck      Fate = "check"
	ToAdd        Fate = "add-server"
	ToVerify     Fate = "verify"    // registered already, and looked up
	AsItIs       Fate = "unchanged" // nothing to do
	ToLeave      Fate = "exists"    // registered already, and left alone
	Repeats      Fate = "duplicate"
	Conflicting  Fate = "conflict"
	Unsendable   Fate = "invalid"
	NoServer     Fate = "unknown-server" // as an earlier part of the run has found
	Done         Fate = "done"           // by an earlier part of the run
	PassedOver   Fate = "passed"         // not to be run again
)

// Fates has every fate, in the order in which a plan shows them.
var Fates = []Fate{ToRegister, ToOverride, ToDeregister, ToEdit, ToCheck, ToAdd, ToVerify, AsItIs, ToLeave,
	Repeats, NoServer, Conflicting, Unsendable, Done, PassedOver}

// Plan returns what Do would do at an account. It changes nothing. The error is a
// *StopError.
//
// The calls are exact for clean input that fits into [Window], if the service
// grants what it is asked.
func (r *Run) Plan(ctx context.Context, account Account) (Plan, error) {
	k, err := newKnown(r, account)
	if err != nil {
		return Plan{}, err
	}
	source, err := r.Open()
	if err != nil {
		return Plan{}, &StopError{ErrInput, err}
	}
	p := planner{
		Plan: Plan{
			Blank: r.Survey.Blank, Rows: r.Survey.Rows - r.Survey.Blank,
			Fates: map[Fate]int{}, Calls: map[string]int{},
			Missing: k.missing, HeldBack: k.heldBack,
			Devices: account.Len(), Listed: account.Listed(), NoList: account.noList,
		},
		run: r, known: k, groups: newGrouper(), added: map[string]bool{},
	}
	if err := p.rows(ctx, source); err != nil {
		return Plan{}, err
	}
	p.pruning()
	for c, ok := p.groups.oldest(); ok; c, ok = p.groups.oldest() {
		p.count(c)
	}
	if r.NeedsAccount() {
		p.Calls[lookup{why: forList}.method()] = 1
	}
	p.Time = time.Duration(float64(p.TotalCalls()) / r.Config.Rate * float64(time.Second))
	return p.Plan, nil
}

// planner counts the calls of a plan.
type planner struct {
	Plan
	run    *Run
	known  *known
	groups grouper
	added  map[string]bool // servers that are to be added
}

func (p *planner) rows(ctx context.Context, source Source) error {
	err := EachRow(source, func(n int, row *Row) error {
		if fate := p.row(n, row); !row.Blank {
			p.Fates[fate]++
		}
		return ctx.Err()
	})
	switch {
	case ctx.Err() != nil:
		return &StopError{Reason: ErrInterrupted}
	case err != nil:
		return &StopError{ErrInput, err}
	}
	return nil
}

// row counts the calls that a row takes, and returns its fate.
func (p *planner) row(n int, row *Row) Fate {
	switch p.run.Survey.fate(n, row).kind {
	case fateBlank, fatePassed:
		return PassedOver
	case fateInvalid:
		return Unsendable
	case fateConflict:
		return Conflicting
	case fateFollows:
		return Repeats
	}
	if _, ok := p.run.Past.verdict(n); ok {
		return Done
	}
	it := p.known.item(n, row.Device.MAC)
	way := p.known.route(&row.Device, it)
	switch {
	case way.verdict.Status == Exists:
		return ToLeave
	case way.verdict.Status == UnknownServer:
		return NoServer
	case way.verdict.Status != "":
		return AsItIs
	case way.open && it.Reach == untouched:
		p.Calls[lookup{}.method()]++
		return ToVerify
	case way.open:
		p.together(way.key, it)
	case way.alone != nil:
		p.count(way.alone)
		if c, ok := way.alone.(change); ok {
			return p.fateOf(c.call, it)
		}
		return ToCheck
	default:
		p.together(way.key, it)
	}
	return p.fateOf(way.key.call, it)
}

func (p *planner) fateOf(c call, it item) Fate {
	switch c {
	case callOverride:
		return ToOverride
	case callDeregister:
		return ToDeregister
	case callEdit:
		return ToEdit
	case callAddServer:
		return ToAdd
	}
	if it.Before == present && p.known.config.Override == OverrideAlways {
		return ToOverride
	}
	return ToRegister
}

// pruning counts the calls for what the file lacks.
func (p *planner) pruning() {
	for range p.removals {
		p.Prune++
		p.together(groupKey{call: callDeregister}, item{})
	}
	p.Removals = p.removals
	p.Pruned = int(p.known.prune.GetCardinality()) - p.Prune
	p.Missing = max(p.Missing, p.Prune) // a resumed run has not looked
}

// removals yields the devices that the file lacks and that are still there.
func (p *planner) removals(yield func(rps.MAC) bool) {
	n := p.run.Survey.Rows // behind those of the file, as in Do
	for mac := range macsOf(p.known.prune) {
		if _, done := p.run.Past.verdict(n); !done && !yield(mac) {
			return
		}
		n++
	}
}

// together counts a row that shares a call.
func (p *planner) together(key groupKey, it item) {
	if c, full := p.groups.add(key, it, p.run.Config.BatchSize); full {
		p.count(c)
	}
}

func (p *planner) count(t task) {
	p.Calls[t.method()]++
	c, ok := t.(change)
	if !ok || !c.call.binds() {
		return
	}
	if s := p.known.servers[c.server]; s != nil && s.add && !p.added[c.server] {
		p.added[c.server] = true
		p.Calls[change{call: callAddServer}.method()]++
	}
}
