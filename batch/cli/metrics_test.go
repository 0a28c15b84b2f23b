package cli

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"rpsbatch/batch"
)

// night is an ending with something of everything.
func night() *ending {
	return &ending{
		command:  "register",
		started:  time.Unix(1_800_000_000, 0),
		finished: time.Unix(1_800_000_012, 500_000_000),
		user:     "reseller", host: "rps.example.com",
		result: "devices.result.csv",
		summary: batch.Summary{
			Rows: 12, Succeeded: 9, Blank: 1, Passed: 2, Resumed: 3,
			Counts:    map[batch.Status]int{batch.Registered: 9, batch.Failed: 3, batch.Exists: 0},
			Calls:     map[string]int{"registerDevices": 6},
			Outcomes:  map[string]batch.Outcomes{"registerDevices": {Granted: 3, Refused: 2, Unanswered: 1}},
			Throttled: 1, Pruned: 4, NotPruned: 1, Added: []string{"a", "b"}, SlowedTo: 2.5,
		},
	}
}

func sampleOf(t *testing.T, file, series string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("no %s in %s", series, data)
	return ""
}

func TestMetrics(t *testing.T) {
	name := filepath.Join(t.TempDir(), "rps.prom")
	if err := night().writeMetrics(name); err != nil {
		t.Fatal(err)
	}
	for series, want := range map[string]string{
		`rpsbatch_last_run_timestamp_seconds{command="register"}`:                                   "1.8000000125e+09",
		`rpsbatch_last_success_timestamp_seconds{command="register"}`:                               "1.8000000125e+09",
		`rpsbatch_last_run_exit_code{command="register"}`:                                           "0",
		`rpsbatch_last_run_duration_seconds{command="register"}`:                                    "12.5",
		`rpsbatch_last_run_failed_rows{command="register"}`:                                         "3",
		`rpsbatch_last_run_throttles{command="register"}`:                                           "1",
		`rpsbatch_last_run_rows{command="register",status="registered"}`:                            "9",
		`rpsbatch_last_run_calls{command="register",method="registerDevices",outcome="granted"}`:    "3",
		`rpsbatch_last_run_calls{command="register",method="registerDevices",outcome="refused"}`:    "2",
		`rpsbatch_last_run_calls{command="register",method="registerDevices",outcome="unanswered"}`: "1",
	} {
		if got := sampleOf(t, name, series); got != want {
			t.Errorf("%s is %s, want %s", series, got, want)
		}
	}
	for _, status := range batch.Statuses { // zeros too, so that no series comes and goes
		sampleOf(t, name, `rpsbatch_last_run_rows{command="register",status="`+string(status)+`"}`)
	}
	if info, err := os.Stat(name); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o644 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestLastSuccess wants the time of the last success to outlive runs that are
// none, and not to be taken from another command.
func TestLastSuccess(t *testing.T) {
	const series = `rpsbatch_last_success_timestamp_seconds{command="register"}`
	name := filepath.Join(t.TempDir(), "rps.prom")
	bad := night()
	bad.code, bad.finished = ExitService, time.Unix(1_900_000_000, 0)
	write := func(e *ending) {
		t.Helper()
		if err := e.writeMetrics(name); err != nil {
			t.Fatal(err)
		}
	}
	write(bad)
	if got := sampleOf(t, name, series); got != "0" {
		t.Errorf("%s before any success", got)
	}
	write(night())
	write(bad)
	write(bad)
	if got := sampleOf(t, name, series); got != "1.8000000125e+09" {
		t.Errorf("%s after a success and two failures", got)
	}
	if got := sampleOf(t, name, `rpsbatch_last_run_timestamp_seconds{command="register"}`); got != "1.9e+09" {
		t.Errorf("the last run was at %s", got)
	}
	other := night()
	other.command = "deregister"
	write(other)
	write(bad)
	if got := sampleOf(t, name, series); got != "0" {
		t.Errorf("%s from another command", got)
	}
	if err := os.WriteFile(name, []byte("no metrics {"), 0o644); err != nil {
		t.Fatal(err)
	}
	write(bad)
	if got := sampleOf(t, name, series); got != "0" {
		t.Errorf("%s from a file without metrics", got)
	}
}

// TestMetricsArePromtools has promtool read the metrics and judge their names.
func TestMetricsArePromtools(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("NOT CHECKED: there is no promtool (Debian's package prometheus has it)")
	}
	for _, e := range []*ending{night(), {command: "deregister", code: ExitUsage, err: errors.New("no such file")}} {
		name := filepath.Join(t.TempDir(), "rps.prom")
		if err := e.writeMetrics(name); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		p := exec.Command(promtool, "check", "metrics")
		p.Stdin = bytes.NewReader(data)
		if out, err := p.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v: %s\n%s", err, out, data)
		}
	}
}

// TestSummaryJSON holds the keys, which others rely on.
func TestSummaryJSON(t *testing.T) {
	const want = `{
  "command": "register",
  "version": "VERSION",
  "started": "2027-01-15T08:00:00Z",
  "finished": "2027-01-15T08:00:12Z",
  "elapsed_seconds": 12.5,
  "exit_code": 1,
  "reason": "some rows did not succeed",
  "username": "reseller",
  "host": "rps.example.com",
  "result_file": "devices.result.csv",
  "rows": 12,
  "succeeded": 9,
  "failed": 3,
  "left_out": 0,
  "blank": 1,
  "passed": 2,
  "resumed": 3,
  "pruned": 4,
  "not_pruned": 1,
  "held_back": 0,
  "statuses": {
    "failed": 3,
    "registered": 9
  },
  "calls": 6,
  "calls_by_method": {
    "registerDevices": {
      "granted": 3,
      "refused": 2,
      "unanswered": 1
    }
  },
  "servers_added": 2,
  "throttled": 1,
  "throttled_rate": 2.5
}
`
	e := night()
	e.code, e.err = ExitRows, errRows
	dir := t.TempDir()
	name := filepath.Join(dir, "summary.json")
	if err := os.WriteFile(name, []byte("of another night"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := e.writeSummary(nil, name); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Replace(string(got), version(), "VERSION", 1); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	info, err := os.Stat(name)
	if err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("something was left beside it: %v", entries)
	}
}
