package batch

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/batch/durable"
)

// History is what an unfinished run left: the verdicts it recorded, and how far
// its calls may have come with the rest. It is only evidence, and may be forged:
// the flags and the file alone decide what to do.
type History struct {
	left   [2]Sum            // of the results that it left last: it may have been killed before the second was put in place
	Chosen *roaring64.Bitmap // the rows of its input that were rerun; nil: all

	header Header
	since  time.Time
	other  bool // its input has a different number of rows: nothing of those is kept

	account bool              // what follows was known before the first change
	listed  bool              // the account could be listed
	listCut bool              // that list was incomplete
	devices int               // of the account
	known   *roaring64.Bitmap // the devices of the file that it had
	prune   *roaring64.Bitmap // those that the file lacks and that are removed

	verdicts []*Verdict    // of the rows; nil: none, as behind the end
	touched  map[int]touch // rows without a verdict that calls have carried
	settled  int
	finished bool              // the results were in place
	removed  []removal         // by runs that were discarded
	changed  *roaring64.Bitmap // devices that it, or runs that were discarded, may have changed
	any      bool              // nobody can tell which
}

// HasLeft reports whether the sum is that of a result that the run has left.
func (h *History) HasLeft(sum Sum) bool {
	return sum != (Sum{}) && slices.Contains(h.left[:], sum)
}

// Settled returns the number of rows that have their verdict.
func (h *History) Settled() int { return h.settled }

// allRemoved returns what the run removed, or may have, because its file lacked
// it, and what discarded runs before it removed.
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
			removed = append(removed, removal{mac, InDoubt, "the run that was removing it stopped before the answer arrived, and was not resumed", time.Time{}})
		}
	}
	return removed
}

func (h *History) verdict(row int) (Verdict, bool) {
	if h == nil || h.slot(row) >= len(h.verdicts) || h.verdicts[h.slot(row)] == nil {
		return Verdict{}, false
	}
	return *h.verdicts[h.slot(row)], true
}

// slot returns where the verdict of a row is. Of another input only verdicts of
// rows that are not in the file are kept.
func (h *History) slot(row int) int {
	if h.other {
		return row - h.header.Rows
	}
	return row
}

// Bounds of a line of a journal: its bytes, which may be those of a set of
// devices, and its values, each of which takes much more memory than its bytes.
const (
	maxLine   = 16 << 20
	maxValues = 50 * maxTogether
)

// readHistory reads a journal for a run whose input has so many rows, which
// bounds its memory whatever the journal says. It returns nil if the header is
// incomplete. size is where its last complete line ends. A torn last line is
// dropped; any other broken line is an error.
func readHistory(r io.Reader, rows int) (h *History, size int64, err error) {
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
		switch {
		case h == nil && rec.Header == nil:
			return nil, 0, fmt.Errorf("%w: it does not start with a header", ErrDamaged)
		case h == nil:
			h = &History{header: rec.Header.Header, since: rec.Header.Since, known: roaring64.New(), prune: roaring64.New(), changed: roaring64.New(), touched: map[int]touch{}}
			if h.other = h.header.Rows != rows; h.header.Version != journalVersion {
				h.any = true
				return h, 0, nil
			}
			size += int64(len(line))
			continue
		}
		if err := h.add(rec); err != nil {
			return nil, 0, fmt.Errorf("%w at line %d: %w", ErrDamaged, n, err)
		}
		size += int64(len(line))
	}
}

// UnfinishedCommand returns the command of the run that a journal belongs to; ""
// if the file is not a readable journal.
func UnfinishedCommand(name string) string {
	file, err := durable.OpenRegular(name)
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
			return nil, fmt.Errorf("%w: a line is too long", ErrDamaged)
		}
	}
}

// parseRecord returns the record of a line, if it is complete and has nothing
// else.
func parseRecord(line []byte) (rec record, ok bool) {
	sum, data, found := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if !found || err != nil || len(sum) != 8 || crc32.Checksum(data, Castagnoli) != uint32(want) {
		return record{}, false
	}
	if valuesIn(data) > maxValues {
		return record{}, false
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return rec, decoder.Decode(&rec) == nil && decoder.InputOffset() == int64(len(data))
}

// valuesIn returns how many values a text in JSON has at most.
func valuesIn(text []byte) (n int) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\':
			i++ // what it escapes
		case !quoted && (c == ',' || c == '{' || c == '['):
			n++
		}
	}
	return n
}

