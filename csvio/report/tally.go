// Package report counts the rows of a result file, and writes the counts as a
// page.
//
// A [Tally] takes the rows one by one and keeps counts, a few examples and the
// first rows that did not succeed, so that a file of a million rows takes little
// memory. A [Page] shows them as HTML, in one file that loads nothing.
//
// Unique URLs are secrets. A Tally returns none of them unless [Options] say so;
// see masker.
package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/batch"
	"rpsbatch/rps"
)

// Options say what a Tally counts, and what it keeps.
type Options struct {
	Rows          int  // rows that did not succeed to keep, at most
	ShowURLs      bool // unique URLs as they are
	IgnoreMissing bool // not-registered is a success
}

// A Tally counts the rows of a result file. Its fields may be read at any time;
// it is not safe for concurrent use.
type Tally struct {
	Rows      int       // not counting blank records
	Blank     int       // records that are not devices
	Hidden    int       // rows that were skipped because their sheet hides them or crosses them out
	Succeeded int       // including duplicates of rows that succeeded
	From, To  time.Time // the first and the last verdict; zero if none has a time
	Sandbox   int       // rows that were tried at a simulated service
	Failed    []Row     // the first that did not succeed, in the file's order

	opts     Options
	statuses map[batch.Status]*Count
	servers  map[string]*Count
	refusals refusals

	// fates has the devices of the rows so far by status. A MAC can have several:
	// one of its rows was refused for its target, and another was sent.
	fates      map[batch.Status]*roaring64.Bitmap
	unresolved int // duplicates whose row has not come before them
}

// A Count is how many rows have something in common.
type Count struct {
	Name      string
	Rows      int
	Succeeded int
}

// Status returns the name as a status.
func (c Count) Status() batch.Status { return batch.Status(c.Name) }

// Failed returns the number of rows that did not succeed.
func (c Count) Failed() int { return c.Rows - c.Succeeded }

// A Row is one that did not succeed.
type Row struct {
	Line   int
	MAC    string
	Server string
	Status batch.Status
	Fate   batch.Status // Status, or for a duplicate that of the row it repeats
	Detail string
	URL    string // the bound one
}

// What replaces a name.
const (
	NoServer  = "(none)"
	NoVerdict = "(no verdict)"
	others    = "(others)"
)

const (
	// Somebody's prose in a cell must not fill memory or the page.
	longestName   = 100
	longestCell   = 24
	longestDetail = 600

	// Unknown statuses come from another program's column, or from damage.
	maxOddStatuses = 50
)

// NewTally returns an empty Tally.
func NewTally(opts Options) *Tally {
	return &Tally{
		opts: opts, statuses: map[batch.Status]*Count{}, servers: map[string]*Count{},
		refusals: refusals{by: map[refusalKey]*Refusal{}}, fates: map[batch.Status]*roaring64.Bitmap{},
	}
}

// Add counts a row.
func (t *Tally) Add(row *batch.Row) {
	if row.Skipped {
		t.Hidden++
		return
	}
	if row.Blank {
		t.Blank++
		return
	}
	prior := row.Prior
	if prior.Line == 0 {
		prior.Line = row.Line
	}
	if prior.Proof == batch.ProofSandbox {
		t.Sandbox++
	}
	good, fate := t.judge(row)
	t.Rows++
	mask := masker{show: t.opts.ShowURLs, secrets: [...]string{row.Device.URL, prior.URL}}
	status := t.status(prior.Status, mask)
	if fate == prior.Status {
		fate = status
	}
	t.count(t.statuses, status, good)
	server := mask.name(cmp.Or(prior.Server, row.Device.Server))
	t.countServer(server, good)
	if at := prior.Time; !at.IsZero() {
		if t.From.IsZero() || at.Before(t.From) {
			t.From = at
		}
		if at.After(t.To) {
			t.To = at
		}
	}
	if good {
		t.Succeeded++
		return
	}
	example := Example{Line: prior.Line}
	if prior.MAC != (rps.MAC{}) {
		example.MAC = prior.MAC.String()
	} else if row.Said != "" {
		example.MAC = strings.Clone(clipped(mask.name(row.Said), longestCell))
	}
	t.refusals.add(status, fate, refusalText(mask.always().text(prior.Detail)), example)
	if len(t.Failed) < t.opts.Rows {
		t.Failed = append(t.Failed, Row{
			Line: prior.Line, MAC: example.MAC, Server: t.servers[cmp.Or(server, NoServer)].Name,
			Status: status, Fate: fate,
			Detail: strings.Clone(clipped(mask.text(prior.Detail), longestDetail)),
			URL:    strings.Clone(clipped(mask.text(prior.URL), longestDetail)),
		})
	}
}

