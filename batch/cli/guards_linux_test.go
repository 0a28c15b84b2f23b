package cli_test

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"rpsbatch/rps/rpstest"
)

// A guarded run is one of TestGuards: what it is given, and what it must come to.
// The account has 100 devices, all at the server old. N.csv, moved to the server
// new, has the first N of them, keptN.csv all but the first N, and newN.csv N
// others. A run that changes nothing leaves an earlier result as it is.
type guarded struct {
	name     string
	first    string // a run before it, which leaves what it resumes
	args     string
	dialogue string // on a terminal, as of the script command; "": none
	unlisted bool   // the account cannot be listed
	code     int
	want     string // in what it says; of a space, any
	changed  int    // devices of the account that are not as they were, all runs together
}

const silent = "wait " // a terminal on which nothing is asked: any text will do

// TestGuards runs each guard under, at and over what it allows, with a terminal and
// without, where the account cannot be listed, resumed, and as a rehearsal.
func TestGuards(t *testing.T) {
	for guard, runs := range map[string][]guarded{
		"max-moves": {
			{name: "under", args: "register 10.csv --override own --max-moves 0", changed: 10},
			{name: "at", args: "register 30.csv --override own", changed: 30},
			{name: "over", args: "register 31.csv --override own", code: 2, want: "--max-moves 31"},
			{name: "sync at", args: "sync 30.csv --override own --yes", changed: 30},
			{name: "sync over", args: "sync 31.csv --override own --yes", code: 2, want: "--max-moves 31"},
			{name: "edit over", args: "edit 31.csv", code: 2, want: "--max-moves 31"},
			{name: "terminal, at", args: "register 30.csv", dialogue: "wait Already registered, and perhaps bound to something else: 30 of the 100 in\nwait Move them in the account user at\ntype y", changed: 30},
			{name: "terminal, over", args: "register 31.csv", dialogue: "wait 31 of the 100\nwait Move them\ntype y", code: 2, want: "--max-moves 31"},
			{name: "terminal, over, no", args: "register 31.csv", dialogue: "wait Move them\ntype n", code: 1, want: "exists 31"},
			{name: "terminal, over, own", args: "register 31.csv --override own", dialogue: silent, code: 2, want: "--max-moves 31"},
			{name: "unlisted", args: "register 1.csv --override own --max-moves 50", unlisted: true, code: 2, want: "--max-moves 100%"},
			{name: "unlisted, all", args: "register 31.csv --override own --max-moves 100%", unlisted: true, changed: 31},
			{name: "unlisted, terminal", args: "register 1.csv", unlisted: true, dialogue: "wait could not be listed\nwait Move them\ntype y", code: 2, want: "--max-moves 100%"},
			{name: "resumed", first: "register 31.csv --override own --max-moves 31 --limit 5", args: "register 31.csv --override own --resume", code: 2, want: `it has --max-moves "31", not "30%"`, changed: 5},
			{name: "resumed, at", first: "register 30.csv --override own --limit 5", args: "register 30.csv --override own --resume", changed: 30},
			{name: "rehearsed", args: "register 31.csv --override own --dry-run", code: 2, want: "the run would stop: too many registered devices"},
			{name: "rehearsed, at", args: "register 30.csv --override own --dry-run", want: "already registered, to move 30"},
		},
		"max-removals": {
			{name: "always", args: "deregister 10.csv --max-removals 0", changed: 10},
			{name: "under", args: "deregister 19.csv --max-removals 20", changed: 19},
			{name: "at", args: "deregister 20.csv --max-removals 20%", changed: 20},
			{name: "over", args: "deregister 21.csv --max-removals 20", code: 2, want: "--max-removals 21"},
			{name: "sync at", args: "sync kept10.csv --prune --yes", changed: 10},
			{name: "sync over", args: "sync kept11.csv --prune --yes", code: 2, want: "--max-removals 11"},
			{name: "terminal", args: "deregister 11.csv --max-removals 11", dialogue: "wait Remove 11 of the 100 in the account (11%)\ntype y", changed: 11},
			{name: "terminal, over", args: "deregister 11.csv", dialogue: silent, code: 2, want: "--max-removals 11"},
			{name: "terminal, sync over", args: "sync kept11.csv --prune", dialogue: silent, code: 2, want: "--max-removals 11"},
			{name: "unlisted", args: "deregister 11.csv --max-removals 50%", unlisted: true, code: 2, want: "--max-removals 11"},
			{name: "unlisted, a number", args: "deregister 11.csv --max-removals 11", unlisted: true, changed: 11},
			{name: "unlisted, sync", args: "sync kept1.csv --prune --yes", unlisted: true, code: 4},
			{name: "resumed", first: "deregister 21.csv --max-removals 21 --limit 5", args: "deregister 21.csv --max-removals 20 --resume", code: 2, want: `it has --max-removals "21", not "20"`, changed: 5},
			{name: "resumed, at", first: "deregister 20.csv --max-removals 20 --limit 5", args: "deregister 20.csv --max-removals 20 --resume", changed: 20},
			{name: "rehearsed", args: "deregister 11.csv --dry-run", code: 2, want: "the run would stop: too many devices would be removed"},
			{name: "rehearsed, at", args: "sync kept10.csv --prune --dry-run", want: "in the account only, to remove 10"},
		},
		"yes": {
			{name: "deregister", args: "deregister 5.csv", changed: 5},
			{name: "sync", args: "sync kept1.csv --prune", code: 2, want: "no terminal on which to confirm the plan"},
			{name: "sync yes", args: "sync kept1.csv --prune --yes", changed: 1},
			{name: "over", args: "deregister 11.csv --yes", code: 2, want: "--max-removals 11"},
			{name: "terminal, no", args: "deregister 5.csv", dialogue: "wait Remove 5 of the 100\ntype n", code: 1, want: "Nothing was changed."},
			{name: "terminal, Ctrl-C", args: "deregister 5.csv", dialogue: "wait Remove 5 of the 100\nwait [N]o\ninterrupt", code: 130},
			{name: "terminal, yes", args: "deregister 5.csv", dialogue: "wait 5%\nwait Remove them from the account user at\ntype y", changed: 5},
			{name: "terminal, --yes", args: "deregister 5.csv --yes", dialogue: silent, changed: 5},
			{name: "terminal, sync", args: "sync kept1.csv --prune", dialogue: "wait Apply this plan to the account user at\ntype n", code: 1, want: "Nothing was changed."},
			{name: "unlisted", args: "deregister 5.csv", dialogue: "wait Remove 5 devices: 00-15\ntype n", unlisted: true, code: 1},
			{name: "resumed", first: "deregister 5.csv --limit 2 --yes", args: "deregister 5.csv --resume", dialogue: "wait Remove 3 of the 98\ntype y", changed: 5},
			{name: "rehearsed", args: "deregister 5.csv --dry-run", dialogue: silent, want: "to remove 5"},
			{name: "rehearsed, sync", args: "sync kept1.csv --prune --dry-run", want: "in the account only, to remove 1"},
		},
		"limit": {
			{name: "under", args: "register new5.csv --limit 6", changed: 5},
			{name: "at", args: "register new5.csv --limit 5", want: "registered 5", changed: 5},
			{name: "over", args: "register new5.csv --limit 4", want: "not-attempted 1 left out", changed: 4},
			{name: "terminal", args: "deregister 5.csv --limit 4", dialogue: "wait Remove 4 of the 100\ntype y", changed: 4},
			{name: "unlisted", args: "register new5.csv --limit 4", unlisted: true, changed: 4},
			{name: "resumed", first: "register new5.csv --limit 1", args: "register new5.csv --limit 3 --resume", changed: 4},
			{name: "resumed, all", first: "register new5.csv --limit 1", args: "register new5.csv --resume", changed: 5},
			{name: "rehearsed", args: "register new5.csv --limit 4 --dry-run", want: "left for later (--limit) 1"},
			{name: "sync --prune", args: "sync kept1.csv --prune --yes --limit 1", code: 2, want: "--limit cannot be combined with --prune"},
		},
		"save-before": {
			{name: "moved", args: "register 5.csv --override own --save-before b.csv", want: "Saved: b.csv (5 devices)", changed: 5},
			{name: "other contents", args: "register 5.csv --override own --save-before 10.csv", code: 2, want: "and is never overwritten"},
			{name: "terminal", args: "deregister 5.csv --save-before b.csv", dialogue: "wait Remove 5\ntype y", want: "Saved: b.csv (5 devices)", changed: 5},
			{name: "unlisted", args: "edit 5.csv --max-moves 100% --save-before b.csv", unlisted: true, want: "Saved: b.csv (5 devices)", changed: 5},
			{name: "resumed", first: "edit 5.csv --limit 2 --save-before b.csv", args: "edit 5.csv --resume --save-before b.csv", want: "Saved: b.csv (5 devices)", changed: 5},
			{name: "resumed with another", first: "edit 5.csv --limit 2 --save-before b.csv", args: "edit 5.csv --resume --save-before c.csv", code: 2, want: `--save-before "b.csv", not "c.csv"`, changed: 2},
			{name: "rehearsed", args: "edit 5.csv --dry-run --save-before b.csv", want: "11 calls: 5 checkDeviceExt, 5 editDevice, 1 listDevices"},
		},
		"expect-no-changes": {
			{name: "none", args: "sync kept0.csv --prune --dry-run --expect-no-changes"},
			{name: "one", args: "sync kept1.csv --prune --dry-run --expect-no-changes", code: 1, want: "would change something"},
			{name: "over a limit", args: "register 31.csv --override own --dry-run --expect-no-changes", code: 2, want: "--max-moves 31"},
			{name: "terminal", args: "sync kept1.csv --prune --dry-run --expect-no-changes", dialogue: silent, code: 1, want: "would change something"},
			{name: "unlisted", args: "register new5.csv --dry-run --expect-no-changes", unlisted: true, code: 4},
			{name: "beside an unfinished run", first: "register new5.csv --limit 1", args: "register new5.csv --dry-run --expect-no-changes", code: 1, want: "to register 4", changed: 1},
			{name: "not rehearsed", args: "register new5.csv --expect-no-changes", code: 2, want: "--expect-no-changes needs --dry-run"},
		},
		"expect-plan": {
			{name: "the same", first: "edit 5.csv --dry-run --plan-json p.json", args: "edit 5.csv --expect-plan p.json", changed: 5},
			{name: "another", first: "edit 5.csv --dry-run --plan-json p.json", args: "edit 10.csv --expect-plan p.json", code: 2, want: "rows: 10, was 5"},
			{name: "over a limit", first: "register 30.csv --override own --dry-run --plan-json p.json", args: "register 30.csv --override own --max-moves 29 --expect-plan p.json", code: 2, want: "--max-moves 30"},
			{name: "terminal", first: "deregister 5.csv --dry-run --plan-json p.json", args: "deregister 5.csv --expect-plan p.json", dialogue: "wait Remove 5\ntype y", changed: 5},
			{name: "terminal, another", first: "deregister 5.csv --dry-run --plan-json p.json", args: "deregister 10.csv --expect-plan p.json", dialogue: silent, code: 2, want: "rows: 10, was 5"},
			{name: "unlisted", first: "edit 5.csv --dry-run --plan-json p.json --max-moves 100%", args: "edit 5.csv --max-moves 100% --expect-plan p.json", unlisted: true, changed: 5},
			{name: "resumed", first: "edit 5.csv --limit 2 --plan-json p.json", args: "edit 5.csv --resume --expect-plan p.json", changed: 5},
			{name: "resumed, its own result the baseline", first: "register 5.csv --override own --limit 2 --plan-json p.json --baseline 5.result.csv", args: "register 5.csv --override own --resume --expect-plan p.json --baseline 5.result.csv", changed: 5},
			{name: "rehearsed", first: "edit 5.csv --dry-run --plan-json p.json", args: "edit 10.csv --dry-run --expect-plan p.json", code: 2, want: "the run would stop: the plan differs"},
		},
		"allow-empty": {
			{name: "not given", args: "sync kept100.csv --prune --yes --max-removals 100%", code: 2, want: "kept100.csv has no devices"},
			{name: "given", args: "register kept100.csv --allow-empty"},
			{name: "lifts no limit", args: "sync kept100.csv --prune --yes --allow-empty", code: 2, want: "--max-removals 100"},
			{name: "terminal", args: "sync kept100.csv --prune", dialogue: silent, code: 2, want: "kept100.csv has no devices"},
			{name: "terminal, given", args: "sync kept100.csv --prune --allow-empty --max-removals 100%", dialogue: "wait Apply this plan\ntype n", code: 1},
			{name: "unlisted", args: "sync kept100.csv --prune --yes --allow-empty --max-removals 100%", unlisted: true, code: 4},
			{name: "beside an unfinished run", first: "register new5.csv --limit 1", args: "register kept100.csv -o new5.result.csv --resume", code: 2, want: "has no devices", changed: 1},
			{name: "rehearsed", args: "register kept100.csv --dry-run", code: 2, want: "kept100.csv has no devices"},
		},
	} {
		for _, g := range runs {
			t.Run(guard+"/"+g.name, g.run)
		}
	}
}

