package batch

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/batch/durable"
	"rpsbatch/rps"
	"rpsbatch/rps/rpstest"
)

func testHeader() Header {
	return Header{Command: "register", Rows: 1000, Sum: Sum{Size: 12, CRC: 34}, Policies: map[string]string{"--override": "never"},
		Survey: &Survey{seen: roaring64.New(), flawed: roaring64.New()}, Prunes: true}
}

// accountRecord is the record of what was known of an account.
func accountRecord(before, prune []uint64) record {
	k := known{hasBefore: true, before: roaring64.BitmapOf(before...), prune: roaring64.BitmapOf(prune...), devices: len(before) + len(prune)}
	return k.record(k.before)
}

// writtenJournal returns the bytes of a journal with a record of each sort.
func writtenJournal(t testing.TB, header Header) []byte {
	name := filepath.Join(t.TempDir(), "journal")
	j, past, err := OpenJournal(name, header, false, false)
	if err != nil || past != nil {
		t.Fatal(past, err)
	}
	items := []item{{row: 1}, {row: 2, evidence: evidence{Before: present}}, {row: 3}}
	for _, err := range []error{
		j.append(accountRecord([]uint64{5, 6}, []uint64{9})),
		j.sending(change{items: items}, time.Unix(1000, 0)),
		j.settled([]settlement{{1, Verdict{Status: Registered, Calls: 1, Time: time.Unix(7, 0).UTC()}}}),
		j.kept([]item{{row: 3, evidence: evidence{Reach: refused, Said: &words{Refused, "busy"}}}}, false),
		j.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestHistory(t *testing.T) {
	data := writtenJournal(t, testHeader())
	h, size, err := readHistory(bytes.NewReader(data), 1000)
	if err != nil || size != int64(len(data)) {
		t.Fatal(size, err)
	}
	if v, ok := h.verdict(1); !ok || v.Status != Registered || v.Calls != 1 || v.Time.Unix() != 7 {
		t.Errorf("row 1: %+v %v", v, ok)
	}
	if _, ok := h.verdict(2); ok || h.Settled() != 1 {
		t.Error("row 2 has a verdict")
	}
	if two := h.touched[2]; two.Reach != lost || two.Before != present || two.calls != 1 || two.Until != time.Unix(1000, 0).UnixNano() {
		t.Errorf("row 2: %+v", two)
	}
	if three := h.touched[3]; three.Reach != refused || three.Before != unlisted || *three.Said != (words{Refused, "busy"}) {
		t.Errorf("row 3: %+v", three)
	}
	if !h.known.Contains(6) || !h.listed {
		t.Error("what was known is not")
	}

	// Torn anywhere, the whole lines before count.
	for n := range data {
		h, size, err := readHistory(bytes.NewReader(data[:n]), 1000)
		if err != nil || size > int64(n) || h == nil && size != 0 {
			t.Fatalf("torn at %d: %d, %v", n, size, err)
		}
	}
}

func TestOpenJournal(t *testing.T) {
	other := testHeader()
	other.Sum.CRC++
	policy := testHeader()
	policy.Policies = map[string]string{"--override": "always"}
	for _, c := range []struct {
		name            string
		header          Header
		resume, restart bool
		goesOn          bool
		err             error
	}{
		{"neither", testHeader(), false, false, false, ErrUnfinished},
		{"resume", testHeader(), true, false, true, nil},
		{"resume another", other, true, false, false, ErrOtherRun},
		{"resume with another policy", policy, true, false, false, ErrOtherRun},
		{"restart", testHeader(), false, true, false, nil},
		{"both", testHeader(), true, true, true, nil},
		{"both, another", other, true, true, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "journal")
			if err := os.WriteFile(name, append(writtenJournal(t, testHeader()), "torn"...), 0o600); err != nil {
				t.Fatal(err)
			}
			j, past, err := OpenJournal(name, c.header, c.resume, c.restart)
			if !errors.Is(err, c.err) || (past != nil) != c.goesOn {
				t.Fatalf("%v, %v", past, err)
			}
			if err != nil {
				return
			}
			var held *durable.LockedError
			if _, _, err := OpenJournal(name, c.header, true, true); !errors.As(err, &held) || held.Holder.PID != os.Getpid() {
				t.Errorf("a second run: %v", err)
			}
			if err := j.Finish(); err != nil {
				t.Error(err)
			}
			if left, _ := os.ReadDir(filepath.Dir(name)); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// A finished journal that is still there is never resumed, and its removals have
// been reported.
func TestFinishedJournal(t *testing.T) {
	name := filepath.Join(t.TempDir(), "journal")
	for _, flags := range []struct{ resume, restart bool }{{}, {resume: true}, {restart: true}, {true, true}} {
		rec := accountRecord(nil, []uint64{9})
		j, _, err := OpenJournal(name, testHeader(), true, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{
			j.append(rec),
			j.settled([]settlement{{1, Verdict{Status: Registered}}, {1000, Verdict{Status: Deregistered}}}),
			j.append(record{Finished: true}),
			j.Close(),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		j, past, err := OpenJournal(name, testHeader(), flags.resume, flags.restart)
		if err != nil || past != nil || j.Used() || !j.changed.IsEmpty() || j.any || len(j.Removed(past, Account{})) > 0 {
			t.Fatalf("%v: %v, %v", flags, past, err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUndoes(t *testing.T) {
	for _, test := range []struct {
		action Action
		prior  Status
		want   bool
	}{
		{Deregister, Registered, true}, {Deregister, Unchanged, true}, {Deregister, Overridden, true}, {Deregister, Edited, true},
		{Deregister, Exists, false}, {Deregister, Deregistered, false}, {Deregister, NotRegistered, false},
		{Register, Deregistered, true}, {Edit, Deregistered, true}, {Register, Registered, false}, {Check, Deregistered, false},
	} {
		row := device(1, "A", "")
		row.Device.Action, row.Prior.Status = test.action, test.prior
		if got := row.undoes(); got != test.want {
			t.Errorf("action %v after %s: %v", test.action, test.prior, got)
		}
		row.Prior.MAC = mac(2) // the cell has another device now
		if row.undoes() {
			t.Errorf("action %v after %s of another device", test.action, test.prior)
		}
	}
}

func TestOnly(t *testing.T) {
	row := func(n int, prior Status) Row {
		r := device(n, "A", "")
		r.Prior.Cells, r.Prior.Status = "x", prior
		return r
	}
	sandboxed := row(5, Registered)
	sandboxed.Prior.Proof = ProofSandbox
	otherServer, otherURL, sameURL, other := row(6, Registered), row(7, Registered), row(8, Registered), row(9, Registered)
	otherServer.Prior.Server, other.Prior.MAC = "B", mac(10)
	otherURL.Device.URL, otherURL.Prior.URL = "https://u.example.com/new", "https://u.example.com/old"
	sameURL.Device.URL, sameURL.Prior.URL = "https://u.example.com/8", "https://u.example.com/8"
	rows := []Row{sandboxed, row(1, Registered), row(2, Exists), row(1, Duplicate), row(2, Duplicate), row(3, ""), row(4, NotAttempted), {Blank: true, Prior: Prior{Cells: "x"}},
		otherServer, otherURL, sameURL, other}
	for text, want := range map[string]string{
		"retry":                "+-+-+++- ++-+",
		"retry in the sandbox": "--+-+++- ++-+",
		"rows":                 "--+---+- ----",
		"failed":               "-------- ----",
		"exists":               "--+----- ----",
		"not-attempted,exists": "--+---+- ----",
		"duplicate":            "---++--- ----",
	} {
		only, err := Retry(false), error(nil)
		switch text {
		case "retry":
		case "retry in the sandbox":
			only = Retry(true)
		case "rows":
			only = OnlyRows(roaring64.BitmapOf(2, 6))
		default:
			only, err = ParseOnly(text)
		}
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		source := only.Of(&rowsSource{rows})
		for range rows {
			var r Row
			if err := source.Read(&r); err != nil {
				t.Fatal(err)
			}
			got += map[bool]string{true: "-", false: "+"}[r.Pass]
		}
		if want := strings.ReplaceAll(want, " ", ""); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	if _, err := ParseOnly("fialed"); err == nil {
		t.Error("no error for a status that is none")
	}
}

func TestMaxFailuresAndStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &trial{rows: devices(500, "A")}
		tr.config = func(c *Config) {
			c.BatchSize, c.Workers = 10, 1
			c.MaxFailures, _ = ParseMaxFailures("5%")
		}
		tr.prepare = func(s *rpstest.Server) {
			for i := 200; i < 300; i++ {
				s.AddDevice("other", mac(i).Bare(), "O", "")
			}
		}
		tr.run(t)
		if !errors.Is(tr.err, ErrFailures) {
			t.Fatalf("it ended with %v", tr.err)
		}
		if n := tr.summary.Counts[RegisteredElsewhere]; n < 10 || n > 30 {
			t.Errorf("%v", tr.summary.Counts)
		}
		if tr.summary.Counts[NotAttempted] == 0 || tr.summary.Rows != 500 {
			t.Errorf("%v", tr.summary.Counts)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		tr := &trial{rows: devices(50, "A"), options: rpstest.Options{Faults: []rpstest.Fault{{Name: "401", Call: 3, Times: -1}}}}
		tr.config = func(c *Config) { c.BatchSize, c.Workers, c.Rate = 1, 1, 1e6 }
		tr.run(t)
		if !errors.Is(tr.err, ErrRefused) || !errors.Is(tr.err, rps.Unauthorized) || len(tr.sim.Calls()) != 3 {
			t.Errorf("it ended with %v after %d calls", tr.err, len(tr.sim.Calls()))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		tr := &trial{rows: devices(5000, "A"), options: rpstest.Options{Faults: []rpstest.Fault{{Name: "502-before", Call: 3, Times: -1}}}}
		start := time.Now()
		tr.run(t)
		if took := time.Since(start); !errors.Is(tr.err, ErrUnreachable) || took < 5*time.Minute || took > 7*time.Minute {
			t.Errorf("it ended with %v after %v", tr.err, took)
		}
		if n := len(tr.sim.Calls()); n > 80 {
			t.Errorf("%d calls to a service that is down", n)
		}
		t.Log(len(tr.sim.Calls()), tr.summary.Counts)
	})
}

// Rows that are not run again still count where rows of their MAC are: what
// they bound is not moved.
func TestPassedRowsLead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		prior := func(r Row, line int, s Status) Row {
			r.Line, r.Prior.Cells, r.Prior.Status = line, "x", s
			return r
		}
		only := Retry(false)
		tr := &trial{prepare: func(s *rpstest.Server) { s.AddDevice("user", mac(1).Bare(), "A", "") }}
		tr.config = func(c *Config) { c.OnConflict, c.Override = ConflictFirst, OverrideOwn }
		source := only.Of(&rowsSource{[]Row{
			prior(device(1, "A", ""), 2, Registered),
			prior(device(1, "B", ""), 3, Conflict),
			prior(device(1, "A", ""), 4, Duplicate),
			prior(device(2, "A", ""), 5, Refused),
			prior(device(2, "A", ""), 6, Duplicate),
		}})
		for range 5 {
			var r Row
			source.Read(&r)
			tr.rows = append(tr.rows, r)
		}
		tr.run(t)
		for i, s := range []Status{Registered, Conflict, Duplicate, Registered, Duplicate} {
			tr.want(t, i, s)
		}
		if d, _ := tr.sim.Device(mac(1).Bare()); d.Server != "A" {
			t.Errorf("it was moved: %+v", d)
		}
		if tr.summary.Passed != 2 || tr.summary.Succeeded != 2 || tr.summary.Rows != 3 {
			t.Errorf("%+v", tr.summary)
		}
	})
}

// What a run removed is told even if it is not resumed.
func TestDiscardedRemovals(t *testing.T) {
	name := filepath.Join(t.TempDir(), "journal")
	j, _, err := OpenJournal(name, testHeader(), false, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		j.append(accountRecord(nil, []uint64{mac(7).Uint64(), mac(8).Uint64(), mac(9).Uint64()})),
		j.sending(change{items: []item{{row: 1002, mac: mac(9)}}}, time.Time{}),
		j.settled([]settlement{{1000, Verdict{Status: Deregistered}}, {1001, Verdict{Status: Refused}}, {3, Verdict{Status: Registered}}}),
		j.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	other := testHeader()
	other.Sum.CRC++
	j, past, err := OpenJournal(name, other, true, true)
	if err != nil || past != nil || j.any {
		t.Fatal(past, err)
	}
	want := map[rps.MAC]Status{mac(7): Deregistered, mac(9): InDoubt}
	check := func(removed map[rps.MAC]Verdict) {
		t.Helper()
		for mac, v := range removed {
			if want[mac] != v.Status {
				t.Errorf("%v: %+v", mac, v)
			}
		}
		if len(removed) != len(want) {
			t.Errorf("removed: %v", removed)
		}
	}
	check(j.Removed(nil, Account{}))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	// Whoever resumes that run has it too, and who discards it.
	j, past, err = OpenJournal(name, other, true, false)
	if err != nil || past == nil || j.any {
		t.Fatal(past, err)
	}
	check(j.Removed(past, Account{}))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j, _, err = OpenJournal(name, testHeader(), true, true)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	check(j.Removed(nil, Account{}))
}

// A baseline may be older than what a discarded run has sent, and than nothing else:
// whichever run finds that out, and for all devices where a journal says nothing.
func TestBaselineOlderThanADiscardedRun(t *testing.T) {
	known := func() *Baseline {
		b := &Baseline{bound: map[uint64]bound{}}
		for n := range 5 {
			b.bound[mac(n+1).Uint64()] = bound{}
		}
		return b
	}
	name := filepath.Join(t.TempDir(), "journal")
	forgets := func(header Header, resume bool, sends, want int) {
		t.Helper()
		j, past, err := OpenJournal(name, header, resume, true)
		if err != nil || (past != nil) != resume {
			t.Fatal(past, err)
		}
		if got := j.Forget(known()); got != want {
			t.Errorf("it forgets %d devices, not %d", got, want)
		}
		if sends > 0 {
			err = j.sending(change{items: []item{{row: sends, mac: mac(sends)}}}, time.Time{})
		}
		if err := errors.Join(err, j.Close()); err != nil {
			t.Fatal(err)
		}
	}
	header := testHeader()
	forgets(header, false, 1, 0)
	header.Rows++
	forgets(header, false, 2, 1) // the first run is discarded
	forgets(header, true, 0, 2)  // and this one is resumed
	header.Rows++
	forgets(header, false, 0, 2)
	if err := os.WriteFile(name, []byte("damage\ndamage\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	forgets(header, false, 0, 5)
	header.Rows++
	forgets(header, false, 0, 5)
}
