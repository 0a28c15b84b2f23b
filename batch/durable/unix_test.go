//go:build unix

package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const stranger = 12345 // another user

func chown(t *testing.T, name string, uid int) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can make files of another user")
	}
	if err := os.Lchown(name, uid, -1); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Fatal(err)
	}
}

// mode checks a file's mode.
func mode(t *testing.T, name string, want fs.FileMode) {
	t.Helper()
	if info, err := os.Lstat(name); err != nil || info.Mode().Perm() != want {
		t.Errorf("%s: %v %v, want %v", filepath.Base(name), info.Mode().Perm(), err, want)
	}
}

// All that can stand at a name, how it is made, and why it is refused as a whole
// file and as one that is written in place; nil: it is not.
var planted = []struct {
	name           string
	plant          func(t *testing.T, name string)
	whole, private error
}{
	{"nothing", func(*testing.T, string) {}, nil, nil},
	{"own file", func(t *testing.T, name string) { write(t, name, "old") }, nil, nil},
	{"read-only file", func(t *testing.T, name string) { write(t, name, "old"); os.Chmod(name, 0o400) }, nil, nil},
	{"file of a group", func(t *testing.T, name string) { write(t, name, "old"); os.Chmod(name, 0o664) }, nil, ErrWritable},
	{"file of all", func(t *testing.T, name string) { write(t, name, "old"); os.Chmod(name, 0o666) }, ErrWritable, ErrWritable},
	{"folder", func(t *testing.T, name string) { os.Mkdir(name, 0o700) }, ErrFolder, ErrFolder},
	{"pipe", func(t *testing.T, name string) { syscall.Mkfifo(name, 0o600) }, ErrNotRegular, ErrNotRegular},
	{"link to a pipe", func(t *testing.T, name string) {
		syscall.Mkfifo(name+".pipe", 0o600)
		link(t, name+".pipe", name)
	}, ErrNotRegular, ErrLink},
	{"link to a device", func(t *testing.T, name string) { link(t, "/dev/null", name) }, ErrNotRegular, ErrLink},
	{"link in a circle", func(t *testing.T, name string) { link(t, name, name) }, syscall.ELOOP, ErrLink},
	{"link to a folder that is not there", func(t *testing.T, name string) { link(t, "none/x", name) }, ErrNoFolder, ErrLink},
	{"device", func(t *testing.T, name string) {
		if err := syscall.Mknod(name, syscall.S_IFCHR|0o600, 1<<8|3); err != nil {
			t.Skip("only root can make devices:", err)
		}
	}, ErrNotRegular, ErrNotRegular},
	{"second name", func(t *testing.T, name string) {
		write(t, name+".first", "old")
		if err := os.Link(name+".first", name); err != nil {
			t.Skip(err)
		}
	}, nil, ErrHardLink},
	{"another user's file", func(t *testing.T, name string) { write(t, name, "old"); chown(t, name, stranger) }, ErrForeign, ErrForeign},
	{"another user's link to our file", func(t *testing.T, name string) {
		write(t, name+".target", "old")
		link(t, name+".target", name)
		chown(t, name, stranger)
	}, ErrForeignLink, ErrLink},
	{"another user's link to nothing", func(t *testing.T, name string) {
		link(t, name+".target", name)
		chown(t, name, stranger)
	}, ErrForeignLink, ErrLink},
	{"our link to another user's link", func(t *testing.T, name string) {
		link(t, name+".target", name+".next")
		chown(t, name+".next", stranger)
		link(t, name+".next", name)
	}, ErrForeignLink, ErrLink},
}

// tree returns what a folder holds, with all that can change about it.
func tree(t *testing.T, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintln(e.Name(), info.Mode(), info.Size(), info.ModTime(), owner(info))
	}
	return text
}

