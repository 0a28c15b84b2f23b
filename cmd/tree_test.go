package cmd

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"rpsbatch/batch"
)

// everyCommand gives the commands by their paths, the root's included.
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
		for line := range strings.Lines(c.Long + "\n" + c.Example) {
			if len(line) > 81 && !strings.Contains(line, "http") {
				t.Errorf("%s: a line is too long for a terminal: %q", path, line)
			}
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

// TestCompletionsAreTaken holds the values that a shell offers to those that
// are read, both ways.
func TestCompletionsAreTaken(t *testing.T) {
	refused := map[string]func(value string) error{
		"override":    func(value string) error { _, err := batch.ParseOverride(value); return err },
		"on-conflict": func(value string) error { _, err := batch.ParseOnConflict(value); return err },
		"progress":    func(value string) error { return (&callFlags{progress: value, timeout: 1}).check(&cobra.Command{}) },
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
		_, list, found := strings.Cut(err.Error(), " is none of ")
		if told := strings.Split(list, ", "); found && !slices.Equal(slices.Sorted(slices.Values(told)), slices.Sorted(slices.Values(values))) {
			t.Errorf("--%s is offered %q and told %q", flag, values, told)
		}
	}
}
