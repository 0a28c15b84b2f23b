//go:build unix

package cli

import (
	"io/fs"
	"os"
	"syscall"
)

// ownFolder tells whether a folder is of this user, and closed to others.
func ownFolder(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid() && info.Mode().Perm()&0o077 == 0
}
