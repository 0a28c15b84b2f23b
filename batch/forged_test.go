package batch

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
	"rpsbatch/rps/rpstest"
)

// A forged journal removes nothing that the file, the flags and the account's list
// would not: it is not even resumed.
func TestForgedPrune(t *testing.T) {
	rows := append(devices(2, "A"), Row{Line: 4, Cells: 1, Problem: "no such server", Device: Device{MAC: mac(3)}})
	unread := append(devices(2, "A"), Row{Line: 4, Cells: 1, Problem: "not a MAC"})
	header := func(rows []Row, prunes bool) Header {
		survey, err := TakeSurvey(func() (Source, error) { return &rowsSource{rows}, nil }, ConflictRefuse, nil)
		if err != nil {
			t.Fatal(err)
		}
		return Header{Command: "sync", Rows: len(rows), Survey: survey, Prunes: prunes}
	}
	for _, test := range []struct {
		name   string
		header Header
		prune  rps.MAC
		detail string
	}{
		{"what the file lacks", header(rows, true), mac(9), ""},
		{"without the flag", header(rows, false), mac(9), "and this run does not"},
		{"a list of the account", Header{Command: "sync", Rows: 3, Prunes: true}, mac(9), "and this run does not"},
		{"what the file has", header(rows, true), mac(2), "that the file has"},
		{"what a bad row has", header(rows, true), mac(3), "that the file has"},
		{"what a row may stand for", header(unread, true), mac(9), "cannot be read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "journal")
			killedRun(t, name, test.header, func(j *Journal) []error {
				return []error{j.append(accountRecord(nil, []uint64{test.prune.Uint64()}))}
			})
			j, past, err := OpenJournal(name, test.header, true, false)
			if other := (*JournalError)(nil); test.detail != "" && (!errors.As(err, &other) || !strings.Contains(other.Detail, test.detail)) {
				t.Fatalf("%v, want %q", err, test.detail)
			}
			if test.detail == "" && (err != nil || past == nil) {
				t.Fatal(past, err)
			}
			if err == nil {
				j.Close()
			}
		})
	}
}

// A file that was changed is another input, whatever the journal says that the run
// has left, unless that takes the place of the input.
func TestForgedInput(t *testing.T) {
	for _, inPlace := range []bool{false, true} {
		name := filepath.Join(t.TempDir(), "journal")
		changed := testHeader()
		changed.Sum.CRC++
		changed.InPlace = inPlace
		killedRun(t, name, testHeader(), func(j *Journal) []error { return []error{j.Leaving(changed.Sum, nil)} })
		j, _, err := OpenJournal(name, changed, true, false)
		if errors.Is(err, ErrOtherRun) == inPlace || (err == nil) != inPlace {
			t.Errorf("in place %v: %v", inPlace, err)
		}
		if err == nil {
			j.Close()
		}
	}
}

// A run that was killed before its result was in place is resumed from the one
// that stands there.
func TestKilledBeforeTheRename(t *testing.T) {
	results := make([]Header, 3)
	for i := range results {
		results[i] = testHeader()
		results[i].Sum.CRC += uint32(i + 1)
		results[i].InPlace = true
	}
	for i, there := range results {
		name := filepath.Join(t.TempDir(), "journal")
		killedRun(t, name, testHeader(), func(j *Journal) (errs []error) {
			for _, left := range results {
				errs = append(errs, j.Leaving(left.Sum, nil))
			}
			return errs
		})
		j, _, err := OpenJournal(name, there, true, false)
		if (err == nil) != (i > 0) {
			t.Errorf("result %d: %v", i, err)
		}
		if err == nil {
			j.Close()
		}
	}
}

// forged is a resumed run whose journal is not to be believed.
type forged struct {
	name    string
	action  Action
	rows    []Row
	config  func(*Config)
	known   []rps.MAC // in the account before the run, as the journal has it
	prune   []rps.MAC
	devices int // of the account, as the journal has it
	records func(j *Journal) []error
	own     []rps.MAC // in the account
	others  []rps.MAC // in that of another
}

