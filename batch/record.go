package batch

import (
	"errors"
	"fmt"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
)

// journalVersion is that of the form of a journal's records.
const journalVersion = 3

// A record is one line of a journal; one of its fields is set.
type record struct {
	Header   *beginning `json:"header,omitempty"`
	Account  *account   `json:"account,omitempty"`
	Sending  *sending   `json:"sending,omitempty"`
	Kept     []kept     `json:"kept,omitempty"`
	Settled  []settling `json:"settled,omitempty"`
	NoSuch   *noSuch    `json:"no_such,omitempty"`
	ListCut  bool       `json:"list_cut,omitempty"` // the account's list was not whole
	Done     bool       `json:"done,omitempty"`     // every row has its verdict
	Finished bool       `json:"finished,omitempty"` // the results are in place: never to be resumed
	Removed  []removal  `json:"removed,omitempty"`  // by a run that was discarded
	Discards bool       `json:"discards,omitempty"` // a run was discarded that may have changed something
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
	Listed   bool     `json:"listed"`
	Devices  int      `json:"devices"`         // that it had
	Known    []byte   `json:"known"`           // the devices of the file that it had: a roaring64 bitmap
	Override Override `json:"override"`        // with OverrideAsk answered
	Prune    []byte   `json:"prune,omitempty"` // devices that the file lacks and that are removed: another bitmap
}

// sending is a call that is about to leave: it may be applied.
type sending struct {
	Rows    []int     `json:"rows"`
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

// noSuch is a server that the account does not have.
type noSuch struct {
	Server string `json:"server"`
	Detail string `json:"detail"`
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
	s := &sending{Rows: rowsOf(c.items), Moves: c.call.moves(), Until: until}
	for _, it := range c.items {
		if it.Before == present {
			s.Present = append(s.Present, it.row)
		}
	}
	return j.append(record{Sending: s})
}

// kept notes what is known of rows.
func (j *Journal) kept(items []item, unmade bool) error {
	if len(items) == 0 {
		return nil
	}
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
	if len(all) == 0 {
		return nil
	}
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
func (k *known) record(file *roaring64.Bitmap) (record, error) {
	a := &account{Listed: k.hasBefore, Devices: k.devices, Override: k.config.Override}
	var err error
	if a.Known, err = roaring64.And(k.before, file).ToBytes(); err == nil && !k.prune.IsEmpty() {
		a.Prune, err = k.prune.ToBytes()
	}
	if err != nil {
		return record{}, fmt.Errorf("cannot write the journal: %w", err)
	}
	return record{Account: a}, nil
}

// left is a result that the run is about to put in its place.
type left struct {
	Sum
	Chosen []byte `json:"chosen,omitempty"` // the rows that are run again, where not all are: a roaring64 bitmap
}

// Leaving notes a result that is about to get its name. It may take the place of the
// input, of which only some rows were chosen; nil: all.
func (j *Journal) Leaving(result Sum, chosen *roaring64.Bitmap) error {
	l := &left{Sum: result}
	if chosen != nil {
		var err error
		if l.Chosen, err = chosen.ToBytes(); err != nil {
			return fmt.Errorf("cannot write the journal: %w", err)
		}
	}
	return errors.Join(j.append(record{Left: l}), j.sync())
}
