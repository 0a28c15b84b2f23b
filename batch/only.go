package batch

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
)

// Only says which rows of a result used as input are rerun: those with some
// statuses, or with retry all that did not succeed.
type Only struct {
	statuses []Status
	retry    bool
	sandbox  bool              // what succeeded in the sandbox counts
	rows     *roaring64.Bitmap // not nil: just these, whatever happened to them since
}

// Retry selects the rows that did not succeed, including those that were never
// run and those that now ask for something else than what succeeded. Rows that
// succeeded in the sandbox are among them, unless this run is in the sandbox as
// well: the service knows nothing of them. A row that asks for the opposite of what
// the earlier run did is an [ErrUndoes].
func Retry(sandbox bool) Only { return Only{retry: true, sandbox: sandbox} }

// OnlyRows selects the rows of these numbers.
func OnlyRows(rows *roaring64.Bitmap) Only { return Only{rows: rows} }

// ParseOnly reads the value of --only: statuses, separated by commas.
func ParseOnly(text string) (Only, error) {
	var o Only
	for name := range strings.SplitSeq(text, ",") {
		status := Status(strings.TrimSpace(name))
		if !slices.Contains(Statuses, status) {
			return Only{}, fmt.Errorf("%q is not a status; use one of %s", name, joinStatuses())
		}
		o.statuses = append(o.statuses, status)
	}
	return o, nil
}

func joinStatuses() string {
	names := make([]string, len(Statuses))
	for i, s := range Statuses {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

// Of returns the rows of a source, with those that are not rerun marked.
func (o Only) Of(source Source) Source {
	return &onlySource{Source: source, only: o, succeeded: roaring64.New()}
}

type onlySource struct {
	Source
	only      Only
	read      uint64
	succeeded *roaring64.Bitmap // MACs of rows that succeeded so far
}

func (o *onlySource) Read(row *Row) error {
	if err := o.Source.Read(row); err != nil {
		return err
	}
	n := o.read
	o.read++
	switch {
	case row.Blank:
		row.Pass = row.Prior.Cells != ""
	case o.only.rows != nil:
		row.Pass = !o.only.rows.Contains(n)
	case o.only.retry && row.undoes():
		return fmt.Errorf("row %s is %s by an earlier run: %w", row.Place(), row.Prior.Status, ErrUndoes)
	case o.only.retry:
		row.Pass = o.isDone(row)
	default:
		row.Pass = !slices.Contains(o.only.statuses, row.Prior.Status)
	}
	return nil
}

// ErrUndoes is why a result is not retried.
var ErrUndoes = errors.New("this command would undo what that run did")

// undoes reports whether the row asks for the opposite of what an earlier run did.
func (row *Row) undoes() bool {
	if row.ofAnother() {
		return false
	}
	switch row.Prior.Status {
	case Registered, Overridden, Unchanged, Edited:
		return row.Device.Action == Deregister
	case Deregistered:
		return row.Device.Action == Register || row.Device.Action == Edit
	}
	return false
}

// isDone reports whether a row has succeeded with what it asks for.
func (o *onlySource) isDone(row *Row) bool {
	key := row.Device.key()
	if row.Damaged {
		key = row.Prior.MAC.Uint64()
	}
	switch {
	case row.ofAnother(), row.Prior.Proof == ProofSandbox && !o.only.sandbox:
	case row.priorSucceeded():
		if !row.retargeted() {
			o.succeeded.Add(key)
			return true
		}
	case row.Prior.Status == Duplicate: // it shares the fate of an earlier row
		return o.succeeded.Contains(key)
	}
	return false
}
