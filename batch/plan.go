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
	Rows    int            // of the file; blank records are not counted
	Blank   int            // records that are no devices
	Fates   map[Fate]int   // rows by what is done with them
	Calls   map[string]int // by method without "redirect."; the list is among them
	Prune   int            // devices of the account that the file lacks and that are to be removed
	Pruned  int            // those that an earlier part of the run has dealt with
	Missing int            // devices of the account that the file lacks

	Removals iter.Seq[rps.MAC] // those that are still to be removed
	Devices  int               // of the account
	Listed   bool              // the account was listed; else it is not known what it has
	NoList   error             // why not, if it was tried
	Time     time.Duration     // of the calls, at the rate of the run
}

// Changes gives the number of devices, and of servers, that may be changed.
func (p Plan) Changes() int {
	return p.Fates[ToRegister] + p.Fates[ToOverride] + p.Fates[ToDeregister] + p.Fates[ToEdit] + p.Fates[ToAdd] +
		p.Fates[ToVerify] + p.Prune
}

// TotalCalls gives the number of calls.
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
	NoServer     Fate = "unknown-server" // an earlier part of the run has found that out
	Done         Fate = "done"           // by an earlier part of the run
	PassedOver   Fate = "passed"         // not to be run again
)

// Fates has every fate, in the order in which a plan tells them.
var Fates = []Fate{ToRegister, ToOverride, ToDeregister, ToEdit, ToCheck, ToAdd, ToVerify, AsItIs, ToLeave,
	Repeats, NoServer, Conflicting, Unsendable, Done, PassedOver}

// Plan says what Do would do, which may follow and does not read the account
// again; after an error, a *StopError, it does nothing but leave whole results.
// Without a Service nothing is known of the account.
//
// The calls are exact for clean input that fits into [Window], if the service
// grants what it is asked.
func (r *Run) Plan(ctx context.Context) (Plan, error) {
	if r.study(ctx); r.stop != nil {
		return Plan{}, r.stop
	}
	source, err := r.Open()
	if err != nil {
		r.halt(ErrInput, err)
		return Plan{}, r.stop
	}
	p := planner{
		Plan: Plan{
			Blank: r.Survey.Blank, Rows: r.Survey.Rows - r.Survey.Blank,
			Fates: map[Fate]int{}, Calls: map[string]int{},
			Missing: r.missing,
			Devices: int(r.account.GetCardinality()), Listed: r.listed, NoList: r.summary.NoList,
		},
		run: r, groups: newGrouper(), added: map[string]bool{},
	}
	if p.rows(ctx, source); r.stop != nil {
		return Plan{}, r.stop
	}
	p.pruning()
	for a, ok := p.groups.oldest(); ok; a, ok = p.groups.oldest() {
		p.count(a)
	}
	if r.needsAccount() {
		p.Calls[attempt{call: callList}.method()] = 1
	}
	p.Time = time.Duration(float64(p.TotalCalls()) / r.Config.Rate * float64(time.Second))
	return p.Plan, nil
}

// planner counts the calls of a plan.
type planner struct {
	Plan
	run    *Run
	groups *grouper
	added  map[string]bool // servers that are to be added
}

func (p *planner) rows(ctx context.Context, source Source) {
	err := EachRow(source, func(n int, row *Row) error {
		if !row.Blank {
			p.Fates[p.row(n, row)]++
		}
		return ctx.Err()
	})
	switch {
	case ctx.Err() != nil:
		p.run.halt(ErrInterrupted, nil)
	case err != nil:
		p.run.halt(ErrInput, err)
	}
}

// row counts the calls that a row takes, and gives its fate.
func (p *planner) row(n int, row *Row) Fate {
	switch {
	case row.Pass:
		return PassedOver
	case row.Problem != "":
		return Unsendable
	}
	fate := p.run.Survey.fate(n, row)
	switch {
	case fate.refused != "":
		return Conflicting
	case fate.follows != 0:
		return Repeats
	}
	if _, ok := p.run.Past.verdict(n); ok {
		return Done
	}
	it := p.run.item(n, row.Device.MAC)
	way := p.run.route(&row.Device, it)
	switch {
	case way.verdict.Status == Exists:
		return ToLeave
	case way.verdict.Status == UnknownServer:
		return NoServer
	case way.verdict.Status != "":
		return AsItIs
	case way.attempts != nil:
		for _, a := range way.attempts {
			p.count(a)
		}
		return fateOf(way.attempts[0], it, p.run.override)
	}
	p.together(way.key, it)
	return fateOf(attempt{call: way.key.call}, it, p.run.override)
}

func fateOf(a attempt, it item, override Override) Fate {
	switch a.call {
	case callOverride:
		return ToOverride
	case callDeregister:
		return ToDeregister
	case callEdit:
		return ToEdit
	case callAddServer:
		return ToAdd
	case callCheck:
		if a.question.byUser() {
			return ToCheck
		}
		return ToVerify
	}
	if it.ours && override == OverrideAlways {
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
	p.Pruned = int(p.run.prune.GetCardinality()) - p.Prune
	p.Missing = max(p.Missing, p.Prune) // a run that is gone on with has not looked
}

// removals gives the devices that the file lacks and that are still there.
func (p *planner) removals(yield func(rps.MAC) bool) {
	n := p.run.Survey.Rows // behind those of the file, as in Do
	for it := p.run.prune.Iterator(); it.HasNext(); n++ {
		mac := rps.MACFromUint64(it.Next())
		if _, done := p.run.Past.verdict(n); !done && !yield(mac) {
			return
		}
	}
}

// together counts a row that shares a call.
func (p *planner) together(key groupKey, it item) {
	if a, full := p.groups.add(key, it, p.run.Config.BatchSize); full {
		p.count(a)
	}
}

func (p *planner) count(a attempt) {
	p.Calls[a.method()]++
	if s := p.run.servers[a.server]; a.call.binds() && s != nil && s.add && !p.added[a.server] {
		p.added[a.server] = true
		p.Calls[attempt{call: callAddServer}.method()]++
	}
}
