package batch

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
)

// journalVersion is that of the form of a journal's records.
const journalVersion = 4

// A record is one line of a journal; one of its fields is set.
type record struct {
	Header   *beginning `json:"header,omitempty"`
	Account  *account   `json:"account,omitempty"`
	Sending  *sending   `json:"sending,omitempty"`
	Kept     []kept     `json:"kept,omitempty"`
	Settled  []settling `json:"settled,omitempty"`
	ListCut  bool       `json:"list_cut,omitempty"` // the account's list was not whole
	Finished bool       `json:"finished,omitempty"` // the results are in place: never to be resumed
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

// discard is what runs that were discarded may have changed.
type discard struct {
	Devices packed `json:"devices,omitempty"`
	Any     bool   `json:"any,omitempty"` // the journal of one could not be read
}

// sending is a call that is about to leave: it may be applied.
type sending struct {
	Rows    []int     `json:"rows"`
	MACs    []uint64  `json:"macs"`
	Present []int     `json:"present,omitempty"` // of these, those known to have been registered before
	Moves   bool      `json:"moves,omitempty"`   // it may move them
	Until   time.Time `json:"until"`             // it may be applied until then, if no answer comes
}

// kept is what is known of rows after a call, or what was before a call that
// was not made after all.
type kept struct {
	Rows     []int    `json:"rows"`
	Evidence evidence `json:"evidence"`
	Unmade   bool     `json:"unmade,omitempty"`
}

// settling is a verdict that rows have in common.
type settling struct {
	Rows   []int     `json:"rows"`
	Status Status    `json:"status"`
	Proof  Proof     `json:"proof,omitempty"`
	Detail string    `json:"detail,omitempty"`
	URL    string    `json:"url,omitempty"`
	Calls  int       `json:"calls,omitempty"`
	Time   time.Time `json:"time,omitzero"`
}

// sending notes a call that is about to leave. When it returns without an error
// it is on disk. Calls noted at the same time share a sync.
func (j *Journal) sending(c change, until time.Time) error {
	if err := j.noteSending(c, until); err != nil {
		return err
	}
	return j.sync()
}

func (j *Journal) noteSending(c change, until time.Time) error {
	j.used.Store(true)
	for items := range slices.Chunk(c.items, maxTogether) {
		s := &sending{Rows: rowsOf(items), Moves: c.call.moves(), Until: until}
		for _, it := range items {
			s.MACs = append(s.MACs, it.mac.Uint64())
			if it.Before == present {
				s.Present = append(s.Present, it.row)
			}
		}
		if err := j.append(record{Sending: s}); err != nil {
			return err
		}
	}
	return nil
}

// maxTogether is how many rows share a record at most.
const maxTogether = 100

// kept notes what is known of rows.
func (j *Journal) kept(items []item, unmade bool) error {
	for some := range slices.Chunk(items, maxTogether) {
		if err := j.keptTogether(some, unmade); err != nil {
			return err
		}
	}
	return nil
}

func (j *Journal) keptTogether(items []item, unmade bool) error {
	var all []kept
	at := map[evidence]int{}
	for _, it := range items {
		e := it.evidence
		e.kin, e.List, e.listAt = nil, unlisted, 0
		i, ok := at[e]
		if !ok {
			i = len(all)
			at[e] = i
			all = append(all, kept{Evidence: e, Unmade: unmade})
		}
		all[i].Rows = append(all[i].Rows, it.row)
	}
	return j.append(record{Kept: all})
}

// settled notes verdicts.
func (j *Journal) settled(all []settlement) error {
	for some := range slices.Chunk(all, maxTogether) {
		if err := j.settledTogether(some); err != nil {
			return err
		}
	}
	return nil
}

func (j *Journal) settledTogether(all []settlement) error {
	j.used.Store(true)
	var same []settling
	at := map[Verdict]int{}
	for _, s := range all {
		i, ok := at[s.verdict]
		if !ok {
			i = len(same)
			at[s.verdict] = i
			v := s.verdict
			same = append(same, settling{Status: v.Status, Proof: v.Proof, Detail: v.Detail, URL: v.URL, Calls: v.Calls, Time: v.Time})
		}
		same[i].Rows = append(same[i].Rows, s.row)
	}
	return j.append(record{Settled: same})
}

func rowsOf(items []item) []int {
	rows := make([]int, len(items))
	for i, it := range items {
		rows[i] = it.row
	}
	return rows
}

// record packs what is known of the account before the first change.
func (k *known) record(file *roaring64.Bitmap) record {
	return record{Account: &account{
		Listed: k.hasBefore, Devices: k.devices, Known: pack(roaring64.And(k.before, file)), Prune: pack(k.prune),
	}}
}

// left is a result that the run is about to put in its place.
type left struct {
	Sum
	Chosen *packed `json:"chosen,omitempty"` // the rows that are run again, where not all are
}

// Leaving notes a result that is about to get its name. It may take the place of the
// input, of which only some rows were chosen; nil: all.
func (j *Journal) Leaving(result Sum, chosen *roaring64.Bitmap) error {
	l := &left{Sum: result}
	if chosen != nil {
		rows := pack(chosen)
		l.Chosen = &rows
	}
	return errors.Join(j.append(record{Left: l}), j.sync())
}

// packed is a set of numbers below 1<<48 as its differences, each a uvarint: a set
// takes no more memory than its bytes account for.
type packed []byte

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
	set := roaring64.New()
	for last := uint64(0); len(p) > 0; {
		n, size := binary.Uvarint(p)
		if size <= 0 || n >= 1<<48-last || n == 0 && !set.IsEmpty() {
			return nil, errors.New("it has no set of numbers where there should be one")
		}
		last += n
		set.Add(last)
		p = p[size:]
	}
	return set, nil
}
