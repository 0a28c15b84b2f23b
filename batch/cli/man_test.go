package cli

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// writeManual returns the manual pages by their names.
func writeManual(t *testing.T) map[string]string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "share", "man1")
	if code := Execute(t.Context(), []string{"man", dir}, Streams{Out: io.Discard, Err: os.Stderr}); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		pages[file.Name()] = string(data)
	}
	return pages
}

// TestManual wants a page for each command, with its flags, its example and,
// where the help has them, the exit codes.
func TestManual(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1800000000")
	t.Setenv("RPSBATCH_USERNAME", "somebody")
	t.Setenv("RPSBATCH_URL", "https://somewhere.example.com/")
	pages := writeManual(t)
	commands := everyCommand(t)
	if len(pages) != len(commands) {
		t.Errorf("%d pages of %d commands", len(pages), len(commands))
	}
	for path, c := range commands {
		name := strings.ReplaceAll(path, " ", "-") + ".1"
		page := pages[name]
		if !strings.Contains(page, `"2027-01-15"`) {
			t.Errorf("%s has not the date of SOURCE_DATE_EPOCH", name)
		}
		for _, word := range []string{"cobra", "somebody", "somewhere", "`", `\(ga`} {
			if strings.Contains(page, word) {
				t.Errorf("%s has the word %q", name, word)
			}
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !strings.Contains(page, roff("--"+f.Name)) {
				t.Errorf("%s has no --%s", name, f.Name)
			}
		})
		if strings.Contains(c.Long, "Exit codes:") != strings.Contains(page, ".SH EXIT STATUS") {
			t.Errorf("%s: exit codes", name)
		}
	}
	for name, page := range writeManual(t) {
		if page != pages[name] {
			t.Errorf("%s differs when it is written again", name)
		}
	}
	t.Setenv("SOURCE_DATE_EPOCH", "soon")
	if code := Execute(t.Context(), []string{"man"}, Streams{Out: io.Discard, Err: io.Discard}); code != ExitUsage {
		t.Errorf("exit code %d for a date that is none", code)
	}
}

// TestManualIsReadable has groff set the pages, and reads what a user would.
func TestManualIsReadable(t *testing.T) {
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("NOT CHECKED: there is no groff (Debian's package groff-base has it)")
	}
	for name, page := range writeManual(t) {
		p := exec.Command(groff, "-man", "-ww", "-Tascii", "-P-cbou")
		p.Stdin = strings.NewReader(page)
		var out, warnings bytes.Buffer
		p.Stdout, p.Stderr = &out, &warnings
		if err := p.Run(); err != nil || warnings.Len() > 0 {
			t.Errorf("%s: %v: %s", name, err, &warnings)
		}
		if name != "rpsbatch-register.1" {
			continue
		}
		text := strings.Join(strings.Fields(out.String()), " ")
		for _, want := range []string{
			"rpsbatch-register - Register the devices of a spreadsheet",
			"OPTIONS Flags of register --server NAME use server NAME for rows that name none",
			"Service and account --url URL reach",
			"--password-file FILE read the password from the first line of FILE",
			"EXIT STATUS 0 every row succeeded",
			"then says how to resume 3 stopped by --max-failures, or because RPS refuses everything with the same message 4 stopped: credentials refused, or the service cannot be reached 130 interrupted",
			"EXAMPLES rpsbatch register devices.csv",
			"SEE ALSO rpsbatch(1)",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in %s", want, &out)
			}
		}
	}
}
