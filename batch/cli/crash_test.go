package cli_test

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"rpsbatch/batch/cli"
)

// crash is a run that is killed again and again, over files in a folder of its
// own, against a simulator in another process.
type crash struct {
	t         *testing.T
	dir, url  string
	simulator *exec.Cmd
	output    *bufio.Reader // of the simulator
}

func newCrash(t *testing.T, rows [][]string, simulate ...string) *crash {
	c := &crash{t: t, dir: t.TempDir()}
	f, err := os.Create(filepath.Join(c.dir, "devices.csv"))
	if err != nil {
		t.Fatal(err)
	}
	w := csv.NewWriter(f)
	w.WriteAll(rows)
	if err := errors.Join(w.Error(), f.Close()); err != nil {
		t.Fatal(err)
	}
	var state strings.Builder
	for i := range 7 {
		fmt.Fprintf(&state, "server,srv-%d,https://srv-%d.example.com/\n", i, i)
	}
	if err := os.WriteFile(filepath.Join(c.dir, "state"), []byte(state.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"simulate", "--listen", "127.0.0.1:0", "--state", "state", "--save-state", "end"}, simulate...)
	c.simulator = c.command(args...)
	out, err := c.simulator.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.simulator.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.simulator.Process.Kill(); c.simulator.Wait() })
	c.output = bufio.NewReader(out)
	line, err := c.output.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	c.url = strings.TrimSpace(strings.TrimPrefix(line, "simulated RPS at "))
	return c
}

func (c *crash) command(args ...string) *exec.Cmd {
	p := exec.Command("rpsbatch", args...)
	interruptible(p)
	p.Dir = c.dir
	p.Env = append(os.Environ(), "RPSBATCH_USERNAME=user", "RPSBATCH_PASSWORD=secret", "RPSBATCH_URL="+c.url, cacheVariable()+"="+c.dir)
	return p
}

func (c *crash) register(more ...string) *exec.Cmd {
	return c.command(append([]string{"register", "devices.csv", "--rate", "1000", "--log-level", "error"}, more...)...)
}