// prepared returns the run. It must be called in a bubble.
func (f *forged) prepared(t *testing.T, name string) (*Run, *collected, *rpstest.Server) {
	config := testConfig()
	config.Limits = Limits{NamedRemovals: true}
	if f.config != nil {
		f.config(&config)
	}
	for i := range f.rows {
		f.rows[i].Device.Action = f.action
	}
	sim := withServers(rpstest.Options{OverrideElsewhere: true})
	sim.AddServer("other", "O", "https://o.example.com/")
	for _, mac := range f.own {
		sim.AddDevice("user", mac.Bare(), "A", "")
	}
	for _, mac := range f.others {
		sim.AddDevice("other", mac.Bare(), "O", "")
	}
	r, results := runOf(t, sim, f.rows, config)
	header := Header{Command: "register", Rows: len(f.rows), Survey: r.Survey, Prunes: config.Prune}
	killedRun(t, name, header, func(j *Journal) []error {
		numbers := func(macs []rps.MAC) (n []uint64) {
			for _, mac := range macs {
				n = append(n, mac.Uint64())
			}
			return n
		}
		rec := accountRecord(numbers(f.known), numbers(f.prune))
		rec.Account.Devices = f.devices
		return append([]error{j.append(rec)}, f.records(j)...)
	})
	var err error
	if r.Journal, r.Past, err = OpenJournal(name, header, true, false); err != nil {
		t.Fatal(err)
	}
	return r, results, sim
}

// Verdicts, evidence and servers of a journal that the account contradicts are not
// believed, and what it says of devices moves none.
func TestForgedVerdicts(t *testing.T) {
	verdicts := func(status Status, calls int) func(j *Journal) []error {
		return func(j *Journal) []error {
			return []error{j.settled([]settlement{{0, Verdict{Status: status, Proof: ProofAnswer, Calls: calls}}})}
		}
	}
	own := func(c *Config) { c.Override = OverrideOwn }
	touched := func(e evidence) func(j *Journal) []error {
		return func(j *Journal) []error {
			items := []item{{mac: mac(1), evidence: e}}
			return []error{j.sending(change{items: items}, time.Time{}), j.kept(items, e.Reach == untouched)}
		}
	}
	var tests []struct {
		forged
		want  string
		bound string // its server in the end
	}
	add := func(want, bound string, f forged) {
		tests = append(tests, struct {
			forged
			want, bound string
		}{f, want, bound})
	}
	for _, s := range []Status{Registered, Overridden, Unchanged, Exists} {
		for _, calls := range []int{0, 1} {
			add("registered by answer", "A", forged{name: fmt.Sprintf("%s, and not there, %d calls", s, calls), rows: devices(1, "A"), records: verdicts(s, calls)})
		}
	}
	for _, s := range []Status{Deregistered, NotRegistered, RegisteredElsewhere} {
		add("deregistered by answer", "", forged{name: string(s) + ", and there", action: Deregister, rows: devices(1, ""), records: verdicts(s, 1), own: []rps.MAC{mac(1)}})
	}
	add("not-registered by lookup", "", forged{name: "edited, and not there", action: Edit, rows: devices(1, "B"), records: verdicts(Edited, 1)})
	add("registered by answer", "A", forged{name: "as the list shows", rows: devices(1, "A"), records: verdicts(Registered, 1), own: []rps.MAC{mac(1)}})
	add("exists by list", "A", forged{name: "known, and not to be moved", rows: devices(1, "B"), known: []rps.MAC{mac(1)}, records: touched(evidence{}), own: []rps.MAC{mac(1)}})
	for _, reach := range []reach{untouched, refused, lost} {
		by := map[bool]string{false: "answer", true: "lookup"}[reach != untouched]
		add("registered-elsewhere by "+by, "O", forged{name: fmt.Sprintf("another's device, as if it were own, reach %d", reach), config: own, rows: devices(1, "B"),
			known: []rps.MAC{mac(1)}, records: touched(evidence{Before: present, Reach: reach}), others: []rps.MAC{mac(1)}})
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "journal")
			synctest.Test(t, func(t *testing.T) {
				r, results, sim := test.prepared(t, name)
				defer r.Journal.Close()
				if _, err := do(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				d, _ := sim.Device(mac(1).Bare())
				if got := settled(results.verdicts[0]).inShort(); got != test.want || d.Server != test.bound {
					t.Errorf("%s (%s), and bound to %q; want %s and %q", got, results.verdicts[0].Detail, d.Server, test.want, test.bound)
				}
			})
		})
	}
}

