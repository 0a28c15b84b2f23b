package batch

import "time"

// A Status is what became of a row, as it stands in the result file.
type Status string

const (
	Registered          Status = "registered"           // bound now
	Overridden          Status = "overridden"           // bound before, and moved
	Unchanged           Status = "unchanged"            // was bound as asked
	Deregistered        Status = "deregistered"         // removed
	Edited              Status = "edited"               // its server was changed
	Duplicate           Status = "duplicate"            // shares the fate of an earlier row
	Invalid             Status = "invalid"              // never sent: the row is wrong
	Conflict            Status = "conflict"             // never sent: other rows want something else of the device
	Exists              Status = "exists"               // registered already, and not overridden
	RegisteredElsewhere Status = "registered-elsewhere" // owned by another account
	NotRegistered       Status = "not-registered"       // nothing to remove or edit
	UnknownServer       Status = "unknown-server"       // the account has no such server
	Refused             Status = "refused"              // any other refusal, in the service's words
	Failed              Status = "failed"               // no answer after all tries; surely not applied
	InDoubt             Status = "in-doubt"             // may have been applied, and could not be looked up
	NotAttempted        Status = "not-attempted"        // the run stopped before it

	// Of Check alone, beside Registered and RegisteredElsewhere.
	Unregistered Status = "unregistered" // bound to nothing
	Unknown      Status = "unknown"      // the service does not know the device
)

// Statuses has every status, in the order in which a summary tells them.
var Statuses = []Status{
	Registered, Overridden, Unchanged, Deregistered, Edited, Unregistered, Unknown, Duplicate,
	Exists, RegisteredElsewhere, NotRegistered, UnknownServer, Refused,
	Invalid, Conflict, Failed, InDoubt, NotAttempted,
}

// Success tells whether the row is as the user asked. A duplicate is what the
// row is that it repeats, so Duplicate itself is none.
func (s Status) Success() bool {
	switch s {
	case Registered, Overridden, Unchanged, Deregistered, Edited, Unregistered, Unknown:
		return true
	}
	return false
}

// Verdict is what the result file says of a row.
type Verdict struct {
	Status Status
	Detail string    // one line of text, the service's own words included
	URL    string    // the bound URL where it is known; a secret
	Calls  int       // calls that carried the row
	Time   time.Time // when it was settled; zero if it took no call
	Amiss  bool      // of Check: the row is not bound as it asks
}
