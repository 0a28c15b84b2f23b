package batch

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rpsbatch/rps/rpstest"
)

// truthFaults are the scripts of the truth table: one call goes wrong, or the
// second does as well, or all of a kind.
func truthFaults() (scripts [][]rpstest.Fault) {
	for _, name := range rpstest.FaultNames() {
		f := rpstest.Fault{Name: name}
		switch name {
		case "slow":
			f.Delay = 3 * time.Second
		case "hang-before", "hang-after":
			f.Delay = time.Hour
		case "429", "503-before", "503-after":
			f.RetryAfter = "2"
		case "says":
			f.Text = "Error:the service is out of sorts"
		}
		change := f
		change.Call = 2 // the first is listDevices
		twice := change
		twice.Times = 2
		always := change
		always.Times = -1
		scripts = append(scripts, []rpstest.Fault{f}, []rpstest.Fault{change}, []rpstest.Fault{twice}, []rpstest.Fault{always})
		for _, call := range []int{3, 4, 6} { // some rows have been refused by then
			later := f
			later.Call = call
			scripts = append(scripts, []rpstest.Fault{later})
		}
	}
	return scripts
}

// TestTruth runs every fault against every changing method, with both ways to
// treat refused batches and every policy, and compares each verdict with what
// is true.
func TestTruth(t *testing.T) {
	actions := map[string]Action{"register": Register, "deregister": Deregister, "edit": Edit}
	doubts, verdicts := 0, 0
	for name, action := range actions {
		for i, faults := range truthFaults() {
			if !long() && i%8 != len(name)%8 {
				continue
			}
			for _, o := range []rpstest.Options{{}, {Partial: true}, {ListLimit: 5}, {Partial: true, PromptElsewhere: true}, {Partial: true, Unnamed: true, ListLimit: 3}} {
				if o.Unnamed && action == Deregister {
					// What is not in a list that is cut, and was removed by
					// a refused call that names nothing, cannot be told
					// from what was never there.
					continue
				}
				for _, policy := range []string{"never", "own", "always", "never verify", "own verify"} {
					if action != Register && policy != "never" {
						continue
					}
					t.Run(fmt.Sprintf("%s/%s/partial=%v/list=%d/%s", name, faults[0], o.Partial, o.ListLimit, policy), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							o.Faults = faults
							tr := truthTrial(action, policy, o)
							tr.run(t)
							for i := range tr.rows {
								verdicts++
								if tr.verdicts[i].Status == InDoubt {
									doubts++
								}
								tr.checkTruth(t, action, i)
							}
						})
					})
				}
			}
		}
	}
	t.Logf("%d verdicts, %d in doubt", verdicts, doubts)
	if long() && 10*doubts > verdicts {
		t.Errorf("%d of %d verdicts are in doubt", doubts, verdicts)
	}
}

// truthTrial has rows of each sort, for a server and with a unique URL: free,
// registered as asked, registered at another server, and another account's.
func truthTrial(action Action, policy string, options rpstest.Options) *trial {
	tr := &trial{options: options}
	for i := range 24 {
		url := ""
		if i%8 >= 4 {
			url = fmt.Sprintf("https://u.example.com/%d", i)
		}
		tr.rows = append(tr.rows, device(i+1, "A", url))
	}
	tr.prepare = func(s *rpstest.Server) {
		for i, row := range tr.rows {
			m := row.Device.MAC.Bare()
			switch i % 4 {
			case 1:
				s.AddDevice("user", m, "A", row.Device.URL)
			case 2:
				s.AddDevice("user", m, "B", "")
			case 3:
				if i > 12 {
					s.AddDevice("other", m, "O", "")
				} else if action == Edit {
					s.AddStock(m)
				}
			}
		}
	}
	tr.action = action
	tr.config = func(c *Config) {
		name, verify, _ := strings.Cut(policy, " ")
		c.Override, c.Verify = overrideNames[name], verify != ""
		c.BatchSize = 10
		c.GiveUpAfter = 2 * time.Minute
	}
	return tr
}

// checkTruth compares a verdict with the service at the end.
func (tr *trial) checkTruth(t *testing.T, action Action, i int) {
	t.Helper()
	row, v := tr.rows[i].Device, tr.verdicts[i]
	d, there := tr.sim.Device(row.MAC.Bare())
	ours := there && d.Owner == "user"
	want := "https://a.example.com/"
	if row.URL != "" {
		want = row.URL
	}
	asAsked := ours && d.URL == want
	wasOurs, wasAsAsked := i%4 == 1 || i%4 == 2, i%4 == 1
	bad := func(what string) {
		t.Errorf("row %d: %s (%s) after %d calls: %s; the service has %+v", i, v.Status, v.Detail, v.Calls, what, d)
	}
	switch v.Status {
	case Registered, Overridden, Unchanged, Edited:
		if !asAsked {
			bad("it is not as asked")
		}
		if v.Status == Overridden && !wasOurs {
			bad("it was not registered before")
		}
	case Deregistered:
		if ours || !wasOurs {
			bad("it was not removed")
		}
	case Exists:
		if !wasOurs || !ours {
			bad("it was not registered before")
		}
	case RegisteredElsewhere:
		if !there || d.Owner != "other" {
			bad("nobody else has it")
		}
	case NotRegistered:
		if wasOurs || ours {
			bad("it was registered")
		}
	case Failed, NotAttempted, Refused:
		changed := asAsked && !wasAsAsked
		if action == Deregister {
			changed = wasOurs && !ours
		}
		if changed {
			bad("it was applied")
		}
	case InDoubt:
	default:
		bad("no such verdict here")
	}
}
