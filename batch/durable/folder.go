package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// SyncFolder writes the names of a folder's files to disk: without that, a power
// cut may lose a file that was synced. If folders cannot be synced, or this one
// cannot be read, nothing better can be done.
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

// PrivateFolder creates a folder unless it exists. It returns an error unless the
// folder is this user's, nobody else can write to it, and nobody else but root
// can replace it.
func PrivateFolder(name string) error {
	in := filepath.Dir(name)
	if err := os.MkdirAll(in, 0o700); err != nil {
		return err
	}
	above, err := os.Stat(in)
	if err != nil {
		return err
	}
	if hasOwners && !staysPut(above) {
		return &Error{in, ErrOpenFolder, nil}
	}
	if err := os.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(name)
	if err != nil {
		return err
	}
	if !info.IsDir() || hasOwners && !(isOwn(info) && info.Mode().Perm()&anyoneElse == 0) {
		return &Error{name, ErrOpenFolder, nil}
	}
	return nil
}

// staysPut reports whether only this user and root can rename this user's files
// in a folder.
func staysPut(folder fs.FileInfo) bool {
	return (isOwn(folder) || isRoot(folder)) &&
		(folder.Mode().Perm()&othersWrite == 0 || folder.Mode()&fs.ModeSticky != 0)
}
