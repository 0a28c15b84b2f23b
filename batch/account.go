package batch

import (
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
)

// Account is what the list of an account's devices shows, read once. The zero
// value is an account that was not looked at. The service may cut the list short.
type Account struct {
	devices *roaring64.Bitmap // nil: it was not listed
	asked   time.Time         // when the call for the list was sent
	more    int               // calls for it before that one
	noList  error
}

// Listed reports whether the account was listed.
func (a Account) Listed() bool { return a.devices != nil }

// NoList returns why the account could not be listed; nil if listing was not
// tried or succeeded.
func (a Account) NoList() error { return a.noList }

// Unlisted returns a *StopError if the account could not be listed.
func (a Account) Unlisted() error {
	if a.Listed() {
		return nil
	}
	return &StopError{ErrUnreachable, fmt.Errorf("the account's devices cannot be listed: %w", a.noList)}
}

// Len returns the number of devices.
func (a Account) Len() int { return int(a.set().GetCardinality()) }

func (a Account) set() *roaring64.Bitmap {
	if a.devices == nil {
		return roaring64.New()
	}
	return a.devices
}

// All returns the devices, in the order of their addresses.
func (a Account) All() iter.Seq[rps.MAC] { return macsOf(a.set()) }

// Rows returns a source with one row per device, each asking for the action.
func (a Account) Rows(action Action) Source {
	return &deviceRows{macs: a.set().Iterator(), action: action}
}

func macsOf(set *roaring64.Bitmap) iter.Seq[rps.MAC] {
	return func(yield func(rps.MAC) bool) {
		for it := set.Iterator(); it.HasNext(); {
			if !yield(rps.MACFromUint64(it.Next())) {
				return
			}
		}
	}
}

// deviceRows yields a row for each of some devices.
type deviceRows struct {
	macs   roaring64.IntPeekable64
	action Action
	cells  bool // the MAC is one of the user's cells
}

func (d *deviceRows) Read(row *Row) error {
	if !d.macs.HasNext() {
		return io.EOF
	}
	mac := rps.MACFromUint64(d.macs.Next())
	*row = Row{Device: Device{Action: d.action, MAC: mac}}
	if d.cells {
		row.Raw, row.Cells = mac.String(), 1
	}
	return nil
}
