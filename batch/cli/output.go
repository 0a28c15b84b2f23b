package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"rpsbatch/batch"
	"rpsbatch/csvio"
)

// resultName is where the result goes if the user does not say.
func resultName(file string) string {
	if file == standardStream || isStream(file) {
		return standardStream
	}
	return strings.TrimSuffix(file, filepath.Ext(file)) + ".result.csv"
}

// isStream tells whether a name is of no file that a result could stand beside: a
// pipe, as a shell's <(...) makes it, or another name of standard input.
func isStream(name string) bool {
	info, err := os.Stat(name)
	if err != nil || info.IsDir() {
		return false
	}
	return !info.Mode().IsRegular() || strings.HasPrefix(filepath.ToSlash(filepath.Clean(name)), "/dev/")
}

// resultFile is a result CSV. It is written beside its name, and has it when
// it is whole.
type resultFile struct {
	*csvio.Writer
	name string
	file *os.File // nil: standard output
}

// results are the files of a run.
type results struct {
	*resultFile
	pruned *resultFile // what was removed because the file lacks it; nil: nothing was to be
}

func (r results) finish() error {
	err := r.resultFile.finish()
	if r.pruned != nil {
		err = errors.Join(err, r.pruned.finish())
	}
	return err
}

func (r results) discard() {
	r.resultFile.discard()
	if r.pruned != nil {
		r.pruned.discard()
	}
}

// createResult makes the file, with its header written, or takes standard
// output for '-'.
func createResult(streams Streams, name string, in *input, width int) (*resultFile, error) {
	return createFile(streams, name, in, in.format, width)
}

// prunedName names the file of the devices that were removed because the input
// lacks them.
func prunedName(result string) string {
	result = strings.TrimSuffix(result, filepath.Ext(result))
	return strings.TrimSuffix(result, ".result") + ".pruned.csv"
}

// prunedFormat is that of the file of removed devices: one column of the
// user's, so that it can be given to another command.
var prunedFormat = csvio.Format{Comma: ',', LineEnd: "\n", Header: "mac", Columns: []string{"mac"}}

func createFile(streams Streams, name string, in *input, format csvio.Format, width int) (*resultFile, error) {
	out := &resultFile{name: name}
	dst := streams.results()
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
	if out.Writer, err = csvio.NewWriter(dst, format, width); err != nil {
		out.discard()
		return nil, fmt.Errorf("cannot write the result: %w", err)
	}
	return out, nil
}

func (out *resultFile) partial() string { return out.name + partialEnding }

// distinct refuses a result, or what is beside it while it is written, in the
// place of the input or of what is no file.
func distinct(name string, in *input) error {
	own, err := in.file.Stat()
	if err != nil {
		return err
	}
	for _, name := range []string{name, name + partialEnding, name + journalEnding} {
		info, err := os.Stat(name)
		switch {
		case err != nil: // it is not there
		case info.IsDir():
			return hint(fmt.Errorf("%s is a folder", name), "name a file with --output")
		case !info.Mode().IsRegular():
			return hint(fmt.Errorf("%s is not a file that can be replaced", name), "name a file with --output, or '-' for standard output")
		case os.SameFile(info, own):
			return hint(fmt.Errorf("%s is the input itself", name), "name another file with --output")
		}
	}
	return nil
}

// What stands beside a result while it is written.
const (
	partialEnding = ".partial"
	journalEnding = ".journal"
)

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
		if err == nil {
			err = batch.SyncFolder(filepath.Dir(out.name)) // before the journal goes
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
