package batch

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
)

// History is what an unfinished run left: the verdicts it gave, and how far its
// calls may have come with the rest.
type History struct {
	Left   Sum               // of the result that it left; zero: none
	Chosen *roaring64.Bitmap // the rows of its input that were run again; nil: all

	header Header
	since  time.Time

	account  bool              // what follows was known before the first change
	listed   bool              // the account could be listed
	listCut  bool              // that list was not whole
	devices  int               // of the account
	known    *roaring64.Bitmap // the devices of the file that it had
	prune    *roaring64.Bitmap // those that the file lacks and that are removed
	override Override

	verdicts []Verdict
	rows     []int32       // for each row the number of its verdict in verdicts, from 1; 0: it has none
	touched  map[int]touch // rows without a verdict that calls have carried
	settled  int
	noSuch   map[string]string // servers that the account does not have
	done     bool              // every row had its verdict
	finished bool              // the results were in place
	removed  []removal         // by runs that were discarded
	discards bool              // one was discarded before it that may have changed something
}

// touch is what is known of a row that calls have carried.
type touch struct {
	evidence
	calls  int
	flying bool // one of them left, it may be, and no answer was noted
}

// Override returns what the user wanted done with devices that are registered
// already; ok is false if the run had not come so far as to ask.
func (h *History) Override() (o Override, ok bool) {
	if h == nil {
		return 0, false
	}
	return h.override, h.account
}

// Settled returns the number of rows that have their verdict.
func (h *History) Settled() int { return h.settled }

// changes reports whether the run, or one that it has discarded, may have changed
// something.
func (h *History) changes() bool {
	return h != nil && (h.discards || len(h.touched)+h.settled > 0)
}

// allRemoved returns what the run removed because its file lacked it, or may have,
// and what those before it did that were discarded.
func (h *History) allRemoved() []removal {
	if h == nil {
		return nil
	}
	removed := h.removed
	n := h.header.Rows
	for it := h.prune.Iterator(); it.HasNext(); n++ {
		mac := it.Next()
		v, settled := h.verdict(n)
		switch {
		case settled && (v.Status == Deregistered || v.Status == InDoubt):
			removed = append(removed, removal{mac, v.Status, v.Detail, v.Time})
		case !settled && h.touched[n].Reach != untouched:
			removed = append(removed, removal{mac, InDoubt, "the run that was to remove it was stopped before its answer came, and was not resumed", time.Time{}})
		}
	}
	return removed
}

func (h *History) verdict(row int) (Verdict, bool) {
	if h == nil || row >= len(h.rows) || h.rows[row] == 0 {
		return Verdict{}, false
	}
	return h.verdicts[h.rows[row]-1], true
}

// maxLine bounds a line of a journal: the verdicts of one answer.
const maxLine = 256 << 20

// readHistory reads a journal. nil: it has not even a whole header. size is
// where its last whole line ends. A torn last line is left out; one that is
// broken elsewhere is an error.
func readHistory(r io.Reader) (h *History, size int64, err error) {
	lines := bufio.NewReaderSize(r, 1<<16)
	for n := 1; ; n++ {
		line, err := readLine(lines)
		if err == io.EOF {
			return h, size, nil // what is in line has no end: torn
		}
		if err != nil {
			return nil, 0, fmt.Errorf("cannot read the journal: %w", err)
		}
		rec, ok := parseRecord(line)
		if !ok {
			if _, err := lines.Peek(1); err == io.EOF {
				return h, size, nil
			}
			return nil, 0, fmt.Errorf("%w at line %d", ErrDamaged, n)
		}
		if h == nil {
			if rec.Header == nil {
				return nil, 0, fmt.Errorf("%w: it does not begin with a header", ErrDamaged)
			}
			h = &History{header: rec.Header.Header, since: rec.Header.Since, known: roaring64.New(), prune: roaring64.New(), touched: map[int]touch{}, noSuch: map[string]string{}}
		}
		if err := h.add(rec); err != nil {
			return nil, 0, fmt.Errorf("%w at line %d: %w", ErrDamaged, n, err)
		}
		size += int64(len(line))
	}
}

