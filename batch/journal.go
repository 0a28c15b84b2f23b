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
	Command  string            `json:"command"`
	Rows     int               `json:"rows"` // of the input
	Size     int64             `json:"size"` // of the input, in bytes
	Sum      uint32            `json:"sum"`  // CRC-32C of the input
	Policies map[string]string `json:"policies"`
}

// differs names what is not the same in another header, "" if nothing is.
func (h Header) differs(other Header) string {
	switch {
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

// A record is one line of a journal; one of its fields is set.
type record struct {
	Header  *Header    `json:"header,omitempty"`
	Holder  *holder    `json:"holder,omitempty"`
	Account *account   `json:"account,omitempty"`
	Sending *touching  `json:"sending,omitempty"`
	Open    *touching  `json:"open,omitempty"`
	Settled []settling `json:"settled,omitempty"`
	NoSuch  *noSuch    `json:"noSuch,omitempty"`
	ListCut bool       `json:"listCut,omitempty"` // the account's list was not whole
	Done    bool       `json:"done,omitempty"`    // every row has its verdict
	Removed []removal  `json:"removed,omitempty"` // by a run that was discarded
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

// touching says how far calls may have come with rows: before they leave, that
// they may have been applied; after, if that is sure by then, less.
type touching struct {
	Rows  []int `json:"rows"`
	Ours  []int `json:"ours,omitempty"` // of these, those known to have been registered before
	Reach reach `json:"reach"`

	Unmade bool `json:"unmade,omitempty"` // the call did not leave after all
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

	mu  sync.Mutex
	err error // of the first failed write: nothing more is written

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

// sending notes calls that are about to leave. When it returns without an
// error they are on disk.
func (j *Journal) sending(attempts []attempt) error {
	j.used.Store(true)
	for _, a := range attempts {
		t := &touching{Rows: rowsOf(a.items), Reach: doubted}
		for _, it := range a.items {
			if it.ours {
				t.Ours = append(t.Ours, it.row)
			}
		}
		if err := j.append(record{Sending: t}); err != nil {
			return err
		}
	}
	return j.sync()
}

// open notes what is sure of rows after a call that was feared to have done
// more.
func (j *Journal) open(items []item, unmade bool) error {
	byReach := map[reach][]item{}
	for _, it := range items {
		byReach[it.reach] = append(byReach[it.reach], it)
	}
	for reach, items := range byReach {
		if err := j.append(record{Open: &touching{Rows: rowsOf(items), Reach: reach, Unmade: unmade}}); err != nil {
			return err
		}
	}
	return nil
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
	return j.err
}

// sync makes what was appended outlive the machine as well. It also finds that
// the folder has vanished, which writing to an open file does not.
func (j *Journal) sync() error {
	err := j.file.Sync()
	if err == nil {
		var now fs.FileInfo
		if now, err = os.Stat(j.name); err == nil && !os.SameFile(now, j.info) {
			err = errors.New("another file has taken its name")
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil && j.err == nil {
		j.err = fmt.Errorf("cannot write the journal: %w", err)
	}
	return j.err
}

// Castagnoli is the table of all sums of the journal, Header.Sum included.
var Castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Used tells whether there is anything in it that a run could go on with.
func (j *Journal) Used() bool { return j.used.Load() }

// Discards tells whether the journal of an unfinished run was discarded.
func (j *Journal) Discards() bool { return j.discards }

// Removed gives what discarded runs removed because their files lacked it, or may
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

// accountOf packs what was known of the account.
func accountOf(known, prune *roaring64.Bitmap, listed bool, override Override) (*account, error) {
	a := &account{Listed: listed, Override: override}
	var err error
	if a.Known, err = known.ToBytes(); err == nil && !prune.IsEmpty() {
		a.Prune, err = prune.ToBytes()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot write the journal: %w", err)
	}
	return a, nil
}
