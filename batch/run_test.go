package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rpsbatch/rps"
	"rpsbatch/rps/rpstest"
)

// rowsSource returns rows that stand in memory.
type rowsSource struct{ rows []Row }

func (s *rowsSource) Read(row *Row) error {
	if len(s.rows) == 0 {
		return io.EOF
	}
	*row, s.rows = s.rows[0], s.rows[1:]
	return nil
}

// collected is the Results of a test.
type collected struct {
	t        testing.TB
	verdicts []Verdict
	lines    []int
}

func (c *collected) Write(row *Row, v Verdict) error {
	c.verdicts = append(c.verdicts, v)
	c.lines = append(c.lines, row.Line)
	return nil
}

func (c *collected) Pass(row *Row) error { return c.Write(row, Verdict{Status: row.Prior.Status}) }

func mac(n int) rps.MAC { return rps.MACFromUint64(0x001565000000 + uint64(n)) }

// device is the row of a device; url may be "".
func device(n int, server, url string) Row {
	return Row{Line: n + 1, Raw: fmt.Sprint(n), Cells: 1, Device: Device{MAC: mac(n), Server: server, URL: url}}
}

func devices(n int, server string) (rows []Row) {
	for i := range n {
		rows = append(rows, device(i+1, server, ""))
	}
	return rows
}

// trial is a run against a simulated service.
type trial struct {
	options rpstest.Options
	prepare func(*rpstest.Server)
	config  func(*Config)
	confirm func(Changes) bool
	action  Action // of all rows
	rows    []Row

	sim      *rpstest.Server
	verdicts []Verdict
	summary  Summary
	err      error
}

func testConfig() Config {
	return Config{BatchSize: 100, Workers: 4, Rate: 1000, Burst: 1, MaxAttempts: 5, Timeout: 30 * time.Second, GiveUpAfter: 5 * time.Minute}
}

// run runs the trial. It must be called in a bubble.
func (tr *trial) run(t testing.TB) {
	t.Helper()
	tr.options.LogMACs = true
	tr.sim = rpstest.New(tr.options)
	for _, name := range []string{"A", "B"} {
		tr.sim.AddServer("user", name, "https://"+strings.ToLower(name)+".example.com/")
	}
	tr.sim.AddServer("other", "O", "https://o.example.com/")
	if tr.prepare != nil {
		tr.prepare(tr.sim)
	}
	config := testConfig()
	if tr.config != nil {
		tr.config(&config)
	}
	if err := config.Check(); err != nil {
		t.Fatal(err)
	}
	client, err := rps.NewClient(rps.Config{Username: "user", Password: "secret", Transport: tr.sim.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range tr.rows {
		tr.rows[i].Device.Action = tr.action
	}
	open := func() (Source, error) { return &rowsSource{tr.rows}, nil }
	survey, err := TakeSurvey(open, config.OnConflict, nil)
	if err != nil {
		t.Fatal(err)
	}
	results := &collected{t: t}
	r := &Run{Config: config, Caller: NewCaller(config, client, nil), Survey: survey, Open: open, Results: results}
	if tr.confirm != nil {
		tr.summary, tr.err = doAsking(t.Context(), r, tr.confirm)
	} else {
		tr.summary, tr.err = do(t.Context(), r)
	}
	tr.verdicts = results.verdicts
	if len(results.lines) != len(tr.rows) {
		t.Fatalf("%d results for %d rows", len(results.lines), len(tr.rows))
	}
	for i, line := range results.lines {
		if line != tr.rows[i].Line {
			t.Fatalf("result %d is for line %d, want %d", i, line, tr.rows[i].Line)
		}
	}
}

// do reads the account as the command line does, and runs.
func do(ctx context.Context, r *Run) (Summary, error) { return doAsking(ctx, r, nil) }

func doAsking(ctx context.Context, r *Run, confirm func(Changes) bool) (Summary, error) {
	var account Account
	var err error
	if r.NeedsAccount() {
		if account, err = r.ReadAccount(ctx); err == nil && r.Config.Sync {
			err = account.Unlisted()
		}
	}
	if stop := (*StopError)(nil); errors.As(err, &stop) {
		return r.Leave(stop)
	}
	if r.Config.Override == OverrideAsk {
		r.Config.Override = OverrideOwn
		plan, err := r.Plan(ctx, account)
		if err != nil {
			return Summary{}, err
		}
		if confirm == nil || plan.Left.Moves.Count == 0 || !confirm(plan.Left) {
			r.Config.Override = OverrideNever
		}
	}
	return r.Do(ctx, account)
}

// calls returns the number of calls of a method.
func (tr *trial) calls(method string) int { return tr.summary.Calls[method] }

func (tr *trial) want(t testing.TB, i int, status Status) {
	t.Helper()
	if got := tr.verdicts[i]; got.Status != status {
		t.Errorf("row %d: %s (%s), want %s", i, got.Status, got.Detail, status)
	}
}

func TestCleanInputTakesTheFewestCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &trial{}
		for i := range 1050 {
			tr.rows = append(tr.rows, device(i+1, []string{"A", "B"}[i%2], ""))
		}
		tr.rows = append(tr.rows, device(2000, "A", "https://u.example.com/1"))
		tr.run(t)
		if got, want := fmt.Sprint(tr.summary.Calls), "map[listDevices:1 registerDeviceWithUniqueUrl:1 registerDevices:12]"; got != want {
			t.Errorf("calls %s, want %s", got, want)
		}
		if tr.summary.Succeeded != 1051 {
			t.Errorf("%d succeeded", tr.summary.Succeeded)
		}
	})
}