// UnfinishedCommand returns the command of the run whose journal a file is; "" if it
// is none that can be read.
func UnfinishedCommand(name string) string {
	file, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer file.Close()
	line, err := readLine(bufio.NewReader(file))
	if rec, ok := parseRecord(line); err == nil && ok && rec.Header != nil {
		return rec.Header.Command
	}
	return ""
}

func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if err == nil || err != bufio.ErrBufferFull {
			return line, err
		}
		if len(line) > maxLine {
			return nil, errors.New("a line is too long")
		}
	}
}

func parseRecord(line []byte) (rec record, ok bool) {
	sum, data, found := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if !found || err != nil || len(sum) != 8 || crc32.Checksum(data, Castagnoli) != uint32(want) {
		return record{}, false
	}
	return rec, json.Unmarshal(data, &rec) == nil
}

func (h *History) add(rec record) error {
	switch {
	case rec.Account != nil:
		h.account, h.listed, h.override = true, rec.Account.Listed, rec.Account.Override
		h.devices = rec.Account.Devices
		h.known = roaring64.New()
		if err := h.known.UnmarshalBinary(rec.Account.Known); err != nil {
			return err
		}
		h.prune = roaring64.New()
		if len(rec.Account.Prune) > 0 {
			if err := h.prune.UnmarshalBinary(rec.Account.Prune); err != nil {
				return err
			}
		}
	case rec.Sending != nil:
		return h.sending(rec.Sending)
	case rec.Kept != nil:
		return h.kept(rec.Kept)
	case rec.NoSuch != nil:
		h.noSuch[rec.NoSuch.Server] = rec.NoSuch.Detail
	case rec.ListCut:
		h.listCut = true
	case rec.Done:
		h.done = true
	case rec.Finished:
		h.finished = true
	case rec.Discards:
		h.discards = true
	case rec.Removed != nil:
		h.removed = rec.Removed
	case rec.Left != nil:
		h.Left = rec.Left.Sum
		if len(rec.Left.Chosen) > 0 {
			h.Chosen = roaring64.New()
			return h.Chosen.UnmarshalBinary(rec.Left.Chosen)
		}
	}
	for _, s := range rec.Settled {
		h.verdicts = append(h.verdicts, Verdict{Status: s.Status, Proof: s.Proof, Detail: s.Detail, URL: s.URL, Calls: s.Calls, Time: s.Time})
		for _, row := range s.Rows {
			if !h.has(row) {
				return fmt.Errorf("no such row: %d", row)
			}
			if row >= len(h.rows) {
				h.rows = append(h.rows, make([]int32, row+1-len(h.rows))...)
			}
			if h.rows[row] == 0 {
				h.settled++
			}
			h.rows[row] = int32(len(h.verdicts))
			delete(h.touched, row)
		}
	}
	return nil
}

// has reports whether the run has a row of the number: of the file, or of a
// device that the file lacks.
func (h *History) has(row int) bool {
	return row >= 0 && row < h.header.Rows+int(h.prune.GetCardinality())
}

// sending notes a call that may have left.
func (h *History) sending(s *sending) error {
	left := s.Present // in the order of the rows
	for _, row := range s.Rows {
		if !h.has(row) {
			return fmt.Errorf("no such row: %d", row)
		}
		was := h.touched[row]
		was.Reach, was.Moves, was.Checked = lost, was.Moves || s.Moves, false
		was.Tries, was.Until = was.Tries+1, max(was.Until, s.Until.UnixNano())
		was.calls++
		was.flying = true
		if len(left) > 0 && left[0] == row {
			was.Before, left = present, left[1:]
		} else if h.listed {
			was.Before = absent // if not by the list, by a lookup
		}
		h.touched[row] = was
	}
	return nil
}

// kept notes what an answer has made sure: it may be less than what was feared
// when the call left.
func (h *History) kept(all []kept) error {
	for _, k := range all {
		for _, row := range k.Rows {
			if !h.has(row) {
				return fmt.Errorf("no such row: %d", row)
			}
			was := h.touched[row]
			was.evidence, was.flying = k.Evidence, false
			if k.Unmade {
				was.calls--
			}
			h.touched[row] = was
		}
	}
	return nil
}
