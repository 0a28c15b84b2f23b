package batch

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
)

// Limits restrict what a run may change of the account's devices. The zero value
// allows few moves and no removals.
type Limits struct {
	Moves, Removals Allowance
	NamedRemovals   bool // the file names what is removed: a few are always allowed
}

// few is how many devices a limit always allows to be moved, or to be removed if
// each is named.
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
	Listed   bool // the account was listed; else its devices are unknown, and more may be counted than it has
	Devices  int  // of the account
	Moves    Affected
	Removals Affected
	Others   int // devices and servers that the account lacks, and that are added
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

// Exceed reports which limits the changes exceed. Without the account's list
// nobody knows how many are moved.
func (c Changes) Exceed(l Limits) (tooManyMoves, tooManyRemovals bool) {
	m, r := c.Moves.Count, c.Removals.Count
	if c.Listed {
		tooManyMoves = m > few && !l.Moves.allows(m, c.Devices)
	} else {
		tooManyMoves = m > 0 && l.Moves != All
	}
	return tooManyMoves, !(l.NamedRemovals && r <= few || l.Removals.allows(r, c.Devices))
}
