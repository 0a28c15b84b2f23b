package cli

import (
	"cmp"
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

// knownFlags name the files that say what is known before the run.
type knownFlags struct {
	serversFile   string
	serversSum    string // of what it says
	baselineFile  string
	takesBaseline bool // the command has --baseline
}

// readServers returns the URLs of --servers by name.
func (j *job) readServers(ctx context.Context) (map[string]string, error) {
	if j.serversFile == "" {
		return nil, nil
	}
	if j.serversFile == standardStream {
		return nil, errors.New("--servers needs the name of a file")
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

// noBaseline is the value of --baseline for no baseline.
const noBaseline = "none"

// namesBaseline reports whether --baseline names a file.
func (j *job) namesBaseline() bool { return j.baselineFile != "" && j.baselineFile != noBaseline }

// readBaseline reads the result of an earlier run: the one that --baseline names,
// or else the one that this run will replace.
func (j *job) readBaseline(ctx context.Context, override batch.Override, log *slog.Logger) (*batch.Baseline, error) {
	switch {
	case j.namesBaseline():
		return j.namedBaseline(ctx, log)
	case j.baselineFile == noBaseline, !j.takesBaseline, j.result == standardStream,
		override != batch.OverrideNever && override != batch.OverrideAsk:
		return nil, nil
	}
	if info, err := os.Stat(j.result); err != nil || !info.Mode().IsRegular() {
		return nil, nil
	}
	in, err := j.openBaseline(ctx, j.result)
	if err != nil {
		return nil, nil // whatever has that name is not a result
	}
	defer in.Close()
	if !in.Format().PriorStatus || in.unfinished() && !j.resume && !j.restart {
		return nil, nil // the journal knows more about the latter
	}
	baseline, err := takeBaseline(ctx, in, j.inPlace || j.readsURLs())
	if baseline != nil {
		baseline.Weak = j.verify
	}
	return baseline, err
}

func (j *job) namedBaseline(ctx context.Context, log *slog.Logger) (*batch.Baseline, error) {
	if j.baselineFile == standardStream {
		return nil, errors.New("--baseline needs the name of a file")
	}
	if sameFile(j.file, j.baselineFile) {
		return nil, hint(fmt.Errorf("--baseline %s is the input itself, whose cells may have changed since", j.baselineFile), "leave the result of the earlier run as it is, and use that as the baseline")
	}
	if _, err := os.Stat(j.baselineFile); errors.Is(err, fs.ErrNotExist) {
		// A nightly job names its own last result.
		log.Info("there is no baseline yet", "file", j.baselineFile)
		return nil, nil
	}
	in, err := j.openBaseline(ctx, j.baselineFile)
	if err != nil {
		return nil, fmt.Errorf("--baseline: %w", err)
	}
	defer in.Close()
	// Whether this is to resume an unfinished run beside it shows when its
	// journal is opened.
	own := sameFile(j.baselineFile, j.result) && (j.resume || j.restart)
	if err := in.isResult("--baseline", own); err != nil {
		return nil, err
	}
	baseline, err := takeBaseline(ctx, in, j.readsURLs())
	if err != nil {
		return nil, fmt.Errorf("--baseline: %w", err)
	}
	if baseline.Len() == 0 {
		log.Warn("the baseline proves nothing: none of its rows shows a device bound as asked", "file", j.baselineFile)
	}
	return baseline, nil
}

// readsURLs reports whether --column decides what is a URL: the earlier run may
// have read another column.
func (j *job) readsURLs() bool {
	return slices.ContainsFunc(j.read.columns, func(c string) bool { return strings.HasPrefix(c, "url=") })
}

// openBaseline opens a result in this program's format, whatever the format of
// the input.
func (j *job) openBaseline(ctx context.Context, name string) (*input, error) {
	options, err := j.read.options(batch.Register)
	if err != nil {
		return nil, err
	}
	options.Server, options.Sheets, options.AllSheets, options.Encoding, options.NoHeader = "", nil, false, "", false
	options.PriorServer = true
	return openInput(ctx, j.streams, name, options)
}

func takeBaseline(ctx context.Context, in *input, edited bool) (*batch.Baseline, error) {
	source, err := in.opener(ctx)()
	if err != nil {
		return nil, err
	}
	return batch.TakeBaseline(source, edited)
}

// forgetBaseline removes from a baseline the devices that may have changed since.
func (j *job) forgetBaseline(run *batch.Run, journal *runJournal) {
	if run.Baseline == nil || journal.Journal == nil {
		return
	}
	if devices := journal.Forget(run.Baseline); devices > 0 && journal.past == nil {
		run.Log.Info("the baseline is not used for devices that the discarded run may have changed", "file", cmp.Or(j.baselineFile, j.result), "devices", devices)
	}
}
