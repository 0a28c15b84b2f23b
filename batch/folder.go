package batch

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"syscall"
)

// SyncFolder brings the names of a folder's files to the disk: a file that was
// synced is lost in a power cut all the same if its name was not. Where folders
// cannot be synced, or this one cannot be read, nobody can do better.
func SyncFolder(name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(name)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	defer folder.Close()
	err = folder.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EBADF) {
		return nil
	}
	return err
}
