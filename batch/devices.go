package batch

import (
	"context"
	"io"
	"iter"
	"log/slog"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
)

// Devices are the devices of an account, in the order of their addresses.
type Devices struct{ set *roaring64.Bitmap }

// ListDevices lists the devices of the account, with the patience of a run. The
// error is a *StopError. The service may cut the list short.
func ListDevices(ctx context.Context, config Config, service Service, log *slog.Logger) (*Devices, Summary, error) {
	r := &Run{Config: config, Service: service, Survey: noRows(), Log: log}
	r.Config.Sync = true // which needs the list
	if r.study(ctx); r.stop != nil {
		return nil, r.summary, r.stop
	}
	if ctx.Err() != nil {
		return nil, r.summary, &StopError{Reason: ErrInterrupted}
	}
	return &Devices{r.account}, r.summary, nil
}

func noRows() *Survey {
	s, _ := TakeSurvey(func() (Source, error) { return noSource{}, nil }, ConflictRefuse, nil)
	return s
}

type noSource struct{}

func (noSource) Read(*Row) error { return io.EOF }

// All gives their addresses.
func (d *Devices) All() iter.Seq[rps.MAC] {
	return func(yield func(rps.MAC) bool) {
		for it := d.set.Iterator(); it.HasNext(); {
			if !yield(rps.MACFromUint64(it.Next())) {
				return
			}
		}
	}
}

// Rows gives a row for each that wants the action.
func (d *Devices) Rows(action Action) Source { return &deviceRows{d.set.Iterator(), action} }

type deviceRows struct {
	macs   roaring64.IntPeekable64
	action Action
}

func (d *deviceRows) Read(row *Row) error {
	if !d.macs.HasNext() {
		return io.EOF
	}
	mac := rps.MACFromUint64(d.macs.Next())
	*row = Row{Device: Device{Action: d.action, MAC: mac}}
	return nil
}
