package batch

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rpsbatch/rps"
	"rpsbatch/rps/rpstest"
)

// withServers is a simulated service whose account has servers A and B.
func withServers(options rpstest.Options) *rpstest.Server {
	sim := rpstest.New(options)
	for _, name := range []string{"A", "B"} {
		sim.AddServer("user", name, "https://"+strings.ToLower(name)+".example.com/")
	}
	return sim
}

// engine is a Run over rows in memory.
func runOf(t testing.TB, sim *rpstest.Server, rows []Row, config Config) (*Run, *collected) {
	t.Helper()
	client, err := rps.NewClient(rps.Config{Username: "user", Password: "secret", Transport: sim.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	open := func() (Source, error) { return &rowsSource{rows}, nil }
	survey, err := TakeSurvey(open, config.OnConflict, nil)
	if err != nil {
		t.Fatal(err)
	}
	results := &collected{t: t}
	return &Run{Config: config, Caller: NewCaller(config, client, nil), Survey: survey, Open: open, Results: results, Pruned: &collected{t: t}}, results
}

func (c *collected) wants(t testing.TB, statuses ...Status) {
	t.Helper()
	if len(c.verdicts) != len(statuses) {
		t.Fatalf("%d verdicts, want %d: %+v", len(c.verdicts), len(statuses), c.verdicts)
	}
	for i, want := range statuses {
		if got := c.verdicts[i]; got.Status != want {
			t.Errorf("row %d: %s (%s), want %s", i, got.Status, got.Detail, want)
		}
	}
}

func wantCalls(t testing.TB, got map[string]int, want map[string]int) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("calls %v, want %v", got, want)
	}
}

func inBubble(t *testing.T, do func(t *testing.T, sim *rpstest.Server)) {
	synctest.Test(t, func(t *testing.T) { do(t, withServers(rpstest.Options{})) })
}

func TestSyncTakesTheFewestCalls(t *testing.T) {
	inBubble(t, func(t *testing.T, sim *rpstest.Server) {
		config := testConfig()
		config.Sync, config.Prune = true, true
		rows := devices(10_000, "A")
		for i := range 9_000 {
			sim.AddDevice("user", mac(i+1).Bare(), "A", "")
		}
		for i := range 500 {
			sim.AddDevice("user", mac(50_000+i).Bare(), "A", "")
		}
		r, results := runOf(t, sim, rows, config)
		account, err := r.Caller.ReadAccount(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		plan, err := r.Plan(t.Context(), account)
		if err != nil {
			t.Fatal(err)
		}
		calls := map[string]int{"listDevices": 1, "registerDevices": 10, "deRegisterDevices": 5}
		wantCalls(t, plan.Calls, calls)
		if plan.Prune != 500 || plan.Fates[ToRegister] != 1000 || plan.Fates[AsItIs] != 9000 || plan.Devices != 9500 {
			t.Errorf("plan %+v", plan)
		}
		if sim.Total() != 1 {
			t.Errorf("%d calls for a plan", sim.Total())
		}
		summary, err := r.Do(t.Context(), account)
		if err != nil || summary.Succeeded != 10_000 || summary.Pruned != 500 || summary.NotPruned != 0 {
			t.Errorf("%+v, %v", summary, err)
		}
		wantCalls(t, summary.Calls, calls)
		if len(results.verdicts) != 10_000 || len(r.Pruned.(*collected).verdicts) != 500 {
			t.Errorf("%d results, %d pruned", len(results.verdicts), len(r.Pruned.(*collected).verdicts))
		}
		for i := range 500 {
			if _, there := sim.Device(mac(50_000 + i).Bare()); there {
				d, _ := sim.Device(mac(50_000 + i).Bare())
				if d.Owner == "user" {
					t.Fatalf("device %d is still there", i)
				}
			}
		}

		again, _ := runOf(t, sim, rows, config)
		summary, err = do(t.Context(), again)
		wantCalls(t, summary.Calls, map[string]int{"listDevices": 1})
		if err != nil || summary.Counts[Unchanged] != 10_000 {
			t.Errorf("second: %+v, %v", summary, err)
		}
	})
}

func TestPruneIsHeldBack(t *testing.T) {
	flawed := Row{Line: 9, Problem: "its URL is wrong", Device: Device{MAC: mac(2)}}
	open := Row{Line: 9, Problem: "a quote is never closed", Device: Device{MAC: mac(2)}, Swallows: true}
	unread := Row{Line: 9, Problem: "the MAC is wrong"}
	other := Row{Line: 9, Problem: "another kind of number", Device: Device{MAC: mac(99)}, Damaged: true}
	for _, test := range []struct {
		name  string
		rows  []Row
		prune bool
		left  int // devices of the account, of mac(1) to mac(10)
	}{
		{"not asked for", devices(9, "A"), false, 10},
		{"allowed", devices(9, "A"), true, 9},
		{"a row with a problem is a row of its MAC", append(devices(1, "A"), flawed), true, 2},
		{"a row that swallows others has their MACs", append(devices(1, "A"), open), true, 10},
		{"a MAC that cannot be read may be any", append(devices(9, "A"), unread), true, 10},
		{"a number that is more likely no MAC hides one", append(devices(9, "A"), other), true, 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, sim *rpstest.Server) {
				for i := range 10 {
					sim.AddDevice("user", mac(i+1).Bare(), "A", "")
				}
				config := testConfig()
				config.Sync, config.Prune = true, test.prune
				r, _ := runOf(t, sim, test.rows, config)
				if _, err := do(t.Context(), r); err != nil {
					t.Error(err)
				}
				left := 0
				for i := range 10 {
					if d, _ := sim.Device(mac(i + 1).Bare()); d.Owner == "user" {
						left++
					}
				}
				if left != test.left {
					t.Errorf("%d devices are left, want %d", left, test.left)
				}
			})
		})
	}
}

