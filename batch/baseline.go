package batch

import (
	"hash/maphash"
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

// Len gives the number of devices that it knows to be bound.
func (b *Baseline) Len() int { return len(b.bound) }

// has tells whether the device was bound to just what is asked now.
func (b *Baseline) has(d *Device) bool {
	if b == nil {
		return false
	}
	was, ok := b.bound[d.MAC.Uint64()]
	return ok && was == b.target(d)
}

// target gives a hash of what a device is to be bound to.
func (b *Baseline) target(d *Device) uint64 {
	bound := Device{Action: Register, Server: d.Server, URL: d.URL}
	return bound.target(b.seed)
}
