package batch

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
)

// Limits bound what a run may change of the devices that its account has. The
// zero value allows few moves and no removals.
type Limits struct {
	Moves, Removals Allowance
	NamedRemovals   bool // what is removed is named by the file: a few are always allowed
}

// few is how many devices a limit always allows to be moved, or to be removed
// where each of them is named.
const few = 10

// Allowance is a number of devices, or a share of the account's. The zero value
// allows none.
type Allowance struct {
	Devices int
	Percent float64
}

// ParseAllowance reads the value of a limit: N or N%.
func ParseAllowance(text string) (a Allowance, err error) {
	if number, percent := strings.CutSuffix(text, "%"); percent {
		a.Percent, err = strconv.ParseFloat(number, 64)
		if err == nil && a.Percent >= 0 && a.Percent <= 100 {
			return a, nil
		}
	} else if a.Devices, err = strconv.Atoi(text); err == nil && a.Devices >= 0 {
		return a, nil
	}
	return Allowance{}, fmt.Errorf("%q is neither a number of devices nor a percentage of the account's, such as 50 or 5%%", text)
}

// All allows everything, whatever the account has.
var All = Allowance{Percent: 100}

// allows reports whether n of the devices of an account may be changed.
func (a Allowance) allows(n, devices int) bool {
	return n <= a.Devices || a == All || float64(n)*100 <= a.Percent*float64(devices)
}

// Changes is what a run may change of the devices that its account had before.
type Changes struct {
	Listed   bool // the account was listed; else it is not known what it has, and more is counted than it may be
	Devices  int  // of the account
	Moves    Affected
	Removals Affected
	Others   int // devices and servers that the account does not have, and that are added
}

// Affected are devices of the account that a run may change.
type Affected struct {
	Count int
	macs  *roaring64.Bitmap // nil: none
}

// MACs returns the devices, in the order of their addresses.
func (a Affected) MACs() iter.Seq[rps.MAC] {
	if a.macs == nil {
		return func(func(rps.MAC) bool) {}
	}
	return macsOf(a.macs)
}

func (a *Affected) add(mac rps.MAC) {
	if a.macs == nil {
		a.macs = roaring64.New()
	}
	if a.macs.CheckedAdd(mac.Uint64()) {
		a.Count++
	}
}

// Any reports whether anything may be changed.
func (c Changes) Any() bool { return c.Moves.Count+c.Removals.Count+c.Others > 0 }

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

// Exceed reports which limits the changes exceed. Without the account's list no
// number says how many are moved.
func (c Changes) Exceed(l Limits) (tooManyMoves, tooManyRemovals bool) {
	m, r := c.Moves.Count, c.Removals.Count
	if c.Listed {
		tooManyMoves = m > few && !l.Moves.allows(m, c.Devices)
	} else {
		tooManyMoves = m > 0 && l.Moves != All
	}
	return tooManyMoves, !(l.NamedRemovals && r <= few || l.Removals.allows(r, c.Devices))
}

// An effect is what a run may do to a device of the account.
type effect uint8

const (
	none    effect = iota
	adds           // it is bound, and was not before
	moves          // it was bound, and may be bound to something else
	removes        // it was bound, and is removed
)

// effectOf returns the effect of a fate on a device, by what was known of it
// before the run. Where nothing is known, it is the worst.
func effectOf(f Fate, before presence, override Override) effect {
	overrides := override == OverrideOwn || override == OverrideAlways
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

// WithinLimits reports whether a run changes no more than it may, whatever its
// rows ask for. It does not read the file: if it cannot tell, the plan does.
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
	if o := r.Config.Override; o == OverrideOwn || o == OverrideAlways || s.edits {
		c.Moves.Count = int(k.before.AndCardinality(s.seen))
	}
	c.Removals.Count = int(roaring64.And(k.before, s.seen).AndCardinality(s.unbound)) + int(k.lacking().GetCardinality())
	tooManyMoves, tooManyRemovals := c.Exceed(r.Config.Limits)
	return !tooManyMoves && !tooManyRemovals
}

// lacking returns the devices that the whole run removes because the file lacks
// them, or would if all of its rows could be read.
func (k *known) lacking() *roaring64.Bitmap { return roaring64.Or(k.prune, k.held) }