func TestNamedRowsCostTwoCalls(t *testing.T) {
	for _, partial := range []bool{false, true} {
		t.Run(fmt.Sprintf("partial=%v", partial), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := &trial{options: rpstest.Options{Partial: partial}, rows: devices(100, "A")}
				bad := []int{3, 50, 99}
				tr.prepare = func(s *rpstest.Server) {
					for _, i := range bad {
						s.AddDevice("other", tr.rows[i].Device.MAC.Bare(), "O", "")
					}
				}
				tr.run(t)
				if n := tr.calls("registerDevices"); n != 2 {
					t.Errorf("%d calls of registerDevices, want 2", n)
				}
				for i := range tr.rows {
					if slices.Contains(bad, i) {
						tr.want(t, i, RegisteredElsewhere)
						if !strings.Contains(tr.verdicts[i].Detail, "Please check the MAC address you entered") {
							t.Errorf("row %d: not the service's words: %s", i, tr.verdicts[i].Detail)
						}
					} else {
						tr.want(t, i, Registered)
					}
				}
			})
		})
	}
}

// A list that would settle many rows is not believed before a sample of them was
// looked up.
func TestListIsBelievedAfterASample(t *testing.T) {
	for _, cut := range []bool{false, true} {
		t.Run(fmt.Sprintf("cut=%v", cut), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lost := rpstest.Fault{Name: "502-after", Method: "deRegisterDevices"}
				if cut {
					lost.Name = "502-before" // nothing is removed
				}
				tr := &trial{rows: devices(90, ""), action: Deregister, options: rpstest.Options{Faults: []rpstest.Fault{
					lost, {Name: "list-first", Method: "listDevices", Call: 2, Times: -1}}}}
				tr.config = func(c *Config) { c.MaxAttempts = 1 }
				tr.prepare = func(s *rpstest.Server) {
					for _, row := range tr.rows {
						s.AddDevice("user", row.Device.MAC.Bare(), "B", "")
					}
				}
				tr.run(t)
				want, lookups := Deregistered, sampleSize
				if cut {
					want, lookups = Failed, 2*90 // again when the lost call cannot be applied any more
				}
				if tr.summary.Counts[want] != 90 || tr.calls("checkDeviceExt") != lookups {
					t.Errorf("%v, %v", tr.summary.Counts, tr.summary.Calls)
				}
			})
		})
	}
}

