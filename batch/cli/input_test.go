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

// A journal that stays where it is would be replayed by the next run with
// --resume: that is told, even by a quiet run.
func TestJournalThatCannotGo(t *testing.T) {
	name := filepath.Join(t.TempDir(), "d.result.csv.journal")
	journal, _, err := batch.OpenJournal(name, batch.Header{Command: "register"}, false, false)
	if err != nil {
		t.Fatal(err)
	}
	// Nobody removes a folder that is not empty.
	if err := errors.Join(os.Rename(name, name+".gone"), os.MkdirAll(filepath.Join(name, "x"), 0o700)); err != nil {
		t.Skip(err) // Windows
	}
	var told bytes.Buffer
	log := slog.New(slog.NewTextHandler(&told, &slog.HandlerOptions{Level: slog.LevelError}))
	(&runJournal{Journal: journal, done: true}).close(log)
	if !strings.Contains(told.String(), "remove it by hand") || !strings.Contains(told.String(), name) {
		t.Errorf("told: %q", told.String())
	}
}
