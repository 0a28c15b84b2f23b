//go:build unix

package cli_test

import (
	"bytes"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestTwoHosts has two runs use one folder without seeing each other's locks, as
// hosts may that share it. What the second one has finished stays, and the first one
// says that it has lost its files.
func TestTwoHosts(t *testing.T) {
	rows := crashRows(2000)
	c := newCrash(t, rows, "--latency", "20ms")
	first := c.register()
	var out bytes.Buffer
	first.Stderr = &out
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { first.Process.Kill() })
	until(t, "the first run's answer", func() bool { return c.answers() >= 1 })
	first.Process.Signal(syscall.SIGSTOP)
	if err := os.Remove(c.path("devices.result.csv.journal.lock")); err != nil {
		t.Fatal(err)
	}
	second := c.register("--resume")
	second.Env = append(second.Env, "XDG_CACHE_HOME="+t.TempDir(), "HOME="+t.TempDir())
	if out, err := second.CombinedOutput(); code(err) != 1 {
		t.Fatalf("exit code %d: %s", code(err), out)
	}
	whole := c.untimed()
	first.Process.Signal(syscall.SIGCONT)
	if got := code(first.Wait()); got != 2 || !strings.Contains(out.String(), "another run") {
		t.Errorf("exit code %d: %s", got, out.String())
	}
	if c.untimed() != whole {
		t.Error("the first run has replaced the result of the second")
	}
	_, devices := c.finish()
	c.checkResults(rows, devices)
}
