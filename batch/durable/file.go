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

// partialEnding is the ending of a file that is not whole yet. It keeps it from
// those who collect files by the ending of their name.
const partialEnding = ".partial"

// A File is written whole. Until [File.Commit] its bytes are in a partial file
// beside its name, and what stands at the name stays as it is.
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
// followed as [Resolve] does. That the file can be made, and what stands at its
// name replaced, shows now and not at the end.
//
// The partial file has a name that no other run on any host has. What killed runs
// have left of theirs is removed.
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

// attempts is how often something is tried that another process can be in the
// way of only by chance.
const attempts = 100

// begin makes the partial file. It is locked, so that nobody takes it for one
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

// setMode sets the mode of a new file, where files have modes.
func setMode(file *os.File, mode fs.FileMode) error {
	err := file.Chmod(mode)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// Name returns the name of the file: where a link leads, if one was named.
func (f *File) Name() string { return f.name }

// Write adds to the file.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.buf.Write(p)
	return n, explained(f.name, err)
}

// KeepOld has Commit keep the file that it replaces, under the name with an ending
// added. What stands there is replaced in turn, if it is a regular file; a link is
// not followed.
func (f *File) KeepOld(ending string) error {
	f.old = f.name + ending
	return replaceable(f.old)
}

// Commit brings the file to the disk and under its name. If it cannot, what was
// written goes, and what stood at the name stays. What has the name in the end is
// the file that was written, else that is ErrTaken: two hosts may use a folder
// without seeing each other's locks.
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

// rename puts the partial file under its name. The system does not always say that it
// cannot because another program holds the file of that name.
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

// keepOld copies the file that is going to be replaced: at no moment is there none
// of its name, and not every file system has second names. It may have become
// something else since it was checked.
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

// partialStart returns what the names of a file's partial files begin with: its own,
// as far as there is room for it.
func partialStart(name string) string {
	const most = 200 // bytes; file systems take 255
	base := filepath.Base(name)
	return strings.ToValidUTF8(base[:min(len(base), most)], "") + "."
}

// thisHost is in the names of partial files: only who runs on the same host is
// sure to see that one is locked.
func thisHost() string {
	name, _ := os.Hostname()
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(name)))
}

// longAgo is when a partial file was last written that no run can be writing to,
// on whichever host.
const longAgo = 7 * 24 * time.Hour

// sweep removes the partial files that killed runs have left of a file: they hold
// what it would have held.
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

// partialOf returns the host that a partial file is from, if it is one and begins
// like that.
func partialOf(partial, start string) (host string, ok bool) {
	rest, ok := strings.CutPrefix(partial, start)
	if !ok {
		return "", false
	}
	rest, ok = strings.CutSuffix(rest, partialEnding)
	host, number, both := strings.Cut(rest, ".")
	return host, ok && both && len(host) == 8 && number != "" && strings.Trim(number, "0123456789") == ""
}

// removeAbandoned removes a file of this user that no process has locked. Where
// there are no locks it goes if it is old.
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

// How long and how often it is tried to replace a file that another program holds.
const (
	patience = 5 * time.Second
	pause    = 100 * time.Millisecond
)

// persist repeats what fails for a passing reason.
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
