package batch

import (
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
)

// What an earlier part of the run has left is believed as far as nothing that is
// known now contradicts it.

// resume takes in what was known of the account before the first change. How many
// devices that was is no more than it has and the run may have removed.
func (k *known) resume(past *History, s *Survey) {
	k.hasBefore, k.trusted = past.listed, past.listed && !past.listCut
	k.prune = past.prune
	k.before = roaring64.Or(past.known, k.prune)
	if k.account.Listed() {
		gone := roaring64.And(past.known, s.unbound)
		gone.Or(k.prune)
		gone.AndNot(k.account.set())
		k.devices += int(gone.GetCardinality())
	}
	if past.listed {
		k.devices = min(past.devices, k.devices)
	}
}

// verdict returns that which an earlier part of the run gave a row, unless the
// account's list shows something else by now.
func (k *known) verdict(n int, mac rps.MAC) (Verdict, bool) {
	v, ok := k.past.verdict(n)
	if !ok || !k.account.Listed() {
		return v, ok
	}
	has := k.account.set().Contains(mac.Uint64())
	switch v.Status {
	case Registered, Overridden, Unchanged, Edited, Exists:
		ok = has
	case Deregistered, NotRegistered, RegisteredElsewhere:
		ok = !has
	}
	return v, ok
}

// touch returns what an earlier part of the run has left of a row. A verdict that is
// not believed leaves the calls for which it was given.
func (k *known) touch(n int) touch {
	if k.past == nil {
		return touch{}
	}
	v, settled := k.past.verdict(n)
	if !settled {
		return k.past.touched[n]
	}
	t := touch{calls: v.Calls}
	if v.Calls > 0 {
		t.Reach, t.Moves = lost, v.Status == Overridden || v.Status == Edited
	}
	return t
}

// longestCall bounds how long after the start of a resumed run a call of an earlier
// part may be applied, whatever its clock and its time-out were.
const longestCall = time.Hour

// effectOf returns the effect that a row counts for in the whole run: what an
// earlier part has done, or what may be done to a device that the account has now,
// whatever the journal says of it.
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
