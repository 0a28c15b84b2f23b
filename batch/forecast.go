package batch

import (
	"strconv"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
)

// Forecast returns what Run.Plan would for an account of which nothing is known,
// without reading the file again.
func (s *Survey) Forecast(config Config) Plan {
	r := &Run{Config: config, Survey: s}
	k := newKnown(r, Account{})
	tally := s.Tally()
	p := planner{run: r, known: k, Plan: Plan{
		Blank: s.Blank, Hidden: s.Hidden, Rows: s.Rows - s.Blank,
		Fates: map[Fate]int{PassedOver: s.Passed, Unsendable: s.Invalid, Conflicting: tally.Conflicts, Repeats: tally.Duplicates},
		Calls: map[string]int{},
	}}
	groups := map[groupKey]int{}
	for kind, n := range s.kinds {
		device := Device{Action: Action(kind >> 1 & 7), Server: strconv.FormatUint(uint64(kind>>4), 36)} // the hash serves as well as the name
		if kind&1 != 0 {
			device.URL = "some"
		}
		routing := k.route(&device, item{})
		p.Fates[p.fateOf(routing, item{})] += n
		if routing.alone == nil {
			groups[routing.key] += n
		} else {
			p.Calls[routing.alone.method()] += n
		}
	}
	for key, n := range groups {
		p.Calls[change{call: key.call}.method()] += (n + config.BatchSize - 1) / config.BatchSize
	}
	if r.NeedsAccount() {
		p.Calls[lookup{why: forList}.method()] = 1
	}
	p.Time = time.Duration(float64(p.TotalCalls()) / config.Rate * float64(time.Second))
	return p.Plan
}

// WithinLimits reports whether a run changes no more than it may, whatever its
// rows ask for. It does not read the file; if it cannot decide, the plan does.
func (r *Run) WithinLimits(account Account) bool {
	switch {
	case !r.NeedsAccount():
		return true
	case !account.Listed():
		return r.Config.Limits.Moves == All && r.Config.Limits.Removals == All
	case r.Past != nil:
		return false
	}
	k, s := newKnown(r, account), r.Survey
	c := Changes{Listed: true, Devices: k.devices}
	if r.Config.Override.moves() || s.edits {
		c.Moves.Count = int(k.before.AndCardinality(s.seen))
	}
	c.Removals.Count = int(roaring64.And(k.before, s.seen).AndCardinality(s.unbound)) + int(k.absentees().GetCardinality())
	tooManyMoves, tooManyRemovals := c.Exceed(r.Config.Limits)
	return !tooManyMoves && !tooManyRemovals
}