func (h *History) add(rec record) (err error) {
	switch {
	case rec.Account != nil:
		return h.knows(rec.Account)
	case rec.Left != nil:
		h.left, h.Chosen = [2]Sum{h.left[1], rec.Left.Sum}, nil
		if rec.Left.Chosen != nil {
			h.Chosen, err = rec.Left.Chosen.unpack()
		}
	case rec.Sending != nil:
		err = h.sending(rec.Sending)
	case rec.Kept != nil:
		err = h.kept(rec.Kept)
	case rec.Settled != nil:
		err = h.settle(rec.Settled)
	case rec.ListCut:
		h.listCut = true
	case rec.Finished:
		h.finished = true
	case rec.Discards != nil:
		h.any = rec.Discards.Any
		h.changed, err = rec.Discards.Devices.unpack()
	case rec.Removed != nil:
		for _, r := range rec.Removed {
			if r.MAC == 0 || r.MAC >= 1<<48 || r.Status != Deregistered && r.Status != InDoubt {
				return errors.New("no such removal")
			}
		}
		h.removed = append(h.removed, rec.Removed...)
	default:
		err = errors.New("no such record")
	}
	return err
}

// knows adds what was known of the account.
func (h *History) knows(a *account) (err error) {
	if a.Devices < 0 {
		return errors.New("no such number of devices")
	}
	h.account, h.listed, h.devices = true, a.Listed, a.Devices
	if h.known, err = a.Known.unpack(); err == nil {
		h.prune, err = a.Prune.unpack()
	}
	return err
}

// settle adds verdicts.
func (h *History) settle(all []settling) error {
	for _, s := range all {
		if !slices.Contains(Statuses, s.Status) || !slices.Contains(proofs, s.Proof) || s.Calls < 0 {
			return errors.New("no such verdict")
		}
		v := s.Verdict // without the rows
		for _, row := range s.Rows {
			if err := h.has(row); err != nil {
				return err
			}
			slot := h.slot(row)
			if slot < 0 {
				continue
			}
			if slot >= len(h.verdicts) {
				h.verdicts = append(h.verdicts, make([]*Verdict, slot+1-len(h.verdicts))...)
			}
			if h.verdicts[slot] == nil {
				h.settled++
			}
			h.verdicts[slot] = &v
			delete(h.touched, row)
		}
	}
	return nil
}

// has returns an error unless the run has a row of the number: of the file, or of
// a device that the file lacks.
func (h *History) has(row int) error {
	if row < 0 || row >= h.header.Rows && uint64(row-h.header.Rows) >= h.prune.GetCardinality() {
		return fmt.Errorf("no such row: %d", row)
	}
	return nil
}

// reopened returns what is known of a row that a call has carried. If it had a
// verdict, a later part of the run did not believe that.
func (h *History) reopened(row int) touch {
	slot := h.slot(row)
	if slot >= len(h.verdicts) || h.verdicts[slot] == nil {
		return h.touched[row]
	}
	v := *h.verdicts[slot]
	h.verdicts[slot] = nil
	h.settled--
	return touchOf(v)
}

// touchOf returns what is known of a row if its verdict is not believed: the calls
// for which it was given may have been applied.
func touchOf(v Verdict) touch {
	t := touch{calls: v.Calls}
	if v.Calls > 0 {
		t.Reach, t.Moves = lost, v.Status == Overridden || v.Status == Edited
	}
	return t
}

// sending notes a call that may have been sent.
func (h *History) sending(s *sending) error {
	if len(s.MACs) != len(s.Rows) {
		return errors.New("no such call")
	}
	for _, mac := range s.MACs {
		h.changed.Add(mac & (1<<48 - 1))
	}
	left := s.Present // in the order of the rows
	for _, row := range s.Rows {
		if err := h.has(row); err != nil {
			return err
		}
		if h.slot(row) < 0 {
			continue
		}
		was := h.reopened(row)
		was.Reach, was.Moves, was.Checked = lost, was.Moves || s.Moves, false
		was.Tries, was.Until = was.Tries+min(1, math.MaxUint8-was.Tries), max(was.Until, s.Until.UnixNano())
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

// kept notes what an answer has made certain, which may be less than was feared
// when the call was sent.
func (h *History) kept(all []kept) error {
	for _, k := range all {
		if !k.Evidence.sound() {
			return errors.New("no such evidence")
		}
		for _, row := range k.Rows {
			if err := h.has(row); err != nil {
				return err
			}
			if h.slot(row) < 0 {
				continue
			}
			was := h.reopened(row)
			was.evidence, was.flying = k.Evidence, false
			if k.Unmade {
				was.calls = max(0, was.calls-1)
			}
			h.touched[row] = was
		}
	}
	return nil
}

// sound reports whether a run can have noted the evidence: no refusal makes a
// success.
func (e *evidence) sound() bool {
	return e.Before <= absent && e.Reach <= lost &&
		(e.Said == nil || slices.Contains([]Status{Refused, RegisteredElsewhere, NotRegistered, UnknownServer, Exists}, e.Said.Status))
}
