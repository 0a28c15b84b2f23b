//go:build unix

package durable

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

const (
	hasOwners   = true
	closesFirst = false // a file can be renamed and removed while open
	tempFlags   = 0     // its name is removed

	// Do not wait for a pipe, and do not adopt a terminal.
	openFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK | syscall.O_NOCTTY
)

func owner(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return -1
}

func isOwn(info fs.FileInfo) bool  { return owner(info) == os.Geteuid() }
func isRoot(info fs.FileInfo) bool { return owner(info) == 0 }

// links returns how many names a file has.
func links(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Nlink)
	}
	return 1
}

// lockFile locks a file until it is closed. It reports whether it got the lock;
// an error means that files cannot be locked there.
func lockFile(file *os.File) (bool, error) {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, err
		}
	}
}

// OpenInput opens a file for reading, and lets another take its place meanwhile.
func OpenInput(name string) (*os.File, error) { return os.Open(name) }

// mayReplace returns why a file cannot be replaced although its folder is
// writable: it is marked as immutable.
func mayReplace(name string, _ fs.FileInfo) error {
	const write = 2
	if err := syscall.Access(name, write); errors.Is(err, syscall.EPERM) {
		return err
	}
	return nil
}

// inUse reports whether another program keeps a file from being replaced.
func inUse(error) bool { return false }

func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
