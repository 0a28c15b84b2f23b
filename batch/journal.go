package batch

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/batch/durable"
	"rpsbatch/rps"
)

// differs returns what is different in the run that left a history, or what
// contradicts this header; "" if nothing does.
func (h Header) differs(past *History) string {
	other := past.header
	switch {
	case h.Version != other.Version:
		return "it was written by another version of rpsbatch"
	case h.Command != other.Command:
		return fmt.Sprintf("it is for '%s', not '%s'", other.Command, h.Command)
	case h.Rows != other.Rows || h.Sum != other.Sum && !(h.InPlace && past.HasLeft(h.Sum)):
		return "it is for another input, or for this one before it changed"
	}
	all := maps.Clone(other.Policies)
	maps.Copy(all, h.Policies)
	var differ []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if other.Policies[name] != h.Policies[name] {
			differ = append(differ, fmt.Sprintf("it has %s %q, not %q", name, other.Policies[name], h.Policies[name]))
		}
	}
	switch s := h.Survey; {
	case differ != nil:
		return strings.Join(differ, ", ")
	case past.prune.IsEmpty():
	case !h.Prunes || s == nil:
		return "it removes devices that the file lacks, and this run does not"
	case s.Unread > 0:
		return "it removes devices that the file lacks, but some rows of the file cannot be read"
	case past.prune.Intersects(s.seen), past.prune.Intersects(s.flawed):
		return "it removes devices that the file has"
	}
	return ""
}

// A Journal keeps the progress of a run on disk, so that it can be killed at any
// moment and resumed. It is append-only: one line per record, with a checksum. It
// is safe for concurrent use.
type Journal struct {
	name string
	lock *durable.Lock
	file *durable.Private

	mu      sync.Mutex
	done    sync.Cond // a sync is done
	err     error     // the first failed write: nothing more is written
	written int       // records, and how many of them are known to be on disk
	synced  int
	syncing bool

	discarded *History          // what it had before, and is not resumed
	changed   *roaring64.Bitmap // devices that earlier parts of the run, or discarded runs, may have changed
	any       bool              // the journal of one of those cannot be read

	used atomic.Bool // it has calls or verdicts
}

// A JournalError reports that the journal belongs to another run.
type JournalError struct {
	Name    string
	Reason  error // ErrUnfinished or ErrOtherRun
	Command string
	Since   time.Time
	Detail  string // what is different; "" if nothing was compared
}

func (e *JournalError) Error() string {
	text := fmt.Sprintf("%s: %v: '%s', started %s", e.Name, e.Reason, e.Command, e.Since.Local().Format(time.DateTime))
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

func (e *JournalError) Unwrap() error { return e.Reason }

// OpenJournal opens the journal for a run and returns what an earlier, unfinished
// run left in it: nil if there was none, or if it is discarded. Without resume
// and restart, an unfinished run is ErrUnfinished; with both, one with a
// different header is discarded. If another run has the journal, the error is a
// [durable.LockedError].
func OpenJournal(name string, header Header, resume, restart bool) (*Journal, *History, error) {
	lock, err := durable.TryLock(name + ".lock")
	if err != nil {
		return nil, nil, err
	}
	j := &Journal{name: name, lock: lock}
	j.done.L = &j.mu
	header.Version = journalVersion
	history, err := j.take(header, resume, restart)
	if err != nil {
		if j.file != nil {
			j.file.Close()
		}
		j.lock.Remove()
		return nil, nil, err
	}
	return j, history, nil
}

func (j *Journal) take(header Header, resume, restart bool) (history *History, err error) {
	if j.file, err = durable.OpenPrivate(j.name); err != nil {
		return nil, err
	}
	history, size, err := readHistory(j.file, header.Rows)
	if history != nil && history.finished {
		history = nil // it could not be removed
	}
	found := history
	other := func(reason error, detail string) error {
		return &JournalError{j.name, reason, history.header.Command, history.since, detail}
	}
	switch {
	case err != nil && restart:
		history = nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", j.name, err)
	case history == nil:
		// New, or without even a header.
	case header.ReadOnly && header.Command != history.header.Command:
		return nil, other(ErrOtherRun, "")
	case resume:
		if what := header.differs(history); what != "" {
			if !restart {
				return nil, other(ErrOtherRun, what)
			}
			history = nil
		}
	case restart:
		history = nil
	default:
		return nil, other(ErrUnfinished, "")
	}
	if history == nil {
		size, j.discarded = 0, found
	}
	j.any = err != nil || found != nil && found.any
	if j.changed = roaring64.New(); found != nil {
		j.changed = found.changed
	}
	// What is torn at the end is dropped, so that the next record starts a line.
	if err := j.file.Truncate(size); err != nil {
		return nil, fmt.Errorf("cannot write the journal: %w", err)
	}
	if _, err := j.file.Seek(size, io.SeekStart); err != nil {
		return nil, fmt.Errorf("cannot write the journal: %w", err)
	}
	j.used.Store(history != nil)
	if history == nil {
		if err := j.begin(header, found); err != nil {
			return nil, err
		}
	}
	if err := j.sync(); err != nil {
		return nil, err
	}
	if err := durable.SyncFolder(filepath.Dir(j.name)); err != nil {
		return nil, fmt.Errorf("cannot write the journal: %w", err)
	}
	return history, nil
}

// begin writes the first records of a run; found is what a discarded one left.
func (j *Journal) begin(header Header, found *History) error {
	if err := j.append(record{Header: &beginning{header, time.Now()}}); err != nil {
		return err
	}
	// It may have changed what an earlier result shows. A run that ends
	// before finding out leaves that to the next.
	if j.any || !j.changed.IsEmpty() {
		j.used.Store(true)
		if err := j.append(record{Discards: &discard{pack(j.changed), j.any}}); err != nil {
			return err
		}
	}
	// What was removed must be reported all the same, by whichever run
	// finishes.
	for removed := range slices.Chunk(found.allRemoved(), maxTogether) {
		j.used.Store(true)
		if err := j.append(record{Removed: removed}); err != nil {
			return err
		}
	}
	return nil
}

// append writes a record. When it returns, the record survives the process,
// though not yet a power cut.
func (j *Journal) append(r record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("cannot write the journal: %w", err)
	}
	line := make([]byte, 0, len(data)+10)
	line = fmt.Appendf(line, "%08x ", crc32.Checksum(data, Castagnoli))
	line = append(append(line, data...), '\n')
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil {
		if _, err := j.file.Write(line); err != nil {
			j.err = fmt.Errorf("cannot write the journal: %w", err)
		}
	}
	j.written++
	return j.err
}

