package durable

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// partialEnding is the ending of an incomplete file. It hides the file from
// programs that collect files by ending.
const partialEnding = ".partial"

// A File is written whole. Until [File.Commit] its bytes are in a partial file
// beside its name, and the file at the name stays as it is.
type File struct {
	name    string
	mode    fs.FileMode
	old     string // where the file that is replaced is kept; "": nowhere
	partial *os.File
	info    fs.FileInfo // of partial
	buf     *bufio.Writer
	done    bool
}

// Create begins a file that has the mode from its first byte on. A link is
// followed as by [Resolve]. If the file cannot be created, or the one at its name
// not replaced, that shows now and not at the end.
//
// No other run on any host uses the name of the partial file. Partial files that
// killed runs have left are removed.
func Create(name string, mode fs.FileMode) (*File, error) {
	target, err := Resolve(name)
	if err != nil {
		return nil, err
	}
	return create(target, mode)
}

// create is Create for a name that must not be a link.
func create(name string, mode fs.FileMode) (*File, error) {
	if err := replaceable(name); err != nil {
		return nil, err
	}
	sweep(name)
	f := &File{name: name, mode: mode}
	if err := f.begin(); err != nil {
		return nil, explained(name, err)
	}
	f.buf = bufio.NewWriterSize(f.partial, 1<<16)
	return f, nil
}

// attempts is how often something is tried that another process can block only by
// chance.
const attempts = 100

// begin creates the partial file. It is locked, so that nobody takes it for one
// that a killed run has left.
func (f *File) begin() error {
	for range attempts {
		file, err := os.CreateTemp(folderOf(f.name), partialStart(f.name)+thisHost()+".*"+partialEnding)
		if err != nil {
			return err
		}
		info, err := file.Stat()
		if err == nil {
			err = setMode(file, f.mode)
		}
		if err != nil {
			file.Close()
			os.Remove(file.Name())
			return err
		}
		// Where there are no locks, nobody else finds it unlocked.
		locked, err := lockFile(file)
		if (locked || err != nil) && leadsTo(file.Name(), info) {
			f.partial, f.info = file, info
			return nil
		}
		file.Close()
	}
	return fs.ErrExist
}

// setMode sets the mode of a new file, on systems with file modes.
func setMode(file *os.File, mode fs.FileMode) error {
	err := file.Chmod(mode)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// Name returns the name of the file: the target, if a link was named.
func (f *File) Name() string { return f.name }

// Write appends to the file.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.buf.Write(p)
	return n, explained(f.name, err)
}

// KeepOld makes Commit keep the file that it replaces, under the name with an
// ending added. A regular file of that name is replaced in turn; a link is not
// followed.
func (f *File) KeepOld(ending string) error {
	f.old = f.name + ending
	return replaceable(f.old)
}

// Commit writes the file to disk and gives it its name. If that fails, what was
// written is removed, and the file at the name stays. The file at the name is
// then the one that was written, else the error is ErrTaken: two hosts may use a
// folder without seeing each other's locks.
func (f *File) Commit() error {
	if f.done {
		return explained(f.name, fs.ErrClosed)
	}
	defer f.Discard()
	if err := f.commit(); err != nil {
		return explained(f.name, err)
	}
	return nil
}

func (f *File) commit() error {
	if err := f.buf.Flush(); err != nil {
		return err
	}
	if err := f.partial.Sync(); err != nil {
		return err
	}
	if err := persist(f.keepOld, inUse); err != nil {
		return err
	}
	if !leadsTo(f.partial.Name(), f.info) {
		return &Error{f.name, ErrTaken, nil}
	}
	if closesFirst {
		if err := f.partial.Close(); err != nil {
			return err
		}
	}
	if err := persist(f.rename, inUse); err != nil {
		return err
	}
	if !leadsTo(f.name, f.info) {
		return &Error{f.name, ErrTaken, nil}
	}
	return SyncFolder(folderOf(f.name))
}

