package batch

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"rpsbatch/rps"
	"rpsbatch/rps/rpstest"
)

// poisoned is a service that gives no readable answer to a batch that has one of some
// devices, or more devices than it can handle in time.
type poisoned struct {
	Service
	poison []rps.MAC
	most   int
	calls  int
}

func (p *poisoned) breaks(macs []rps.MAC) error {
	p.calls++
	if len(macs) > p.most || slices.ContainsFunc(macs, func(m rps.MAC) bool { return slices.Contains(p.poison, m) }) {
		return &rps.Error{Kind: rps.Unreadable, StatusCode: http.StatusInternalServerError}
	}
	return nil
}

func (p *poisoned) RegisterDevices(ctx context.Context, macs []rps.MAC, server string) error {
	if err := p.breaks(macs); err != nil {
		return err
	}
	return p.Service.RegisterDevices(ctx, macs, server)
}

func (p *poisoned) RegisterDevicesOverride(ctx context.Context, macs []rps.MAC, server string, override bool) error {
	if err := p.breaks(macs); err != nil {
		return err
	}
	return p.Service.RegisterDevicesOverride(ctx, macs, server, override)
}

func (p *poisoned) DeRegisterDevices(ctx context.Context, macs []rps.MAC) error {
	if err := p.breaks(macs); err != nil {
		return err
	}
	return p.Service.DeRegisterDevices(ctx, macs)
}

// A batch without a readable answer becomes smaller, until the row that is why is
// alone.
func TestUnansweredBatchesShrink(t *testing.T) {
	for _, c := range []struct {
		name   string
		action Action
		own    bool // devices are registered, and moved
		noList bool
		poison []rps.MAC
		most   int
		want   Status
		calls  int // changes, at most
	}{
		{"register", Register, false, false, []rps.MAC{mac(50)}, 100, Registered, 40},
		{"register, without a list", Register, false, true, []rps.MAC{mac(50)}, 100, Registered, 40},
		{"move", Register, true, false, []rps.MAC{mac(50)}, 100, Overridden, 40},
		{"remove", Deregister, true, false, []rps.MAC{mac(50)}, 100, Deregistered, 40},
		{"register in too large a batch", Register, false, false, nil, 10, Registered, 30},
		{"move in too large a batch", Register, true, false, nil, 10, Overridden, 40},
		{"two", Register, false, false, []rps.MAC{mac(3), mac(99)}, 100, Registered, 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				options := rpstest.Options{}
				if c.noList {
					options.Faults = []rpstest.Fault{{Name: "500-before", Method: "listDevices", Times: -1}}
				}
				sim := withServers(options)
				rows := devices(100, "A")
				for i := range rows {
					rows[i].Device.Action = c.action
					if c.own {
						sim.AddDevice("user", mac(i+1).Bare(), "B", "")
					}
				}
				config := testConfig()
				config.Override = OverrideOwn
				r, results := runOf(t, sim, rows, config)
				p := &poisoned{Service: r.Caller.service, poison: c.poison, most: c.most}
				r.Caller.service = p
				if _, err := do(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				for i, v := range results.verdicts {
					want := c.want
					if slices.Contains(c.poison, mac(i+1)) {
						want = Failed
					}
					if v.Status != want {
						t.Errorf("row %d: %s (%s), want %s", i, v.Status, v.Detail, want)
					}
				}
				if p.calls > c.calls {
					t.Errorf("%d changes, at most %d are needed", p.calls, c.calls)
				}
			})
		})
	}
}

// picky is a service that takes some addresses for none, and does not say so in known
// words when it is sent them.
type picky struct {
	Service
	none []rps.MAC
}

func (p picky) RegisterDevices(ctx context.Context, macs []rps.MAC, server string) error {
	if slices.ContainsFunc(macs, func(m rps.MAC) bool { return slices.Contains(p.none, m) }) {
		return &rps.Error{Kind: rps.Refusal, Text: "not a phone"}
	}
	return p.Service.RegisterDevices(ctx, macs, server)
}

func (p picky) CheckDeviceExt(ctx context.Context, mac rps.MAC) (rps.DeviceStatus, string, error) {
	if slices.Contains(p.none, mac) {
		return "", "", &rps.Error{Kind: rps.InvalidMAC, Text: "Error:Invalid MAC(s)"}
	}
	return p.Service.CheckDeviceExt(ctx, mac)
}

// A lookup that does not take the address shows that the device is not registered.
func TestLookupOfWhatIsNoMAC(t *testing.T) {
	for _, listed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			sim := withServers(rpstest.Options{})
			want := Refused
			if listed {
				sim.AddDevice("user", mac(5).Bare(), "A", "")
				want = Exists
			}
			r, results := runOf(t, sim, devices(9, "A"), testConfig())
			r.Caller.service = picky{r.Caller.service, []rps.MAC{mac(4), mac(5)}}
			if _, err := do(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if v := results.verdicts[4]; v.Status != want {
				t.Errorf("listed: %v: %s (%s), want %s", listed, v.Status, v.Detail, want)
			}
		})
	}
}

// What bad luck loses twice is sent a third time as it is.
func TestLostTwiceIsSentWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault := rpstest.Fault{Name: "close-before", Method: "registerDevices", Times: 2}
		tr := &trial{rows: devices(100, "A"), options: rpstest.Options{Faults: []rpstest.Fault{fault}}}
		tr.run(t)
		if n := tr.calls("registerDevices"); n != 3 || tr.summary.Succeeded != 100 {
			t.Errorf("%d calls: %v", n, tr.summary.Counts)
		}
	})
}
