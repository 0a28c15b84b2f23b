package batch

import (
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
)

// Survey is what the first pass learns about a file: how many rows it has, and
// which of them ask for the same device. It keeps about two bytes per MAC, and
// more only for MACs that repeat.
type Survey struct {
	Rows    int  // records, all kinds
	Blank   int  // of these, not devices, or skipped
	Hidden  int  // of the blank ones, skipped because the sheet hides them or crosses them out
	Invalid int  // of these, with a problem
	Passed  int  // of these, not to be rerun
	Unread  int  // records that may stand for any device: their MAC cannot be read, or they swallow others
	Cut     bool // the file seems to end in the middle of its last record
	Width   int  // cells of the widest record

	changes  bool              // some good row may change the account
	edits    bool              // some good row is an Edit
	seen     *roaring64.Bitmap // the keys of all good rows, which are their MACs
	unbound  *roaring64.Bitmap // those of rows that are not to be registered
	flawed   *roaring64.Bitmap // MACs of rows that have another problem
	repeated *roaring64.Bitmap // those of more than one
	uses     []use             // the rows of the repeated, by MAC and then in input order
	repeats  []repeat          // one for each repeated MAC, in the order of uses
	servers  []string          // names in uses
	sheets   []string          // names in uses
	kinds    map[kind]int      // rows to be sent by what their calls depend on

	policy OnConflict
	seed   maphash.Seed
}

// A use is one row of a key, as a rule a MAC, that several rows have.
type use struct {
	key    uint64
	target uint64 // hash of what it asks for
	row    uint32
	line   uint32
	server uint32 // index in servers
	sheet  uint16 // index in sheets
	action Action
	url    bool // it has a unique URL
	pass   bool // it is not run again
}

// A repeat is what happens to the rows of one MAC.
type repeat struct {
	first    uint32 // index in uses
	leader   uint32 // index in uses of the row that is sent
	conflict bool
}

// TakeSurvey reads the whole file once, and again if MACs repeat: where a MAC
// came first is known only when it repeats. open opens the file again.
//
// each, if not nil, is called with each row of the first reading.
func TakeSurvey(open func() (Source, error), policy OnConflict, each func(*Row)) (*Survey, error) {
	s := &Survey{
		seen:     roaring64.New(),
		unbound:  roaring64.New(),
		flawed:   roaring64.New(),
		repeated: roaring64.New(),
		kinds:    map[kind]int{},
		policy:   policy,
		seed:     maphash.MakeSeed(),
	}
	again := 0 // rows whose key an earlier row has
	err := eachRow(open, func(_ int, row *Row) {
		if s.count(row) {
			again++
		}
		if each != nil {
			each(row)
		}
	})
	if err != nil || s.repeated.IsEmpty() {
		return s, err
	}
	if err := s.takeRepeats(open, again); err != nil {
		return nil, err
	}
	return s, nil
}

// count counts a row, and reports whether it is good and an earlier good one has its
// key.
func (s *Survey) count(row *Row) (again bool) {
	s.Rows++
	s.Width = max(s.Width, row.Cells)
	s.Cut = s.Cut || row.Cut
	good := !row.Blank && row.Problem == ""
	switch {
	case row.Pass:
		s.Passed++
	case row.Blank:
		s.Blank++
		if row.Skipped {
			s.Hidden++
		}
	case !good:
		s.Invalid++
	}
	key := row.Device.key()
	known := !row.Blank || row.Skipped // as a row of its device
	if row.Swallows || known && !good && (row.Damaged || key == 0 && !row.Skipped) {
		s.Unread++
	}
	if !good {
		if known && key != 0 {
			s.flawed.Add(key)
		}
		return false
	}
	if !row.Pass {
		s.kinds[s.kindOf(row.Device.Action, row.Device.Server, row.Device.URL != "")]++
	}
	s.changes = s.changes || row.Device.Action.changes()
	s.edits = s.edits || row.Device.Action == Edit
	if row.Device.Action != Register {
		s.unbound.Add(key)
	}
	if !s.seen.CheckedAdd(key) {
		s.repeated.Add(key)
		return true
	}
	return false
}

// takeRepeats reads the file again for the rows of MACs that repeat; so many of them
// have the MAC of an earlier row.
func (s *Survey) takeRepeats(open func() (Source, error), again int) error {
	// There may be many: growing these would take twice the memory.
	s.uses = make([]use, 0, again+int(s.repeated.GetCardinality()))
	s.repeats = make([]repeat, 0, s.repeated.GetCardinality())
	servers := map[string]uint32{}
	err := eachRow(open, func(n int, row *Row) {
		if row.Blank || row.Problem != "" || !s.repeated.Contains(row.Device.key()) {
			return
		}
		server, ok := servers[row.Device.Server]
		if !ok {
			server = uint32(len(s.servers))
			name := strings.Clone(row.Device.Server) // not the whole record
			servers[name] = server
			s.servers = append(s.servers, name)
		}
		s.uses = append(s.uses, use{
			key:    row.Device.key(),
			target: s.target(&row.Device),
			row:    uint32(n),
			line:   uint32(row.Line),
			server: server,
			sheet:  s.sheetOf(row),
			action: row.Device.Action,
			url:    row.Device.URL != "",
			pass:   row.Pass,
		})
	})
	if err == nil {
		s.judgeRepeats()
	}
	return err
}

// sheetOf returns the index of a row's sheet.
func (s *Survey) sheetOf(row *Row) uint16 {
	if last := len(s.sheets) - 1; last >= 0 && s.sheets[last] == row.Sheet {
		return uint16(last)
	}
	i := slices.Index(s.sheets, row.Sheet)
	if i < 0 {
		i = len(s.sheets)
		s.sheets = append(s.sheets, strings.Clone(row.Sheet))
	}
	return uint16(i)
}

