package batch

import (
	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
)

// What an earlier part of the run has left is believed as far as nothing that is
// known now contradicts it.

// Known returns the devices of the file that an account's list shows, and that are
// to be registered. What an earlier part of the run has settled is not among them.
func (r *Run) Known(account Account) (Known, error) {
	s := r.Survey
	devices := roaring64.And(account.set(), s.seen)
	k := Known{Listed: account.Listed(), MACs: func(yield func(rps.MAC) bool) {
		for mac := range macsOf(devices) {
			if s.binds(mac.Uint64()) && !yield(mac) {
				return
			}
		}
	}}
	if r.Past != nil {
		source, err := r.Open()
		if err == nil {
			err = EachRow(source, func(n int, row *Row) error {
				if _, settled := r.Past.verdict(n); settled {
					devices.Remove(row.Device.MAC.Uint64())
				}
				return nil
			})
		}
		if err != nil {
			return k, &StopError{ErrInput, err}
		}
	}
	for range k.MACs {
		k.Count++
	}
	return k, nil
}