// An empty list that is not expected is requested once more, whatever becomes of
// that.
func TestEmptyListIsRequestedOnceMore(t *testing.T) {
	for second, lists := range map[string]int{"": 2, "502-before": 2, "hang-before": 2, "refused": 3} {
		t.Run(second, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := &trial{rows: devices(3, ""), action: Deregister}
				tr.options.Faults = []rpstest.Fault{{Name: "list-first", Method: "listDevices", Times: 1}}
				if second != "" {
					tr.options.Faults = append(tr.options.Faults, rpstest.Fault{Name: second, Method: "listDevices", Call: 2})
				}
				tr.prepare = func(s *rpstest.Server) {
					for _, row := range tr.rows {
						s.AddDevice("user", row.Device.MAC.Bare(), "B", "")
					}
				}
				tr.run(t)
				if tr.err != nil || tr.summary.Counts[Deregistered] != 3 || tr.calls("listDevices") != lists {
					t.Errorf("%v, %v, %v", tr.err, tr.summary.Counts, tr.summary.Calls)
				}
			})
		})
	}
}

// However many calls the list of the account took, one more concludes the rows of a
// lost call, and none of them is looked up.
func TestLastListIsUsed(t *testing.T) {
	for failed := range 4 {
		for _, lost := range []string{"502-before", "502-after"} {
			t.Run(fmt.Sprint(lost, failed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					tr := &trial{rows: devices(100, "A"), options: rpstest.Options{Faults: []rpstest.Fault{{Name: lost, Method: "registerDevices"}}}}
					if failed > 0 {
						tr.options.Faults = append(tr.options.Faults, rpstest.Fault{Name: "502-before", Method: "listDevices", Times: failed})
					}
					tr.run(t)
					if tr.summary.Counts[Registered] != 100 || tr.calls("checkDeviceExt") != 0 || tr.calls("listDevices") != failed+2 {
						t.Errorf("%v, %v", tr.summary.Counts, tr.summary.Calls)
					}
				})
			})
		}
	}
}

func TestUnnamedRowIsFoundByHalves(t *testing.T) {
	for _, partial := range []bool{false, true} {
		for _, bad := range []int{0, 37, 99} {
			t.Run(fmt.Sprintf("partial=%v/bad=%d", partial, bad), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					tr := &trial{rows: devices(100, "A"), options: rpstest.Options{
						Partial: partial, Unnamed: true, PromptElsewhere: false,
					}}
					tr.prepare = func(s *rpstest.Server) {
						s.AddDevice("other", tr.rows[bad].Device.MAC.Bare(), "O", "")
					}
					tr.run(t)
					total := tr.summary.TotalCalls() - 1 // but for the first listDevices
					if total > 15 && !partial || total > 20 {
						t.Errorf("%d calls, want at most 2·log2(100)+2: %v", total, tr.summary.Calls)
					}
					for i := range tr.rows {
						if i == bad {
							if tr.verdicts[i].Status.Success() || !strings.Contains(tr.verdicts[i].Detail, "the service says") {
								t.Errorf("the bad row: %+v", tr.verdicts[i])
							}
						} else {
							tr.want(t, i, Registered)
						}
					}
				})
			})
		}
	}
}

// override is what every call of a trial said of it.
func overridden(tr *trial) (macs []string) {
	for _, c := range tr.sim.Calls() {
		if c.Override == "1" {
			macs = append(macs, c.MACs...)
		}
	}
	return macs
}

