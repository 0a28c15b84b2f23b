package batch

import (
	"slices"
	"time"
)

// A Status is what happened to a row, as written in the result file.
type Status string

const (
	Registered          Status = "registered"           // bound now
	Overridden          Status = "overridden"           // bound before, and moved
	Unchanged           Status = "unchanged"            // was bound as asked
	Deregistered        Status = "deregistered"         // removed
	Edited              Status = "edited"               // its server was changed
	Duplicate           Status = "duplicate"            // shares the fate of an earlier row
	Invalid             Status = "invalid"              // never sent: the row is wrong
	Conflict            Status = "conflict"             // never sent: other rows want something else for the device
	Exists              Status = "exists"               // already registered, and not overridden
	RegisteredElsewhere Status = "registered-elsewhere" // owned by another account
	NotRegistered       Status = "not-registered"       // nothing to remove or edit
	UnknownServer       Status = "unknown-server"       // the account has no such server
	Refused             Status = "refused"              // any other refusal, in the service's words
	Failed              Status = "failed"               // no answer after all tries; certainly not applied
	InDoubt             Status = "in-doubt"             // may have been applied, and could not be looked up
	NotAttempted        Status = "not-attempted"        // the run stopped before this row

	// For Check only, besides Registered and RegisteredElsewhere.
	Unregistered Status = "unregistered" // bound to nothing
	Unknown      Status = "unknown"      // the service does not know the device

	// For Check when the row says what is wanted.
	Matches     Status = "matches"      // bound, or gone, as its row asks
	Differs     Status = "differs"      // bound to a different URL than the row's
	NotBound    Status = "not-bound"    // this account has not registered it
	StillBound  Status = "still-bound"  // its row wants it removed, but it is registered
	NotVerified Status = "not-verified" // registered; it cannot be known whether as its row asks
)

// Statuses has every status, in the order in which a summary shows them.
var Statuses = []Status{
	Registered, Overridden, Unchanged, Deregistered, Edited, Matches, Unregistered, Unknown, Duplicate,
	Differs, NotBound, StillBound, NotVerified,
	Exists, RegisteredElsewhere, NotRegistered, UnknownServer, Refused,
	Invalid, Conflict, Failed, InDoubt, NotAttempted,
}

// Success reports whether the status is a success, whatever was asked. A
// duplicate is what the row is that it repeats, so Duplicate itself is not a
// success.
func (s Status) Success() bool {
	switch s {
	case Registered, Overridden, Unchanged, Deregistered, Edited, Matches, Unregistered, Unknown:
		return true
	}
	return false
}

// Succeeds reports whether the status is a success for a row that asks for the
// action: a device of another account is a finding for Check, and a refusal for
// all others.
func (a Action) Succeeds(s Status) bool {
	return s.Success() || s == RegisteredElsewhere && (a == Check || a == CheckGone)
}

// A Proof is how a verdict is known, as written in the result file.
type Proof string

const (
	ProofNone     Proof = ""         // nothing is proven
	ProofAnswer   Proof = "answer"   // the service's answer to a call for this row
	ProofLookup   Proof = "lookup"   // checkDeviceExt showed where it is bound
	ProofList     Proof = "list"     // the account's list shows only whether it is there
	ProofBaseline Proof = "baseline" // an earlier result
	ProofSandbox  Proof = "sandbox"  // a simulated service, which proves nothing about the real one
)

var proofs = []Proof{ProofNone, ProofAnswer, ProofLookup, ProofList, ProofBaseline, ProofSandbox}

// bound reports whether the proof covers where a device is bound.
func (p Proof) bound() bool { return p == ProofAnswer || p == ProofLookup || p == ProofBaseline }

// Verdict is what the result file says of a row. The journal keeps it.
type Verdict struct {
	Status Status    `json:"status"`
	Proof  Proof     `json:"proof,omitempty"`  // how it is known
	Detail string    `json:"detail,omitempty"` // one line for a person, the service's own words included
	URL    string    `json:"url,omitempty"`    // the bound URL where it is known; a secret
	Calls  int       `json:"calls,omitempty"`  // calls that included the row
	Time   time.Time `json:"time,omitzero"`    // when it was settled; zero if it took no call
}

// unknownServer returns the verdict of a row whose server the account lacks: the
// service said so, and what it said when the server was to be added.
func unknownServer(notAdded, text string) Verdict {
	v := Verdict{Status: UnknownServer, Proof: ProofAnswer, Detail: says(text)}
	if notAdded != "" {
		v.Detail = "the server could not be added (" + notAdded + "); " + v.Detail
	}
	return v
}

// binds reports whether it proves that the device is bound as its row asks.
func (v *Verdict) binds() bool {
	return v != nil && v.Proof.bound() && slices.Contains([]Status{Registered, Overridden, Unchanged, Edited}, v.Status)
}

// existing returns the verdict of a row that is registered and stays as it is.
func existing(proof Proof, url string) Verdict {
	return Verdict{Status: Exists, Proof: proof, URL: url, Detail: "already registered by this account, and not overridden (--override own would move it)"}
}
