package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sample reads one of the files that users copy.
func sample(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "samples", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

const installed = "/usr/local/bin/rpsbatch"

// TestUnitsAreSystemds has systemd verify the service and the timer. It wants
// the program to be there.
func TestUnitsAreSystemds(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("NOT CHECKED: there is no systemd-analyze (Debian's package systemd has it)")
	}
	program, err := exec.LookPath("rpsbatch")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"rpsbatch.service", "rpsbatch.timer"} {
		unit := strings.ReplaceAll(sample(t, name), installed, program)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(unit), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	verify := func() string {
		// A key that it does not know is told, and no failure.
		out, err := exec.Command(analyze, "verify", filepath.Join(dir, "rpsbatch.service"), filepath.Join(dir, "rpsbatch.timer")).CombinedOutput()
		if err != nil {
			return err.Error() + ": " + string(out)
		}
		return string(out)
	}
	if out := verify(); out != "" {
		t.Errorf("systemd says: %s", out)
	}
	service := filepath.Join(dir, "rpsbatch.service")
	// 10 is no hardening, 0 all that there is.
	out, err := exec.Command(analyze, "security", "--offline=true", "--no-pager", "--threshold=20", service).CombinedOutput()
	if err != nil {
		t.Errorf("exposure above 2: %v: %s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	t.Log(lines[len(lines)-1])

	if err := os.WriteFile(service, []byte(strings.Replace(sample(t, "rpsbatch.service"), "NoNewPrivileges", "NoNewPriviliges", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if verify() == "" {
		t.Error("systemd accepts a unit with a typo, and so proves nothing")
	}
}

// TestSampleCommands runs the commands of the service and of the crontab, in
// folders of the test, twice: all goes well, and nothing is printed. Then the export
// fails.
func TestSampleCommands(t *testing.T) {
	lines := map[string]string{}
	unit := strings.ReplaceAll(sample(t, "rpsbatch.service"), "\\\n", " ")
	for line := range strings.Lines(unit) {
		if command, ok := strings.CutPrefix(line, "ExecStart="); ok {
			lines["service"] = command
		}
	}
	for line := range strings.Lines(sample(t, "crontab")) {
		if at := strings.Index(line, installed); at >= 0 && !strings.HasPrefix(line, "#") {
			lines["crontab"] = strings.ReplaceAll(line[at:], `\%`, "%")
		}
	}
	for name, line := range lines {
		t.Run(name, func(t *testing.T) {
			c := newCrash(t, [][]string{{"mac", "server"}, {"001565000001", "srv-1"}, {"001565000002", "srv-2"}})
			for name, text := range map[string]string{"rpsbatch-username": "user", "rpsbatch-password": "secret", "password": "secret"} {
				if err := os.WriteFile(c.path(name), []byte(text+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			line = strings.NewReplacer(
				"/etc/rpsbatch", c.dir, "%S/rpsbatch", c.dir, "/var/lib/rpsbatch", c.dir,
				"/var/lib/prometheus/node-exporter", c.dir, "%%", "%").Replace(line)
			night := func() ([]byte, error) {
				p := c.command(strings.Fields(line)[1:]...)
				p.Env = append(p.Env, "RPSBATCH_PASSWORD=")
				if name == "service" {
					p.Env = append(p.Env, "RPSBATCH_USERNAME=", "CREDENTIALS_DIRECTORY="+c.dir)
				}
				return p.CombinedOutput()
			}
			for range 2 {
				if out, err := night(); err != nil || len(out) > 0 {
					t.Fatalf("%s: %v: %s", line, err, out)
				}
			}
			// An export that is empty, or cut in half, changes nothing, and a
			// monitor sees it.
			for _, text := range []string{"", "mac,server\n", "mac,server\n001565000001,srv-1\n"} {
				if err := os.WriteFile(c.path("devices.csv"), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				out, err := night()
				metrics, _ := os.ReadFile(c.path("rpsbatch.prom"))
				if code(err) != 2 || !strings.Contains(string(metrics), `rpsbatch_last_run_exit_code{command="sync"} 2`) {
					t.Errorf("a file of %q: %v: %s", text, err, out)
				}
			}
			if !exists(c.path("devices.result.csv")) || !exists(c.path("rpsbatch.prom")) {
				t.Error("the files are not where they were wanted")
			}
			if _, devices := c.finish(); len(devices) != 2 {
				t.Errorf("%d devices", len(devices))
			}
		})
	}
	if len(lines) != 2 {
		t.Errorf("found %q", lines)
	}
}