// Limits count what the run may still do to the devices that the account has now,
// and what it has done, whatever the journal says of the account.
func TestForgedLimits(t *testing.T) {
	const n = 20
	var macs []rps.MAC
	for i := range n {
		macs = append(macs, mac(i+1))
	}
	urls := devices(n, "A")
	for i := range urls {
		urls[i].Device.URL = uniqueURL(i)
	}
	all := func(do func(row int) item) (items []item) {
		for row := range n {
			items = append(items, do(row))
		}
		return items
	}
	own := func(c *Config) { c.Override = OverrideOwn }
	nothing := func(*Journal) []error { return nil }
	lostAll := func(j *Journal) []error {
		items := all(func(row int) item { return item{row: row, evidence: evidence{Before: absent, Reach: lost}} })
		return []error{j.sending(change{items: items}, time.Time{}), j.kept(items, false)}
	}
	settledAll := func(s Status) func(j *Journal) []error {
		return func(j *Journal) []error {
			var verdicts []settlement
			for row := range n - 1 {
				verdicts = append(verdicts, settlement{row, Verdict{Status: s, Proof: ProofAnswer, Calls: 1}})
			}
			return []error{j.settled(verdicts)}
		}
	}
	prune := func(c *Config) {
		c.Sync, c.Prune, c.Limits.NamedRemovals, c.Limits.Removals = true, true, false, Allowance{Percent: 50}
	}
	for _, test := range []struct {
		forged
		moves bool // are too many, else removals
	}{
		{forged{name: "removals that are lost, of devices that were not there", action: Deregister, rows: devices(n, ""), records: lostAll, own: macs}, false},
		{forged{name: "removals that were made, of devices that were not there", action: Deregister, rows: devices(n, ""), records: settledAll(Deregistered), own: macs[n-1:]}, false},
		{forged{name: "a huge account", config: prune, rows: devices(1, "A"), devices: 1e6, prune: macs[1:], records: nothing, own: macs[1:]}, false},
		{forged{name: "an account with what is not there", config: prune, rows: devices(1, "A"), devices: 1e6,
			prune: slices.Concat(macs[1:], []rps.MAC{mac(1001), mac(1002)}), records: nothing, own: macs[1:]}, false},
		{forged{name: "edits that are lost", action: Edit, rows: devices(n, "B"), records: lostAll, own: macs}, true},
		{forged{name: "edits that were made", action: Edit, rows: devices(n, "B"), records: settledAll(Edited), own: macs}, true},
		{forged{name: "moves that were made", config: own, rows: devices(n, "B"), records: settledAll(Overridden), own: macs}, true},
		{forged{name: "moves of what was not there", config: own, rows: devices(n, "B"), records: nothing, own: macs}, true},
		{forged{name: "bound by calls that were lost", config: own, rows: urls, records: lostAll, own: macs}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "journal")
			synctest.Test(t, func(t *testing.T) {
				r, _, _ := test.prepared(t, name)
				defer r.Journal.Close()
				account, err := r.Caller.ReadAccount(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				plan, err := r.Plan(t.Context(), account)
				if err != nil {
					t.Fatal(err)
				}
				moves, removals := plan.Whole.Exceed(r.Config.Limits)
				if moves != test.moves || removals == test.moves || r.WithinLimits(account) {
					t.Errorf("within the limits: %+v", plan.Whole)
				}
			})
		})
	}
	t.Run("an account that cannot be listed now", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "journal")
		synctest.Test(t, func(t *testing.T) {
			f := forged{config: own, rows: devices(n, "B"), devices: 1e6, known: macs, records: nothing}
			r, _, _ := f.prepared(t, name)
			defer r.Journal.Close()
			account := Account{noList: errors.New("no list")}
			plan, err := r.Plan(t.Context(), account)
			if moves, _ := plan.Whole.Exceed(r.Config.Limits); err != nil || !moves || r.WithinLimits(account) {
				t.Errorf("%v, within the limits: %+v", err, plan.Whole)
			}
		})
	})
}