func TestOverridePolicies(t *testing.T) {
	// 20 rows: 0-4 free, 5-9 own at B, 10-14 own at B with a unique URL in
	// the file, 15-17 elsewhere, 18-19 free with a unique URL.
	rows := func() (rows []Row) {
		for i := range 20 {
			url := ""
			if i >= 10 && i < 15 || i >= 18 {
				url = fmt.Sprintf("https://u.example.com/%d", i)
			}
			rows = append(rows, device(i+1, "A", url))
		}
		return rows
	}
	prepare := func(s *rpstest.Server) {
		for i := 5; i < 15; i++ {
			s.AddDevice("user", mac(i+1).Bare(), "B", "")
		}
		for i := 15; i < 18; i++ {
			s.AddDevice("other", mac(i+1).Bare(), "O", "")
		}
	}
	for _, partial := range []bool{false, true} {
		for _, listLimit := range []int{0, 3} {
			for _, policy := range []string{"never", "own", "always", "ask-yes", "ask-no"} {
				t.Run(fmt.Sprintf("%s/partial=%v/list=%d", policy, partial, listLimit), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						tr := &trial{rows: rows(), prepare: prepare, options: rpstest.Options{
							Partial: partial, PromptElsewhere: true, ListLimit: listLimit,
						}}
						name, answer, _ := strings.Cut(policy, "-")
						tr.config = func(c *Config) { c.Override, _ = ParseOverride(name) }
						asked := 0
						tr.confirm = func(c Changes) bool {
							asked++
							if want := map[int]int{0: 10, 3: 3}[listLimit]; c.Moves.Count != want || len(slices.Collect(c.Moves.MACs())) != want {
								t.Errorf("asked about %d devices, want %d", c.Moves.Count, want)
							}
							return answer == "yes"
						}
						tr.run(t)
						moves := policy == "own" || policy == "always" || policy == "ask-yes"
						for i := range tr.rows {
							if listLimit > 0 && partial && !moves && tr.verdicts[i].Status == InDoubt {
								// Everything was in the one call that was refused, and no
								// list shows what was there before.
								continue
							}
							switch {
							case i < 5 || i >= 18:
								tr.want(t, i, Registered)
							case i < 15 && moves:
								if got := tr.verdicts[i].Status; got != Overridden && !(got == Registered && (policy == "always" || listLimit > 0)) {
									t.Errorf("row %d: %s (%s), want overridden", i, got, tr.verdicts[i].Detail)
								}
							case i < 15:
								tr.want(t, i, Exists)
							case policy == "always":
								if got := tr.verdicts[i].Status; got != Refused && got != RegisteredElsewhere {
									t.Errorf("row %d: %s", i, got)
								}
							default:
								tr.want(t, i, RegisteredElsewhere)
							}
							d, _ := tr.sim.Device(mac(i + 1).Bare())
							if ok := tr.verdicts[i].Status.Success(); ok != (d.Owner == "user" && (d.Server == "A")) {
								t.Errorf("row %d: %+v, but the service has %+v", i, tr.verdicts[i], d)
							}
						}
						over := overridden(tr)
						if !moves && len(over) > 0 {
							t.Errorf("isOverride 1 for %v", over)
						}
						for i := 15; i < 18 && policy != "always"; i++ {
							if slices.ContainsFunc(over, func(m string) bool { return strings.EqualFold(m, mac(i+1).Bare()) }) {
								t.Errorf("isOverride 1 for %v, which is registered elsewhere", mac(i+1))
							}
						}
						if name == "ask" && asked != 1 || name != "ask" && asked != 0 {
							t.Errorf("asked %d times", asked)
						}
					})
				})
			}
		}
	}
}

func TestAlwaysTakesOneFurtherCallForAPrompt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &trial{rows: devices(200, "A"), options: rpstest.Options{ListLimit: 1}}
		tr.config = func(c *Config) { c.Override = OverrideAlways }
		tr.prepare = func(s *rpstest.Server) {
			for i := range 200 {
				if i%3 == 0 {
					s.AddDevice("user", mac(i+1).Bare(), "B", "")
				}
			}
		}
		tr.run(t)
		if n := tr.calls("registerDevices"); n > 4 || tr.summary.Succeeded != 200 {
			t.Errorf("%d calls, %d succeeded", n, tr.summary.Succeeded)
		}
	})
}

func TestRateIsKeptAndUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perSecond, burst = 20, 3
		tr := &trial{rows: devices(400, "A"), options: rpstest.Options{Latency: 200 * time.Millisecond, Faults: []rpstest.Fault{
			{Name: "500-after", Every: 7}, {Name: "503-before", Every: 11},
		}}}
		tr.config = func(c *Config) {
			c.BatchSize, c.Workers, c.Rate, c.Burst, c.MaxAttempts = 1, 8, perSecond, burst, 20
		}
		tr.run(t)
		calls := tr.sim.Calls()
		for i := range calls {
			for j := i; j < len(calls); j++ {
				window := calls[j].Time.Sub(calls[i].Time).Seconds()
				if n := float64(j - i + 1); n > window*perSecond+burst+1e-6 {
					t.Fatalf("%v calls in %v s", n, window)
				}
			}
		}
		if tr.summary.Succeeded != 400 {
			t.Errorf("%d succeeded: %v", tr.summary.Succeeded, tr.summary.Counts)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		tr := &trial{rows: devices(400, "A"), options: rpstest.Options{Latency: 200 * time.Millisecond}}
		tr.config = func(c *Config) { c.BatchSize, c.Workers, c.Rate = 1, 8, 20 }
		tr.run(t)
		if used := 401 / tr.summary.Elapsed.Seconds() / 20; used < 0.95 {
			t.Errorf("%.2f of the rate is used", used)
		}
	})
}

