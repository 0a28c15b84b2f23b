package batch

import (
	"hash/maphash"

	"rpsbatch/rps"
)

// Baseline is what an earlier run left bound, as its result file tells: where
// it says nothing of a row, or something else than what is asked now, the row
// is new.
type Baseline struct {
	seed  maphash.Seed
	bound map[uint64]uint64 // MACs, and a hash of what they are bound to
}

// TakeBaseline reads the result of an earlier run. Only what that run, or a
// look-up of it, knew to be bound as its row asks counts.
func TakeBaseline(source Source) (*Baseline, error) {
	b := &Baseline{seed: maphash.MakeSeed(), bound: map[uint64]uint64{}}
	err := EachRow(source, func(_ int, row *Row) error {
		mac := row.Device.MAC.Uint64()
		switch {
		case row.Blank || row.Problem != "":
		case row.Prior.Status == Deregistered:
			delete(b.bound, mac)
		case row.provesBound():
			b.bound[mac] = b.target(&row.Device)
		}
		return nil
	})
	return b, err
}

// Len returns the number of devices that it knows to be bound.
func (b *Baseline) Len() int { return len(b.bound) }

// has reports whether the device was bound to just what is asked now.
func (b *Baseline) has(d *Device) bool {
	if b == nil {
		return false
	}
	was, ok := b.bound[d.MAC.Uint64()]
	return ok && was == b.target(d)
}

// target returns a hash of what a device is to be bound to.
func (b *Baseline) target(d *Device) uint64 {
	bound := Device{Action: Register, Server: d.Server, URL: d.URL}
	return bound.target(b.seed)
}

// ofAnother reports whether what an earlier result says is of another device,
// which the row's cell held then. One that a spreadsheet has damaged since is the
// same.
func (row *Row) ofAnother() bool {
	return row.Prior.MAC != rps.MAC{} && row.Prior.MAC != row.Device.MAC && !row.Damaged
}

// retargeted reports whether the row asks for another server or URL than the one
// that an earlier result has for it: a cell was changed since.
func (row *Row) retargeted() bool {
	d, prior := &row.Device, &row.Prior
	if d.Action != Register && d.Action != Edit {
		return false
	}
	return prior.Server != "" && d.Server != prior.Server || d.URL != "" && prior.URL != "" && !sameURL(d.URL, prior.URL)
}

// provesBound reports whether an earlier run knew that the device was bound as
// its row asks. A row that nothing was done to is as proven as the baseline had it.
func (row *Row) provesBound() bool {
	d, prior := &row.Device, &row.Prior
	if d.Action != Register && d.Action != Edit || row.ofAnother() || d.Server != prior.Server || d.URL != "" && !sameURL(d.URL, prior.URL) {
		return false
	}
	switch prior.Status {
	case NotAttempted, Exists:
		return prior.Proof == ProofBaseline
	case Registered, Overridden, Unchanged, Edited, Matches:
		return prior.Proof.bound()
	}
	return false
}

// priorSucceeded reports whether the row was as its user asked, as an earlier
// result has it. Of a Duplicate the row that it repeats decides.
func (row *Row) priorSucceeded() bool { return row.Device.Action.Succeeds(row.Prior.Status) }
