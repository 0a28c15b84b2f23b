package batch

import (
	"hash/maphash"
	"time"

	"rpsbatch/rps"
)

// Baseline is what an earlier run left bound, as its result file shows. A row
// that it does not mention, or that asks for something else now, is new.
type Baseline struct {
	// Weak is set if nobody named the baseline, and registered devices are to be
	// looked up: it then proves nothing about those.
	Weak bool

	seed  maphash.Seed
	bound map[uint64]bound
}

// bound is what a device was bound to.
type bound struct {
	target uint64 // a hash
	at     int64  // when that was proven, in Unix seconds; 0: not known
}

// TakeBaseline reads the result of an earlier run. Only what that run, or a
// lookup of it, knew to be bound as its row asks counts. In a result whose cells
// may have been edited since, a bound URL that no cell has proves nothing: the
// cell may be gone.
func TakeBaseline(source Source, edited bool) (*Baseline, error) {
	b := &Baseline{seed: maphash.MakeSeed(), bound: map[uint64]bound{}}
	err := EachRow(source, func(_ int, row *Row) error {
		mac := row.Device.MAC.Uint64()
		switch prior := &row.Prior; {
		case row.Blank || row.Problem != "":
		case prior.Status == Deregistered:
			delete(b.bound, mac)
		case edited && row.Device.URL == "" && prior.URL != "":
		case row.provesBound():
			was := bound{target: b.target(&row.Device)}
			if !prior.Time.IsZero() {
				was.at = prior.Time.Unix()
			}
			b.bound[mac] = was
		}
		return nil
	})
	return b, err
}

// Len returns the number of devices known to be bound.
func (b *Baseline) Len() int {
	if b == nil {
		return 0
	}
	return len(b.bound)
}

// has reports whether the device was bound to exactly what is asked now, and
// when.
func (b *Baseline) has(d *Device) (at time.Time, ok bool) {
	if b == nil {
		return time.Time{}, false
	}
	was, ok := b.bound[d.MAC.Uint64()]
	if !ok || was.target != b.target(d) {
		return time.Time{}, false
	}
	if was.at != 0 {
		at = time.Unix(was.at, 0)
	}
	return at, true
}

// verdict returns the verdict of a device that is as it was proven to be.
func (b *Baseline) verdict(d *Device) (v Verdict, ok bool) {
	at, ok := b.has(d)
	if !ok {
		return Verdict{}, false
	}
	when := ""
	if !at.IsZero() {
		when = " of " + at.UTC().Format(time.DateTime) + " UTC"
	}
	return Verdict{Status: Unchanged, Proof: ProofBaseline, URL: d.URL, Time: at,
		Detail: "bound as its row asks by an earlier run" + when + "; the account's list still shows it"}, true
}

// kept marks the verdict of a device to which nothing was done: it is as proven
// as before.
func (b *Baseline) kept(d *Device, v Verdict) Verdict {
	if at, ok := b.has(d); ok {
		v.Proof, v.Time, v.URL = ProofBaseline, at, d.URL
	}
	return v
}

// target returns a hash of what a device should be bound to.
func (b *Baseline) target(d *Device) uint64 {
	bound := Device{Action: Register, Server: d.Server, URL: d.URL}
	return bound.target(b.seed)
}

// ofAnother reports whether an earlier result is about another device, which the
// row's cell held then. A cell that a spreadsheet has damaged since counts as the
// same.
func (row *Row) ofAnother() bool {
	return row.Prior.MAC != rps.MAC{} && row.Prior.MAC != row.Device.MAC && !row.Damaged
}

// retargeted reports whether the row asks for another server or URL than an
// earlier result has for it: a cell was changed since.
func (row *Row) retargeted() bool {
	d, prior := &row.Device, &row.Prior
	if d.Action != Register && d.Action != Edit {
		return false
	}
	return prior.Server != "" && d.Server != prior.Server || d.URL != "" && prior.URL != "" && !sameURL(d.URL, prior.URL)
}

// provesBound reports whether an earlier run knew that the device was bound as
// its row asks. A row to which nothing was done is as proven as the baseline had
// it.
func (row *Row) provesBound() bool {
	d, prior := &row.Device, &row.Prior
	switch {
	case d.Action != Register && d.Action != Edit, row.ofAnother():
		return false
	case d.Server != prior.Server:
		return false // the cell was changed since
	case d.URL != "" && !sameURL(d.URL, prior.URL):
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

// priorSucceeded reports whether an earlier result shows the row as its user
// asked. For a Duplicate, the row that it repeats decides.
func (row *Row) priorSucceeded() bool { return row.Device.Action.Succeeds(row.Prior.Status) }
