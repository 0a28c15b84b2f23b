package cli

import (
	"strings"
	"testing"

	"rpsbatch/batch"
)

// A row with a unique URL alone has no name that could be fixed or added.
func TestMissingServer(t *testing.T) {
	for _, test := range []struct {
		servers map[string]int
		want    string // parts, split by |; with ! in front: not there
	}{
		{map[string]int{"": 2}, `RPS wants the name of a server beside a unique URL: give --server NAME|!server add|!""`},
		{map[string]int{"": 2, "hq": 1}, `server add|"hq" (1 row); RPS wants|!""`},
		{map[string]int{"hq": 1}, `server add|"hq" (1 row)|!RPS wants`},
	} {
		m := missing{servers: test.servers}
		got := m.remedy(batch.UnknownServer)
		for _, want := range strings.Split(test.want, "|") {
			text, not := strings.CutPrefix(want, "!")
			if strings.Contains(got, text) == not {
				t.Errorf("%v: %q, want %s", test.servers, got, want)
			}
		}
	}
}

// A hint never names what ends in the same place.
func TestNextAfter(t *testing.T) {
	for _, test := range []struct {
		stopped     error
		begun, gone bool
		want        string
	}{
		{batch.ErrInterrupted, true, false, "run the same command with --resume"},
		{batch.ErrInterrupted, false, false, "run the same command again"},
		{batch.ErrInterrupted, true, true, "run the same command again: the journal is gone, so this run cannot be resumed"},
		{batch.ErrFailures, true, false, "rps_detail says why the rows failed: fix that, then run the same command with --resume and a higher --max-failures, or with --restart if the file has changed"},
		{batch.ErrFailures, false, false, "rps_detail says why the rows failed: fix them, or run the same command with a higher --max-failures"},
		{batch.ErrStubborn, true, false, "do what the message asks; if it is about some of the devices, or about how many a call has, use a smaller --batch-size, down to 1; then run the same command with --resume"},
	} {
		stopped := &batch.StopError{Reason: test.stopped}
		if got := nextAfter(stopped, test.begun, test.gone); got != test.want {
			t.Errorf("%v: %q, want %q", test, got, test.want)
		}
	}
}
