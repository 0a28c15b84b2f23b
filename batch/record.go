package batch

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
)

// journalVersion is the version of the format of a journal's records.
const journalVersion = 4

// A record is one line of a journal; one of its fields is set.
type record struct {
	Header   *beginning `json:"header,omitempty"`
	Account  *account   `json:"account,omitempty"`
	Sending  *sending   `json:"sending,omitempty"`
	Kept     []kept     `json:"kept,omitempty"`
	Settled  []settling `json:"settled,omitempty"`
	ListCut  bool       `json:"list_cut,omitempty"` // the account's list was incomplete
	Finished bool       `json:"finished,omitempty"` // the results are in place: never resume
	Removed  []removal  `json:"removed,omitempty"`  // by a run that was discarded
	Discards *discard   `json:"discards,omitempty"`
	Left     *left      `json:"left,omitempty"`
}

// beginning is the first record.
type beginning struct {
	Header
	Since time.Time `json:"since"`
}

// removal is a device that a run removed, or may have.
type removal struct {
	MAC    uint64    `json:"mac"`
	Status Status    `json:"status"`
	Detail string    `json:"detail,omitempty"`
	Time   time.Time `json:"time,omitzero"`
}

// account is what was known of the account before the first change.
type account struct {
	Listed  bool   `json:"listed"`
	Devices int    `json:"devices"`         // that it had
	Known   packed `json:"known,omitempty"` // the devices of the file that it had
	Prune   packed `json:"prune,omitempty"` // devices that the file lacks and that are removed
}

// discard is what discarded runs may have changed.
type discard struct {
	Devices packed `json:"devices,omitempty"`
	Any     bool   `json:"any,omitempty"` // the journal of one could not be read
}

// sending is a call that is about to be sent: it may be applied.
type sending struct {
	Rows    []int     `json:"rows"`
	MACs    []uint64  `json:"macs"`
	Present []int     `json:"present,omitempty"` // of these, those known to have been registered before
	Moves   bool      `json:"moves,omitempty"`   // it may move them
	Until   time.Time `json:"until"`             // it may be applied until then, if no answer comes
}

// kept is what is known of rows after a call, or what was known before a call
// that was not made after all.
type kept struct {
	Rows     []int    `json:"rows"`
	Evidence evidence `json:"evidence"`
	Unmade   bool     `json:"unmade,omitempty"`
}

// settling is a verdict that rows have in common.
type settling struct {
	Rows []int `json:"rows"`
	Verdict
}

// left is a result that the run is about to put in place.
type left struct {
	Sum
	Chosen *packed `json:"chosen,omitempty"` // the rows that are run again, where not all are
}

// packed is a set of numbers below 1<<48 stored as differences, each a uvarint.
type packed []byte

// maxSpread is how many blocks of 1<<16 numbers a set may have numbers of, as each
// takes some 200 bytes. A vendor's addresses have 256.
const maxSpread = 1 << 18

func pack(set *roaring64.Bitmap) (p packed) {
	last := uint64(0)
	for it := set.Iterator(); it.HasNext(); {
		n := it.Next()
		p = binary.AppendUvarint(p, n-last)
		last = n
	}
	return p
}

func (p packed) unpack() (*roaring64.Bitmap, error) {
	set, blocks := roaring64.New(), 0
	for last := uint64(0); len(p) > 0; {
		n, size := binary.Uvarint(p)
		if size <= 0 || n >= 1<<48-last || n == 0 && !set.IsEmpty() {
			return nil, errors.New("it has no set of numbers where there should be one")
		}
		if (last+n)>>16 != last>>16 {
			blocks++
		}
		if blocks > maxSpread {
			return nil, errors.New("its numbers are those of no devices")
		}
		last += n
		set.Add(last)
		p = p[size:]
	}
	return set, nil
}

// Header identifies the run that a journal belongs to. Only a run with the same
// Header resumes it.
type Header struct {
	Version  int               `json:"version"` // of the journal's format; set by OpenJournal
	Command  string            `json:"command"`
	Rows     int               `json:"rows"` // of the input
	Sum                        // of the input
	Policies map[string]string `json:"policies"`

	// ReadOnly is set if the command changes nothing: it never discards the
	// journal of a command that does.
	ReadOnly bool `json:"-"`

	Survey  *Survey `json:"-"` // of the input; nil: it is a list of the account
	Prunes  bool    `json:"-"` // the command removes what the input lacks
	InPlace bool    `json:"-"` // the result replaces the input
}

// Sum identifies the contents of a file.
type Sum struct {
	Size int64  `json:"size"` // in bytes
	CRC  uint32 `json:"sum"`  // CRC-32C
}

// Write adds p.
func (s *Sum) Write(p []byte) (int, error) {
	s.Size += int64(len(p))
	s.CRC = crc32.Update(s.CRC, Castagnoli, p)
	return len(p), nil
}

// Errors of OpenJournal.
var (
	ErrUnfinished = errors.New("there is an unfinished run")
	ErrOtherRun   = errors.New("the journal is from another run")
	ErrDamaged    = errors.New("the journal is damaged")
)

// Castagnoli is the table of all sums in the journal, Header.Sum included.
var Castagnoli = crc32.MakeTable(crc32.Castagnoli)

// touch is what is known of a row that calls have carried.
type touch struct {
	evidence
	calls  int
	flying bool // one of them may have been sent, and no answer was noted
}

// maxTogether is how many rows share a record at most.
const maxTogether = 100
