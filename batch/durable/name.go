package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// mostLinks is how many links may follow one another, as in Linux.
const mostLinks = 40

// Resolve returns the name of the file that Create writes: the target of links,
// if the name is a link of this user's or root's. The target need not exist.
func Resolve(name string) (string, error) {
	asked := name
	for range mostLinks {
		info, err := os.Lstat(name)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return name, nil
		}
		// What is behind /dev/stdout and the like has no name.
		if now, err := os.Stat(name); err == nil && !now.Mode().IsRegular() {
			return name, regular(asked, now)
		}
		if !isRoot(info) && foreign(info, folderOf(name), 0) != nil {
			return "", &Error{asked, ErrForeignLink, nil}
		}
		next, err := os.Readlink(name)
		if err != nil {
			return "", explained(asked, err)
		}
		if !filepath.IsAbs(next) {
			next = folderOf(name) + string(filepath.Separator) + next
		}
		// The next link is relative to the folder that it is really in.
		folder, err := filepath.EvalSymlinks(folderOf(next))
		if err != nil {
			return "", &Error{asked, ErrNoFolder, nil}
		}
		name = filepath.Join(folder, filepath.Base(next))
	}
	return "", explained(asked, syscall.ELOOP)
}

// folderOf returns the folder of a name. Unlike filepath.Dir it does not drop
// "link/..".
func folderOf(name string) string {
	folder, _ := filepath.Split(name)
	if folder == "" {
		return "."
	}
	return folder
}

// Check returns why Create would not write a file of that name, as far as that
// shows without writing; nil if nothing is in the way.
func Check(name string) error {
	target, err := Resolve(name)
	if err != nil {
		return err
	}
	return replaceable(target)
}

// replaceable returns why the file at a name cannot be replaced; nil if it can. A
// link cannot: it is resolved by now, or must not be followed.
func replaceable(name string) error {
	if name == "" {
		return explained(name, fs.ErrNotExist)
	}
	folder := folderOf(name)
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		if !isFolder(folder) {
			return &Error{name, ErrNoFolder, nil}
		}
		return nil
	}
	if err != nil {
		return explained(name, err)
	}
	if err := regular(name, info); err != nil {
		return err
	}
	// Programs that save with the usual umask leave files that a group can write.
	if err := foreign(info, folder, othersWrite); err != nil {
		return &Error{name, err, nil}
	}
	return explained(name, mayReplace(name, info))
}

// regular refuses what is not a regular file.
func regular(name string, info fs.FileInfo) error {
	switch {
	case info.Mode().IsRegular():
		return nil
	case info.IsDir():
		return &Error{name, ErrFolder, nil}
	case info.Mode()&fs.ModeSymlink != 0:
		return &Error{name, ErrLink, nil}
	}
	return &Error{name, ErrNotRegular, nil}
}

// Permissions that give others a hand in a file.
const (
	othersWrite fs.FileMode = 0o002
	anyoneElse  fs.FileMode = 0o022
)

// foreign returns the reason not to take a file in a folder for this user's own;
// nil if it is. Nobody else may have the permissions.
func foreign(info fs.FileInfo, folder string, permissions fs.FileMode) error {
	if !hasOwners || isOwn(info) && info.Mode().Perm()&permissions == 0 {
		return nil
	}
	// Not every file system has owners and modes of its own.
	if like, err := probe(folder); err == nil && owner(like) == owner(info) &&
		info.Mode().Perm()&permissions == like.Mode().Perm()&permissions {
		return nil
	}
	if !isOwn(info) {
		return ErrForeign
	}
	return ErrWritable
}

// probe returns the owner and mode that a file created by this process gets in a
// folder.
func probe(folder string) (fs.FileInfo, error) {
	f, err := os.CreateTemp(folder, ".*"+partialEnding)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	defer os.Remove(f.Name())
	return f.Stat()
}

// leadsTo reports whether a name is that of a file, and not a link to it.
func leadsTo(name string, file fs.FileInfo) bool {
	info, err := os.Lstat(name)
	return err == nil && os.SameFile(info, file)
}
