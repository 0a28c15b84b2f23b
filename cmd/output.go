package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"rpsbatch/csvio"
)

// resultName is where the result goes if the user does not say.
func resultName(file string) string {
	if file == standardStream {
		return standardStream
	}
	return strings.TrimSuffix(file, filepath.Ext(file)) + ".result.csv"
}

// resultFile is a result CSV. It is written beside its name, and has it when
// it is whole.
type resultFile struct {
	*csvio.Writer
	name string
	file *os.File // nil: standard output
}

// createResult makes the file, with its header written, or takes standard
// output for '-'.
func createResult(streams Streams, name string, in *input, width int) (*resultFile, error) {
	out := &resultFile{name: name}
	var dst io.Writer = streams.Out
	if name != standardStream {
		if err := distinct(name, in); err != nil {
			return nil, err
		}
		// A name of our own: what a killed run left there is of no use, and
		// a link that somebody put there is not followed.
		os.Remove(out.partial())
		f, err := os.OpenFile(out.partial(), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // unique URLs are secrets
		if err != nil {
			return nil, hint(fmt.Errorf("cannot write the result: %w", err), "name another file with --output")
		}
		out.file, dst = f, f
	}
	var err error
	if out.Writer, err = csvio.NewWriter(dst, in.format, width); err != nil {
		out.discard()
		return nil, fmt.Errorf("cannot write the result: %w", err)
	}
	return out, nil
}

func (out *resultFile) partial() string { return out.name + ".partial" }

// distinct refuses a result in the place of the input.
func distinct(name string, in *input) error {
	info, err := os.Stat(name)
	if err != nil {
		return nil // it is not there
	}
	if info.IsDir() {
		return hint(fmt.Errorf("%s is a folder", name), "name a file with --output")
	}
	if own, err := in.file.Stat(); err == nil && os.SameFile(info, own) {
		return hint(fmt.Errorf("%s is the input itself", name), "name another file with --output")
	}
	return nil
}

// finish brings what was written to the disk, and under its name.
func (out *resultFile) finish() error {
	err := out.Flush()
	if out.file != nil {
		if err == nil {
			err = out.file.Sync()
		}
		err = errors.Join(err, out.file.Close())
		if err == nil {
			err = os.Rename(out.partial(), out.name)
		}
	}
	if err != nil {
		return fmt.Errorf("cannot write the result: %w", err)
	}
	return nil
}

// discard removes what was written.
func (out *resultFile) discard() {
	if out.file != nil {
		out.file.Close()
		os.Remove(out.partial())
	}
}

// place names the result for the summary.
func (out *resultFile) place() string {
	if out.file == nil {
		return "standard output"
	}
	return out.name
}
