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

// readServers returns the URLs of --servers by name.
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
			return fmt.Errorf("lines %d and %d have the same name and different URLs", lines[name], row.Line)
		}
		servers[name], lines[name] = url, row.Line
		return nil
	})
	if err != nil {
		return nil, hint(fmt.Errorf("--servers %s: %w", j.serversFile, err), "fix the file; nothing was sent")
	}
	var all []byte
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		all = fmt.Appendf(all, "%q %q\n", name, servers[name])
	}
	j.serversSum = fmt.Sprintf("%s (sum %08x)", j.serversFile, crc32.Checksum(all, batch.Castagnoli))
	return servers, nil
}

// readBaseline reads the result file of --baseline. Only the rows' own cells say
// what they ask for: which server --server stood for is unknown.
func (j *job) readBaseline(ctx context.Context, log *slog.Logger) (*batch.Baseline, error) {
	if j.baselineFile == "" {
		return nil, nil
	}
	if j.baselineFile == standardStream {
		return nil, errors.New("--baseline takes the name of a file")
	}
	if sameFile(j.file, j.baselineFile) {
		return nil, hint(fmt.Errorf("--baseline %s is the input itself, whose cells may have changed since", j.baselineFile), "keep the result of the earlier run as it is, and name that as the baseline")
	}
	options, err := j.read.options(batch.Register)
	if err != nil {
		return nil, err
	}
	if options.Columns["server"] != "" || options.Columns["url"] != "" {
		return nil, hint(errors.New("--baseline cannot be combined with --column server= or url=: an earlier result does not say which column was read"), "rename the column in the file to server or url")
	}
	options.Server, options.Sheets, options.AllSheets = "", nil, false
	if _, err := os.Stat(j.baselineFile); errors.Is(err, fs.ErrNotExist) {
		// A nightly job names its own last result.
		log.Info("there is no baseline yet", "file", j.baselineFile)
		return nil, nil
	}
	in, err := openInput(ctx, j.streams, j.baselineFile, options)
	if err != nil {
		return nil, fmt.Errorf("--baseline: %w", err)
	}
	defer in.Close()
	if sameFile(j.baselineFile, j.output()) && (j.resume || j.restart) {
		// A nightly job names its own result. Whether the unfinished run beside it
		// is the one to resume shows when its journal is opened.
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
		log.Warn("the baseline proves no row: none shows a device bound as its own cells ask (rows that took their server from --server do not count)", "file", j.baselineFile)
	}
	return baseline, nil
}

// forgetBaseline drops a baseline that is older than the changes of a run that is
// discarded and not resumed.
func (j *job) forgetBaseline(run *batch.Run, journal *runJournal) {
	discards := journal.Journal != nil && journal.Discards()
	if run.Baseline != nil && journal.past == nil && (j.ownBaseline || discards) {
		run.Baseline = nil
		run.Log.Info("the baseline is not used: the discarded run may have changed what it shows", "file", j.baselineFile)
	}
}