func TestNothingIsPrunedBeforeTheFileIsSettled(t *testing.T) {
	inBubble(t, func(t *testing.T, sim *rpstest.Server) {
		for i := range 10 {
			sim.AddDevice("user", mac(100+i).Bare(), "A", "")
		}
		config := testConfig()
		config.Sync, config.Prune, config.MaxFailures = true, true, MaxFailures{Rows: 1}
		r, _ := runOf(t, sim, devices(3, "nowhere"), config)
		summary, err := do(t.Context(), r)
		if !errors.Is(err, ErrFailures) || summary.Calls["deRegisterDevices"] != 0 || summary.NotPruned != 10 {
			t.Errorf("%+v, %v", summary, err)
		}
	})
}

func TestVerify(t *testing.T) {
	// 0 as asked; 1, 2 at another server; 3 at its URL; 4 at another URL; 5 is
	// not there; 6 is there, its server's URL is not known from anywhere.
	rows := []Row{
		device(1, "A", ""), device(2, "A", ""), device(3, "A", ""),
		device(4, "A", "https://u.example.com/4"), device(5, "A", "https://u.example.com/5"),
		device(6, "A", ""), device(7, "B", ""),
	}
	for _, test := range []struct {
		policy  Override
		servers map[string]string
		want    []Status
		calls   map[string]int
	}{
		{
			OverrideNever, nil,
			[]Status{Unchanged, Exists, Exists, Unchanged, Exists, Registered, Exists},
			map[string]int{"listDevices": 1, "registerDevices": 1, "checkDeviceExt": 7},
		},
		{
			OverrideOwn, nil,
			[]Status{Unchanged, Overridden, Overridden, Unchanged, Overridden, Registered, Exists},
			map[string]int{"listDevices": 1, "registerDevices": 2, "checkDeviceExt": 7, "registerDeviceWithUniqueUrl": 1},
		},
		{
			OverrideOwn, map[string]string{"A": "https://A.example.com", "B": "https://b.example.com/"},
			[]Status{Unchanged, Overridden, Overridden, Unchanged, Overridden, Registered, Unchanged},
			map[string]int{"listDevices": 1, "addServer": 1, "registerDevices": 2, "checkDeviceExt": 6, "registerDeviceWithUniqueUrl": 1},
		},
	} {
		t.Run(fmt.Sprintf("%d/%d", test.policy, len(test.servers)), func(t *testing.T) {
			inBubble(t, func(t *testing.T, sim *rpstest.Server) {
				config := testConfig()
				config.Verify, config.Override = true, test.policy
				r, results := runOf(t, sim, rows, config)
				r.Servers = test.servers
				sim.AddDevice("user", mac(1).Bare(), "A", "")
				sim.AddDevice("user", mac(2).Bare(), "B", "")
				sim.AddDevice("user", mac(3).Bare(), "B", "")
				sim.AddDevice("user", mac(4).Bare(), "A", "https://u.example.com/4")
				sim.AddDevice("user", mac(5).Bare(), "A", "https://u.example.com/old")
				sim.AddDevice("user", mac(7).Bare(), "B", "")
				summary, err := do(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				results.wants(t, test.want...)
				wantCalls(t, summary.Calls, test.calls)
				if d := results.verdicts[6].Detail; test.servers == nil && !strings.Contains(d, "URL of its server is not known") {
					t.Errorf("row 6: %s", d)
				}
			})
		})
	}
}

func TestCheck(t *testing.T) {
	inBubble(t, func(t *testing.T, sim *rpstest.Server) {
		rows := []Row{
			device(1, "", ""), device(2, "A", ""), device(3, "A", "https://u.example.com/3"), device(4, "", ""), device(5, "", ""),
			device(6, "A", ""), device(7, "B", ""), device(1, "", ""),
		}
		for i := range rows {
			rows[i].Line, rows[i].Device.Action = i+2, Check
		}
		r, results := runOf(t, sim, rows, testConfig())
		r.Servers = map[string]string{"A": "https://a.example.com/"}
		sim.AddServer("other", "O", "https://o.example.com/")
		for i := range 3 {
			sim.AddDevice("user", mac(i+1).Bare(), "A", "")
		}
		sim.AddDevice("other", mac(4).Bare(), "O", "")
		sim.AddStock(mac(6).Bare())
		sim.AddDevice("user", mac(7).Bare(), "B", "")
		summary, err := do(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		results.wants(t, Registered, Matches, Differs, RegisteredElsewhere, Unknown, NotBound, NotVerified, Duplicate)
		wantCalls(t, summary.Calls, map[string]int{"checkDeviceExt": 7})
		if summary.Succeeded != 5 {
			t.Errorf("%d succeeded", summary.Succeeded)
		}
		if results.verdicts[2].URL != "https://a.example.com/" {
			t.Errorf("%+v", results.verdicts[2])
		}
	})
}

func TestCheckGoesOnThroughFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := withServers(rpstest.Options{Faults: []rpstest.Fault{{Name: "500-after", Call: 1, Times: 2}}})
		rows := devices(1, "")
		rows[0].Device.Action = Check
		r, results := runOf(t, sim, rows, testConfig())
		if _, err := do(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		results.wants(t, Unknown)
	})
}

