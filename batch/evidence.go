package batch

import (
	"strings"

	"rpsbatch/rps"
)

// Words in the details of verdicts by which a later run knows what they prove,
// when it reads them in a result file.
const (
	// Of a row that is in the account, and was not looked at, or could not
	// be, as to where it is bound.
	notCompared = "not compared"

	// They begin the details of rows that Check found amiss.
	elsewhereBound = ElsewhereBound + ":"
	notBound       = NotBound + ":"
	notVerified    = NotVerified + ":"
	stillBound     = StillBound + ":"

	// Of a row that nothing was done to, and that the baseline shows bound as
	// it asks.
	inBaseline = "as in the baseline"
)

// What Check finds amiss of a row.
const (
	ElsewhereBound = "elsewhere-bound"
	NotBound       = "not-bound"
	NotVerified    = "not-verified"
	StillBound     = "still-bound"
)

// Finding gives the word for what Check found amiss; "" if nothing is.
func (v Verdict) Finding() string {
	if !v.Amiss {
		return ""
	}
	word, _, _ := strings.Cut(v.Detail, ":")
	return word
}

// InSandbox stands in the details of successes that a simulated service gave.
const InSandbox = "in the sandbox"

// PriorSucceeded tells what a row's status and detail in a result file say:
// whether the row was as its user asked. Of a Duplicate the row that it repeats
// decides.
func PriorSucceeded(status Status, detail string) bool {
	for _, amiss := range []string{elsewhereBound, notBound, notVerified, stillBound} {
		if strings.Contains(detail, amiss) {
			return false
		}
	}
	// A device of another account is a finding of Check, which says no more, and
	// a refusal of the others, in the service's words.
	return status.Success() || status == RegisteredElsewhere && detail == ""
}

// ofAnother tells whether what an earlier result says is of another device,
// which the row's cell held then. One that a spreadsheet has damaged since is the
// same.
func (row *Row) ofAnother() bool {
	return row.PriorMAC != rps.MAC{} && row.PriorMAC != row.Device.MAC && !row.Damaged
}

// retargeted tells whether the row's unique URL is not the one that an earlier
// run has bound it to: its cell was changed since.
func (row *Row) retargeted() bool {
	return row.Device.URL != "" && row.PriorURL != "" && !strings.Contains(row.PriorDetail, notCompared) && !sameURL(row.Device.URL, row.PriorURL)
}

// provesBound tells whether an earlier run knew that the device was bound as its
// row asks.
func (row *Row) provesBound() bool {
	s, detail := row.PriorStatus, row.PriorDetail
	switch {
	case row.Device.Action != Register && row.Device.Action != Edit, row.ofAnother(), row.retargeted():
		return false
	case s == NotAttempted, s == Exists:
		return strings.Contains(detail, inBaseline)
	case s != Registered && s != Overridden && s != Unchanged && s != Edited:
		return false
	}
	return PriorSucceeded(s, detail) && !strings.Contains(detail, notCompared) && !strings.Contains(detail, InSandbox)
}
