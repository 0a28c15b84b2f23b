package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode"
)

// What a stream for people, or a log in JSON, is given unclean it cleans.
func TestStreamsAreClean(t *testing.T) {
	const evil = "\x1b[2J\u009b31m\u202e\u2028"
	var out bytes.Buffer
	fmt.Fprintf(printable{&out}, "%s\n", evil)
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: printableAttr}))
	log.Info("m", "text", evil, "error", errors.New(evil))
	if bad := unprintable(out.String()); bad != "" || strings.Contains(out.String(), `\u`) || strings.Count(out.String(), "[2J") != 3 {
		t.Errorf("%q in %q", bad, &out)
	}
}

// Whatever stands in a file or is its name, a terminal that it is told on does
// nothing but print it.
func TestPrintable(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("NOT COVERED on Windows: names of files with control characters, which cannot be made there")
	}
	const cell = "\x1b]0;owned\a\u009b31m\u202e"
	const evil = cell + "\nforged: line\r"
	t.Chdir(t.TempDir())
	name := "d" + evil + ".csv"
	for name, text := range map[string]string{
		name:                  "MAC\x1b\a,server,old url " + cell + "\n001565000001,hq,\n00156500000" + cell + ",\"h" + evil + "q\",x\n",
		"bad" + evil + ".csv": "devices" + cell + ",server\nnone,hq\n",
		"empty" + evil:        "mac,server\nx,hq\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	result := strings.TrimSuffix(name, filepath.Ext(name)) + ".result.csv"
	for _, args := range [][]string{
		{"validate", name},
		{"validate", name, "-o", "judged" + evil},
		{"validate", "bad" + evil + ".csv"},
		{"validate", "missing" + evil},
		{"call", "checkDevice", evil},
		{"call", "registerDevices", "1" + evil + ",2" + evil, "hq"},
		{"call", evil},
		{"call", "checkDevice", "001565000001", "--url", "http://127.0.0.1:1", "--username", "u", "--password-file", "no" + evil},
		{"server", "add", evil, "https://x.example.com/" + evil, "--sandbox"},
		{evil},
		{"list", "--sandbox", "-o", "no/" + evil},
		{"register", name, "--" + evil},
		{"register", name, "--dry-run", "--sandbox"},
		{"register", name, "--sandbox", "--rate", "1000"},
		{"register", name, "--sandbox", "--rate", "1000", "--log-format", "json", "-o", "json" + evil},
		{"register", "missing" + evil, "--sandbox", "--log-format", "json"},
		{"register", name, "--column", "mac=" + evil, "--sandbox"},
		{"sync", "empty" + evil, "--yes", "--sandbox"},
		{"sync", name, "--yes", "--sandbox", "-o", "sync" + evil, "--rate", "1000"},
		{"report", result},
		{"report", result, "--html", "page" + evil},
	} {
		var out bytes.Buffer
		Execute(context.Background(), args, Streams{Out: &out, Err: &out})
		at := strings.IndexFunc(out.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) })
		if at >= 0 || out.Len() == 0 || strings.Contains(out.String(), "\nforged") {
			t.Errorf("%q prints %q", args, out.String())
		}
	}
}
