package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/batch"
	"rpsbatch/batch/durable"
)

// againFlags choose the rows that are run again, and say what to do about an
// unfinished run.
type againFlags struct {
	only            string
	retry           bool
	resume, restart bool
}

// placement is where the result goes.
type placement struct {
	result    string // the file's name: the target, if it is a link
	inPlace   bool   // it is FILE itself
	continues bool   // an earlier part of the run has put its result there
}

// nameResult decides where the result goes.
func (j *job) nameResult(ctx context.Context) {
	own := resultName(j.file, j.resultEnding(), j.isResult(ctx, j.file))
	j.result = target(cmp.Or(j.call.output, own))
	j.inPlace = own == j.file && own != standardStream && sameFile(j.result, j.file)
}

// choose skips rows of a result file unless they are to be rerun.
func (j *job) choose(in *input) error {
	flag := "--only"
	switch {
	case j.retry:
		flag = "--retry"
	case j.only == "":
		return nil
	}
	// This run's own journal knows more about those.
	if err := in.isResult(flag, j.inPlace && (j.resume || j.restart)); err != nil {
		return err
	}
	if j.retry {
		in.choose(batch.Retry(j.call.sandbox))
		return nil
	}
	only, err := batch.ParseOnly(j.only)
	if err != nil {
		return fmt.Errorf("--only %w", err)
	}
	in.choose(only)
	return nil
}

// rechoose has a resumed run use the rows that it began with: where its result
// has replaced its input, other rows have those statuses now.
func (j *job) rechoose(ctx context.Context, run *batch.Run, in *input, past *batch.History) (err error) {
	if past == nil {
		return nil
	}
	j.continues = past.HasLeft(sumOf(j.result))
	if past.Chosen == nil || !j.continues || !j.inPlace {
		return nil // the flags choose what they chose then
	}
	in.choose(batch.OnlyRows(past.Chosen))
	run.Survey, err = batch.TakeSurvey(in.opener(ctx), run.Config.OnConflict, nil)
	return err
}

// chosen returns the rows of the input that are rerun, if not all are and the
// result replaces it.
func (j *job) chosen(run *batch.Run, in *input) (*roaring64.Bitmap, error) {
	if !j.inPlace || in.only == nil {
		return nil, nil
	}
	source, err := run.Open()
	if err != nil {
		return nil, err
	}
	rows := roaring64.New()
	err = batch.EachRow(source, func(n int, row *batch.Row) error {
		if !row.Pass {
			rows.Add(uint64(n))
		}
		return nil
	})
	return rows, err
}

// sumOf returns the sum of a file; zero if it cannot be read.
func sumOf(name string) (sum batch.Sum) {
	file, err := durable.OpenRegular(name)
	if err != nil {
		return batch.Sum{}
	}
	defer file.Close()
	if _, err := io.Copy(&sum, file); err != nil {
		return batch.Sum{}
	}
	return sum
}

// end puts the results in place and prints the summary.
func (j *job) end(summary batch.Summary, stopped error, out results, journal *runJournal, log *slog.Logger) error {
	goOn := func() string { return j.goOn(stopped, journal) }
	switch {
	case errors.Is(stopped, batch.ErrInput) && summary.Rows+summary.Blank+summary.Passed == 0:
		out.discard() // an earlier result is worth more
		tellLeft(log, out.name)
		return hint(stopped, "%s", goOn())
	case errors.Is(stopped, batch.ErrOutput):
		out.discard()
		return hint(stopped, "fix that, then %s", goOn())
	case j.learnedNothing(summary, stopped) && exists(out.name):
		out.discard()
		out.left = true
	default:
		if err := out.finish(journal); err != nil {
			return hint(err, "fix that, then %s", goOn())
		}
		j.ending.result = out.name
	}
	j.stopped = stopped
	journal.done = stopped == nil && summary.LeftOut == 0
	failed := summary.Failed()+summary.NotPruned+summary.HeldBack > 0
	if summary.LeftOut > 0 {
		failed = summary.SentFailed > 0
	}
	if stopped == nil && !failed && j.call.quiet {
		return nil
	}
	if j.call.logFormat == "json" {
		logSummary(log, summary, out, &j.call)
	} else {
		tell(printable{j.streams.Err}, summary, out, j.call.account(), j.remedy)
	}
	switch {
	case stopped != nil:
		return hint(stopped, "%s", goOn())
	case failed:
		return errRows
	}
	return nil
}

// learnedNothing reports whether an earlier result is worth more than this run's:
// no call was made that can have changed the account, or none was useful.
func (j *job) learnedNothing(s batch.Summary, stopped error) bool {
	if stopped == nil {
		return s.Rows == 0 && s.Pruned+s.NotPruned == 0
	}
	return !s.Learned && s.Pruned == 0
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return name != standardStream && err == nil
}

// tellLeft says that an earlier result stays, if there is one.
func tellLeft(log *slog.Logger, name string) {
	if exists(name) {
		log.Info("this run changed nothing, so the earlier result is left as it was", "file", name)
	}
}
