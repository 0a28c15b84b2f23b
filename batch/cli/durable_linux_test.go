package cli

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// folderEvents watches a folder. The function that it returns reports what has
// happened to names in it since, and when the folder itself was opened, which is
// what syncing it begins with.
func folderEvents(t *testing.T, folder string) func() []string {
	fd, err := syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if _, err := syscall.InotifyAddWatch(fd, folder, syscall.IN_CREATE|syscall.IN_MOVED_TO|syscall.IN_DELETE|syscall.IN_OPEN); err != nil {
		t.Skip(err)
	}
	return func() (events []string) {
		buf := make([]byte, 1<<16)
		n, err := syscall.Read(fd, buf)
		if err != nil {
			t.Fatal(err)
		}
		for buf = buf[:n]; len(buf) >= syscall.SizeofInotifyEvent; {
			mask, size := binary.NativeEndian.Uint32(buf[4:]), binary.NativeEndian.Uint32(buf[12:])
			name := strings.TrimRight(string(buf[16:16+size]), "\x00")
			buf = buf[16+size:]
			switch {
			case mask&syscall.IN_MOVED_TO != 0:
				events = append(events, "moved to "+name)
			case mask&syscall.IN_CREATE != 0:
				events = append(events, "created "+name)
			case mask&syscall.IN_DELETE != 0:
				events = append(events, "deleted "+name)
			case mask&syscall.IN_ISDIR != 0 && name == "":
				events = append(events, "synced")
			}
		}
		return events
	}
}

// A name in a folder outlives a power cut once the folder is synced: that of the
// journal before the first call, that of the result before the journal goes, and
// those of the files for machines.
func TestFolderIsSynced(t *testing.T) {
	folder := t.TempDir()
	file := func(name string) string { return filepath.Join(folder, name) }
	if err := os.WriteFile(file("d.csv"), []byte("mac,server\n001565000001,hq\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	events := folderEvents(t, folder)
	var out bytes.Buffer
	code := Execute(context.Background(), []string{"register", file("d.csv"), "--sandbox", "--quiet", "--rate", "1000",
		"--summary-json", file("s.json")}, Streams{Out: &out, Err: &out})
	if code != ExitOK {
		t.Fatalf("exit code %d: %s", code, out.String())
	}
	// The names of partial files are never the same.
	number := regexp.MustCompile(`\.[0-9a-f]{8}\.\d+\.partial$`)
	got := events()
	for i, event := range got {
		got[i] = number.ReplaceAllString(event, ".partial")
	}
	at := 0
	for _, want := range []string{
		"created d.sandbox.csv.journal", "synced", "created d.sandbox.csv.partial",
		"moved to d.sandbox.csv", "synced", "deleted d.sandbox.csv.journal",
		"moved to s.json", "synced",
	} {
		next := slices.Index(got[at:], want)
		if next < 0 {
			t.Fatalf("%q does not come after the others: %q", want, got)
		}
		at += next + 1
	}
}
