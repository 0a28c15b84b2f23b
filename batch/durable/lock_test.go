package durable

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// holds names the variable that makes this test binary a process that holds the
// lock of a file, and a temporary one, until it is killed.
const holds = "DURABLE_TEST_HOLDS"

func TestMain(m *testing.M) {
	name := os.Getenv(holds)
	if name == "" {
		os.Exit(m.Run())
	}
	_, err := TryLock(name)
	if err == nil {
		_, err = TempFile()
	}
	if err == nil {
		_, err = Create(name+".whole", 0o600)
	}
	fmt.Println("held", err)
	io.Copy(io.Discard, os.Stdin) // for ever
}

// holder starts a process that holds a lock.
func holder(t *testing.T, name, temp string) *exec.Cmd {
	t.Helper()
	p := exec.Command(os.Args[0])
	p.Env = append(os.Environ(), holds+"="+name, "TMPDIR="+temp, "TMP="+temp)
	in, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); p.Process.Kill(); p.Wait() })
	if line, _ := bufio.NewReader(out).ReadString('\n'); strings.TrimSpace(line) != "held <nil>" {
		t.Fatalf("the holder says %q", line)
	}
	return p
}

// A process that is killed leaves no lock, no temporary file, and a partial one
// that the next takes away.
func TestKilled(t *testing.T) {
	folder, temp := t.TempDir(), t.TempDir()
	name := filepath.Join(folder, "x.lock")
	p := holder(t, name, temp)
	_, err := TryLock(name)
	locked := (*LockedError)(nil)
	if !errors.As(err, &locked) || locked.Holder.PID != p.Process.Pid || locked.Name != name {
		t.Fatalf("%v", err)
	}
	host, _ := os.Hostname()
	if text := err.Error(); !strings.Contains(text, fmt.Sprintf("is locked by process %d on %s, since 2", p.Process.Pid, host)) {
		t.Errorf("%q", text)
	}
	// One that waits has it when the other is gone.
	taken := make(chan error)
	go func() {
		lock, err := WaitLock(t.Context(), name)
		lock.Close()
		taken <- err
	}()
	p.Process.Kill()
	if err := <-taken; err != nil {
		t.Error(err)
	}
	p.Wait()
	only(t, temp)
	begin(t, name+".whole").Discard()
	only(t, folder, "x.lock")
}

func TestLock(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "x.lock")
	take := func() *Lock {
		t.Helper()
		lock, err := TryLock(name)
		if err != nil {
			t.Fatal(err)
		}
		return lock
	}
	refused := func() Holder {
		t.Helper()
		lock, err := TryLock(name)
		locked := (*LockedError)(nil)
		if !errors.As(err, &locked) {
			lock.Close()
			t.Fatalf("not refused: %v", err)
		}
		return locked.Holder
	}
	lock := take()
	if h := refused(); h.PID != os.Getpid() || h.Since.IsZero() {
		t.Errorf("%v", h)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := WaitLock(ctx, name); !errors.Is(err, context.Canceled) || !errors.As(err, new(*LockedError)) {
		t.Errorf("waiting ended with %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
	want(t, name, "") // nobody holds it

	// An older holder is not seen, nor what a longer one has left.
	write(t, name, `{"pid":123456789,"host":"`+strings.Repeat("x", 500)+`","since":"2001-01-01T00:00:00Z"}`)
	lock = take()
	if h := refused(); h.PID != os.Getpid() {
		t.Errorf("%v", h)
	}
	if data, err := os.ReadFile(name); err != nil || strings.Count(string(data), "}") != 1 {
		t.Errorf("%q, %v", data, err)
	}
	// Who says nothing that can be read is just somebody.
	lock.file.Truncate(3)
	if got := refused().String(); got != "a process that has just started" {
		t.Errorf("%q", got)
	}
	if err := lock.Remove(); err != nil {
		t.Error(err)
	}
	only(t, folder)
	if _, err := TryLock(filepath.Join(folder, "none", "x.lock")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a folder that is not there: %v", err)
	}
	var none *Lock
	if err := none.Close(); err != nil {
		t.Error(err)
	}
}

// No two hold a lock that is removed and made again all the time.
func TestLockHeldOnce(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.lock")
	var holders, taken atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 300 {
				lock, err := TryLock(name)
				if errors.As(err, new(*LockedError)) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if holders.Add(1) != 1 {
					t.Error("two hold it")
				}
				taken.Add(1)
				holders.Add(-1)
				if err := lock.Remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if taken.Load() == 0 {
		t.Error("nobody took it")
	}
}

// Who opened the lock before its holder removed it locks a file without a name,
// and has to try again: else two would hold it.
func TestLockRemoved(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("NOT COVERED on Windows: a lock that is removed while another one opens it, for what is open cannot be removed there")
	}
	name := filepath.Join(t.TempDir(), "x.lock")
	first, err := TryLock(name)
	if err != nil {
		t.Fatal(err)
	}
	late, err := OpenPrivate(name)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	if err := first.Remove(); err != nil {
		t.Fatal(err)
	}
	if ok, err := lockFile(late.File); err != nil || !ok {
		t.Fatal(ok, err)
	}
	second, err := TryLock(name)
	if err != nil {
		t.Fatalf("the file that is locked has no name: %v", err)
	}
	defer second.Close()
	if leadsTo(name, late.info) {
		t.Error("the name is that of the removed file")
	}
}
