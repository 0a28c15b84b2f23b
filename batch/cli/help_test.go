package cli

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rpsbatch/batch"
)

// TestHelpFits wants the help of each command in lines of the width, but for the
// examples and what else is to be copied.
func TestHelpFits(t *testing.T) {
	for path, c := range everyCommand(t) {
		asIs := strings.Split(c.Example, "\n")
		for _, b := range blocks(c.Long) {
			if b.asIs {
				asIs = append(asIs, "  "+b.text)
			}
		}
		for _, width := range []int{72, 80, 120} {
			text := helpText(c, width)
			for line := range strings.SplitSeq(text, "\n") {
				tooLong := len(line) > width && strings.Contains(strings.TrimSpace(line), " ")
				if tooLong && !slices.Contains(asIs, line) {
					t.Errorf("%s at %d columns: %q", path, width, line)
				}
				if strings.TrimRight(line, " ") != line {
					t.Errorf("%s: blanks at the end of %q", path, line)
				}
			}
			if strings.Contains(text, "`") {
				t.Errorf("%s has a backquote: %s", path, text)
			}
		}
	}
}

// TestHelpHasEveryFlag wants each flag once, under a heading, and those of the
// command itself first.
func TestHelpHasEveryFlag(t *testing.T) {
	for path, c := range everyCommand(t) {
		text := helpText(c, 80)
		c.Flags().VisitAll(func(f *pflag.Flag) {
			line := regexp.MustCompile(`(?m)^(      |  -.,.)--` + f.Name + ` `)
			if n := len(line.FindAllString(text, -1)); n != 1 {
				t.Errorf("%s has --%s %d times", path, f.Name, n)
			}
		})
	}
	var titles []string
	for _, s := range flagSections(everyCommand(t)["rpsbatch sync"]) {
		titles = append(titles, s.title)
	}
	want := []string{"Flags of sync", "Safety", "Resuming and waiting", "Input", "Service and account", "Rate and retries", "Output and logging"}
	if !slices.Equal(titles, want) {
		t.Errorf("got %q, want %q", titles, want)
	}
}

// TestHelpShowsNoEnvironment wants the names of variables in the help, and never
// what they hold.
func TestHelpShowsNoEnvironment(t *testing.T) {
	t.Setenv("RPSBATCH_URL", "https://somewhere.example.com/")
	t.Setenv("RPSBATCH_USERNAME", "somebody")
	t.Setenv("RPSBATCH_PASSWORD", "kept-back")
	for path := range everyCommand(t) {
		for _, args := range [][]string{
			append(strings.Fields(path)[1:], "--help"),
			append(append([]string{"__complete"}, strings.Fields(path)[1:]...), "--"),
		} {
			var out bytes.Buffer
			Execute(t.Context(), args, Streams{Out: &out, Err: &out})
			for _, value := range []string{"somewhere", "somebody", "kept-back", "`"} {
				if strings.Contains(out.String(), value) {
					t.Errorf("%q shows %q: %s", args, value, &out)
				}
			}
		}
	}
	var out bytes.Buffer
	Execute(t.Context(), []string{"register", "--help"}, Streams{Out: &out})
	for _, want := range []string{"RPSBATCH_URL", "RPSBATCH_USERNAME", "RPSBATCH_PASSWORD", "api-dm.yealink.com"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, &out)
		}
	}
}

// TestWidth wants the help as wide as COLUMNS says.
func TestWidth(t *testing.T) {
	for columns, want := range map[string]int{"": plainWidth, "100": 100, "10": 40, "wide": plainWidth, "-1": plainWidth} {
		t.Setenv("COLUMNS", columns)
		if got := widthOf(&bytes.Buffer{}); got != want {
			t.Errorf("COLUMNS=%q: %d, want %d", columns, got, want)
		}
	}
}

func TestBlocks(t *testing.T) {
	const text = `A paragraph of
two lines.

Another:

  key      its meaning
           over two lines
  longer   meaning

  as it is

Exit codes:
  0    fine`
	want := []block{
		{text: "A paragraph of two lines."},
		{text: "Another:", apart: true},
		{key: "key", text: "its meaning over two lines", apart: true},
		{key: "longer", text: "meaning"},
		{text: "as it is", asIs: true, apart: true},
		{text: "Exit codes:", apart: true},
		{key: "0", text: "fine"},
	}
	if got := blocks(text); !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	const laid = `A paragraph of two
lines.

Another:

  key     its
          meaning
          over two
          lines
  longer  meaning

  as it is

Exit codes:
  0       fine
`
	if got := layOut(text, 19); got != laid {
		t.Errorf("got %s\nwant %s", got, laid)
	}
	const long = "  key                      its meaning\n  a key of more than twenty-two  a meaning\n                             over two lines\n"
	const below = "  key  its meaning\n  a key of more than twenty-two\n       a meaning over two lines\n"
	if got := layOut(long, 40); got != below {
		t.Errorf("got %s\nwant %s", got, below)
	}
}

// TestNameValues wants the name of a value kept for the help, and out of the
// usage where it is no part of the sentence.
func TestNameValues(t *testing.T) {
	c := &cobra.Command{Use: "c"}
	c.Flags().String("a", "", "write to `FILE` at the end")
	c.Flags().String("b", "", "`FILE` at the end")
	c.Flags().Bool("c", false, "no value")
	nameValues(c)
	for name, want := range map[string][2]string{
		"a": {"FILE", "write to FILE at the end"}, "b": {"FILE", "at the end"}, "c": {"", "no value"},
	} {
		f := c.Flags().Lookup(name)
		if got := [2]string{annotation(f, flagValue), f.Usage}; got != want {
			t.Errorf("--%s: %q, want %q", name, got, want)
		}
	}
}

func TestWantsPlainText(t *testing.T) {
	for _, test := range []struct {
		env  map[string]string
		want bool
	}{
		{nil, false},
		{map[string]string{"TERM": "xterm", "LANG": "de_DE.UTF-8"}, false},
		{map[string]string{"TERM": "dumb"}, true},
		{map[string]string{"NO_COLOR": "1"}, true},
		{map[string]string{"LC_ALL": "C", "LANG": "de_DE.UTF-8"}, true},
		{map[string]string{"LC_ALL": "C.UTF-8", "LANG": "C"}, false},
		{map[string]string{"LANG": "POSIX"}, true},
	} {
		if got := wantsPlainText(func(name string) string { return test.env[name] }); got != test.want {
			t.Errorf("%v: %v", test.env, got)
		}
	}
}

func TestProgressText(t *testing.T) {
	first := batch.Progress{Done: 100, Total: 1500}
	for _, test := range []struct {
		done, failed int
		elapsed      time.Duration
		want         string
	}{
		{100, 0, 0, "100/1,500 rows, 0 failed"},
		{200, 1, time.Second, "200/1,500 rows, 1 failed"}, // too early to tell
		{100, 0, time.Minute, "100/1,500 rows, 0 failed"},
		{800, 2, 70 * time.Second, "800/1,500 rows, 2 failed, 1m10s left"},
		{1500, 2, 70 * time.Second, "1,500/1,500 rows, 2 failed"},
	} {
		p := batch.Progress{Done: test.done, Failed: test.failed, Total: 1500}
		if got := progressText(p, first, test.elapsed); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
