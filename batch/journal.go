package batch

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
	"github.com/gofrs/flock"

	"rpsbatch/rps"
)

// Header says of which run a journal is. A run goes on only with a journal
// that has the same Header.
type Header struct {
	Version  int               `json:"version"` // of the journal's form; set by OpenJournal
	Command  string            `json:"command"`
	Rows     int               `json:"rows"` // of the input
	Size     int64             `json:"size"` // of the input, in bytes
	Sum      uint32            `json:"sum"`  // CRC-32C of the input
	Policies map[string]string `json:"policies"`
}

// differs names what is not the same in another header, "" if nothing is.
func (h Header) differs(other Header) string {
	switch {
	case h.Version != other.Version:
		return "it was written by another version of rpsbatch"
	case h.Command != other.Command:
		return fmt.Sprintf("it is of '%s', not of '%s'", other.Command, h.Command)
	case h.Rows != other.Rows || h.Size != other.Size || h.Sum != other.Sum:
		return "it is of another input, or of this one before it was changed"
	}
	names := slices.Sorted(maps.Keys(h.Policies))
	names = append(names, slices.Sorted(maps.Keys(other.Policies))...)
	for _, name := range names {
		if other.Policies[name] != h.Policies[name] {
			return fmt.Sprintf("it has %s %q, not %q", name, other.Policies[name], h.Policies[name])
		}
	}
	return ""
}

// journalVersion is that of the form of a journal's records.
const journalVersion = 2

// A record is one line of a journal; one of its fields is set.
type record struct {
	Header  *Header    `json:"header,omitempty"`
	Holder  *holder    `json:"holder,omitempty"`
	Account *account   `json:"account,omitempty"`
	Sending *sending   `json:"sending,omitempty"`
	Kept    []kept     `json:"kept,omitempty"`
	Settled []settling `json:"settled,omitempty"`
	NoSuch  *noSuch    `json:"no_such,omitempty"`
	ListCut bool       `json:"list_cut,omitempty"` // the account's list was not whole
	Done    bool       `json:"done,omitempty"`     // every row has its verdict
	Removed []removal  `json:"removed,omitempty"`  // by a run that was discarded
}

// removal is a device that a run removed, or may have.
type removal struct {
	MAC    uint64    `json:"mac"`
	Status Status    `json:"status"`
	Detail string    `json:"detail,omitempty"`
	Time   time.Time `json:"time,omitzero"`
}

// holder is the process that writes the journal from here on.
type holder struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

