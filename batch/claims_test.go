package batch

import (
	"cmp"
	"slices"
)

// A claim is a verdict about a device, held against what is true.
type claim struct {
	*history
	device *modelDevice
	want   Device
	row    int
	Verdict
}

// claims returns what the run claims of its rows.
func (h *history) claims() (all []claim) {
	for i, v := range h.results.verdicts {
		all = append(all, claim{h, &h.service.devices[i], h.rows[i].Device, i, v})
	}
	if len(h.pruned.verdicts) > 0 {
		row := len(h.rows)
		for mac := range macsOf(h.e.known.prune) {
			if i := row - len(h.rows); i < len(h.pruned.verdicts) {
				all = append(all, claim{h, h.service.device(mac), Device{Action: Deregister, MAC: mac}, row, h.pruned.verdicts[i]})
			}
			row++
		}
	}
	return all
}

// holds reports whether the device was so at some moment between the call that
// proves the claim and the claim, and if only the run changes devices, then for
// good.
func (c claim) holds(so func(binding) bool) bool {
	from := epoch
	for _, list := range c.lists {
		if !list.answered.After(c.Time) {
			from = list.left
		}
	}
	if a := c.asked[c.row]; a != nil {
		switch c.Proof {
		case ProofAnswer:
			if from = lastBefore(c.Time, a.changes); from.IsZero() {
				from = lastBefore(c.Time, a.lookups)
			}
		case ProofLookup:
			from = lastBefore(c.Time, a.lookups)
		}
	}
	if c.Time.IsZero() {
		from = epoch
	}
	past := c.device.past
	ever := false
	for i, b := range past {
		if !c.Time.IsZero() && b.since.After(c.Time) {
			break
		}
		if i+1 == len(past) || !past[i+1].since.Before(from) {
			ever = ever || so(b)
		}
	}
	return ever && (c.traits.has(colleague) || so(c.device.now()))
}

// wasEver reports whether the device was so at any time, if not by the run.
func (c claim) wasEver(so func(binding) bool) bool {
	return slices.ContainsFunc(c.device.past, func(b binding) bool { return b.by != byRun && so(b) })
}

// untouched reports whether what the device is bound to is not the work of the
// run, and will not be.
func (c claim) untouched() bool {
	for i, b := range c.device.past {
		over := i+1 < len(c.device.past) && !c.Time.IsZero() && !c.device.past[i+1].since.After(c.Time)
		if b.by == byRun && !over {
			return false
		}
	}
	return true
}

// isTrue reports whether a claim is true.
func (c claim) isTrue() bool {
	ours := func(b binding) bool { return b.owner == account_ }
	asAsked := func(b binding) bool {
		// What the user says of a server counts: its rows ask for that.
		want := cmp.Or(c.want.URL, c.service.servers[c.want.Server])
		return ours(b) && (b.url == want || c.want.URL == "" && b.url == c.run.Servers[c.want.Server])
	}
	switch c.Status {
	case Registered, Edited:
		if c.Proof == ProofList {
			return c.holds(ours) && c.Calls > 0
		}
		return c.holds(asAsked)
	case Overridden:
		return c.holds(asAsked) && c.wasEver(func(b binding) bool { return b.owner != nobody })
	case Unchanged:
		if c.Proof == ProofList {
			return c.holds(ours) && c.untouched()
		}
		return c.holds(asAsked) && c.untouched()
	case Deregistered:
		return c.holds(func(b binding) bool { return !ours(b) }) && slices.ContainsFunc(c.device.past, ours)
	case Exists:
		return c.holds(ours) && c.untouched()
	case RegisteredElsewhere:
		return c.holds(func(b binding) bool { return b.owner == another }) && (c.want.Action == Deregister || c.untouched())
	case NotRegistered:
		gone := c.holds(func(b binding) bool { return !ours(b) })
		return gone && (c.run.Config.IgnoreMissing && c.want.Action == Deregister || c.untouched())
	case UnknownServer, Refused, Failed, NotAttempted:
		return c.untouched()
	case InDoubt:
		return true
	}
	return false
}
