package batch

import (
	"errors"
	"io"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"rpsbatch/rps"
	"rpsbatch/rps/rpstest"
)

// killedRun writes the journal that a killed run leaves.
func killedRun(t *testing.T, name string, header Header, records func(*Journal) []error) {
	t.Helper()
	j, _, err := OpenJournal(name, header, false, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(append(records(j), j.Close())...); err != nil {
		t.Fatal(err)
	}
}

// TestResumedRun resumes runs that were killed, and wants them to come to what they
// would have come to.
func TestResumedRun(t *testing.T) {
	const url1, url2 = "https://u.example.com/1", "https://u.example.com/2"
	long := time.Time{} // a call that left long ago
	in := func(row int, before presence) item {
		return item{row: row, mac: mac(row + 1), evidence: evidence{Before: before}}
	}
	for _, test := range []struct {
		name    string
		action  Action
		rows    []Row
		config  func(*Config)
		before  []rps.MAC                 // in the account before the run
		records func(j *Journal) []error  // what the killed run noted
		service func(sim *rpstest.Server) // how it is when the run is resumed
		want    []string
		calls   int
		carried int // calls that have carried the first row; 0: does not matter
	}{
		{
			name:   "isOverride 1 may be sent again",
			rows:   []Row{device(1, "A", url1), device(2, "A", url2)},
			config: func(c *Config) { c.Override = OverrideAlways },
			before: []rps.MAC{mac(1), mac(2)},
			records: func(j *Journal) []error {
				return []error{j.sending(change{call: callOverride, items: []item{in(0, present)}}, long)}
			},
			service: func(sim *rpstest.Server) {
				sim.AddDevice("user", mac(1).Bare(), "B", "")
				sim.AddDevice("user", mac(2).Bare(), "B", "")
			},
			want:  []string{"overridden by answer", "overridden by answer"},
			calls: 3,
		},
		{
			name:   "a device that was bound shows its server's URL",
			rows:   devices(2, "A"),
			config: func(c *Config) { c.Override, c.Verify = OverrideOwn, true },
			before: []rps.MAC{mac(2)},
			records: func(j *Journal) []error {
				return []error{j.settled([]settlement{{0, Verdict{Status: Registered, Proof: ProofAnswer}}})}
			},
			service: func(sim *rpstest.Server) {
				sim.AddDevice("user", mac(1).Bare(), "A", "")
				sim.AddDevice("user", mac(2).Bare(), "B", "")
			},
			want:  []string{"registered by answer", "overridden by answer"},
			calls: 4,
		},
		{
			name:   "a device that is only listed may be bound elsewhere, and shows no server's URL",
			rows:   devices(2, "A"),
			config: func(c *Config) { c.Override, c.Verify = OverrideOwn, true },
			before: []rps.MAC{mac(2)},
			records: func(j *Journal) []error {
				return []error{j.settled([]settlement{{0, Verdict{Status: Registered, Proof: ProofList}}})}
			},
			service: func(sim *rpstest.Server) {
				sim.AddDevice("user", mac(1).Bare(), "B", "")
				sim.AddDevice("user", mac(2).Bare(), "B", "")
			},
			want:  []string{"registered by list", "exists by lookup"},
			calls: 2,
		},
		{
			name: "a call that was on its way was applied",
			rows: []Row{device(1, "A", url1)},
			records: func(j *Journal) []error {
				return []error{j.sending(change{items: []item{in(0, absent)}}, long)}
			},
			service: func(sim *rpstest.Server) { sim.AddDevice("user", mac(1).Bare(), "A", url1) },
			want:    []string{"registered by lookup"},
			calls:   2,
		},
		{
			name: "a call that was on its way was not applied",
			rows: []Row{device(1, "A", url1)},
			records: func(j *Journal) []error {
				return []error{j.sending(change{items: []item{in(0, absent)}}, long)}
			},
			want:  []string{"registered by answer"},
			calls: 2, carried: 2,
		},
		{
			name:   "a removal that was on its way was applied",
			action: Deregister,
			rows:   devices(1, ""),
			before: []rps.MAC{mac(1)},
			records: func(j *Journal) []error {
				return []error{j.sending(change{call: callDeregister, items: []item{in(0, present)}}, long)}
			},
			want:  []string{"deregistered by lookup"},
			calls: 4, // an empty list is made twice, and that it is gone is not believed of those alone
		},
		{
			name:   "a removal for which an earlier verdict was not believed",
			action: Deregister,
			rows:   devices(1, ""),
			before: []rps.MAC{mac(2)},
			records: func(j *Journal) []error {
				return []error{
					j.settled([]settlement{{0, Verdict{Status: NotRegistered, Proof: ProofAnswer, Calls: 1}}}),
					j.sending(change{call: callDeregister, items: []item{in(0, present)}}, long),
				}
			},
			service: func(sim *rpstest.Server) { sim.AddDevice("user", mac(2).Bare(), "A", "") },
			want:    []string{"deregistered by lookup"},
			calls:   3,
			carried: 3,
		},
		{
			name: "a call that was not made after all",
			rows: devices(1, "A"),
			records: func(j *Journal) []error {
				items := []item{in(0, absent)}
				return []error{j.sending(change{items: items}, long), j.kept(items, true)}
			},
			want:  []string{"registered by answer"},
			calls: 2, carried: 1,
		},
		{
			name: "a refusal is remembered in its words",
			rows: devices(1, "A"),
			records: func(j *Journal) []error {
				it := in(0, absent)
				it.Reach, it.Tries, it.Alone, it.Said = lost, 5, true, &words{Refused, "no such model"}
				return []error{j.sending(change{items: []item{it}}, long), j.kept([]item{it}, false)}
			},
			want:  []string{"refused by lookup"},
			calls: 2,
		},
		{
			name:   "what was there before and no call touched",
			rows:   devices(2, "A"),
			before: []rps.MAC{mac(1)},
			service: func(sim *rpstest.Server) {
				sim.AddDevice("user", mac(1).Bare(), "B", "")
				sim.AddDevice("user", mac(2).Bare(), "B", "")
			},
			want:  []string{"exists by list", "exists by list"}, // the second since, by somebody else
			calls: 1,
		},
		{
			name: "what no call touched, but one was refused that asked",
			rows: devices(1, "A"),
			records: func(j *Journal) []error {
				it := in(0, absent)
				it.Reach, it.Asked = refused, true
				return []error{j.sending(change{items: []item{it}}, long), j.kept([]item{it}, false)}
			},
			// It may be the run's own work, of which the question was the second answer.
			service: func(sim *rpstest.Server) { sim.AddDevice("user", mac(1).Bare(), "A", "") },
			want:    []string{"registered by list"},
			calls:   2,
		},
		{
			name:   "what was there before, but not when it was sent",
			rows:   devices(1, "A"),
			before: []rps.MAC{mac(1)},
			records: func(j *Journal) []error {
				return []error{j.sending(change{items: []item{in(0, absent)}}, long)}
			},
			service: func(sim *rpstest.Server) { sim.AddDevice("user", mac(1).Bare(), "A", "") },
			want:    []string{"registered by list"},
			calls:   4, // once more when the call can no longer be applied
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "journal")
			header := Header{Command: "register", Rows: len(test.rows)}
			config := testConfig()
			if test.config != nil {
				test.config(&config)
			}
			killedRun(t, name, header, func(j *Journal) []error {
				before := []uint64{}
				for _, mac := range test.before {
					before = append(before, mac.Uint64())
				}
				errs := []error{j.append(accountRecord(before, nil))}
				if test.records != nil {
					errs = append(errs, test.records(j)...)
				}
				return errs
			})
			for i := range test.rows {
				test.rows[i].Device.Action = test.action
			}
			synctest.Test(t, func(t *testing.T) {
				sim := withServers(rpstest.Options{})
				if test.service != nil {
					test.service(sim)
				}
				r, results := runOf(t, sim, test.rows, config)
				var err error
				if r.Journal, r.Past, err = OpenJournal(name, header, true, false); err != nil {
					t.Fatal(err)
				}
				defer r.Journal.Close()
				summary, err := do(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				if test.carried > 0 && results.verdicts[0].Calls != test.carried {
					t.Errorf("%d calls have carried the row, want %d", results.verdicts[0].Calls, test.carried)
				}
				for i, want := range test.want {
					if got := settled(results.verdicts[i]).inShort(); got != want {
						t.Errorf("row %d: %s (%s), want %s", i, got, results.verdicts[i].Detail, want)
					}
				}
				if summary.TotalCalls() != test.calls {
					t.Errorf("calls %v, want %d", summary.Calls, test.calls)
				}
			})
		})
	}
}

