package cmd

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// writeWhole gives a file its content in one step: who reads it sees all of the
// old or all of the new, also after a crash.
func writeWhole(name string, mode os.FileMode, write func(io.Writer) error) error {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	// Its ending keeps it from those who collect files of the name's ending.
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*"+partialEnding)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Chmod(f.Name(), mode)
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
