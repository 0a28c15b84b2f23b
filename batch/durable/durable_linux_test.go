package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// as runs do with the rights of another user on files: its files are that user's,
// and the process is still root's. So it is on a share that makes root nobody.
func as(t *testing.T, uid int, do func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can act as another user")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := errors.Join(unix.Setfsgid(uid), unix.Setfsuid(uid)); err != nil {
		t.Skip(err)
	}
	defer unix.Setfsgid(0)
	defer unix.Setfsuid(0)
	do()
}

// reach lets another user into the folder of a test.
func reach(t *testing.T, perm fs.FileMode) string {
	t.Helper()
	folder := t.TempDir()
	if err := errors.Join(os.Chmod(filepath.Dir(folder), 0o755), os.Chmod(folder, perm)); err != nil {
		t.Fatal(err)
	}
	return folder
}

// A folder that cannot be written is noticed before anything is written.
func TestFolderNotWritable(t *testing.T) {
	folder := reach(t, 0o755)
	name := filepath.Join(folder, "r.csv")
	as(t, stranger, func() {
		_, err := Create(name, 0o600)
		if own := (*Error)(nil); !errors.Is(err, fs.ErrPermission) || !errors.As(err, &own) || own.Name != name || Refused(err) {
			t.Errorf("%v", err)
		}
		if _, err := OpenPrivate(name); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%v", err)
		}
	})
	only(t, folder)
}

// Where the file system has users of its own, a file is ours that looks as one does
// that we make.
func TestOwnersOfTheFileSystem(t *testing.T) {
	folder := reach(t, 0o777)
	name := filepath.Join(folder, "r")
	as(t, stranger, func() {
		for range 2 { // the second finds what the first has made
			lock, err := TryLock(name + ".lock")
			if err != nil {
				t.Fatal(err)
			}
			lock.Close()
			f, err := Create(name, 0o600)
			if err == nil {
				err = f.Commit()
			}
			if err != nil {
				t.Fatal(err)
			}
			// Here modes are kept, so this file is another's as well.
			os.Chmod(name+".lock", 0o666)
			if _, err := TryLock(name + ".lock"); err == nil {
				t.Error("what others can write is taken for ours")
			}
			os.Chmod(name+".lock", 0o600)
		}
		link(t, name, name+".link")
		if err := Check(name + ".link"); err != nil {
			t.Error(err)
		}
	})
	if info, err := os.Stat(name); err != nil || owner(info) != stranger {
		t.Fatalf("the test makes no file of another user: %v", err)
	}
	for _, name := range []string{name, name + ".link"} {
		if err := Check(name); !errors.Is(err, ErrForeign) && !errors.Is(err, ErrForeignLink) {
			t.Errorf("%s is ours all of a sudden: %v", name, err)
		}
	}
	only(t, folder, "r", "r.link", "r.lock")
}

// What a process has open has a name that looks like a link to a file.
func TestOpenPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if err := Check(fmt.Sprintf("/proc/self/fd/%d", w.Fd())); !errors.Is(err, ErrNotRegular) {
		t.Error(err)
	}
}

// What does not fit is an error that says so, and leaves no half of it.
func TestNoSpace(t *testing.T) {
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=256k"); err != nil {
		t.Skip("no small disk can be made:", err)
	}
	defer syscall.Unmount(folder, 0)
	name := filepath.Join(folder, "r.csv")
	write(t, name, "old")
	f := begin(t, name)
	var failed error
	for range 100 {
		if _, err := f.Write([]byte(strings.Repeat("x", 10_000))); err != nil {
			failed = err
		}
	}
	committed := f.Commit()
	for _, err := range []error{failed, committed} {
		if !errors.Is(err, ErrNoSpace) || !errors.Is(err, syscall.ENOSPC) || Hint(err) == "" || strings.Contains(err.Error(), partialEnding) {
			t.Errorf("%v", err)
		}
	}
	only(t, folder, "r.csv")
	want(t, name, "old")

	// Nor does the old file go where there is no room for both.
	write(t, name, strings.Repeat("x", 150_000))
	f = begin(t, name)
	if err := f.KeepOld(".bak"); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, "new")
	if err := f.Commit(); !errors.Is(err, ErrNoSpace) {
		t.Errorf("%v", err)
	}
	only(t, folder, "r.csv")
	want(t, name, strings.Repeat("x", 150_000))
}

// A file that the system keeps from being replaced is noticed at once.
func TestImmutable(t *testing.T) {
	name := filepath.Join(t.TempDir(), "r.csv")
	write(t, name, "old")
	const immutable = 0x10 // FS_IMMUTABLE_FL
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := unix.IoctlSetPointerInt(int(file.Fd()), unix.FS_IOC_SETFLAGS, immutable); err != nil {
		t.Skip("no file can be made immutable:", err)
	}
	defer unix.IoctlSetPointerInt(int(file.Fd()), unix.FS_IOC_SETFLAGS, 0)
	if err := Check(name); !errors.Is(err, syscall.EPERM) {
		t.Errorf("%v", err)
	}
}

// repeat does something again and again, beside the test, until it is stopped.
func repeat(do func()) (stop func()) {
	end, ended := make(chan bool), make(chan bool)
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			default:
				do()
			}
		}
	}()
	return func() { close(end); <-ended }
}

// flip makes two names change their files until it is stopped.
func flip(a, b string) (stop func()) {
	return repeat(func() { unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE) })
}

// What a name leads to may change between any two looks at it.
func TestFlipped(t *testing.T) {
	regularOnly := func(t *testing.T, name string) {
		t.Helper()
		was, flips := false, 0
		for i := 0; flips < 1000 && i < 1_000_000; i++ {
			p, err := OpenPrivate(name)
			if is := err == nil; is != was {
				was = is
				flips++
			}
			if err != nil {
				continue
			}
			info, err := p.Stat()
			p.Close()
			if err != nil || !info.Mode().IsRegular() {
				t.Fatalf("%v was opened: %v", info.Mode(), err)
			}
		}
	}
	t.Run("opened", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "x")
		write(t, name, "")
		if err := syscall.Mkfifo(name+".pipe", 0o600); err != nil {
			t.Fatal(err)
		}
		defer flip(name, name+".pipe")()
		regularOnly(t, name)
	})
	t.Run("created", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "x")
		if err := syscall.Mkfifo(name+".pipe", 0o600); err != nil {
			t.Fatal(err)
		}
		defer repeat(func() {
			os.Remove(name)
			os.Link(name+".pipe", name)
		})()
		regularOnly(t, name)
	})
	t.Run("written", func(t *testing.T) {
		folder := t.TempDir()
		name := filepath.Join(folder, "r.csv")
		for range 100 {
			f := begin(t, name)
			fmt.Fprint(f, "ours")
			write(t, name+".theirs", "theirs")
			stop := flip(f.partial.Name(), name+".theirs")
			err := f.Commit()
			stop()
			if data, _ := os.ReadFile(name); err == nil && string(data) != "ours" {
				t.Fatalf("%q has the name", data)
			}
			os.Remove(f.partial.Name())
		}
	})
}
