package batch

import (
	"time"

	"rpsbatch/rps"
)

// A presence is what a list of the account's devices shows of one device.
type presence uint8

const (
	unlisted presence = iota // there was no list
	present
	absent
)

// reach is how far calls of this run may have come with a row.
type reach uint8

const (
	untouched reach = iota
	refused         // a batch with it was refused as a whole, and may have been applied in part
	lost            // a call with it was sent, and no answer said what became of it
)

// evidence is what is known of a row that no answer has settled. The journal
// keeps it, so that a resumed run comes to the same conclusion.
type evidence struct {
	Before  presence `json:"before,omitempty"` // in the account before the run touched it
	Reach   reach    `json:"reach,omitempty"`
	Moves   bool     `json:"moves,omitempty"`   // one of those calls could move a registered device
	Asked   bool     `json:"asked,omitempty"`   // the service asked whether to override it, or others in its first call
	Alone   bool     `json:"alone,omitempty"`   // its last call was refused, and that was about this row
	Spared  bool     `json:"spared,omitempty"`  // a refusal that named several rows did not name it
	Checked bool     `json:"checked,omitempty"` // a list made since the last lost call did not show it
	List    presence `json:"-"`                 // what a list made since the last call shows
	listAt  int64    // when that list left, in Unix nanoseconds
	Tries   uint8    `json:"tries,omitempty"`  // calls that were lost
	Rounds  uint8    `json:"rounds,omitempty"` // how often it was sent again because of a list or a lookup
	Until   int64    `json:"until,omitempty"`  // a lost call may still be applied until then, in Unix nanoseconds
	Earlier *Verdict `json:"-"`                // which an earlier part of the run gave it, and the list contradicts
	Said    *words   `json:"said,omitempty"`   // of the last refusal

	kin *kin // the first refused batch that carried it
}

// words are those of a refusal, and what the row is if they are true.
type words struct {
	Status Status `json:"status"`
	Text   string `json:"text"`
}

// kin is what the rows of one refused batch share.
type kin struct {
	rows    int
	granted int // of these, those that were granted since
}

// maxRounds limits how often a row is sent again because of what was found.
const maxRounds = 5

// A finding is what lookups have shown of a row since its last call.
type finding struct {
	state sight
	bound string    // the URL, "" if not reported
	err   string    // why it could not be looked up
	at    time.Time // when the lookup was sent
}

// sight is what a lookup of a device shows.
type sight uint8

const (
	unseen    sight = iota
	ours            // this account has registered it
	elsewhere       // another account has
	nobodys         // it is not registered
	unseeable       // it could not be looked up
)

func sightOf(s rps.DeviceStatus) sight {
	switch s {
	case rps.Registered:
		return ours
	case rps.RegisteredElsewhere:
		return elsewhere
	}
	return nobodys
}