func TestBaseline(t *testing.T) {
	was := func(n int, server, url string, status Status, proof Proof) Row {
		row := device(n, server, url)
		row.Prior.Status, row.Prior.Proof, row.Prior.Server, row.Prior.URL = status, proof, server, url
		return row
	}
	baseline, err := TakeBaseline(&rowsSource{[]Row{
		was(1, "A", "", Registered, ProofAnswer), was(2, "B", "", Unchanged, ProofBaseline), was(3, "A", "", Exists, ProofList),
		was(4, "A", "", Overridden, ProofAnswer), was(5, "A", "https://u.example.com/5", Registered, ProofLookup), was(6, "A", "", Unchanged, ProofList),
		was(7, "A", "", Registered, ProofAnswer), was(8, "A", "", Differs, ProofLookup),
		was(9, "A", "", Registered, ProofSandbox), was(10, "A", "", NotAttempted, ProofNone),
		{Problem: "wrong"}, {Blank: true},
	}}, false)
	if err != nil || baseline.Len() != 5 {
		t.Fatal(baseline.Len(), err)
	}
	inBubble(t, func(t *testing.T, sim *rpstest.Server) {
		config := testConfig()
		config.Override = OverrideOwn
		rows := devices(7, "A")
		rows[4].Device.URL = "https://u.example.com/5"
		r, results := runOf(t, sim, rows, config)
		r.Baseline = baseline
		for i := range 6 { // not the seventh: somebody removed it
			sim.AddDevice("user", mac(i+1).Bare(), "A", rows[i].Device.URL)
		}
		summary, err := do(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		results.wants(t, Unchanged, Overridden, Overridden, Unchanged, Unchanged, Overridden, Registered)
		wantCalls(t, summary.Calls, map[string]int{"listDevices": 1, "registerDevices": 2})
	})
}

// A run that is stopped before a row leaves it as proven as the baseline had it, for
// the next run.
func TestStoppedRunKeepsTheBaseline(t *testing.T) {
	inBubble(t, func(t *testing.T, sim *rpstest.Server) {
		was := devices(2, "A")
		for i := range was {
			was[i].Prior = Prior{Server: "A", Verdict: Verdict{Status: Registered, Proof: ProofAnswer, Time: time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC)}}
		}
		baseline, err := TakeBaseline(&rowsSource{was}, false)
		if err != nil {
			t.Fatal(err)
		}
		rows := devices(3, "A")
		rows[1].Device.Server = "B"
		r, results := runOf(t, sim, rows, testConfig())
		r.Baseline = baseline
		r.Leave(&StopError{Reason: ErrUnreachable})
		results.wants(t, NotAttempted, NotAttempted, NotAttempted)
		for i, v := range results.verdicts {
			rows[i].Prior = Prior{Server: rows[i].Device.Server, Verdict: v}
		}
		again, err := TakeBaseline(&rowsSource{rows}, false)
		if at, ok := again.has(&rows[0].Device); !ok || !at.Equal(was[0].Prior.Time) || again.Len() != 1 || err != nil {
			t.Errorf("the next run has a baseline of %d devices, the first of %v: %v; %v", again.Len(), at, results.verdicts, err)
		}
	})
}

