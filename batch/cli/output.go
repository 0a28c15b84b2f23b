package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"rpsbatch/batch/durable"
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

// resultFile is a result CSV. It has its name when it is whole.
type resultFile struct {
	*csvio.Writer
	name string
	to   destination
}

// target returns the name of the file that a result is written to: where a link
// leads. What is wrong with the link is told when that is to be written.
func target(name string) string {
	if name == standardStream {
		return name
	}
	if to, err := durable.Resolve(name); err == nil {
		return to
	}
	return name
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
	return createFile(streams, name, in, in.Format(), width)
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
	if name != standardStream {
		if err := distinct(in, "the result", "--output", name); err != nil {
			return nil, err
		}
	}
	to, err := openDestination(streams.results(), name)
	if err != nil {
		return nil, cannotWrite("the result", "--output", name, err)
	}
	out := &resultFile{name: name, to: to}
	if out.Writer, err = csvio.NewWriter(to, format, width); err != nil {
		to.Discard()
		return nil, cannotWrite("the result", "--output", name, err)
	}
	return out, nil
}

// distinct refuses to write files in the place of the input, and of what cannot be
// replaced.
func distinct(in *input, what, flag string, names ...string) error {
	own, err := in.Stat()
	if err != nil {
		return err
	}
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && os.SameFile(info, own) {
			return hint(fmt.Errorf("%s is the input itself", name), "name another file with %s", flag)
		}
		if err := durable.Check(name); err != nil {
			return cannotWrite(what, flag, name, err)
		}
	}
	return nil
}

// journalEnding is the ending of what stands beside a result while it is written.
const journalEnding = ".journal"

// finish brings what was written to the disk, and under its name.
func (out *resultFile) finish() error {
	defer out.discard()
	err := out.Flush()
	if err == nil {
		err = out.to.Commit()
	}
	if err != nil {
		return cannotWrite("the result", "--output", out.name, err)
	}
	return nil
}

// discard removes what was written.
func (out *resultFile) discard() { out.to.Discard() }

// place names the result for the summary.
func (out *resultFile) place() string {
	if out.name == standardStream {
		return "standard output"
	}
	return out.name
}