// killAt runs until the journal has so many answers, and kills the run
// there. It reports whether the run ended before: it makes few calls more and then
// waits, however late the kill comes.
func (c *crash) killAt(answers int) (ended bool) {
	const others = 3 // a list, one that hangs, and one that is in flight
	p := c.register("--resume", "--rate", "0.01", "--burst", strconv.Itoa(max(0, answers-c.answers())+others))
	if err := p.Start(); err != nil {
		c.t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { p.Wait(); close(exited) }()
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for {
		select {
		case <-exited:
			return true
		case <-tick.C:
			data, err := os.ReadFile(filepath.Join(c.dir, "devices.result.csv.journal"))
			if err == nil && bytes.Count(data, []byte(`{"settled"`)) >= answers {
				p.Process.Kill()
				<-exited
				return false
			}
		}
	}
}

// finish ends the simulator, and returns the number of calls that it answered
// and the devices that it has: their server and unique URL by their MAC.
func (c *crash) finish() (calls int, devices map[string][2]string) {
	c.t.Helper()
	if err := send(c.simulator.Process, os.Interrupt); err != nil {
		c.t.Fatal(err)
	}
	rest, err := io.ReadAll(c.output)
	if err != nil {
		c.t.Fatal(err)
	}
	c.simulator.Wait()
	found := regexp.MustCompile(`([\d,]+) calls? answered`).FindSubmatch(rest)
	if found == nil {
		c.t.Fatalf("the simulator said %q", rest)
	}
	calls, _ = strconv.Atoi(strings.ReplaceAll(string(found[1]), ",", ""))
	devices = map[string][2]string{}
	for _, r := range c.records("end") {
		if r[0] == "device" {
			devices[r[2]] = [2]string{r[3], r[4]}
		}
	}
	return calls, devices
}

func (c *crash) records(name string) [][]string {
	c.t.Helper()
	f, err := os.Open(filepath.Join(c.dir, name))
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = -1
	records, err := r.ReadAll()
	if err != nil {
		c.t.Fatal(err)
	}
	return records
}

// crashRows are devices over seven servers, some with a unique URL, some twice
// and some that are none.
func crashRows(n int) [][]string {
	rows := [][]string{{"mac", "server", "url", "site"}}
	for i := range n {
		mac, url := fmt.Sprintf("%012X", 0x001565000000+i), ""
		switch {
		case i%503 == 0:
			mac = "no MAC"
		case i%211 == 0:
			url = fmt.Sprintf("https://u.example.com/%d", i)
		case i%397 == 0:
			mac = fmt.Sprintf("%012X", 0x001565000000+i-7)
		}
		rows = append(rows, []string{mac, fmt.Sprintf("srv-%d", i%7), url, fmt.Sprintf("Site, %d", i)})
	}
	return rows
}

// checkResults compares the result file with the input and with the service.
func (c *crash) checkResults(rows [][]string, devices map[string][2]string) {
	c.t.Helper()
	results := c.records("devices.result.csv")
	if len(results) != len(rows) {
		c.t.Fatalf("%d result rows for %d", len(results)-1, len(rows)-1)
	}
	for i := 1; i < len(rows); i++ {
		row, got := rows[i], results[i]
		for j, cell := range row {
			if got[j] != cell {
				c.t.Fatalf("row %d: cell %q has become %q", i, cell, got[j])
			}
		}
		status := got[len(row)+3]
		want := "registered"
		d, there := devices[row[0]]
		switch {
		case row[0] == "no MAC":
			want = "invalid"
		case i > 7 && rows[i-7][0] == row[0]:
			want = "duplicate"
		case !there || d != [2]string{row[1], row[2]}:
			c.t.Errorf("row %d is not as asked: %v", i, d)
		}
		if status != want {
			c.t.Errorf("row %d: %v, want %s", i, got[len(row):], want)
		}
	}
	for _, ending := range []string{"*.journal*", "*.partial"} {
		if left, _ := filepath.Glob(filepath.Join(c.dir, ending)); len(left) > 0 {
			c.t.Errorf("left behind: %v", left)
		}
	}
}

// TestKilledAndResumed kills a run of 400 rows for each of its 50 kills, or 5, and
// goes on each time. At the end every verdict is true, and no more calls were made than
// a whole run takes and were in flight at the kills.
func TestKilledAndResumed(t *testing.T) {
	kills, workers := 5, 4
	if cli.Long() {
		kills = 50
	}
	rows := crashRows(400 * kills)

	whole := newCrash(t, rows)
	if out, err := whole.register().CombinedOutput(); err == nil || len(out) == 0 {
		t.Fatalf("the invalid rows make exit code 1, not %v: %s", err, out)
	}
	clean, devices := whole.finish()
	whole.checkResults(rows, devices)

	for _, simulate := range [][]string{{"--latency", "3ms"}, {"--latency", "3ms", "--partial"}} {
		t.Run(strings.Join(simulate, " "), func(t *testing.T) {
			// A call in 30 hangs until its run is killed.
			c := newCrash(t, rows, append(simulate, "--faults", faultsFile(t, "registerDevices every=30 hang-after"))...)
			for i := range kills {
				if c.killAt(4 * i) { // the first before anything is answered
					t.Fatalf("it came to its end after %d kills", i)
				}
			}
			out, _ := c.register("--resume", "--timeout", "1s").CombinedOutput()
			calls, devices := c.finish()
			t.Logf("%d calls, %d in a run that is not killed\n%s", calls, clean, out)
			c.checkResults(rows, devices)
			// Each run lists the account once; what was in flight is made
			// again, and looked up if it had arrived.
			if most := clean + kills*(1+2*workers); calls > most {
				t.Errorf("%d calls, at most %d are needed", calls, most)
			}
		})
	}
}
