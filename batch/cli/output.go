package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/batch"
	"rpsbatch/batch/durable"
	"rpsbatch/csvio"
	"rpsbatch/csvio/xlsx"
	"rpsbatch/rps"
)

// resultEndings are the endings of result names: each kind of run has its own, so
// that none replaces what another has found.
var resultEndings = []string{registerEnding, checkEnding, sandboxEnding}

const (
	registerEnding = ".result.csv"
	checkEnding    = ".check.csv"
	sandboxEnding  = ".sandbox.csv"
)

// oldEnding is added to the name of a result that is replaced.
const oldEnding = ".bak"

// resultEnding returns the ending of this run's results.
func (j *job) resultEnding() string {
	switch {
	case j.call.sandbox:
		return sandboxEnding
	case j.action == batch.Check:
		return checkEnding
	}
	return registerEnding
}

// resultName returns where the result goes by default. The result of an earlier
// run of the same kind is updated in place.
func resultName(file, ending string, isResult bool) string {
	if file == standardStream || isStream(file) {
		return standardStream
	}
	stem := strings.TrimSuffix(file, filepath.Ext(file))
	if !isResult {
		return stem + ending
	}
	own := registerEnding // whatever its name
	for _, kind := range resultEndings {
		if cut, ok := strings.CutSuffix(stem, strings.TrimSuffix(kind, ".csv")); ok {
			stem, own = cut, kind
		}
	}
	if own == ending && !isWorkbook(file) {
		return file
	}
	return stem + ending
}

// hasResultName reports whether a file is named like a result, even if it was
// saved as a workbook since.
func hasResultName(file string) bool {
	stem := strings.TrimSuffix(file, filepath.Ext(file))
	return slices.ContainsFunc(resultEndings, func(ending string) bool {
		return strings.HasSuffix(stem, strings.TrimSuffix(ending, ".csv"))
	})
}

// isWorkbook reports whether a file is a workbook, which no result can replace.
func isWorkbook(name string) bool {
	file, err := os.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	head := make([]byte, 512)
	n, _ := io.ReadFull(file, head)
	return xlsx.Sniff(head[:n])
}

// isResult reports whether a file is the result of an earlier run. Problems with
// it are reported when it is read.
func (j *job) isResult(ctx context.Context, file string) bool {
	switch {
	case file == standardStream, isStream(file):
		return false
	case isWorkbook(file): // which takes time to read
		return hasResultName(file)
	}
	options, err := j.read.options(j.action)
	if err != nil {
		return false
	}
	in, err := openInput(ctx, j.streams, file, options)
	if err != nil {
		return false
	}
	defer in.Close()
	return in.Format().PriorStatus
}

// isStream reports whether a name cannot have a result beside it: a pipe, as a
// shell's <(...) makes it, or another name of standard input.
func isStream(name string) bool {
	info, err := os.Stat(name)
	if err != nil || info.IsDir() {
		return false
	}
	return !info.Mode().IsRegular() || strings.HasPrefix(filepath.ToSlash(filepath.Clean(name)), "/dev/")
}

// resultFile is a result CSV. It gets its name when it is complete.
type resultFile struct {
	*csvio.Writer
	name string
	to   destination
	sum  batch.Sum // of what was written
}

// target returns the name of the file that a result is written to, following
// links. Problems with the link are reported when the result is written.
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
	pruned *resultFile       // what was removed because the file lacks it; nil: nothing was to be removed
	chosen *roaring64.Bitmap // the rows that were rerun, if the result replaces the input; nil: all
	left   bool              // an earlier result stays in place
	saved  string            // the file of --save-before, and what it has; "": there is none
}

// finish puts the files in place. The journal records the result before it gets
// its name, which may be that of the input.
func (r results) finish(journal *runJournal) (err error) {
	if r.Flush() == nil && journal.Journal != nil {
		err = journal.Leaving(r.sum, r.chosen)
	}
	if err != nil {
		r.discard()
		return err
	}
	err = r.resultFile.finish()
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

// prunedName returns the name of the file for devices that were removed because
// the input lacks them.
func prunedName(result string) string {
	result = strings.TrimSuffix(result, filepath.Ext(result))
	return strings.TrimSuffix(result, ".result") + ".pruned.csv"
}

// createResult creates a file of results, with its header written, or uses
// standard output for '-'. keepOld keeps the file that it replaces.
func createResult(streams Streams, name string, format csvio.Format, width int, keepOld bool) (*resultFile, error) {
	to, err := openDestination(streams.results(), name)
	if err != nil {
		return nil, cannotWrite("the result", "--output", name, err)
	}
	out := &resultFile{name: name, to: to}
	if file, ok := to.(*durable.File); ok && keepOld {
		err = file.KeepOld(oldEnding)
	}
	if err == nil {
		out.Writer, err = csvio.NewWriter(io.MultiWriter(to, &out.sum), format, width)
	}
	if err != nil {
		to.Discard()
		return nil, cannotWrite("the result", "--output", name, err)
	}
	return out, nil
}

// distinct refuses to write files over the input, or over something that cannot
// be replaced.
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

// journalEnding is the ending of the journal beside a result that is being
// written.
const journalEnding = ".journal"

// finish writes the file to disk and gives it its name.
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

// placeOf names a file of results for a person.
func placeOf(name string) string {
	if name == standardStream {
		return "standard output"
	}
	return rps.Printable(name)
}
