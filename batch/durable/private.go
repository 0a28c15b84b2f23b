package durable

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
)

// A Private is an open file of this user only that is written in place, such as a
// journal. It is read and written like any file.
type Private struct {
	*os.File
	info fs.FileInfo
}

// OpenPrivate opens a file for reading and writing, and creates it with mode 0600
// if it does not exist. It refuses a link, a pipe or a device, and a file that
// another user owns or can write to, or that has a second name: its bytes may be
// another file's, or forged.
func OpenPrivate(name string) (*Private, error) {
	for range attempts {
		file, err := openOrMake(name)
		if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) && isFolder(folderOf(name)) {
			continue // it appeared or vanished meanwhile
		}
		if err != nil {
			return nil, explained(name, err)
		}
		info, err := file.Stat()
		switch {
		case err != nil:
		case links(info) > 1:
			err = &Error{name, ErrHardLink, nil}
		default:
			if why := foreign(info, folderOf(name), anyoneElse); why != nil {
				err = &Error{name, why, nil}
			}
		}
		if err != nil {
			file.Close()
			return nil, explained(name, err)
		}
		return &Private{file, info}, nil
	}
	return nil, explained(name, fs.ErrExist)
}

func openOrMake(name string) (*os.File, error) {
	file, err := openRegular(name, os.O_RDWR)
	if !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	file, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL|openFlags, 0o600)
	if err != nil {
		return nil, err
	}
	if err := setMode(file, 0o600); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// OpenRegular opens a regular file for reading, whoever owns it, and follows no
// link.
func OpenRegular(name string) (*os.File, error) { return openRegular(name, os.O_RDONLY) }

// openRegular opens an existing regular file. Anything else is not even opened,
// as far as it can tell: opening a device can have effects.
func openRegular(name string, flag int) (*os.File, error) {
	info, err := os.Lstat(name)
	if err == nil {
		err = regular(name, info)
	}
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(name, flag|openFlags, 0)
	if err != nil {
		return nil, err
	}
	info, err = file.Stat()
	if err == nil {
		err = regular(name, info)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// Sync writes everything to disk. It returns ErrTaken if the name is no longer
// this file's; otherwise nobody would notice that its folder has vanished.
func (p *Private) Sync() error {
	if err := p.File.Sync(); err != nil {
		return explained(p.Name(), err)
	}
	if !leadsTo(p.Name(), p.info) {
		return &Error{p.Name(), ErrTaken, nil}
	}
	return nil
}

// Remove removes the file, closes it, and writes that to disk. Another file that
// has taken its name stays, and the error is ErrTaken.
func (p *Private) Remove() error {
	defer p.Close()
	if !leadsTo(p.Name(), p.info) {
		return &Error{p.Name(), ErrTaken, nil}
	}
	if closesFirst {
		if err := p.Close(); err != nil {
			return explained(p.Name(), err)
		}
	}
	if err := persist(func() error { return os.Remove(p.Name()) }, inUse); err != nil {
		return explained(p.Name(), err)
	}
	return SyncFolder(folderOf(p.Name()))
}

// TempFile creates a file that nobody else can read and that is gone when it is
// closed or the process ends, for whatever reason.
func TempFile() (*os.File, error) {
	for range attempts {
		name := filepath.Join(os.TempDir(), "rpsbatch-"+strconv.FormatUint(rand.Uint64(), 36)+".tmp")
		file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL|tempFlags, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil && tempFlags == 0 {
			if err = os.Remove(name); err != nil {
				file.Close()
			}
		}
		if err != nil {
			return nil, err
		}
		return file, nil
	}
	return nil, &fs.PathError{Op: "create", Path: os.TempDir(), Err: fs.ErrExist}
}
