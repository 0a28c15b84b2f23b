package batch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
	"rpsbatch/rps/rpstest"
)

// TestStopsAndGoesOn synchronises an account by several runs that are stopped at
// any moment, with faults, look-ups, servers to be added and devices to be
// removed. At the end the account is as asked, and each verdict is true.
func TestStopsAndGoesOn(t *testing.T) {
	seeds := uint64(40)
	if long() {
		seeds = 250
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) { newStops(seed).run(t, dir) })
		})
	}
}

// stops is one such account, with its file.
type stops struct {
	rand   *rand.Rand
	sim    *rpstest.Server
	rows   []Row
	before map[rps.MAC]rpstest.Device
	config Config
}

func newStops(seed uint64) *stops {
	s := &stops{rand: rand.New(rand.NewPCG(seed, 7)), before: map[rps.MAC]rpstest.Device{}}
	options := rpstest.Options{Partial: s.one(2), Latency: 50 * time.Millisecond}
	for _, name := range []string{"503-before", "500-after", "close-after", "truncated-after", "reset-before"} {
		if s.one(3) {
			options.Faults = append(options.Faults, rpstest.Fault{Name: name, Every: 3 + s.rand.IntN(9)})
		}
	}
	s.sim = withServers(options)
	s.config = testConfig()
	s.config.BatchSize, s.config.MaxAttempts = 5, 20
	s.config.Sync, s.config.Prune = true, true
	s.config.Verify = s.one(2)
	s.config.Override = []Override{OverrideNever, OverrideOwn}[s.rand.IntN(2)]
	for i := range 60 {
		server, url := []string{"A", "B", "C"}[s.rand.IntN(3)], ""
		if s.one(5) {
			url = fmt.Sprintf("https://u.example.com/%d", i)
		}
		if i < 45 {
			s.rows = append(s.rows, device(i+1, server, url))
		}
		if s.one(2) {
			at := []string{"A", "B"}[s.rand.IntN(2)]
			s.sim.AddDevice("user", mac(i+1).Bare(), at, url)
			s.before[mac(i+1)], _ = s.sim.Device(mac(i + 1).Bare())
		}
	}
	return s
}

func (s *stops) one(in int) bool { return s.rand.IntN(in) == 0 }

func (s *stops) run(t *testing.T, dir string) {
	name := filepath.Join(dir, "journal")
	survey, err := TakeSurvey(func() (Source, error) { return &rowsSource{s.rows}, nil }, s.config.OnConflict, nil)
	if err != nil {
		t.Fatal(err)
	}
	header := Header{Command: "sync", Rows: len(s.rows), Survey: survey, Prunes: true}
	var results, pruned *collected
	for part := 0; ; part++ {
		journal, past, err := OpenJournal(name, header, true, false)
		if err != nil {
			t.Fatal(err)
		}
		var r *Run
		r, results = runOf(t, s.sim, s.rows, s.config)
		pruned = r.Pruned.(*collected)
		r.Journal, r.Past = journal, past
		r.Servers = map[string]string{"A": "https://a.example.com/", "B": "https://b.example.com/", "C": "https://c.example.com/"}
		ctx, stop := context.WithCancel(t.Context())
		if part < 4 {
			time.AfterFunc(time.Duration(s.rand.IntN(2000))*time.Millisecond, stop)
		}
		_, err = do(ctx, r)
		stop()
		if len(results.verdicts) != len(s.rows) {
			t.Fatalf("part %d: %d results", part, len(results.verdicts))
		}
		if err == nil {
			journal.Finish()
			break
		}
		if !errors.Is(err, ErrInterrupted) || part == 4 {
			t.Fatalf("part %d: %v", part, err)
		}
		s.check(t, results)
		journal.Close()
	}
	s.check(t, results)
	s.checkPruned(t, pruned)
}

// check compares the verdicts with the service.
func (s *stops) check(t *testing.T, results *collected) {
	t.Helper()
	for i, v := range results.verdicts {
		d := s.rows[i].Device
		now, _ := s.sim.Device(d.MAC.Bare())
		was := s.before[d.MAC]
		want := map[string]string{"A": "https://a.example.com/", "B": "https://b.example.com/", "C": "https://c.example.com/"}[d.Server]
		if d.URL != "" {
			want = d.URL
		}
		asAsked := now.Owner == "user" && now.URL == want
		ok := true
		switch v.Status {
		case Registered:
			ok = asAsked && was.Owner != "user"
		case Overridden:
			ok = asAsked && was.Owner == "user"
		case Unchanged:
			ok = now.Owner == "user" && was == now && (!s.config.Verify || asAsked)
		case Exists:
			ok = was.Owner == "user" && was == now
		case NotAttempted, Failed, Refused:
			ok = was == now
		case InDoubt:
		default:
			ok = false
		}
		if !ok {
			t.Errorf("row %d: %s (%s); it was %+v, and is %+v", i, v.Status, v.Detail, was, now)
		}
	}
}

// checkPruned looks for what the file lacks.
func (s *stops) checkPruned(t *testing.T, pruned *collected) {
	t.Helper()
	lacking := roaring64.New()
	for m, d := range s.before {
		if n := int(m.Uint64() - mac(0).Uint64()); n > 45 && d.Owner == "user" {
			lacking.Add(m.Uint64())
		}
	}
	if len(pruned.verdicts) != int(lacking.GetCardinality()) {
		t.Fatalf("%d verdicts for %d devices that the file lacks", len(pruned.verdicts), lacking.GetCardinality())
	}
	it := lacking.Iterator()
	for _, v := range pruned.verdicts {
		d, _ := s.sim.Device(rps.MACFromUint64(it.Next()).Bare())
		if gone := d.Owner != "user"; gone != (v.Status == Deregistered) && v.Status != InDoubt {
			t.Errorf("pruned: %s (%s), and the service has %+v", v.Status, v.Detail, d)
		}
	}
}