// place names the row of a use.
func (s *Survey) place(u use) string { return place(int(u.line), s.sheets[u.sheet]) }

func eachRow(open func() (Source, error), do func(n int, row *Row)) error {
	source, err := open()
	if err != nil {
		return err
	}
	return EachRow(source, func(n int, row *Row) error {
		do(n, row)
		return nil
	})
}

// EachRow calls do with each row of a source and its number, from 0, until an
// error or the end. The row is valid until do returns.
func EachRow(source Source, do func(n int, row *Row) error) error {
	var row Row
	for n := 0; ; n++ {
		err := source.Read(&row)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = do(n, &row)
		}
		if err != nil {
			return err
		}
	}
}

// target returns a hash of what a row asks for.
func (s *Survey) target(d *Device) uint64 { return d.target(s.seed) }

func (d *Device) target(seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	h.WriteByte(byte(d.Action))
	h.WriteString(d.Server)
	h.WriteByte(0)
	h.WriteString(d.URL)
	return h.Sum64()
}

func (s *Survey) judgeRepeats() {
	slices.SortFunc(s.uses, func(a, b use) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.row, b.row))
	})
	for first := 0; first < len(s.uses); {
		end := first + 1
		for end < len(s.uses) && s.uses[end].key == s.uses[first].key {
			end++
		}
		r := repeat{first: uint32(first), leader: uint32(first)}
		for i := first; i < end; i++ {
			r.conflict = r.conflict || s.uses[i].target != s.uses[first].target
		}
		if s.policy == ConflictLast {
			// The first row that asks for the same as the last one.
			for s.uses[r.leader].target != s.uses[end-1].target {
				r.leader++
			}
		}
		for i := first; i < end; i++ { // of these only the leader is sent
			if u := s.uses[i]; !u.pass && s.among(r, u.row, u.target) != rulingSent {
				s.kinds[s.kindOf(u.action, s.servers[u.server], u.url)]--
			}
		}
		s.repeats = append(s.repeats, r)
		first = end
	}
}

// repeat returns what happens to a repeated key, and its uses.
func (s *Survey) repeat(key uint64) (repeat, []use) {
	i, _ := slices.BinarySearchFunc(s.repeats, key, func(r repeat, key uint64) int {
		return cmp.Compare(s.uses[r.first].key, key)
	})
	return s.repeats[i], s.usesOf(i)
}

// usesOf returns the uses of a repeat.
func (s *Survey) usesOf(i int) []use {
	end := uint32(len(s.uses))
	if i+1 < len(s.repeats) {
		end = s.repeats[i+1].first
	}
	return s.uses[s.repeats[i].first:end]
}

// describe names all rows but n and what they ask for, only the first few of
// many. Unique URLs are secrets: it says only that there is one.
func (s *Survey) describe(uses []use, n int) string {
	const most = 5
	var others []string
	total := len(uses)
	if n >= 0 && total > 1 {
		total--
	}
	for _, u := range uses {
		if int(u.row) == n {
			continue
		}
		if len(others) == most {
			others = append(others, fmt.Sprintf("and %d more", total-most))
			break
		}
		target := fmt.Sprintf("server %q", s.servers[u.server])
		switch {
		case u.action == Deregister, u.action == CheckGone:
			target = "to be removed"
		case u.action == AddServer:
			target = "another URL"
		case u.url:
			target += " with a unique URL"
		}
		others = append(others, fmt.Sprintf("line %s: %s", s.place(u), target))
	}
	return strings.Join(others, ", ")
}

// Devices returns the number of different devices that good rows name.
func (s *Survey) Devices() int { return int(s.seen.GetCardinality()) }

// Tally is what happens to the good rows of a file if nothing stops a run.
type Tally struct {
	Send, Duplicates, Conflicts int
}

// Tally counts the good rows by their fate.
func (s *Survey) Tally() Tally {
	t := Tally{Send: s.Rows - s.Passed - s.Blank - s.Invalid}
	for i, r := range s.repeats {
		for _, u := range s.usesOf(i) {
			if u.pass {
				continue
			}
			switch s.among(r, u.row, u.target) {
			case rulingFollows:
				t.Duplicates++
			case rulingConflict:
				t.Conflicts++
			}
		}
	}
	t.Send -= t.Duplicates + t.Conflicts
	return t
}

// Judge writes each row of the file with what the survey says of it: a good row
// is NotAttempted.
func (s *Survey) Judge(source Source, results Results) error {
	return EachRow(source, func(n int, row *Row) error {
		v := s.ruling(n, row).verdict()
		if v.Status == "" {
			v = Verdict{Status: NotAttempted, Detail: "it would be sent"}
		}
		return results.Write(row, v)
	})
}

// Conflicts returns a text for each MAC that has several targets.
func (s *Survey) Conflicts() iter.Seq[string] {
	return func(yield func(string) bool) {
		for i, r := range s.repeats {
			if !r.conflict {
				continue
			}
			uses := s.usesOf(i)
			text := fmt.Sprintf("%v has several targets: %s", rps.MACFromUint64(uses[0].key), s.describe(uses, -1))
			if !yield(text) {
				return
			}
		}
	}
}

// A kind is what the calls of a row depend on, as far as its file shows: a hash
// of its server's name, with its action and whether it has a unique URL in the
// last bits. Numbers are the fastest to count.
type kind uint64

// kindOf returns the kind of a row.
func (s *Survey) kindOf(action Action, server string, url bool) kind {
	k := kind(maphash.String(s.seed, server))&^0xf | kind(action)<<1
	if url {
		k |= 1
	}
	return k
}
