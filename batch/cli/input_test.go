package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"rpsbatch/batch"
	"rpsbatch/csvio"
)

// A copy of the input holds unique URLs. While it is read it has no name where
// the system allows that, so that nothing is left of it even by SIGKILL.
func TestCopyHasNoName(t *testing.T) {
	book, err := os.ReadFile("../../samples/spreadsheets/libreoffice.xlsx")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		text []byte
	}{
		{"stream", []byte("mac,server,url\n001565000001,hq,https://hq.example.com/u/1\n")},
		{"workbook", book},
	} {
		t.Run(test.name, func(t *testing.T) {
			temporary := t.TempDir()
			t.Setenv("TMPDIR", temporary)
			t.Setenv("TMP", temporary) // of Windows
			left := func() int {
				files, err := os.ReadDir(temporary)
				if err != nil {
					t.Fatal(err)
				}
				return len(files)
			}
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer read.Close()
			go func() {
				write.Write(test.text)
				write.Close()
			}()
			in, err := openInput(context.Background(), Streams{In: read}, standardStream, csvio.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			if n := left(); n > 0 && runtime.GOOS != "windows" {
				t.Errorf("%d files have a name", n)
			}
			for range 2 {
				source, err := in.Open()
				if err != nil {
					t.Fatal(err)
				}
				var row batch.Row
				for err == nil {
					err = source.Read(&row)
				}
				if !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
			}
			if in.Close(); left() > 0 {
				t.Error("a file is left behind")
			}
		})
	}
}

// A journal that stays where it is is an error of the run, unless it has a worse
// one.
func TestJournalThatCannotGo(t *testing.T) {
	for name, ended := range map[string]error{
		"succeeded":   nil,
		"rows failed": errRows,
		"stopped":     &batch.StopError{Reason: batch.ErrInterrupted},
	} {
		t.Run(name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "d.result.csv.journal")
			journal, _, err := batch.OpenJournal(name, batch.Header{Command: "register"}, false, false)
			if err != nil {
				t.Fatal(err)
			}
			// What another program has put there is not removed.
			if err := errors.Join(os.Rename(name, name+".gone"), os.WriteFile(name, nil, 0o600)); err != nil {
				journal.Close()
				t.Skip("NOT COVERED on Windows: a journal that another program replaces:", err)
			}
			var logged bytes.Buffer
			log := slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelError}))
			err = (&runJournal{Journal: journal, done: true}).close(ended, log)
			text := logged.String()
			if ended == nil || ended == errRows {
				if err == nil || exitCode(err) != ExitUsage || text != "" {
					t.Fatalf("%v; logged: %q", err, text)
				}
				text = err.Error() + hintOf(err)
			} else if err != ended {
				t.Errorf("it ended with %v", err)
			}
			if !strings.Contains(text, "remove it by hand") || !strings.Contains(text, name) {
				t.Errorf("it says %q", text)
			}
		})
	}
}