func (g guarded) run(t *testing.T) {
	t.Parallel()
	sim := rpstest.New(rpstest.Options{})
	for _, name := range []string{"old", "new"} {
		sim.AddServer("user", name, "https://"+name+".example.com/")
	}
	before := map[rpstest.Device]bool{}
	for i := range 100 {
		sim.AddDevice("user", fmt.Sprintf("%012X", 0x001565000000+i), "old", "")
	}
	for _, d := range sim.Devices("user") {
		before[d] = true
	}
	if g.unlisted {
		sim.SetFaults(rpstest.Fault{Method: "listDevices", Name: "says", Times: -1, Text: "No list for you"})
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	c := &crash{t: t, dir: t.TempDir(), url: server.URL}
	runs := []string{g.first, g.args}
	for _, run := range runs {
		for _, word := range strings.Fields(run) {
			if strings.HasSuffix(word, ".csv") {
				c.writeDevices(word)
			}
		}
	}
	if g.first != "" {
		if out, err := c.command(append(strings.Fields(g.first), "--rate=100000")...).CombinedOutput(); err != nil {
			t.Fatalf("the run before: %v: %s", err, out)
		}
	}
	earlier := c.path(strings.TrimSuffix(strings.Fields(g.args)[1], ".csv") + ".result.csv")
	was, err := os.ReadFile(earlier)
	if err != nil {
		was = []byte("what was there before")
		err = os.WriteFile(earlier, was, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	p := c.command(append(strings.Fields(g.args), "--rate=100000")...)
	said := ""
	if g.dialogue == "" {
		var out []byte
		out, err = p.CombinedOutput()
		said = string(out)
	} else {
		shown, talk, ended := onTerminal(p, g.dialogue)
		if talk != nil {
			t.Error(talk)
		}
		said, err = string(shown), ended
		if asks := strings.Contains(said, "[y]es"); asks != (g.dialogue != silent) {
			t.Errorf("it asks: %v", asks)
		}
	}
	spaced := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	if got := code(err); got != g.code || !strings.Contains(spaced(said), g.want) {
		t.Errorf("exit code %d, want %d, with %q: %s", got, g.code, g.want, said)
	}
	if g.code > 1 || strings.Contains(g.args, "--dry-run") || strings.Contains(said, "Nothing was changed.") {
		if is, err := os.ReadFile(earlier); err != nil || !bytes.Equal(is, was) {
			t.Errorf("the earlier result is not as it was: %v: %s", err, is)
		}
	}
	same, changed := 0, 0
	for _, d := range sim.Devices("user") {
		if before[d] {
			same++
		} else if d.MAC > "001565000063" {
			changed++
		}
	}
	if changed += 100 - same; changed != g.changed {
		t.Errorf("%d devices are not as they were, want %d: %s", changed, g.changed, said)
	}
}

// writeDevices writes a file that TestGuards names, if it is one.
func (c *crash) writeDevices(name string) {
	n, first, end, server := 0, 0, 0, "new"
	switch {
	case scanned(name, "kept%d.csv", &n):
		first, end, server = n, 100, "old"
	case scanned(name, "new%d.csv", &n):
		first, end = 200, 200+n
	case scanned(name, "%d.csv", &n):
		end = n
	default:
		return
	}
	text := "mac,server\n"
	for i := first; i < end; i++ {
		text += fmt.Sprintf("%012X,%s\n", 0x001565000000+i, server)
	}
	if err := os.WriteFile(c.path(name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

func scanned(name, format string, n *int) bool {
	_, err := fmt.Sscanf(name, format, n)
	return err == nil && fmt.Sprintf(format, *n) == name
}