// sync makes what was appended survive a power cut. One sync serves all waiting
// callers: one that arrives while a sync is under way waits for the next.
func (j *Journal) sync() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	mine := j.written
	for j.syncing && j.synced < mine {
		j.done.Wait()
	}
	if j.synced >= mine || j.err != nil {
		return j.err
	}
	j.syncing = true
	upto := j.written
	j.mu.Unlock()
	err := j.file.Sync()
	j.mu.Lock()
	j.syncing, j.synced = false, upto
	if err != nil && j.err == nil {
		j.err = fmt.Errorf("cannot write the journal: %w", err)
	}
	j.done.Broadcast()
	return j.err
}

// Used reports whether it has anything that a run could resume.
func (j *Journal) Used() bool { return j.used.Load() }

// Forget removes from a baseline what may have changed since: the devices that
// earlier parts of the run, or discarded runs, may have changed. It returns their
// number.
func (j *Journal) Forget(b *Baseline) (devices int) {
	was := len(b.bound)
	if j.any {
		clear(b.bound)
	}
	for it := j.changed.Iterator(); it.HasNext(); {
		delete(b.bound, it.Next())
	}
	return was - len(b.bound)
}

// Removed returns, by MAC, what discarded runs removed, or may have, because
// their files lacked it: no other result records that. Devices that the account
// has were not removed.
func (j *Journal) Removed(past *History, account Account) map[rps.MAC]Verdict {
	removed := j.discarded.allRemoved()
	if past != nil {
		removed = past.removed
	}
	verdicts := map[rps.MAC]Verdict{}
	for _, r := range removed {
		if account.set().Contains(r.MAC) {
			continue
		}
		verdicts[rps.MACFromUint64(r.MAC)] = Verdict{Status: r.Status, Detail: r.Detail, Time: r.Time}
	}
	return verdicts
}

// Finish removes the journal: the results are in place. It is first marked as
// finished, so that it is not resumed if it cannot be removed.
func (j *Journal) Finish() error {
	defer j.lock.Remove()
	marked := errors.Join(j.append(record{Finished: true}), j.sync())
	err := j.file.Remove()
	switch {
	case err != nil && marked != nil:
		return fmt.Errorf("cannot remove the journal or mark it as finished: %w", err)
	case err != nil:
		return fmt.Errorf("cannot remove the journal: %w", err)
	}
	return nil
}

// Close leaves the journal for a run that resumes this one.
func (j *Journal) Close() error {
	defer j.lock.Remove()
	return errors.Join(j.sync(), j.file.Close())
}

// sending notes a call that is about to be sent. When it returns without an
// error, the note is on disk. Calls noted at the same time share a sync.
func (j *Journal) sending(c change, until time.Time) error {
	if err := j.noteSending(c, until); err != nil {
		return err
	}
	return j.sync()
}

func (j *Journal) noteSending(c change, until time.Time) error {
	j.used.Store(true)
	for items := range slices.Chunk(c.items, maxTogether) {
		s := &sending{Moves: c.call.moves(), Until: until}
		for _, it := range items {
			s.Rows, s.MACs = append(s.Rows, it.row), append(s.MACs, it.mac.Uint64())
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

// kept notes what is known of rows.
func (j *Journal) kept(items []item, unmade bool) error {
	for some := range slices.Chunk(items, maxTogether) {
		var all []kept
		at := map[evidence]int{}
		for _, it := range some {
			e := it.evidence
			e.kin, e.Earlier, e.List, e.listAt = nil, nil, unlisted, 0
			i, ok := at[e]
			if !ok {
				i = len(all)
				at[e] = i
				all = append(all, kept{Evidence: e, Unmade: unmade})
			}
			all[i].Rows = append(all[i].Rows, it.row)
		}
		if err := j.append(record{Kept: all}); err != nil {
			return err
		}
	}
	return nil
}

// settled notes verdicts.
func (j *Journal) settled(all []settlement) error {
	for some := range slices.Chunk(all, maxTogether) {
		j.used.Store(true)
		var same []settling
		at := map[Verdict]int{}
		for _, s := range some {
			i, ok := at[s.verdict]
			if !ok {
				i = len(same)
				at[s.verdict] = i
				same = append(same, settling{Verdict: s.verdict})
			}
			same[i].Rows = append(same[i].Rows, s.row)
		}
		if err := j.append(record{Settled: same}); err != nil {
			return err
		}
	}
	return nil
}

// Leaving notes a result that is about to get its name. It may replace the input,
// of which only some rows were chosen; nil: all.
func (j *Journal) Leaving(result Sum, chosen *roaring64.Bitmap) error {
	l := &left{Sum: result}
	if chosen != nil {
		rows := pack(chosen)
		l.Chosen = &rows
	}
	return errors.Join(j.append(record{Left: l}), j.sync())
}