func TestServersAreAddedFirst(t *testing.T) {
	inBubble(t, func(t *testing.T, sim *rpstest.Server) {
		config := testConfig()
		config.BatchSize = 2
		rows := append(devices(7, "C"), device(8, "A", ""), device(9, "D", "https://u.example.com/9"), device(10, "elsewhere", ""))
		r, results := runOf(t, sim, rows, config)
		r.Servers = map[string]string{"A": "https://a.example.com/", "C": "https://c.example.com/", "D": "https://d.example.com/", "unused": "https://e.example.com/"}
		account, err := r.Caller.ReadAccount(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		plan, err := r.Plan(t.Context(), account)
		if err != nil || plan.Calls["addServer"] != 3 {
			t.Errorf("%+v, %v", plan, err)
		}
		summary, err := r.Do(t.Context(), account)
		if err != nil {
			t.Fatal(err)
		}
		want := []Status{Registered, Registered, Registered, Registered, Registered, Registered, Registered, Registered, Registered, UnknownServer}
		results.wants(t, want...)
		wantCalls(t, summary.Calls, map[string]int{"listDevices": 1, "addServer": 3, "registerDevices": 6, "registerDeviceWithUniqueUrl": 1})
		if len(summary.Added) != 2 {
			t.Errorf("added %v", summary.Added)
		}
	})
}

func TestAddServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := withServers(rpstest.Options{Faults: []rpstest.Fault{{Name: "close-after", Method: "redirect.addServer", Call: 3}}})
		rows := []Row{device(0, "new", "https://n.example.com/"), device(0, "A", "https://a.example.com/"),
			device(0, "lost", "https://l.example.com/"), device(0, "bad", "nonsense"), device(0, "new", "https://n.example.com/"),
			device(0, "two", "https://1.example.com/"), device(0, "two", "https://2.example.com/")}
		for i := range rows {
			rows[i].Line, rows[i].Device.Action, rows[i].Device.MAC = i+1, AddServer, rps.MAC{}
		}
		config := testConfig()
		config.Workers = 1
		r, results := runOf(t, sim, rows, config)
		summary, err := do(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		results.wants(t, Registered, Exists, InDoubt, Refused, Duplicate, Conflict, Conflict)
		if d := results.verdicts[5].Detail; !strings.Contains(d, "server name") {
			t.Error(d)
		}
		wantCalls(t, summary.Calls, map[string]int{"addServer": 5})
	})
}

func TestMixedActions(t *testing.T) {
	inBubble(t, func(t *testing.T, sim *rpstest.Server) {
		rows := append(devices(4, "A"), device(4, "A", ""))
		rows[1].Device.Action, rows[2].Device.Action, rows[4].Device.Action = Deregister, Deregister, Deregister
		rows[4].Line = 9
		config := testConfig()
		config.Override = OverrideAsk
		r, results := runOf(t, sim, rows, config)
		sim.AddDevice("user", mac(2).Bare(), "B", "")
		if _, err := doAsking(t.Context(), r, func(Changes) bool {
			t.Error("asked to override a device that is to be removed")
			return false
		}); err != nil {
			t.Fatal(err)
		}
		results.wants(t, Registered, Deregistered, NotRegistered, Conflict, Conflict)
		if d := results.verdicts[3].Detail; !strings.Contains(d, "line 9: to be removed") {
			t.Error(d)
		}
	})
}

func TestPlanWithoutAService(t *testing.T) {
	rows := append(devices(250, "A"), device(1, "A", ""), device(900, "B", ""), device(900, "A", ""), device(901, "", "https://u.example.com/"),
		Row{Problem: "wrong"}, Row{Blank: true})
	r, _ := runOf(t, rpstest.New(rpstest.Options{}), rows, testConfig())
	r.Caller = nil
	plan, err := r.Plan(t.Context(), Account{})
	if err != nil {
		t.Fatal(err)
	}
	wantCalls(t, plan.Calls, map[string]int{"listDevices": 1, "registerDevices": 3, "registerDeviceWithUniqueUrl": 1})
	want := map[Fate]int{ToRegister: 251, Repeats: 1, Conflicting: 2, Unsendable: 1}
	if !maps.Equal(plan.Fates, want) || plan.Rows != 255 || plan.Blank != 1 || plan.Listed || plan.Time != 5*time.Millisecond {
		t.Errorf("plan %+v", plan)
	}
}
