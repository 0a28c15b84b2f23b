package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"rpsbatch/batch"
	"rpsbatch/csvio/report"
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
		return err
	}
	return batch.SyncFolder(filepath.Dir(name))
}

// written prints what a command is for to a stream, and says if that failed.
func written(stream io.Writer, what string, tell func(io.Writer)) error {
	out := bufio.NewWriter(stream)
	tell(printable{out})
	if err := out.Flush(); err != nil {
		return cannotWrite(what, standardStream, err)
	}
	return nil
}

// printable is a stream for people. What is written in one go is text of which
// only the line ends do anything to a terminal.
type printable struct{ io.Writer }

func (p printable) Write(text []byte) (int, error) {
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		lines[i] = report.Printable(line)
	}
	if _, err := io.WriteString(p.Writer, strings.Join(lines, "\n")); err != nil {
		return 0, err
	}
	return len(text), nil
}

// writeJSON writes a value to a file for its owner alone, or to standard output
// for '-'.
func writeJSON(stdout io.Writer, name string, value any) error {
	write := func(w io.Writer) error {
		out := json.NewEncoder(w)
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		return out.Encode(value)
	}
	if name == standardStream {
		return write(stdout)
	}
	return writeWhole(name, 0o600, write)
}
