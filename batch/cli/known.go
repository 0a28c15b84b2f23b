package cli

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"

	"rpsbatch/batch"
	"rpsbatch/csvio"
)

// readServers reads the names and URLs of --servers.
func (j *job) readServers(ctx context.Context) (map[string]string, error) {
	if j.serversFile == "" {
		return nil, nil
	}
	if j.serversFile == standardStream {
		return nil, errors.New("--servers takes the name of a file")
	}
	in, err := openInput(ctx, j.streams, j.serversFile, csvio.Options{Action: batch.AddServer})
	if err != nil {
		return nil, fmt.Errorf("--servers: %w", err)
	}
	defer in.Close()
	servers, lines := map[string]string{}, map[string]int{}
	source, err := in.opener(ctx)()
	if err != nil {
		return nil, err
	}
	err = batch.EachRow(source, func(_ int, row *batch.Row) error {
		if row.Blank {
			return nil
		}
		name, url := strings.Clone(row.Device.Server), strings.Clone(row.Device.URL)
		if row.Problem != "" {
			return fmt.Errorf("line %d: %s", row.Line, row.Problem)
		}
		if was, ok := servers[name]; ok && was != url {
			return fmt.Errorf("lines %d and %d have the same name and other URLs", lines[name], row.Line)
		}
		servers[name], lines[name] = url, row.Line
		return nil
	})
	if err != nil {
		return nil, hint(fmt.Errorf("--servers %s: %w", j.serversFile, err), "mend it: nothing was sent")
	}
	var all []byte
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		all = fmt.Appendf(all, "%q %q\n", name, servers[name])
	}
	j.serversSum = fmt.Sprintf("%s (sum %08x)", j.serversFile, crc32.Checksum(all, batch.Castagnoli))
	return servers, nil
}

// readBaseline reads the result file of --baseline. What its rows ask for is
// taken from their own cells alone: which server stood in for those without one
// is not known.
func (j *job) readBaseline(ctx context.Context, log *slog.Logger) (*batch.Baseline, error) {
	if j.baselineFile == "" {
		return nil, nil
	}
	if j.baselineFile == standardStream {
		return nil, errors.New("--baseline takes the name of a file")
	}
	if sameFile(j.file, j.baselineFile) {
		return nil, hint(fmt.Errorf("--baseline %s is the input itself, and its cells may ask for something else by now", j.baselineFile), "keep the result of the earlier run as it is, and give it as the baseline")
	}
	options, err := j.read.options(batch.Register)
	if err != nil {
		return nil, err
	}
	if options.Columns["server"] != "" || options.Columns["url"] != "" {
		return nil, hint(errors.New("--baseline cannot be told from a file whose --column server= or url= is named: it does not say which column an earlier run read"), "rename the column in the file to server or url")
	}
	options.Server, options.Sheet = "", ""
	if _, err := os.Stat(j.baselineFile); errors.Is(err, fs.ErrNotExist) {
		// So that a nightly job can name its own last result.
		log.Info("there is no baseline yet", "file", j.baselineFile)
		return nil, nil
	}
	in, err := openInput(ctx, j.streams, j.baselineFile, options)
	if err != nil {
		return nil, fmt.Errorf("--baseline: %w", err)
	}
	defer in.Close()
	if sameFile(j.baselineFile, j.output()) && (j.resume || j.restart) {
		// A nightly job names its own result. Whether the unfinished run whose
		// journal is there is the one to go on with shows when that is opened.
		j.ownBaseline = in.unfinished()
	}
	if err := in.isResult("--baseline", j.ownBaseline); err != nil {
		return nil, err
	}
	source, err := in.opener(ctx)()
	if err != nil {
		return nil, err
	}
	baseline, err := batch.TakeBaseline(source)
	if err != nil {
		return nil, fmt.Errorf("--baseline: %w", err)
	}
	if baseline.Len() == 0 {
		log.Warn("the baseline shows no device that is bound as its row's own cells ask; a server that --server stood in for is not known", "file", j.baselineFile)
	}
	return baseline, nil
}

// forgetBaseline lets go a baseline when a run is not gone on with that may have
// changed what it tells of.
func (j *job) forgetBaseline(run *batch.Run, journal *runJournal) {
	discards := journal.Journal != nil && journal.Discards()
	if run.Baseline != nil && journal.past == nil && (j.ownBaseline || discards) {
		run.Baseline = nil
		run.Log.Info("the baseline is not used: it is older than what a run did that is discarded", "file", j.baselineFile)
	}
}
