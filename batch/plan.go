package batch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"iter"
	"maps"
	"time"

	"rpsbatch/rps"
)

// Plan is what a run would do, as far as that is known beforehand: what the
// service refuses shows only when it is asked.
type Plan struct {
	Rows     int            // of the file; blank records are not counted
	Blank    int            // records that are not devices, or are skipped
	Hidden   int            // of these, skipped because the sheet hides them or crosses them out
	Fates    map[Fate]int   // rows by what is done with them
	Calls    map[string]int // by method without "redirect."; the list is among them
	Prune    int            // devices of the account that the file lacks and that will be removed
	Pruned   int            // those that an earlier part of the run has dealt with
	Missing  int            // devices of the account that the file lacks
	HeldBack int            // of these, kept because some rows cannot be read

	Removals iter.Seq[rps.MAC] // those that are still to be removed
	Devices  int               // of the account
	Listed   bool              // the account was listed; else its devices are unknown
	NoList   error             // why not, if listing was tried
	Time     time.Duration     // of the calls, at the rate of the run

	Left Changes // that are still to be made

	// Of the whole run, its earlier parts included and whatever its Limit:
	Whole      Changes
	WholeFates map[Fate]int
	Digest     string // of what is done with each row, its target included
}

// TotalCalls returns the number of calls.
func (p Plan) TotalCalls() int { return total(p.Calls) }

// A Fate is what a run would do with a row.
type Fate string

const (
	ToRegister   Fate = "register"
	ToOverride   Fate = "override"   // already registered, and moved
	ToDeregister Fate = "deregister" // because its row says so
	ToEdit       Fate = "edit"
	ToCheck      Fate = "check"
	ToAdd        Fate = "add-server"
	ToVerify     Fate = "verify"    // already registered, and looked up
	AsItIs       Fate = "unchanged" // nothing to do
	ToLeave      Fate = "exists"    // already registered, and left alone
	Repeats      Fate = "duplicate"
	Conflicting  Fate = "conflict"
	Unsendable   Fate = "invalid"
	NoServer     Fate = "unknown-server" // as an earlier part of the run found
	Done         Fate = "done"           // by an earlier part of the run
	PassedOver   Fate = "passed"         // not to be run again
	LeftOut      Fate = "left-out"       // by Config.Limit
)

// Fates has every fate, in the order in which a plan shows them.
var Fates = []Fate{ToRegister, ToOverride, ToDeregister, ToEdit, ToCheck, ToAdd, ToVerify, AsItIs, ToLeave,
	Repeats, NoServer, Conflicting, Unsendable, Done, PassedOver, LeftOut}

// planOf returns the plan of a run for an account. ended reports why reading the
// file must stop.
func planOf(r *Run, account Account, ended func() error) (Plan, error) {
	k := newKnown(r, account)
	source, err := r.Open()
	if err != nil {
		return Plan{}, &StopError{ErrInput, err}
	}
	p := planner{
		Plan: Plan{
			Blank: r.Survey.Blank, Hidden: r.Survey.Hidden, Rows: r.Survey.Rows - r.Survey.Blank,
			Fates: map[Fate]int{}, WholeFates: map[Fate]int{}, Calls: map[string]int{},
			Missing: k.missing, HeldBack: int(k.held.GetCardinality()),
			Devices: account.Len(), Listed: account.Listed(), NoList: account.noList,
			Left:  Changes{Listed: account.Listed(), Devices: account.Len()},
			Whole: Changes{Listed: account.Listed(), Devices: k.devices},
		},
		run: r, known: k, groups: newGrouper(), added: map[string]bool{}, digest: sha256.New(),
	}
	if err := p.rows(source, ended); err != nil {
		return Plan{}, err
	}
	p.pruning()
	for c, ok := p.groups.oldest(); ok; c, ok = p.groups.oldest() {
		p.count(c)
	}
	if r.NeedsAccount() {
		p.Calls[lookup{why: forList}.method()] = 1
	}
	maps.DeleteFunc(p.Calls, func(_ string, n int) bool { return n == 0 })
	p.Time = time.Duration(float64(p.TotalCalls()) / r.Config.Rate * float64(time.Second))
	return p.Plan, nil
}

// planner counts the calls of a plan.
type planner struct {
	Plan
	run    *Run
	known  *known
	groups grouper
	added  map[string]bool // servers to be added
	digest hash.Hash
}

func (p *planner) rows(source Source, ended func() error) error {
	var line []byte
	err := EachRow(source, func(n int, row *Row) error {
		if row.Blank {
			return ended()
		}
		now, whole := p.row(n, row)
		p.Fates[now]++
		p.WholeFates[whole]++
		d := &row.Device
		line = fmt.Appendf(line[:0], "%s %d %d %q %q\n", whole, d.Action, d.MAC.Uint64(), d.Server, d.URL)
		p.digest.Write(line)
		return ended()
	})
	switch {
	case ended() != nil:
		return &StopError{Reason: ErrInterrupted}
	case err != nil:
		return &StopError{ErrInput, err}
	}
	return nil
}

