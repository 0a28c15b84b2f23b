package durable

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

const (
	hasOwners   = false
	closesFirst = true
	openFlags   = windows.FILE_FLAG_OPEN_REPARSE_POINT // a link itself is opened, and is not a regular file
	tempFlags   = windows.FILE_FLAG_DELETE_ON_CLOSE
)

func owner(fs.FileInfo) int   { return -1 }
func isOwn(fs.FileInfo) bool  { return true }
func isRoot(fs.FileInfo) bool { return false }
func links(fs.FileInfo) int   { return 1 }

// lockFile locks a file until it is closed. It reports whether it got the lock;
// an error means that files cannot be locked there. The locked range is beyond
// all bytes, so others can still read those.
func lockFile(file *os.File) (bool, error) {
	err := windows.LockFileEx(windows.Handle(file.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}

// OpenInput opens a file for reading, and lets another take its place meanwhile.
// os.Open would keep it from being replaced.
func OpenInput(name string) (*os.File, error) {
	if path, err := windows.UTF16PtrFromString(name); err == nil {
		handle, err := windows.CreateFile(path, windows.GENERIC_READ, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
			nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
		if err == nil {
			return os.NewFile(uintptr(handle), name), nil
		}
	}
	return os.Open(name) // it may be a folder, whose error is better
}

// mayReplace returns why a file cannot be replaced: it is write-protected, or
// another program holds it.
func mayReplace(name string, info fs.FileInfo) error {
	if info.Mode().Perm()&0o200 == 0 {
		return fs.ErrPermission
	}
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return err
	}
	handle, err := windows.CreateFile(path, windows.DELETE, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		windows.CloseHandle(handle)
	}
	return err
}

// inUse reports whether another program keeps a file from being replaced.
func inUse(err error) bool {
	return errors.Is(err, ErrInUse) || errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_LOCK_VIOLATION) ||
		errors.Is(err, windows.ERROR_USER_MAPPED_FILE)
}

func noSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