// account is what was known of the account before the first change.
type account struct {
	Listed   bool     `json:"listed"`
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

// A Journal keeps on disk how far a run is, so that it can be killed at any
// moment and gone on with. It is append-only: a line for each record, with its
// checksum. It is safe for concurrent use.
type Journal struct {
	name string
	lock *flock.Flock
	file *os.File
	info fs.FileInfo

	mu      sync.Mutex
	done    sync.Cond // a sync is done
	err     error     // of the first failed write: nothing more is written
	written int       // records, and those of them that are known to be on disk
	synced  int
	syncing bool

	discarded *History // what was in it, and is not gone on with
	discards  bool     // something was, if only what cannot be read

	used atomic.Bool // it has calls or verdicts
}

// Errors of OpenJournal.
var (
	ErrLocked     = errors.New("another run has it")
	ErrUnfinished = errors.New("there is the journal of an unfinished run")
	ErrOtherRun   = errors.New("the journal is of another run")
	ErrDamaged    = errors.New("the journal is damaged")
)

// OpenJournal takes the journal for a run, and gives what an earlier,
// unfinished one left in it: nil if there was none, or if it is discarded.
// Without resume and restart an unfinished run is ErrUnfinished; with both,
// one that is not of the same header is discarded.
func OpenJournal(name string, header Header, resume, restart bool) (*Journal, *History, error) {
	lock, err := takeLock(name + ".lock")
	if err != nil {
		if errors.Is(err, ErrLocked) {
			err = fmt.Errorf("%s: %w%s", name, err, heldBy(name))
		}
		return nil, nil, err
	}
	j := &Journal{name: name, lock: lock}
	j.done.L = &j.mu
	header.Version = journalVersion
	history, err := j.take(header, resume, restart)
	if err != nil {
		j.release()
		return nil, nil, err
	}
	return j, history, nil
}

func (j *Journal) take(header Header, resume, restart bool) (*History, error) {
	file, err := os.OpenFile(j.name, os.O_RDWR|os.O_CREATE, 0o600) // it holds unique URLs
	if err != nil {
		return nil, fmt.Errorf("cannot open the journal: %w", err)
	}
	j.file = file
	history, size, err := readHistory(file)
	found := history
	switch {
	case err != nil && restart:
		history = nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", j.name, err)
	case history == nil:
		// New, or it has not even a header.
	case resume:
		if what := header.differs(history.header); what != "" {
			if !restart {
				return nil, fmt.Errorf("%s: %w: %s", j.name, ErrOtherRun, what)
			}
			history = nil
		}
	case restart:
		history = nil
	default:
		return nil, fmt.Errorf("%s: %w, of %s", j.name, ErrUnfinished, history.since.Local().Format(time.DateTime))
	}
	if history == nil {
		size, j.discarded, j.discards = 0, found, found != nil || err != nil
	}
	// What is torn at the end goes, so that the next record begins a line.
	if err := file.Truncate(size); err != nil {
		return nil, fmt.Errorf("cannot write the journal: %w", err)
	}
	if _, err := file.Seek(size, 0); err != nil {
		return nil, fmt.Errorf("cannot write the journal: %w", err)
	}
	if j.info, err = file.Stat(); err != nil {
		return nil, fmt.Errorf("cannot write the journal: %w", err)
	}
	j.used.Store(history != nil)
	if history == nil {
		if err := j.append(record{Header: &header}); err != nil {
			return nil, err
		}
		// What was removed is to be told all the same, by whichever run ends.
		if removed := found.allRemoved(); len(removed) > 0 {
			j.used.Store(true)
			if err := j.append(record{Removed: removed}); err != nil {
				return nil, err
			}
		}
	}
	host, _ := os.Hostname()
	if err := j.append(record{Holder: &holder{PID: os.Getpid(), Host: host, Since: time.Now()}}); err != nil {
		return nil, err
	}
	if err := j.sync(); err != nil {
		return nil, err
	}
	if err := SyncFolder(filepath.Dir(j.name)); err != nil {
		return nil, fmt.Errorf("cannot write the journal: %w", err)
	}
	return history, nil
}

// sending notes a call that is about to leave. When it returns without an error
// it is on disk. Calls noted at the same time share a sync.
func (j *Journal) sending(c change, until time.Time) error {
	j.used.Store(true)
	s := &sending{Rows: rowsOf(c.items), Moves: c.call.moves(), Until: until}
	for _, it := range c.items {
		if it.Before == present {
			s.Present = append(s.Present, it.row)
		}
	}
	if err := j.append(record{Sending: s}); err != nil {
		return err
	}
	return j.sync()
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
		e.kin, e.List = nil, unlisted
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

// append writes a record. When it returns, the record outlives the process,
// though not yet the machine.
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

// sync makes what was appended outlive the machine as well. One sync serves all
// who wait for it: who comes while one is under way waits for the next.
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
	err := j.syncFile()
	j.mu.Lock()
	j.syncing, j.synced = false, upto
	if err != nil && j.err == nil {
		j.err = fmt.Errorf("cannot write the journal: %w", err)
	}
	j.done.Broadcast()
	return j.err
}

// syncFile also finds that the folder has vanished, which writing to an open file
// does not.
func (j *Journal) syncFile() error {
	if err := j.file.Sync(); err != nil {
		return err
	}
	now, err := os.Stat(j.name)
	if err == nil && !os.SameFile(now, j.info) {
		err = errors.New("another file has taken its name")
	}
	return err
}

// Castagnoli is the table of all sums of the journal, Header.Sum included.
var Castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Used reports whether there is anything in it that a run could go on with.
func (j *Journal) Used() bool { return j.used.Load() }

// Discards reports whether the journal of an unfinished run was discarded.
func (j *Journal) Discards() bool { return j.discards }

// Removed returns what discarded runs removed because their files lacked it, or may
// have, by MAC: no other result tells of it.
func (j *Journal) Removed(past *History) map[rps.MAC]Verdict {
	removed := j.discarded.allRemoved()
	if past != nil {
		removed = past.removed
	}
	verdicts := map[rps.MAC]Verdict{}
	for _, r := range removed {
		verdicts[rps.MACFromUint64(r.MAC)] = Verdict{Status: r.Status, Detail: r.Detail, Time: r.Time}
	}
	return verdicts
}

// Finish removes the journal: the results are in place.
func (j *Journal) Finish() error {
	err := j.file.Close()
	j.file = nil
	err = errors.Join(err, os.Remove(j.name))
	j.release()
	return err
}

// Close leaves the journal for a run that goes on with it.
func (j *Journal) Close() error {
	err := errors.Join(j.sync(), j.file.Close())
	j.file = nil
	j.release()
	return err
}

func (j *Journal) release() {
	if j.file != nil {
		j.file.Close()
	}
	// Removed while it is held: who opens it anew makes another file, and who
	// has opened this one sees that it is gone.
	err := os.Remove(j.lock.Path())
	j.lock.Close()
	if err != nil {
		os.Remove(j.lock.Path()) // Windows does not remove what is open
	}
}

// takeLock takes a lock that the kernel gives back when the process ends.
func takeLock(name string) (*flock.Flock, error) {
	for range 100 {
		lock := flock.New(name, flock.SetPermissions(0o600))
		ok, err := lock.TryLock()
		if err != nil {
			return nil, fmt.Errorf("cannot lock the journal: %w", err)
		}
		if !ok {
			return nil, ErrLocked
		}
		held, err := lock.Stat()
		if err == nil {
			if now, err := os.Stat(name); err == nil && os.SameFile(held, now) {
				return lock, nil
			}
		}
		lock.Close() // the run that had it removed it meanwhile
	}
	return nil, ErrLocked
}

// heldBy tells who wrote the journal last.
func heldBy(name string) string {
	file, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer file.Close()
	history, _, err := readHistory(file)
	if err != nil || history == nil || history.holder == nil {
		return ""
	}
	h := history.holder
	return fmt.Sprintf(": process %d on %s, since %s", h.PID, h.Host, h.Since.Local().Format(time.DateTime))
}

// record packs what is known of the account before the first change.
func (k *known) record(file *roaring64.Bitmap) (record, error) {
	a := &account{Listed: k.hasBefore, Override: k.config.Override}
	var err error
	if a.Known, err = roaring64.And(k.before, file).ToBytes(); err == nil && !k.prune.IsEmpty() {
		a.Prune, err = k.prune.ToBytes()
	}
	if err != nil {
		return record{}, fmt.Errorf("cannot write the journal: %w", err)
	}
	return record{Account: a}, nil
}
