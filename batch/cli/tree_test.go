package cli

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"rpsbatch/batch"
)

// everyCommand returns the commands by their paths, the root's included.
func everyCommand(t *testing.T) map[string]*cobra.Command {
	t.Helper()
	all := map[string]*cobra.Command{}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		all[c.CommandPath()] = c
		for _, child := range c.Commands() {
			walk(child)
		}
	}
	walk(newRoot(Streams{Out: io.Discard, Err: io.Discard}))
	if len(all) < 7 {
		t.Fatalf("%d commands", len(all))
	}
	return all
}

// TestEveryCommandIsExplained wants a line, a text and an example of each
// command, and of each flag what it is for.
func TestEveryCommandIsExplained(t *testing.T) {
	for path, c := range everyCommand(t) {
		if c.Short == "" || c.Long == "" || c.Example == "" {
			t.Errorf("%s has no Short, no Long or no Example", path)
		}
		if strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: Short is no sentence: %q", path, c.Short)
		}
		for line := range strings.Lines(c.Example) {
			if !strings.HasPrefix(line, "  ") {
				t.Errorf("%s: an example is not indented: %q", path, line)
			}
		}
		if !strings.Contains(c.Example, path) {
			t.Errorf("%s is not in its own example", path)
		}
	}
}

// TestOutputIsPlain runs the commands without a terminal, and each one's help: no
// escape code and no carriage return, whatever the environment says of colours.
func TestOutputIsPlain(t *testing.T) {
	dir := t.TempDir()
	devices, err := os.ReadFile("../../samples/devices.csv")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "devices.csv"), devices, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{
		"", "help", "help register", "registre", "register", "register missing.csv", "register --sandbox --colour x",
		"register devices.csv --sandbox --rate 1000",
		"register devices.csv --sandbox --rate 1000 -o -",
		"register devices.csv --sandbox --rate 1000 --log-level debug --progress lines --summary-json -",
		"register devices.csv --sandbox --rate 1000 --log-level debug --log-format json",
		"register devices.csv --url http://127.0.0.1:1/ --username user --max-attempts 1",
		"deregister devices.csv --sandbox --rate 1000 --summary-json summary.json",
		"check devices.csv --sandbox --rate 1000", "edit devices.csv --sandbox --rate 1000",
		"sync devices.csv --sandbox --rate 1000 --yes", "sync devices.csv --sandbox", "register devices.csv --sandbox --dry-run",
		"list --sandbox", "list --sandbox --urls", "server add hq https://hq.example.com/ --sandbox",
		"report devices.result.csv", "report devices.csv",
		"validate devices.csv", "validate missing.csv",
		"simulate --listen nowhere",
		"completion bash", "completion zsh", "completion fish", "completion powershell",
		"man", "version", "--version",
	}
	for path := range everyCommand(t) {
		lines = append(lines, strings.TrimPrefix(path, "rpsbatch")+" --help")
	}
	for _, line := range lines {
		p := exec.Command("rpsbatch", strings.Fields(line)...)
		p.Dir = dir
		p.Env = append(os.Environ(), "RPSBATCH_PASSWORD=secret", "TERM=xterm-256color", "CLICOLOR_FORCE=1", "FORCE_COLOR=1",
			"XDG_CACHE_HOME="+dir)
		out, _ := p.CombinedOutput()
		if len(out) == 0 {
			t.Errorf("rpsbatch %s says nothing", line)
		}
		if at := bytes.IndexAny(out, "\x1b\r\b"); at >= 0 {
			t.Errorf("rpsbatch %s: %q", line, out[max(0, at-20):min(len(out), at+20)])
		}
	}
}

// TestQuiet wants --quiet to be quiet about progress and in the log, unless a
// level is asked for.
func TestQuiet(t *testing.T) {
	for args, want := range map[string]string{
		"":                          "auto info",
		"--quiet":                   "none warn",
		"--quiet --progress lines":  "none warn",
		"--quiet --log-level debug": "none debug",
	} {
		var f callFlags
		c := &cobra.Command{}
		f.add(c.Flags())
		if err := c.ParseFlags(strings.Fields(args)); err != nil {
			t.Fatal(err)
		}
		if err := f.check(c); err != nil || f.progress+" "+f.logLevel != want {
			t.Errorf("%q: %s %s, %v", args, f.progress, f.logLevel, err)
		}
	}
}

// TestCompletionsAreTaken holds the values that a shell offers to those that
// are read, both ways.
func TestCompletionsAreTaken(t *testing.T) {
	refused := map[string]func(value string) error{
		"override":    func(value string) error { _, err := batch.ParseOverride(value); return err },
		"on-conflict": func(value string) error { _, err := batch.ParseOnConflict(value); return err },
		"progress":    func(value string) error { return (&callFlags{progress: value, timeout: 1}).check(&cobra.Command{}) },
		"delimiter":   func(value string) error { _, err := (&readFlags{delimiter: value}).options(batch.Register); return err },
		"log-format": func(value string) error {
			_, err := (&callFlags{logFormat: value, logLevel: "info"}).logger(nil)
			return err
		},
		"log-level": func(value string) error {
			_, err := (&callFlags{logFormat: "text", logLevel: value}).logger(nil)
			return err
		},
		"only": func(value string) error { _, err := batch.ParseOnly(value); return err },
	}
	offered := map[string][]string{}
	for flag, values := range flagValues {
		for _, v := range values {
			v, _, _ := strings.Cut(v, "\t")
			offered[flag] = append(offered[flag], v)
		}
	}
	offered["only"], _ = completeStatuses(nil, nil, "")
	for flag, values := range offered {
		read := refused[flag]
		if read == nil {
			t.Errorf("--%s is offered values and not tested", flag)
			continue
		}
		for _, value := range values {
			if err := read(value); err != nil {
				t.Errorf("--%s %s is offered: %v", flag, value, err)
			}
		}
		// What is refused is told with all that is not.
		err := read("nonsense")
		if err == nil {
			t.Errorf("--%s takes nonsense", flag)
			continue
		}
		_, list, found := strings.Cut(err.Error(), " is not one of ")
		if told := strings.Split(list, ", "); found && !slices.Equal(slices.Sorted(slices.Values(told)), slices.Sorted(slices.Values(values))) {
			t.Errorf("--%s is offered %q and told %q", flag, values, told)
		}
	}
}
