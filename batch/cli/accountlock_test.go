package cli_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestAccountLock starts runs of one account beside one that never ends: they
// end with code 2 and say who has the account, or wait until it is free.
func TestAccountLock(t *testing.T) {
	c := newCrash(t, crashRows(300), "--faults", faultsFile(t, "registerDevices 1 hang-before"))
	first := c.register("-o", "first.csv", "--timeout", "1h")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { first.Process.Kill() })
	until(t, "the first run's call", func() bool {
		data, _ := os.ReadFile(c.path("first.csv.journal"))
		return bytes.Contains(data, []byte(`{"sending"`))
	})

	for name, test := range map[string]struct {
		args []string
		env  string
		code int
		want string
	}{
		"at once":       {[]string{"register", "devices.csv"}, "", 2, "account user: another run is using it: process "},
		"other action":  {[]string{"deregister", "devices.csv"}, "", 2, "another run is using it: process "},
		"same result":   {[]string{"register", "devices.csv", "-o", "first.csv", "--resume"}, "", 2, "another run is using it: process "},
		"after a wait":  {[]string{"register", "devices.csv", "--wait-lock", "1ms"}, "", 2, "another run is still using it after 1ms: process "},
		"negative":      {[]string{"register", "devices.csv", "--wait-lock=-1s"}, "", 2, "--wait-lock must not be negative"},
		"bad input":     {[]string{"register", "missing.csv"}, "", 2, "there is no such file"},
		"sandbox":       {[]string{"register", "devices.csv", "--sandbox", "--rate", "1000"}, "", 1, "Results: devices.sandbox.csv"},
		"other account": {[]string{"register", "devices.csv", "-o", "other.csv"}, "RPSBATCH_USERNAME=other", 4, "401"},
	} {
		t.Run(name, func(t *testing.T) {
			p := c.command(test.args...)
			p.Env = append(p.Env, test.env)
			out, err := p.CombinedOutput()
			if code(err) != test.code || !strings.Contains(string(out), test.want) {
				t.Errorf("exit code %d, want %d with %q: %s", code(err), test.code, test.want, out)
			}
		})
	}

	// wait runs until it waits for the account, calls then, and returns how the run
	// ends.
	wait := func(then func(run *exec.Cmd)) (int, string) {
		t.Helper()
		p := c.register("-o", "second.csv", "--wait-lock", "1h", "--log-level", "info")
		out := &watched{text: "another run is using the account: waiting for it", seen: func() { then(p) }}
		p.Stderr = out
		err := p.Run()
		if !out.found {
			t.Fatalf("it did not wait: %s", out.all.String())
		}
		return code(err), out.all.String()
	}
	got, out := wait(func(run *exec.Cmd) {
		if err := send(run.Process, os.Interrupt); err != nil {
			t.Error(err)
			run.Process.Kill()
		}
	})
	if got != 130 || exists(c.path("second.csv")) {
		t.Errorf("interrupted: exit code %d: %s", got, out)
	}
	got, out = wait(func(*exec.Cmd) { first.Process.Kill() })
	if got != 1 || strings.Count(out, "waiting for it") != 1 || !strings.Contains(out, "Results: second.csv") {
		t.Errorf("waited for a run that was killed: exit code %d: %s", got, out)
	}
	first.Wait()
	if out, err := c.command("deregister", "devices.csv", "--rate", "1000", "--ignore-missing", "--max-removals", "100%").CombinedOutput(); code(err) != 1 {
		t.Errorf("when all is over: exit code %d: %s", code(err), out)
	}
}

// TestAccountLockNowhere runs where no folder for locks can be had: in the
// cache, then among the temporary files, then without.
func TestAccountLockNowhere(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("NOT COVERED but on Linux: accounts without a folder for their locks; the variables of other systems differ")
	}
	c := newCrash(t, crashRows(10))
	file := c.path("devices.csv") // no folder can be in it
	run := func(want string, env ...string) {
		t.Helper()
		p := c.register("--log-level", "info", "-o", c.path("r.csv"), "--restart")
		p.Env = append(p.Env, env...)
		out, err := p.CombinedOutput()
		if found := strings.Contains(string(out), "cannot be detected"); code(err) != 1 || found != (want == "warned") {
			t.Errorf("%v: exit code %d: %s", env, code(err), out)
		}
	}
	locks := func(dir string) int {
		found, _ := filepath.Glob(filepath.Join(dir, "rpsbatch*", "*.lock"))
		return len(found)
	}
	temp, open := t.TempDir(), t.TempDir()
	run("", "XDG_CACHE_HOME=", "HOME=", "TMPDIR="+temp)
	run("", "XDG_CACHE_HOME="+file, "TMPDIR="+temp)
	if locks(temp) != 1 {
		t.Errorf("%d locks in the temporary folder", locks(temp))
	}
	run("warned", "XDG_CACHE_HOME="+file, "TMPDIR="+file)
	// A folder that others may write to is not used.
	made, _ := filepath.Glob(filepath.Join(temp, "rpsbatch-*"))
	if len(made) != 1 {
		t.Fatal(made)
	}
	if err := os.MkdirAll(filepath.Join(open, filepath.Base(made[0])), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(open, filepath.Base(made[0])), 0o777); err != nil {
		t.Fatal(err)
	}
	run("warned", "XDG_CACHE_HOME="+file, "TMPDIR="+open)
	if locks(open) != 0 {
		t.Error("a lock in a folder that is open to all")
	}
}
