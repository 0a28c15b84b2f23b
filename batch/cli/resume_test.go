package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// until polls for what another process does.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come", what)
		}
	}
}

func (c *crash) path(name string) string { return filepath.Join(c.dir, name) }

// answers returns the number of answers that the journal has.
func (c *crash) answers() int {
	data, _ := os.ReadFile(c.path("devices.result.csv.journal"))
	return bytes.Count(data, []byte(`{"settled"`))
}

// untimed returns the result file without its times.
func (c *crash) untimed() string {
	var b strings.Builder
	for _, r := range c.records("devices.result.csv") {
		b.WriteString(strings.Join(r[:len(r)-1], "|") + "\n")
	}
	return b.String()
}

// faultsFile writes a script of faults.
func faultsFile(t *testing.T, script string) string {
	name := filepath.Join(t.TempDir(), "faults")
	if err := os.WriteFile(name, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func code(err error) int {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// TestInterruptedAndResumed stops a run with each signal: exit code 130, a
// whole result, and with --resume the same bytes as an uninterrupted run.
func TestInterruptedAndResumed(t *testing.T) {
	t.Parallel()
	rows := crashRows(5000)
	whole := newCrash(t, rows)
	whole.register().Run()
	want := whole.untimed()

	for _, signal := range signals {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			// Some calls are under way for a second. A run makes a few calls more than
			// are waited for and then waits: none ends before its signal.
			c := newCrash(t, rows, "--faults", faultsFile(t, "registerDevices every=10 slow delay=1s"))
			for _, more := range []int{3, 17, 20} {
				at := c.answers() + more
				p := c.register("--resume", "--rate", "0.01", "--burst", strconv.Itoa(more+4))
				if err := p.Start(); err != nil {
					t.Fatal(err)
				}
				until(t, "the run's progress", func() bool { return c.answers() >= at })
				if err := send(p.Process, signal); err != nil {
					t.Fatal(err)
				}
				if got := code(p.Wait()); got != 130 {
					t.Fatalf("exit code %d, want 130", got)
				}
				results := c.records("devices.result.csv")
				if len(results) != len(rows) {
					t.Fatalf("%d result rows, want %d", len(results), len(rows))
				}
				left := 0
				for _, r := range results[1:] {
					switch status := r[len(rows[0])+3]; status {
					case "not-attempted":
						left++
					case "registered", "invalid", "duplicate":
					default:
						t.Fatalf("%v", r)
					}
				}
				if left == 0 {
					t.Fatal("nothing was left to be done")
				}
			}
			if got := code(c.register("--resume").Run()); got != 1 {
				t.Errorf("exit code %d, want 1 for the invalid rows", got)
			}
			if got := c.untimed(); got != want {
				t.Error("the result is not that of an uninterrupted run")
			}
			_, devices := c.finish()
			c.checkResults(rows, devices)
		})
	}
}

// TestTwoRunsAtOnce starts a second run on the same result while a call of the
// first one is held: it says who holds the result. A run that is killed leaves no
// lock.
func TestTwoRunsAtOnce(t *testing.T) {
	c := newCrash(t, crashRows(2000), "--faults", faultsFile(t, "registerDevices 5 hang-after"))
	first := c.register("--timeout", "1h")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { first.Process.Kill() })
	until(t, "the first run's answer", func() bool { return c.answers() >= 1 })
	for _, flags := range [][]string{nil, {"--resume"}, {"--restart"}, {"--resume", "--restart"}} {
		out, err := c.register(flags...).CombinedOutput()
		if code(err) != 2 || !strings.Contains(string(out), "another run is using it") || !strings.Contains(string(out), "process ") {
			t.Errorf("%v: exit code %d: %s", flags, code(err), out)
		}
	}
	first.Process.Kill()
	first.Wait()
	out, err := c.register().CombinedOutput()
	if code(err) != 2 || !strings.Contains(string(out), "--resume") || !strings.Contains(string(out), "--restart") {
		t.Errorf("an unfinished run: exit code %d: %s", code(err), out)
	}
	out, err = c.register("--resume", "--override", "own").CombinedOutput()
	if code(err) != 2 || !strings.Contains(string(out), "--override") {
		t.Errorf("another policy: exit code %d: %s", code(err), out)
	}
	if out, err := c.register("--resume").CombinedOutput(); code(err) != 1 {
		t.Errorf("exit code %d: %s", code(err), out)
	}
	if out, err := c.register("--resume").CombinedOutput(); code(err) != 1 || !strings.Contains(string(out), "exists") {
		t.Errorf("nothing to resume is a new run: exit code %d: %s", code(err), out)
	}
}

