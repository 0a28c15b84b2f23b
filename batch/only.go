package batch

import (
	"fmt"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
)

// Only says which rows of a result file fed back are run again, by what the
// earlier run made of them.
type Only map[Status]bool

// ParseOnly reads the value of --only: statuses, separated by commas. "failed"
// means every row that did not succeed, rows that were never run included.
func ParseOnly(text string) (Only, error) {
	only := Only{}
	for name := range strings.SplitSeq(text, ",") {
		status := Status(strings.TrimSpace(name))
		switch {
		case status == Failed:
			only[""] = true
			for _, s := range Statuses {
				only[s] = only[s] || !s.Success()
			}
		case slices.Contains(Statuses, status):
			only[status] = true
		default:
			return nil, fmt.Errorf("%q is no status; there are %s", name, joinStatuses())
		}
	}
	return only, nil
}

func joinStatuses() string {
	names := make([]string, len(Statuses))
	for i, s := range Statuses {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

// Of returns the rows of a source, with those that are not run again marked.
func (o Only) Of(source Source) Source {
	return &onlySource{Source: source, only: o, succeeded: roaring64.New()}
}

type onlySource struct {
	Source
	only      Only
	succeeded *roaring64.Bitmap // MACs of rows that did, so far
}

func (o *onlySource) Read(row *Row) error {
	if err := o.Source.Read(row); err != nil {
		return err
	}
	if row.Blank {
		row.Pass = row.Prior.Cells != ""
		return nil
	}
	key := row.Device.key()
	if row.Damaged {
		key = row.Prior.MAC.Uint64()
	}
	good := row.priorSucceeded()
	row.Pass = !o.only[row.Prior.Status] && (good || !o.only[Failed])
	switch {
	case row.ofAnother(), good && row.retargeted():
		row.Pass = false
	case good:
		o.succeeded.Add(key)
	case row.Prior.Status == Duplicate && o.succeeded.Contains(key):
		// It shares the fate of a row before it, and that succeeded.
		row.Pass = !o.only[Duplicate] || o.only[Failed]
	}
	return nil
}