// A call of a journal is not waited for longer than one can take.
func TestForgedTime(t *testing.T) {
	name := filepath.Join(t.TempDir(), "journal")
	synctest.Test(t, func(t *testing.T) {
		f := forged{rows: []Row{device(1, "A", uniqueURL(1))}, config: func(c *Config) { c.MaxAttempts = 1 }, records: func(j *Journal) []error {
			return []error{j.sending(change{items: []item{{mac: mac(1)}}}, time.Now().Add(1000*time.Hour))}
		}}
		r, _, _ := f.prepared(t, name)
		defer r.Journal.Close()
		start := time.Now()
		if _, err := do(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 2*longestCall {
			t.Errorf("it waited for %v", took)
		}
	})
}

// keeper is a Keeper in memory.
type keeper map[rps.MAC]string

func (k keeper) Has(mac rps.MAC) bool             { _, ok := k[mac]; return ok }
func (k keeper) Keep(d *Device, url string) error { k[d.MAC] = url; return nil }
func (keeper) Sync() error                        { return nil }

// Where a device is bound is kept before it is moved, even if the journal has it
// that an earlier part of the run has moved it.
func TestForgedMove(t *testing.T) {
	name := filepath.Join(t.TempDir(), "journal")
	synctest.Test(t, func(t *testing.T) {
		f := forged{rows: devices(1, "B"), config: func(c *Config) { c.Override = OverrideOwn }, known: []rps.MAC{mac(1)}, own: []rps.MAC{mac(1)},
			records: func(j *Journal) []error {
				it := item{mac: mac(1), evidence: evidence{Before: present, Reach: lost, Moves: true}}
				return []error{j.sending(change{call: callOverride, items: []item{it}}, time.Time{}), j.kept([]item{it}, false)}
			}}
		r, results, _ := f.prepared(t, name)
		defer r.Journal.Close()
		kept := keeper{}
		r.Before = kept
		if _, err := do(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if results.wants(t, Overridden); kept[mac(1)] != "https://a.example.com/" {
			t.Errorf("kept: %v", kept)
		}
	})
}

// What was removed by a run that was discarded is not believed of a device that is
// there.
func TestForgedRemovals(t *testing.T) {
	name := filepath.Join(t.TempDir(), "journal")
	killedRun(t, name, testHeader(), func(j *Journal) []error {
		return []error{j.append(record{Removed: []removal{{MAC: 1, Status: Deregistered}, {MAC: 2, Status: Deregistered}}})}
	})
	j, past, err := OpenJournal(name, testHeader(), true, false)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	removed := j.Removed(past, Account{devices: roaring64.BitmapOf(2)})
	if _, told := removed[rps.MACFromUint64(1)]; !told || len(removed) != 1 {
		t.Errorf("%v", removed)
	}
}

// summed returns records with their checksums, as lines of a journal.
func summed(records ...string) []byte {
	var b bytes.Buffer
	for _, r := range records {
		fmt.Fprintf(&b, "%08x %s\n", crc32.Checksum([]byte(r), Castagnoli), r)
	}
	return b.Bytes()
}

// unsummed returns the records of a journal.
func unsummed(journal []byte) (records []string) {
	for line := range strings.Lines(string(journal)) {
		records = append(records, strings.TrimSuffix(line, "\n")[9:])
	}
	return records
}

const headerRecord = `{"header":{"version":4,"command":"register","rows":1000}}`

// What cannot be a record is refused before it takes memory.
func TestForgedRecords(t *testing.T) {
	const account = `{"account":{"listed":true,"devices":1,"prune":"CQ=="}}`
	many := func(text string, n int) string { return strings.TrimSuffix(strings.Repeat(text+",", n), ",") }
	for name, records := range map[string][]string{
		"no header":                       {account},
		"two headers":                     {headerRecord, headerRecord},
		"nothing":                         {headerRecord, `{}`},
		"another field":                   {headerRecord, `{"list_cut":true,"x":1}`},
		"two values":                      {headerRecord, `{"list_cut":true} {}`},
		"a row that is none":              {headerRecord, `{"settled":[{"rows":[1000],"status":"registered"}]}`},
		"a negative row":                  {headerRecord, `{"sending":{"rows":[-1],"until":"2026-01-01T00:00:00Z"}}`},
		"a row behind what is removed":    {headerRecord, account, `{"kept":[{"rows":[1001],"evidence":{}}]}`},
		"a status that is none":           {headerRecord, `{"settled":[{"rows":[1],"status":"fine"}]}`},
		"a proof that is none":            {headerRecord, `{"settled":[{"rows":[1],"status":"registered","proof":"word"}]}`},
		"a negative number of calls":      {headerRecord, `{"settled":[{"rows":[1],"status":"registered","calls":-1}]}`},
		"a negative number of devices":    {headerRecord, `{"account":{"listed":true,"devices":-1}}`},
		"a refusal that is a success":     {headerRecord, `{"kept":[{"rows":[1],"evidence":{"said":{"status":"registered","text":""}}}]}`},
		"a reach that is none":            {headerRecord, `{"kept":[{"rows":[1],"evidence":{"reach":3}}]}`},
		"a presence that is none":         {headerRecord, `{"kept":[{"rows":[1],"evidence":{"before":3}}]}`},
		"a set with an end":               {headerRecord, `{"account":{"listed":true,"devices":1,"prune":"gA=="}}`},
		"a set that says a device twice":  {headerRecord, `{"account":{"listed":true,"devices":1,"known":"CQA="}}`},
		"a set of more than addresses":    {headerRecord, `{"account":{"listed":true,"devices":1,"known":"////////fw=="}}`},
		"a set of devices far apart":      {headerRecord, `{"account":{"listed":true,"devices":1,"known":"` + strings.Repeat("gIAE", maxSpread+1) + `"}}`},
		"a set of rows that is none":      {headerRecord, `{"left":{"size":1,"sum":1,"chosen":"gA=="}}`},
		"more verdicts than a record has": {headerRecord, `{"settled":[` + many(`{"rows":[1],"status":"registered"}`, 10_000) + `]}`},
	} {
		if h, _, err := readHistory(bytes.NewReader(append(summed(records...), summed(`{"list_cut":true}`)...)), 1000); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
	endless := io.MultiReader(bytes.NewReader(summed(headerRecord)), strings.NewReader(strings.Repeat("x", 2*maxLine)))
	if h, _, err := readHistory(endless, 1000); !errors.Is(err, ErrDamaged) {
		t.Errorf("a line without end: %+v, %v", h, err)
	}
}

// What a journal takes in memory is bounded by the rows of the file and by its own
// size, whatever numbers it has.
func TestForgedNumbers(t *testing.T) {
	const rows = `"rows":9000000000000000000`
	var counted strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&counted, "%d,", 1_000_000_000_000_000+i*1_000_000)
	}
	numbers := strings.TrimSuffix(counted.String(), ",")
	settled := `{"settled":[{"rows":[0,8999999999999999999],"status":"registered"}]}`
	for name, records := range map[string][]string{
		"a row far out":       {strings.Replace(headerRecord, `"rows":1000`, rows, 1), settled},
		"many rows far out":   {strings.Replace(headerRecord, `"rows":1000`, rows, 1), `{"kept":[{"rows":[` + numbers + `],"evidence":{}}]}`},
		"negative rows":       {strings.Replace(headerRecord, `"rows":1000`, `"rows":-9000000000000000000`, 1), `{"settled":[{"rows":[0],"status":"registered"}]}`},
		"a set with a number": {headerRecord, `{"account":{"listed":true,"devices":9000000000000000000,"known":"//////////8B"}}`, settled},
		"empty verdicts":      {headerRecord, `{"settled":[` + strings.TrimSuffix(strings.Repeat("{},", 1<<20), ",") + `]}`},
		"nothing in nothing":  {headerRecord, `{"settled":` + strings.Repeat("[", 1<<20)},
		"escaped quotes":      {headerRecord, `{"settled":[{"detail":"\""}` + strings.Repeat(",{}", 1<<20) + `]}`},
		"verdicts over again": slices.Concat([]string{headerRecord}, slices.Repeat([]string{`{"settled":[{"rows":[1],"status":"registered"}]}`}, 10_000)),
	} {
		journal := append(summed(records...), summed(`{"list_cut":true}`)...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		h, _, err := readHistory(bytes.NewReader(journal), 1000)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 40<<20 {
			t.Errorf("%s: %d MB for %d bytes", name, took>>20, len(journal))
		}
		if h != nil && (len(h.verdicts) > 1000 || len(h.touched) > 1000) {
			t.Errorf("%s: %d verdicts, %d touched, %v", name, len(h.verdicts), len(h.touched), err)
		}
	}
}

// useJournal resumes a run from a journal of whatever bytes, of the file of
// writtenJournal, and wants it to do no more than that file and its flags say.
func useJournal(t testing.TB, journal []byte) {
	h, size, err := readHistory(bytes.NewReader(journal), fewer)
	if size < 0 || size > int64(len(journal)) || size > 0 && journal[size-1] != '\n' {
		t.Fatalf("size %d of %d", size, len(journal))
	}
	if h == nil || err != nil {
		return
	}
	if h.Settled() > len(h.verdicts) || len(h.verdicts) > fewer+int(h.prune.GetCardinality()) || len(h.touched) > fewer+int(h.prune.GetCardinality()) {
		t.Fatalf("%d settled, %d verdicts, %d touched", h.Settled(), len(h.verdicts), len(h.touched))
	}
	h.allRemoved()
	r, header := fewerRows()
	if header.differs(h) != "" {
		return
	}
	r.Past = h
	account := Account{devices: roaring64.BitmapOf(mac(1).Uint64(), 9), asked: time.Unix(2000, 0)}
	plan, err := r.Plan(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	e, err := newEngine(r, account)
	if err != nil {
		t.Fatal(err)
	}
	removes := int(e.known.prune.GetCardinality())
	if plan.Whole.Moves.Count > 0 || plan.Whole.Removals.Count != removes || plan.Whole.Devices > account.Len()+removes || e.known.prune.Intersects(r.Survey.seen) {
		t.Fatalf("%d to be removed, %+v", removes, plan.Whole)
	}
	e.advance(e.began)
}

// fewer is how many rows the run of fewerRows has.
const fewer = 5

// fewerRows returns a run that is quick to plan, and the header of its journal.
func fewerRows() (*Run, Header) {
	rows := devices(fewer, "A")
	open := func() (Source, error) { return &rowsSource{rows}, nil }
	survey, err := TakeSurvey(open, ConflictRefuse, nil)
	if err != nil {
		panic(err)
	}
	config := testConfig()
	config.Sync, config.Prune = true, true
	header := testHeader()
	header.Version, header.Rows, header.Survey = journalVersion, fewer, survey
	return &Run{Config: config, Survey: survey, Open: open, Caller: NewCaller(config, nil, nil), Results: nowhere{}}, header
}

type nowhere struct{}

func (nowhere) Write(*Row, Verdict) error { return nil }
func (nowhere) Pass(*Row) error           { return nil }

// TestJournalWithEachByteChanged changes each byte of each record, with the
// checksum that it has and with that of what it is then.
func TestJournalWithEachByteChanged(t *testing.T) {
	_, header := fewerRows()
	journal := writtenJournal(t, header)
	records := unsummed(journal)
	if !bytes.Equal(summed(records...), journal) {
		t.Fatal("the records are not those of the journal")
	}
	for at := range journal {
		for bit := range 8 {
			changed := bytes.Clone(journal)
			changed[at] ^= 1 << bit
			useJournal(t, changed)
		}
	}
	for i, r := range records {
		for at := range r {
			for _, b := range []byte("\x00\"-09[]{},:ett\xff" + string(r[at]^1) + string(r[at]^0x20)) {
				changed := slices.Clone(records)
				changed[i] = r[:at] + string([]byte{b}) + r[at+1:]
				useJournal(t, summed(changed...))
			}
		}
	}
}

// FuzzHistory resumes from journals of arbitrary bytes, and from arbitrary records
// with the right checksums: it never panics, takes bounded memory, and removes and
// moves nothing that the file and the flags do not.
func FuzzHistory(f *testing.F) {
	_, header := fewerRows()
	whole := writtenJournal(f, header)
	f.Add(whole, false)
	f.Add(whole[:len(whole)/2], false)
	f.Add([]byte("00000000 {}\n"), false)
	f.Add([]byte(strings.Join(unsummed(whole), "\n")), true)
	f.Fuzz(func(t *testing.T, data []byte, sum bool) {
		if sum {
			data = summed(strings.Split(string(data), "\n")...)
		}
		useJournal(t, data)
	})
}
