package batch

import (
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
	"rpsbatch/rps/rpstest"
)

// TestResumedRunIsTheSame goes on with runs that were killed, and wants them to
// come to what they would have come to.
func TestResumedRunIsTheSame(t *testing.T) {
	for _, test := range []struct {
		name    string
		rows    []Row
		config  func(*Config)
		prepare func(*rpstest.Server)
		known   []rps.MAC // to the account before the run
		settled []settlement
		sending []attempt
		want    []Status
		calls   int
	}{
		{
			name:   "isOverride 1 may be sent again",
			rows:   []Row{device(1, "A", "https://u.example.com/1"), device(2, "A", "https://u.example.com/2")},
			config: func(c *Config) { c.Override = OverrideAlways },
			prepare: func(s *rpstest.Server) {
				s.AddDevice("user", mac(1).Bare(), "B", "")
				s.AddDevice("user", mac(2).Bare(), "B", "")
			},
			known:   []rps.MAC{mac(1), mac(2)},
			sending: []attempt{{call: callOverride, items: []item{{row: 0, mac: mac(1), ours: true}}}},
			want:    []Status{Overridden, Overridden},
			calls:   3,
		},
		{
			name:   "a device bound before the kill tells its server's URL",
			rows:   []Row{device(1, "A", ""), device(2, "A", "")},
			config: func(c *Config) { c.Override, c.Verify = OverrideOwn, true },
			prepare: func(s *rpstest.Server) {
				s.AddDevice("user", mac(1).Bare(), "A", "")
				s.AddDevice("user", mac(2).Bare(), "B", "")
			},
			known:   []rps.MAC{mac(2)},
			settled: []settlement{{0, Verdict{Status: Registered, Proof: ProofAnswer}}},
			want:    []Status{Registered, Overridden},
			calls:   4,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "journal")
			header := Header{Command: "register", Rows: len(test.rows)}
			killed, _, err := OpenJournal(name, header, false, false)
			if err != nil {
				t.Fatal(err)
			}
			known := roaring64.New()
			for _, mac := range test.known {
				known.Add(mac.Uint64())
			}
			config := testConfig()
			test.config(&config)
			account, err := accountOf(known, roaring64.New(), true, config.Override)
			if err == nil {
				err = killed.append(record{Account: account})
			}
			if err == nil {
				err = killed.settled(test.settled)
			}
			if err == nil {
				err = killed.sending(test.sending)
			}
			if err != nil || killed.Close() != nil {
				t.Fatal(err)
			}

			journal, past, err := OpenJournal(name, header, true, false)
			if err != nil {
				t.Fatal(err)
			}
			defer journal.Close()
			synctest.Test(t, func(t *testing.T) {
				sim := withServers(rpstest.Options{})
				test.prepare(sim)
				r, results := engine(t, sim, test.rows, config)
				r.Journal, r.Past = journal, past
				summary, err := r.Do(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for i, want := range test.want {
					if v := results.verdicts[i]; v.Status != want {
						t.Errorf("row %d: %s (%s), want %s", i, v.Status, v.Detail, want)
					}
				}
				if summary.TotalCalls() != test.calls {
					t.Errorf("%v", summary.Calls)
				}
			})
		})
	}
}