func TestPlanted(t *testing.T) {
	type use struct {
		name string
		why  error
		open func(name string) error
	}
	for _, test := range planted {
		for _, use := range []use{
			{"whole", test.whole, func(name string) error {
				if err := Check(name); !errors.Is(err, test.whole) {
					t.Errorf("Check: %v", err)
				}
				f, err := Create(name, 0o600)
				if err == nil {
					err = f.Commit()
				}
				return err
			}},
			{"old", test.private, func(name string) error {
				f, err := Create(strings.TrimSuffix(name, ".bak"), 0o600)
				if err == nil {
					err = f.KeepOld(".bak")
					f.Discard()
				}
				return err
			}},
			{"private", test.private, func(name string) error {
				p, err := OpenPrivate(name)
				if err == nil {
					p.Close()
				}
				return err
			}},
			{"lock", test.private, func(name string) error {
				lock, err := TryLock(name)
				lock.Close()
				return err
			}},
		} {
			if test.name == "read-only file" && use.name != "whole" && os.Geteuid() != 0 {
				continue // the system refuses to write it
			}
			if use.name == "old" && (test.name == "second name" || test.name == "file of a group") {
				continue // it is replaced, not written
			}
			t.Run(test.name+"/"+use.name, func(t *testing.T) {
				folder := t.TempDir()
				name := filepath.Join(folder, "r.bak")
				test.plant(t, name)
				before := tree(t, folder)
				err := use.open(name)
				if !errors.Is(err, use.why) || (err == nil) != (use.why == nil) {
					t.Fatalf("%v, want %v", err, use.why)
				}
				if err == nil {
					return
				}
				if now := tree(t, folder); now != before {
					t.Errorf("the folder was\n%sand is\n%s", before, now)
				}
				if own := (*Error)(nil); !errors.As(err, &own) || own.Name == "" {
					t.Errorf("it names no file: %v", err)
				}
			})
		}
	}
}

// What takes a file's place between the look at it and its opening is not followed,
// nor waited for.
func TestOpenFlags(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "x")
	write(t, name+".target", "")
	link(t, name+".target", name)
	if file, err := os.OpenFile(name, os.O_RDWR|openFlags, 0); !errors.Is(err, syscall.ELOOP) {
		file.Close()
		t.Errorf("a link: %v", err)
	}
	os.Remove(name)
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(name, os.O_RDONLY|openFlags, 0)
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
}

