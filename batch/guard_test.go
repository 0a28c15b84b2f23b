package batch

import (
	"testing"

	"rpsbatch/rps/rpstest"
)

func TestAllowance(t *testing.T) {
	for text, want := range map[string]Allowance{"10%": {Percent: 10}, "0": {}, "25": {Devices: 25}, "0.5%": {Percent: 0.5}} {
		if got, err := ParseAllowance(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "-1", "101%", "-1%", "NaN%", "%", "1.5"} {
		if _, err := ParseAllowance(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestExceed(t *testing.T) {
	tenth := Limits{Moves: Allowance{Percent: 10}, Removals: Allowance{Percent: 10}}
	named := tenth
	named.NamedRemovals = true
	for _, test := range []struct {
		name            string
		limits          Limits
		unlisted        bool
		devices         int
		moves, removals int
		wantM, wantR    bool
	}{
		{"nothing", Limits{}, false, 100, 0, 0, false, false},
		{"nothing, not listed", Limits{}, true, 0, 0, 0, false, false},
		{"as many", tenth, false, 200, 20, 20, false, false},
		{"one more", tenth, false, 200, 21, 21, true, true},
		{"one of few", tenth, false, 9, 1, 1, false, true},
		{"few moves always", Limits{}, false, 10, 10, 0, false, false},
		{"few and one", Limits{}, false, 100, 11, 1, true, true},
		{"few removals that are named", named, false, 10, 0, 10, false, false},
		{"few and one that are named", named, false, 10, 0, 11, false, true},
		{"a number", Limits{Moves: Allowance{Devices: 50}, Removals: Allowance{Devices: 50}}, false, 60, 50, 50, false, false},
		{"more than a number", Limits{Moves: Allowance{Devices: 50}, Removals: Allowance{Devices: 50}}, false, 60, 51, 51, true, true},
		{"all", Limits{Moves: All, Removals: All}, false, 60, 60, 60, false, false},
		{"not listed, a share", tenth, true, 0, 1, 1, true, true},
		{"not listed, a number", Limits{Moves: Allowance{Devices: 50}, Removals: Allowance{Devices: 50}}, true, 0, 1, 1, true, false},
		{"not listed, all", Limits{Moves: All, Removals: All}, true, 0, 60, 60, false, false},
		{"not listed, few that are named", named, true, 0, 0, 10, false, false},
	} {
		c := Changes{Listed: !test.unlisted, Devices: test.devices, Moves: Affected{Count: test.moves}, Removals: Affected{Count: test.removals}}
		if m, r := c.Exceed(test.limits); m != test.wantM || r != test.wantR {
			t.Errorf("%s: too many moves %v, removals %v; want %v, %v", test.name, m, r, test.wantM, test.wantR)
		}
	}
}

func TestEffectOf(t *testing.T) {
	for _, test := range []struct {
		fate     Fate
		before   presence
		override Override
		want     effect
	}{
		{ToDeregister, present, OverrideNever, removes},
		{ToDeregister, absent, OverrideNever, none},
		{ToDeregister, unlisted, OverrideNever, removes},
		{ToEdit, present, OverrideNever, moves},
		{ToEdit, absent, OverrideNever, none},
		{ToEdit, unlisted, OverrideNever, moves},
		{ToOverride, present, OverrideOwn, moves},
		{ToRegister, absent, OverrideAlways, adds},
		{ToRegister, unlisted, OverrideOwn, moves},
		{ToRegister, unlisted, OverrideNever, adds},
		{ToVerify, present, OverrideNever, none},
		{ToVerify, present, OverrideOwn, moves},
		{ToVerify, present, OverrideAlways, moves},
		{ToAdd, unlisted, OverrideNever, adds},
		{AsItIs, present, OverrideOwn, none},
		{ToCheck, unlisted, OverrideNever, none},
	} {
		if got := effectOf(test.fate, test.before, test.override); got != test.want {
			t.Errorf("%s, before %d, override %d: %d, want %d", test.fate, test.before, test.override, got, test.want)
		}
	}
}

// TestWithinLimits wants the bound that reads no file never to be lower than what
// the plan counts, and the plan to count what a run does.
func TestWithinLimits(t *testing.T) {
	actions := func(rows []Row, a Action) []Row {
		for i := range rows {
			rows[i].Device.Action = a
		}
		return rows
	}
	for _, test := range []struct {
		name            string
		rows            []Row
		override        Override
		sync, prune     bool
		moves, removals int
		within          bool
	}{
		{"new ones and left ones", devices(60, "B"), OverrideNever, false, false, 0, 0, true},
		{"a few moves", devices(10, "B"), OverrideOwn, false, false, 10, 0, true},
		{"moves", devices(60, "B"), OverrideOwn, false, false, 40, 0, false},
		{"edits", actions(devices(60, "B"), Edit), OverrideNever, false, false, 40, 0, false},
		{"removals", actions(devices(60, "B"), Deregister), OverrideNever, false, false, 0, 40, false},
		{"a few removals", actions(devices(10, ""), Deregister), OverrideNever, false, false, 0, 10, true},
		{"pruned", devices(35, "A"), OverrideNever, true, true, 0, 5, false},
		{"not pruned", devices(35, "A"), OverrideNever, true, false, 0, 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, sim *rpstest.Server) {
				for i := range 40 {
					sim.AddDevice("user", mac(i+1).Bare(), "A", "")
				}
				config := testConfig()
				config.Override, config.Sync, config.Prune = test.override, test.sync, test.prune
				config.Limits = Limits{Moves: Allowance{Percent: 25}, Removals: Allowance{Percent: 10}, NamedRemovals: !test.sync}
				r, _ := runOf(t, sim, test.rows, config)
				account, err := r.Caller.ReadAccount(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				plan, err := r.Plan(t.Context(), account)
				if err != nil {
					t.Fatal(err)
				}
				c := plan.Whole
				if c.Moves.Count != test.moves || c.Removals.Count != test.removals || c.Devices != 40 || !c.Listed {
					t.Errorf("%+v, want %d moves and %d removals", c, test.moves, test.removals)
				}
				if got := r.WithinLimits(account); got != test.within {
					t.Errorf("within limits: %v", got)
				}
				if m, rm := c.Exceed(config.Limits); r.WithinLimits(account) && (m || rm) {
					t.Error("the bound is lower than the plan")
				}
				summary, err := r.Do(t.Context(), account)
				did := summary.Counts[Overridden] + summary.Counts[Edited]
				gone := summary.Counts[Deregistered] + summary.Pruned
				if err != nil || did != test.moves || gone != test.removals {
					t.Errorf("%d moved, %d removed, %v", did, gone, err)
				}
			})
		})
	}
}
