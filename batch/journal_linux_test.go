package batch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// TestFinishWhereNothingCanBeRemoved finishes a run in a folder that has become
// read-only: that is an error, and the journal that stays is not resumed.
func TestFinishWhereNothingCanBeRemoved(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{filepath.Dir(folder), folder} {
		if err := os.Chmod(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(folder, "journal")
	j, _, err := OpenJournal(name, testHeader(), false, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.settled([]settlement{{1, Verdict{Status: Registered}}}), os.Chmod(folder, 0o555)); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		if os.Getuid() == 0 {
			// Root may remove anything. This thread may not, and ends with the goroutine.
			runtime.LockOSThread()
			const nobody = 65534
			if err := syscall.Setfsuid(nobody); err != nil {
				panic(err)
			}
		}
		ended <- j.Finish()
	}()
	if err := <-ended; !errors.Is(err, fs.ErrPermission) {
		t.Errorf("it ended with %v", err)
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	j, past, err := OpenJournal(name, testHeader(), true, false)
	if err != nil || past != nil {
		t.Fatalf("%v, %v", past, err)
	}
	if err := j.Finish(); err != nil {
		t.Error(err)
	}
}