// A link of the user's own leads where it leads, also to what is not there yet,
// and stays a link.
func TestOwnLink(t *testing.T) {
	folder := t.TempDir()
	at := func(names ...string) string { return filepath.Join(append([]string{folder}, names...)...) }
	for _, dir := range []string{"real", "real/deep", "other"} {
		if err := os.Mkdir(at(dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	link(t, "real/deep", at("short"))
	link(t, at("real", "absolute.csv"), at("absolute"))
	link(t, "real/relative.csv", at("relative"))
	link(t, "../up.csv", at("real", "deep", "up")) // through short this is real/up.csv
	link(t, "relative", at("twice"))
	link(t, "short/../dots.csv", at("dots")) // real/dots.csv, not dots.csv
	link(t, "../dots", at("other", "again"))
	for from, to := range map[string]string{
		at("absolute"):       at("real", "absolute.csv"),
		at("relative"):       at("real", "relative.csv"),
		at("short", "up"):    at("real", "up.csv"),
		at("twice"):          at("real", "relative.csv"),
		at("dots"):           at("real", "dots.csv"),
		at("other", "again"): at("real", "dots.csv"),
		// No link at the end, but one before ".."; Join would drop both.
		folder + "/short/../plain.csv": at("real", "plain.csv"),
	} {
		f, err := Create(from, 0o600)
		if err != nil {
			t.Fatalf("%s: %v", from, err)
		}
		if made, err := os.Lstat(filepath.Join(filepath.Dir(to), filepath.Base(f.partial.Name()))); err != nil || !os.SameFile(made, f.info) {
			t.Errorf("%s: the partial file is not beside the file: %v", from, err)
		}
		f.Discard()
		for _, text := range []string{"first", "second"} {
			if err := WriteFile(from, 0o600, func(w io.Writer) error { _, err := fmt.Fprint(w, text); return err }); err != nil {
				t.Fatalf("%s: %v", from, err)
			}
			want(t, to, text)
			if info, err := os.Lstat(from); filepath.Base(from) != "plain.csv" && (err != nil || info.Mode()&fs.ModeSymlink == 0) {
				t.Errorf("%s is no longer a link: %v", from, err)
			}
		}
	}
}

// What becomes a link while the file is written is not followed, and not replaced.
func TestLinkPlantedMeanwhile(t *testing.T) {
	folder := t.TempDir()
	name, victim := filepath.Join(folder, "r.csv"), filepath.Join(folder, "victim")
	write(t, victim, "precious")
	f := begin(t, name)
	link(t, victim, name)
	if err := f.Commit(); !errors.Is(err, ErrLink) {
		t.Error(err)
	}
	want(t, victim, "precious")
	only(t, folder, "r.csv", "victim")
}

// The mode holds from the first moment, whatever the mask.
func TestMode(t *testing.T) {
	folder := t.TempDir()
	for _, mask := range []int{0, 0o22, 0o77, 0o377} {
		for _, perm := range []fs.FileMode{0o600, 0o644} {
			name := filepath.Join(folder, fmt.Sprintf("%o-%o", mask, perm))
			was := syscall.Umask(mask)
			f, err := Create(name, perm)
			p, errPrivate := OpenPrivate(name + ".journal")
			syscall.Umask(was)
			if err := errors.Join(err, errPrivate); err != nil {
				t.Fatal(err)
			}
			p.Close()
			mode(t, f.partial.Name(), perm)
			mode(t, name+".journal", 0o600)
			if err := f.Commit(); err != nil {
				t.Fatal(err)
			}
			mode(t, name, perm)
		}
	}
	// The old mode does not come back with the name, and is not kept.
	name := filepath.Join(folder, "open")
	write(t, name, "old")
	os.Chmod(name, 0o644)
	f := begin(t, name)
	if err := errors.Join(f.KeepOld(".bak"), f.Commit()); err != nil {
		t.Fatal(err)
	}
	mode(t, name, 0o600)
	mode(t, name+".bak", 0o600)
}

// What another user's run has left half written is not ours to remove.
func TestSweepForeign(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "r")
	theirs := "r." + thisHost() + ".1" + partialEnding
	write(t, filepath.Join(folder, theirs), "theirs")
	chown(t, filepath.Join(folder, theirs), stranger)
	link(t, "victim", filepath.Join(folder, "r."+thisHost()+".2"+partialEnding))
	begin(t, name).Discard()
	only(t, folder, theirs, "r."+thisHost()+".2"+partialEnding)
}

func TestPrivateFolderOpen(t *testing.T) {
	for name, test := range map[string]struct {
		above, folder fs.FileMode
		uid, uidAbove int
		ok            bool
	}{
		"closed":                       {0o755, 0o700, 0, 0, true},
		"readable":                     {0o755, 0o755, 0, 0, true},
		"of a group":                   {0o755, 0o775, 0, 0, false},
		"of all":                       {0o755, 0o707, 0, 0, false},
		"another user's":               {0o755, 0o700, stranger, 0, false},
		"in a sticky one":              {0o777 | fs.ModeSticky, 0o700, 0, 0, true},
		"in one that is open":          {0o777, 0o700, 0, 0, false},
		"in one of a group":            {0o775, 0o700, 0, 0, true},
		"in another user's":            {0o755, 0o700, 0, stranger, false},
		"another user's, in sticky":    {0o777 | fs.ModeSticky, 0o700, stranger, 0, false},
		"sticky, and another user's":   {0o777 | fs.ModeSticky, 0o700, 0, stranger, false},
		"open, but in one that is not": {0o700, 0o777, 0, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			above := filepath.Join(t.TempDir(), "above")
			folder := filepath.Join(above, "locks")
			if err := os.MkdirAll(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			if test.uid != 0 {
				chown(t, folder, test.uid)
			}
			if test.uidAbove != 0 {
				chown(t, above, test.uidAbove)
			}
			if err := errors.Join(os.Chmod(folder, test.folder), os.Chmod(above, test.above)); err != nil {
				t.Fatal(err)
			}
			if err := PrivateFolder(folder); (err == nil) != test.ok || err != nil && !errors.Is(err, ErrOpenFolder) {
				t.Error(err)
			}
		})
	}
	// A user's folder is not littered with one of root's.
	above := filepath.Join(t.TempDir(), "above")
	os.Mkdir(above, 0o777)
	os.Chmod(above, 0o777)
	if err := PrivateFolder(filepath.Join(above, "locks")); !errors.Is(err, ErrOpenFolder) {
		t.Error(err)
	}
	only(t, above)
	above = t.TempDir()
	link(t, t.TempDir(), filepath.Join(above, "locks"))
	if err := PrivateFolder(filepath.Join(above, "locks")); !errors.Is(err, ErrOpenFolder) {
		t.Errorf("a link: %v", err)
	}
}