// rename gives the partial file its name. The system does not always say if it
// fails because another program holds the file of that name.
func (f *File) rename() error {
	err := os.Rename(f.partial.Name(), f.name)
	if err != nil {
		if info, statErr := os.Lstat(f.name); statErr == nil {
			if held := mayReplace(f.name, info); inUse(held) {
				return held
			}
		}
	}
	return err
}

// keepOld copies the file that will be replaced: the name must exist at every
// moment, and not every file system has hard links. The file may have changed its
// kind since it was checked.
func (f *File) keepOld() error {
	if err := replaceable(f.name); err != nil || f.old == "" {
		return err
	}
	was, err := openRegular(f.name, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer was.Close()
	kept, err := create(f.old, f.mode)
	if err != nil {
		return err
	}
	defer kept.Discard()
	if _, err := io.Copy(kept, was); err != nil {
		return err
	}
	return kept.Commit()
}

// Discard removes what was written. After Commit it does nothing.
func (f *File) Discard() {
	if f.done {
		return
	}
	f.done = true
	if closesFirst {
		f.partial.Close()
	}
	if name := f.partial.Name(); leadsTo(name, f.info) {
		os.Remove(name)
	}
	f.partial.Close()
}

// WriteFile writes a whole file at once.
func WriteFile(name string, mode fs.FileMode, write func(io.Writer) error) error {
	f, err := Create(name, mode)
	if err != nil {
		return err
	}
	defer f.Discard()
	if err := write(f); err != nil {
		return err
	}
	return f.Commit()
}

// partialStart returns the start of the names of a file's partial files: its own
// name, as far as there is room.
func partialStart(name string) string {
	const most = 200 // bytes; file systems allow 255
	base := filepath.Base(name)
	return strings.ToValidUTF8(base[:min(len(base), most)], "") + "."
}

// thisHost is in the names of partial files: only a process on the same host is
// sure to see that one is locked.
func thisHost() string {
	name, _ := os.Hostname()
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(name)))
}

// longAgo is the age at which no run, on any host, can still be writing to a
// partial file.
const longAgo = 7 * 24 * time.Hour

// sweep removes the partial files of a file that killed runs have left: they have
// the same secrets.
func sweep(name string) {
	folder, start := folderOf(name), partialStart(name)
	entries, _ := os.ReadDir(folder)
	for _, entry := range entries {
		host, ok := partialOf(entry.Name(), start)
		if !ok {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			continue
		}
		if old := time.Since(info.ModTime()) > longAgo; old || host == thisHost() {
			removeAbandoned(filepath.Join(folder, entry.Name()), old)
		}
	}
}

// partialOf returns the host of a partial file; ok is false if it is not one or
// starts differently.
func partialOf(partial, start string) (host string, ok bool) {
	rest, ok := strings.CutPrefix(partial, start)
	if !ok {
		return "", false
	}
	rest, ok = strings.CutSuffix(rest, partialEnding)
	host, number, both := strings.Cut(rest, ".")
	return host, ok && both && len(host) == 8 && number != "" && strings.Trim(number, "0123456789") == ""
}

// removeAbandoned removes a file of this user that no process has locked. Without
// locks, it is removed if it is old.
func removeAbandoned(name string, old bool) {
	file, err := openRegular(name, os.O_RDONLY)
	if err != nil {
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || foreign(info, folderOf(name), 0) != nil {
		return
	}
	locked, err := lockFile(file)
	if !locked && (err == nil || !old) || !leadsTo(name, info) {
		return
	}
	if closesFirst {
		file.Close()
	}
	os.Remove(name)
}

// How long and how often to try to replace a file that another program holds.
const (
	patience = 5 * time.Second
	pause    = 100 * time.Millisecond
)

// persist repeats what fails for a temporary reason.
func persist(try func() error, passing func(error) bool) error {
	deadline := time.Now().Add(patience)
	for {
		err := try()
		if err == nil || !passing(err) || !time.Now().Before(deadline) {
			return err
		}
		<-time.After(pause)
	}
}