// A call that was on its way when the run was killed may have waited for its turn
// since it was noted: it may be applied until the time-out has passed since the run
// was resumed.
func TestResumedRunWaitsForTheCallThatWasOnItsWay(t *testing.T) {
	for _, applied := range []bool{false, true} {
		name := filepath.Join(t.TempDir(), "journal")
		header := Header{Command: "deregister", Rows: 1}
		rows := devices(1, "")
		rows[0].Device.Action = Deregister
		killedRun(t, name, header, func(j *Journal) []error {
			it := item{mac: mac(1), evidence: evidence{Before: present}}
			return []error{
				j.append(accountRecord([]uint64{mac(1).Uint64()}, nil)),
				j.sending(change{call: callDeregister, items: []item{it}}, time.Time{}),
			}
		})
		synctest.Test(t, func(t *testing.T) {
			sim := withServers(rpstest.Options{})
			sim.AddDevice("user", mac(1).Bare(), "A", "")
			if applied {
				time.AfterFunc(20*time.Second, func() { sim.AddStock(mac(1).Bare()) })
			}
			config := testConfig()
			config.MaxAttempts = 1 // nothing is sent again
			r, results := runOf(t, sim, rows, config)
			var err error
			if r.Journal, r.Past, err = OpenJournal(name, header, true, false); err != nil {
				t.Fatal(err)
			}
			defer r.Journal.Close()
			start := time.Now()
			if _, err := do(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			want := map[bool]Status{false: Failed, true: Deregistered}[applied]
			if results.wants(t, want); time.Since(start) < config.Timeout {
				t.Errorf("it has waited for %v", time.Since(start))
			}
		})
	}
}

// All that conclude needs survives the journal.
func TestEvidenceIsKept(t *testing.T) {
	name := filepath.Join(t.TempDir(), "journal")
	all := []evidence{
		{},
		{Before: present, Reach: refused, Moves: true, Asked: true, Alone: true},
		{Before: absent, Reach: lost, Checked: true, Tries: 255, Rounds: 5, Until: time.Unix(1000, 1).UnixNano()},
		{Reach: lost, Said: &words{UnknownServer, "Invalid server"}, kin: &kin{3, 1}, List: present, listAt: 7},
	}
	killedRun(t, name, testHeader(), func(j *Journal) []error { return []error{j.kept(rowsWith(len(all), all...), false)} })
	j, past, err := OpenJournal(name, testHeader(), true, false)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for row, want := range all {
		got := past.touched[row].evidence
		if (got.Said == nil) != (want.Said == nil) || got.Said != nil && *got.Said != *want.Said {
			t.Errorf("row %d: words %+v, want %+v", row, got.Said, want.Said)
		}
		// Of what a list has shown, and other rows, the next part learns anew.
		got.Said, want.Said, want.kin, want.List, want.listAt = nil, nil, nil, unlisted, 0
		if got != want {
			t.Errorf("row %d\ngot  %+v\nwant %+v", row, got, want)
		}
	}
}

// The form of a journal is that of its version: one of another is not guessed at.
func TestJournalOfAnEarlierVersion(t *testing.T) {
	name := filepath.Join(t.TempDir(), "journal")
	killedRun(t, name, testHeader(), func(j *Journal) []error {
		old := testHeader()
		old.Version = journalVersion - 1
		_, err := j.file.Seek(0, io.SeekStart)
		return []error{err, j.file.Truncate(0), j.append(record{Header: &beginning{Header: old}})}
	})
	if _, _, err := OpenJournal(name, testHeader(), true, false); !errors.Is(err, ErrOtherRun) {
		t.Errorf("resumed: %v", err)
	}
	j, past, err := OpenJournal(name, testHeader(), true, true)
	if err != nil || past != nil || !j.any {
		t.Fatalf("restarted: %v, %v", past, err)
	}
	j.Close()
}
