package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestWayBack moves 5,000 devices from seven servers to one, killed three times
// and resumed, and puts them back with what --save-before wrote: the account is as
// it was, byte for byte.
func TestWayBack(t *testing.T) {
	const n = 5000
	var state, devices, servers strings.Builder
	devices.WriteString("mac,server\n")
	servers.WriteString("name,url\n")
	state.WriteString("server,new,https://new.example.com/\n")
	for i := range 7 {
		fmt.Fprintf(&servers, "srv-%d,https://srv-%d.example.com/\n", i, i)
		fmt.Fprintf(&state, "server,srv-%d,https://srv-%d.example.com/\n", i, i)
	}
	for i := range n {
		fmt.Fprintf(&state, "device,user,%012X,srv-%d,\n", 0x001565000000+i, i%7)
		fmt.Fprintf(&devices, "%012X,new\n", 0x001565000000+i)
	}
	c := newCrash(t, [][]string{{"mac", "server"}}) // for its files; its simulator stays idle
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) string {
		data, _ := os.ReadFile(filepath.Join(c.dir, name))
		return string(data)
	}
	until := func(done func() bool) {
		for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("it did not come to that")
			}
		}
	}
	write("devices.csv", devices.String())
	write("servers.csv", servers.String())
	write("full", state.String())
	sim := c.command("simulate", "--listen", "127.0.0.1:0", "--state", "full", "--save-state", "after", "--url-file", "url")
	sim.Stdout = new(bytes.Buffer)
	if err := sim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sim.Process.Kill(); sim.Wait() })
	until(func() bool { return read("url") != "" })
	c.url = strings.TrimSpace(read("url"))
	move := []string{"register", "devices.csv", "--override", "own", "--max-moves", "100%", "--servers", "servers.csv",
		"--save-before", "before.csv", "--rate", "100000", "--resume", "--log-level", "error"}
	for _, lines := range []int{700, 2000, 3300} {
		// It makes some calls more, and then none for a long time.
		burst := strconv.Itoa(lines + 300 - strings.Count(read("before.csv"), "\n"))
		p := c.command(append(slices.Clone(move), "--rate", "0.01", "--burst", burst)...)
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		until(func() bool { return strings.Count(read("before.csv"), "\n") >= lines })
		if err := p.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		p.Wait()
	}
	if out, err := c.command(move...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := strings.Count(read("before.csv"), "\n"); got != n+1 {
		t.Errorf("before.csv has %d lines", got)
	}
	if out, err := c.command("register", "before.csv", "--override", "own", "--max-moves", "100%", "--rate", "100000").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	send(sim.Process, os.Interrupt)
	sim.Wait()
	if read("after") != read("full") {
		t.Error("the account is not as it was")
	}
}