// row counts what a row takes, and returns its fate now and what it was before an
// earlier part of the run.
func (p *planner) row(n int, row *Row) (now, whole Fate) {
	switch p.run.Survey.ruling(n, row).kind {
	case rulingBlank, rulingPassed:
		return PassedOver, PassedOver
	case rulingInvalid:
		return Unsendable, Unsendable
	case rulingConflict:
		return Conflicting, Conflicting
	case rulingFollows:
		return Repeats, Repeats
	}
	k, it := p.known, p.known.item(n, row.Device.MAC)
	routing := k.route(&row.Device, it)
	now = p.fateOf(routing, it)
	was, whole := it.Before, now
	verdict, done := k.verdict(n, it.mac)
	if done || it.Reach != untouched {
		before := k.itemBefore(n, it.mac)
		was, whole = before.Before, p.fateOf(k.route(&row.Device, before), before)
	}
	if !done {
		verdict = Verdict{}
	}
	p.Whole.count(p.effectOf(&row.Device, it, now, whole, was, verdict.Status), it.mac)
	switch {
	case done:
		return Done, whole
	case k.leavesOut(routing, it):
		return LeftOut, whole
	}
	effect := effectOf(now, it.Before, k.config.Override)
	p.Left.count(effect, it.mac)
	p.Calls[lookup{}.method()] += p.run.keepsOf(now, effect, it)
	p.calls(routing, it)
	return now, whole
}

// calls counts the calls of a row.
func (p *planner) calls(w routing, it item) {
	switch {
	case w.verdict.Status != "":
	case w.open && it.Reach == untouched:
		p.Calls[lookup{}.method()]++
	case w.alone != nil:
		p.count(w.alone)
	default:
		p.together(w.key, it)
	}
}

// fateOf returns the fate of a row, given its routing.
func (p *planner) fateOf(w routing, it item) Fate {
	switch c, changes := w.alone.(change); {
	case w.verdict.Status == Exists:
		return ToLeave
	case w.verdict.Status == UnknownServer:
		return NoServer
	case w.verdict.Status != "":
		return AsItIs
	case w.open && it.Reach == untouched:
		return ToVerify
	case changes:
		return p.fateOfCall(c.call, it)
	case w.alone != nil:
		return ToCheck
	}
	return p.fateOfCall(w.key.call, it)
}

func (p *planner) fateOfCall(c call, it item) Fate {
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
	for mac := range p.removals {
		p.Prune++
		p.Left.Removals.add(mac)
		p.Calls[lookup{}.method()] += p.run.keepsOf(ToDeregister, removes, item{mac: mac})
		p.together(groupKey{call: callDeregister}, item{})
	}
	p.Removals = p.removals
	p.Pruned = int(p.known.prune.GetCardinality()) - p.Prune
	p.Missing = max(p.Missing, p.Prune) // a resumed run has not looked
	for mac := range macsOf(p.known.absentees()) {
		p.Whole.Removals.add(mac)
		fmt.Fprintf(p.digest, "prune %d\n", mac.Uint64())
	}
	p.Digest = hex.EncodeToString(p.digest.Sum(nil))
}

// removals yields the devices that the file lacks and that are still there.
func (p *planner) removals(yield func(rps.MAC) bool) {
	n := p.run.Survey.Rows // after those of the file, as in Do
	for mac := range macsOf(p.known.prune) {
		if _, done := p.known.verdict(n, mac); !done && !yield(mac) {
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

// effectOf returns the effect that a row counts for in the whole run: what an
// earlier part has done, or what may happen to a device that the account has now,
// whatever the journal says.
func (p *planner) effectOf(d *Device, it item, now, whole Fate, before presence, done Status) effect {
	override := p.known.config.Override
	if !p.known.account.Listed() {
		before = unlisted
	}
	e := effectOf(whole, before, override)
	switch {
	case done == Deregistered:
		return removes
	case done == Overridden, done == Edited:
		return max(e, moves)
	case done != "" || it.Reach == untouched || it.List != present:
		return e
	case d.Action == Register && d.URL != "" && override != OverrideNever: // it is looked up, and moved if it is bound elsewhere
		return max(e, moves)
	}
	return max(e, effectOf(now, present, override))
}

// count counts a device by what a run does with it.
func (c *Changes) count(e effect, mac rps.MAC) {
	switch e {
	case moves:
		c.Moves.add(mac)
	case removes:
		c.Removals.add(mac)
	case adds:
		c.Others++
	}
}

// An effect is what a run may do to a device of the account.
type effect uint8

const (
	none    effect = iota
	adds           // it is bound, and was not before
	moves          // it was bound, and may be bound to something else
	removes        // it was bound, and is removed
)

// effectOf returns the effect of a fate on a device, from what was known of it
// before the run. If nothing is known, it assumes the worst.
func effectOf(f Fate, before presence, override Override) effect {
	overrides := override.moves()
	switch {
	case f == ToDeregister && before != absent:
		return removes
	case f == ToEdit && before != absent, f == ToOverride && before != absent, f == ToVerify && overrides,
		f == ToRegister && before == unlisted && overrides:
		return moves
	case f == ToRegister, f == ToOverride, f == ToAdd:
		return adds
	}
	return none
}

// keepsOf returns how many lookups a plan has for keeping, of a row with a fate and
// its effect.
func (r *Run) keepsOf(f Fate, e effect, it item) int {
	if r.Before == nil || e != moves && e != removes || f == ToVerify || f == ToRegister || r.Before.Has(it.mac) {
		return 0
	}
	return 1
}
