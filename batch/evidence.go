package batch

import "rpsbatch/rps"

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