func TestServersAndDuplicates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &trial{}
		tr.config = func(c *Config) { c.BatchSize, c.Workers = 1, 1 }
		bad := Row{Line: 50, Problem: "the MAC is wrong"}
		blank := Row{Line: 51, Blank: true}
		again := device(1, "A", "")
		again.Line = 52
		c1, c2 := device(7, "A", ""), device(7, "B", "")
		c1.Line, c2.Line = 53, 54
		tr.rows = []Row{device(1, "A", ""), device(2, "nowhere", ""), device(3, "nowhere", ""), bad, blank, again, c1, c2,
			device(9, "nowhere", "https://u.example.com/")}
		tr.run(t)
		for i, s := range []Status{Registered, UnknownServer, UnknownServer, Invalid, "", Duplicate, Conflict, Conflict, UnknownServer} {
			tr.want(t, i, s)
		}
		if n := tr.summary.TotalCalls(); n != 3 {
			t.Errorf("%d calls, want 3: a server that is not there costs one: %v", n, tr.summary.Calls)
		}
		if tr.summary.Rows != 8 || tr.summary.Blank != 1 || tr.summary.Succeeded != 2 {
			t.Errorf("summary %+v", tr.summary)
		}
	})
}

func TestDeregister(t *testing.T) {
	for _, o := range []rpstest.Options{{}, {Partial: true}, {NameOne: true}, {Unnamed: true}, {Unnamed: true, Partial: true}, {ListLimit: 2}} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := &trial{options: o, rows: devices(20, "")}
				tr.action = Deregister
				tr.prepare = func(s *rpstest.Server) {
					for i := range 12 {
						s.AddDevice("user", mac(i+1).Bare(), "A", "")
					}
					s.AddDevice("other", mac(13).Bare(), "O", "")
				}
				tr.run(t)
				for i := range 20 {
					got := tr.verdicts[i]
					if i < 12 {
						tr.want(t, i, Deregistered)
					} else if o.ListLimit > 0 && got.Status == InDoubt {
						// A cut list: what a refused call did cannot be told.
					} else if got.Status != NotRegistered && got.Status != RegisteredElsewhere {
						t.Errorf("row %d: %s (%s)", i, got.Status, got.Detail)
					}
					if d, ok := tr.sim.Device(mac(i + 1).Bare()); ok && d.Owner == "user" {
						t.Errorf("row %d is still there", i)
					}
				}
				t.Log(tr.summary.Calls)
			})
		})
	}
}

// TestRefusalsOfOtherKindsAreLookedUp has a service that applies a part of a
// batch that it refuses, and then refuses the rest for another reason: that
// says nothing of what was applied before.
func TestRefusalsOfOtherKindsAreLookedUp(t *testing.T) {
	for _, unnamed := range []bool{false, true} {
		for every := 2; every <= 7; every++ {
			t.Run(fmt.Sprintf("unnamed=%v/every=%d", unnamed, every), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					tr := &trial{rows: devices(9, "A"), options: rpstest.Options{Partial: true, Unnamed: unnamed, ListLimit: 3, Faults: []rpstest.Fault{
						{Name: "413", Method: "registerDevices", Every: every},
					}}}
					tr.prepare = func(s *rpstest.Server) { s.AddDevice("other", mac(5).Bare(), "O", "") }
					tr.run(t)
					for i, v := range tr.verdicts {
						d, _ := tr.sim.Device(mac(i + 1).Bare())
						if ours := d.Owner == "user"; ours != v.Status.Success() && v.Status != InDoubt {
							t.Errorf("row %d: %s (%s), and the service has %+v", i, v.Status, v.Detail, d)
						}
					}
				})
			})
		}
	}
}