// TestResumeFromADamagedJournal tears the journal's end, as a crash does, and
// breaks it elsewhere, as no crash does.
func TestResumeFromADamagedJournal(t *testing.T) {
	rows := crashRows(2000)
	c := newCrash(t, rows, "--faults", faultsFile(t, "registerDevices 10 hang-after"))
	c.killAt(6)
	name := c.path("devices.result.csv.journal")
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	broken := bytes.Clone(whole)
	broken[len(broken)/2] ^= 0x10
	if err := os.WriteFile(name, broken, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := c.register("--resume").CombinedOutput()
	if code(err) != 2 || !strings.Contains(string(out), "damaged") {
		t.Errorf("exit code %d: %s", code(err), out)
	}
	// Only what was not synced, and so let no call leave, can be torn.
	torn := append(whole, whole[:bytes.IndexByte(whole, '\n')-7]...)
	if err := os.WriteFile(name, torn, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := c.register("--resume", "--timeout", "1s").CombinedOutput(); code(err) != 1 {
		t.Errorf("exit code %d: %s", code(err), out)
	}
	_, devices := c.finish()
	c.checkResults(rows, devices)
}

// TestForgedJournal adds records to a journal, with the right checksums: a plain
// register removes nothing for them, and registers what they have as registered.
func TestForgedJournal(t *testing.T) {
	rows := crashRows(200)
	for name, test := range map[string]struct {
		record string
		code   int
		says   string
	}{
		// of 00-15-65-00-00-00
		"removals":      {`{"account":{"listed":true,"devices":1000000,"prune":"gICAqNYC"}}`, 2, "it removes devices"},
		"verdicts":      {`{"settled":[{"rows":` + numbers(len(rows)-1) + `,"status":"registered","proof":"answer","calls":1}]}`, 1, "20 resumed"},
		"other verdict": {`{"settled":[{"rows":[1],"status":"splendid"}]}`, 2, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCrash(t, rows)
			if out, err := c.register("--limit", "20").CombinedOutput(); code(err) != 0 {
				t.Fatalf("exit code %d: %s", code(err), out)
			}
			journal, err := os.OpenFile(c.path("devices.result.csv.journal"), os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, record := range []string{test.record, `{"discards":true}`} {
				fmt.Fprintf(journal, "%08x %s\n", crc32.Checksum([]byte(record), crc32.MakeTable(crc32.Castagnoli)), record)
			}
			journal.Close()
			out, err := c.register("--resume").CombinedOutput()
			if code(err) != test.code || !strings.Contains(string(out), test.says) {
				t.Errorf("exit code %d: %s", code(err), out)
			}
			if out, err := c.register("--resume", "--restart", "--baseline", "none", "--override", "own", "--max-moves", "100%").CombinedOutput(); code(err) != 1 {
				t.Errorf("exit code %d: %s", code(err), out)
			}
			_, devices := c.finish()
			for i, row := range rows[1:] {
				if d, there := devices[row[0]]; row[0] != "no MAC" && (!there || d != [2]string{row[1], row[2]}) {
					t.Errorf("row %d: %v", i, d)
				}
			}
		})
	}
}

// numbers returns the numbers below n as JSON.
func numbers(n int) string {
	text := "["
	for i := range n {
		text += fmt.Sprint(i, ",")
	}
	return strings.ReplaceAll(strings.TrimSuffix(text, ",")+"]", " ", "")
}

// TestResumeAfterTheLastVerdict resumes a run that was killed when every
// row had its verdict, and before its result was in place: nothing is sent again
// that the account's list shows.
func TestResumeAfterTheLastVerdict(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("NOT COVERED on Windows: a run that ends with its results nowhere, for what is open cannot be removed there")
	}
	rows := crashRows(2000)
	c := newCrash(t, rows, "--faults", faultsFile(t, "registerDevices 3 401"))
	if out, err := c.register().CombinedOutput(); code(err) != 4 {
		t.Fatalf("exit code %d: %s", code(err), out)
	}
	// What its journal has at the end is read once it is removed.
	name := c.path("devices.result.csv.journal")
	journal, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	if out, err := c.register("--resume").CombinedOutput(); code(err) != 1 {
		t.Fatalf("exit code %d: %s", code(err), out)
	}
	want := c.untimed()
	whole, err := io.ReadAll(journal)
	finished := bytes.Index(whole, []byte(` {"finished"`))
	if err != nil || finished < 0 || exists(name) {
		t.Fatalf("the journal does not say that all is finished, or is still there: %v", err)
	}
	unfinished := whole[:bytes.LastIndexByte(whole[:finished], '\n')+1]
	if err := errors.Join(os.WriteFile(name, unfinished, 0o600), os.Remove(c.path("devices.result.csv"))); err != nil {
		t.Fatal(err)
	}
	if out, err := c.register("--resume").CombinedOutput(); code(err) != 1 || !strings.Contains(string(out), "1 call: 1 listDevices") || c.untimed() != want {
		t.Errorf("exit code %d: %s", code(err), out)
	}
	// A finished one that is still there is never resumed.
	for _, flags := range [][]string{nil, {"--resume"}, {"--restart"}, {"--resume", "--restart"}} {
		if err := os.WriteFile(name, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := c.register(append(flags, "--baseline", "none")...).CombinedOutput()
		if code(err) != 1 || strings.Contains(string(out), "resum") || !strings.Contains(string(out), "exists") {
			t.Errorf("%v: exit code %d: %s", flags, code(err), out)
		}
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// TestOutputThatCannotBeWritten fills the disk, as far as the run can see, and
// takes the folder away: the run stops and says why, and no more calls are made
// than are recorded.
func TestOutputThatCannotBeWritten(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("NOT COVERED on Windows: a full disk and a folder that vanishes, for which there is no limit of a file's size and no removing of what is open")
	}
	rows := crashRows(20_000)
	t.Run("full", func(t *testing.T) {
		c := newCrash(t, rows)
		// A limit of 64 blocks of 512 bytes, or 1 KiB in some shells.
		p := exec.Command("sh", "-c", `ulimit -f 64; trap '' XFSZ; exec "$0" "$@"`)
		run := c.register()
		p.Args = append(p.Args, run.Path)
		p.Args = append(p.Args, run.Args[1:]...)
		p.Dir, p.Env = run.Dir, run.Env
		out, err := p.CombinedOutput()
		if code(err) != 2 || !strings.Contains(string(out), "cannot be written") || !strings.Contains(string(out), "--resume") {
			t.Fatalf("exit code %d: %s", code(err), out)
		}
		if exists(c.path("devices.result.csv")) {
			t.Error("there is a result that is not whole")
		}
		if out, err := c.register("--resume").CombinedOutput(); code(err) != 1 {
			t.Fatalf("exit code %d: %s", code(err), out)
		}
		_, devices := c.finish()
		c.checkResults(rows, devices)
	})
	t.Run("vanished", func(t *testing.T) {
		c := newCrash(t, rows, "--latency", "100ms")
		folder := c.path("out")
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		p := c.register("-o", "out/result.csv")
		var out bytes.Buffer
		p.Stderr = &out
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		until(t, "the run's progress", func() bool {
			data, _ := os.ReadFile(filepath.Join(folder, "result.csv.journal"))
			return bytes.Contains(data, []byte(`{"settled"`))
		})
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		if got := code(p.Wait()); got != 2 || !strings.Contains(out.String(), "cannot write") {
			t.Errorf("exit code %d: %s", got, out.String())
		}
		if calls, _ := c.finish(); calls > 100 {
			t.Errorf("%d calls were made after the folder had gone", calls)
		}
	})
}