// judge reports whether a row is as the user asked. A duplicate shares the fate
// of an earlier row, which is that of its device in this file.
func (t *Tally) judge(row *batch.Row) (good bool, fate batch.Status) {
	status, mac := row.Prior.Status, row.Prior.MAC
	if status != batch.Duplicate {
		// conflict and invalid say nothing about the device.
		if mac != (rps.MAC{}) && status != batch.Conflict && status != batch.Invalid {
			t.fate(status).Add(mac.Uint64())
		}
		return t.success(row, status), status
	}
	for _, known := range batch.Statuses {
		if macs := t.fates[known]; macs != nil && macs.Contains(mac.Uint64()) {
			return t.success(row, known), known
		}
	}
	t.unresolved++
	return false, status
}

// Again returns a tally for counting the same rows again, if duplicates come
// before the rows that they repeat: it knows what happened to those.
func (t *Tally) Again() (again *Tally, needed bool) {
	again = NewTally(t.opts)
	again.fates = t.fates
	return again, t.unresolved > 0
}

// fate returns the devices of the rows with a status.
func (t *Tally) fate(s batch.Status) *roaring64.Bitmap {
	if t.fates[s] == nil {
		t.fates[batch.Status(strings.Clone(string(s)))] = roaring64.New()
	}
	return t.fates[s]
}

func (t *Tally) success(row *batch.Row, s batch.Status) bool {
	return row.Device.Action.Succeeds(s) || s == batch.NotRegistered && t.opts.IgnoreMissing
}

// status returns the name under which a row's status is counted.
func (t *Tally) status(s batch.Status, mask masker) batch.Status {
	if at := slices.Index(batch.Statuses, s); at >= 0 {
		return batch.Statuses[at]
	}
	if s == "" {
		return NoVerdict
	}
	odd := batch.Status(strings.Clone(mask.name(string(s))))
	if t.statuses[odd] == nil && len(t.statuses) >= len(batch.Statuses)+maxOddStatuses {
		return others
	}
	return odd
}

func (t *Tally) count(counts map[batch.Status]*Count, status batch.Status, good bool) {
	c := counts[status]
	if c == nil {
		c = &Count{Name: string(status)}
		counts[status] = c
	}
	c.add(good)
}

func (t *Tally) countServer(name string, good bool) {
	name = cmp.Or(name, NoServer)
	c := t.servers[name]
	if c == nil {
		name = strings.Clone(name) // it is a part of a large block
		c = &Count{Name: name}
		t.servers[name] = c
	}
	c.add(good)
}

func (c *Count) add(good bool) {
	c.Rows++
	if good {
		c.Succeeded++
	}
}

// Statuses returns the rows by status, most rows first.
func (t *Tally) Statuses() []Count {
	return sorted(maps.Values(t.statuses))
}

// Servers returns the rows by server, most rows first; none if no row names one.
func (t *Tally) Servers() []Count {
	if len(t.servers) == 1 && t.servers[NoServer] != nil {
		return nil
	}
	return sorted(maps.Values(t.servers))
}

func sorted(counts func(func(*Count) bool)) (list []Count) {
	for c := range counts {
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// Head cuts a list at n, and returns how many items it leaves out, with how many
// rows. It never leaves out a single item: showing it takes no more room than
// saying so.
func Head[T interface{ rows() int }](list []T, n int) (shown []T, more, rows int) {
	if len(list) <= n+1 {
		return list, 0, 0
	}
	for _, item := range list[n:] {
		rows += item.rows()
	}
	return list[:n], len(list) - n, rows
}

func (c Count) rows() int   { return c.Rows }
func (r Refusal) rows() int { return r.Rows }

// clipped cuts a text that is longer than most characters.
func clipped(text string, most int) string {
	if len(text) <= most {
		return text
	}
	n := 0
	for i := range text {
		if n++; n > most {
			return text[:i] + "..."
		}
	}
	return text
}
