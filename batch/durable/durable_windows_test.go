package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A program that holds a file keeps it from being replaced: Excel does. That is
// tried for a while, and noticed before anything is written.
func TestInUse(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "r.csv")
	write(t, name, "old")
	f := begin(t, name)
	fmt.Fprint(f, "new")
	held, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if err := Check(name); !errors.Is(err, ErrInUse) || Hint(err) == "" {
		t.Errorf("%v", err)
	}
	time.AfterFunc(3*pause, func() { held.Close() })
	if err := f.Commit(); err != nil {
		t.Errorf("it was let go in time: %v", err)
	}
	want(t, name, "new")

	// This process has its input open when it begins the result in its place.
	if held, err = OpenInput(name); err != nil {
		t.Fatal(err)
	}
	if err := Check(name); err != nil {
		t.Errorf("the input: %v", err)
	}
	held.Close()

	f = begin(t, name)
	if held, err = os.Open(name); err != nil {
		t.Fatal(err)
	}
	if err := f.rename(); !inUse(err) {
		t.Errorf("%v", err)
	}
	if err := f.Commit(); !errors.Is(err, ErrInUse) {
		t.Errorf("%v", err)
	}
	held.Close()
	want(t, name, "new")
	only(t, folder, "r.csv")

	os.Chmod(name, 0o400)
	if err := Check(name); !errors.Is(err, os.ErrPermission) {
		t.Errorf("write-protected: %v", err)
	}
	os.Chmod(name, 0o600)
}
