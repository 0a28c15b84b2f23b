package batch_test

import (
	"strings"
	"testing"
	"time"

	"rpsbatch/batch"
	"rpsbatch/csvio"
	"rpsbatch/rps"
	"rpsbatch/rps/rpstest"
)

// TestOneRow takes a single row from its file to its verdict. It is the place to
// begin if you are new here: each line names a type to read on with, and the package
// comment of batch says how they work together. Package batch/cli does the same with
// flags, questions and files on disk; see its register.go.
func TestOneRow(t *testing.T) {
	const file = "mac,server\n00:15:65:00:00:01,hq\n"

	// The service is a simulated one, inside the process. Its account has a server.
	sim := rpstest.New(rpstest.Options{})
	sim.AddServer("user", "hq", "https://hq.example.com/")
	client, err := rps.NewClient(rps.Config{Username: "user", Password: "secret", Transport: sim.Transport()})
	check(t, err)

	// The file is read twice, so that memory is bounded: for the survey, and for the run.
	open := func() (batch.Source, error) { return csvio.NewReader(strings.NewReader(file), csvio.Options{}) }
	survey, err := batch.TakeSurvey(open, batch.ConflictRefuse, nil)
	check(t, err)

	// What is known of the account says what must be called at all.
	config := batch.Config{BatchSize: 100, Workers: 1, Rate: 5, Burst: 2, MaxAttempts: 3, Timeout: 30 * time.Second, GiveUpAfter: time.Minute}
	caller := batch.NewCaller(config, client, nil)
	var results verdicts
	run := &batch.Run{Config: config, Caller: caller, Survey: survey, Open: open, Results: &results}
	account, err := run.ReadAccount(t.Context())
	check(t, err)

	// The run groups the rows into calls, and gives each its verdict.
	summary, err := run.Do(t.Context(), account)
	check(t, err)

	if v := results[0]; v.Status != batch.Registered || v.Proof != batch.ProofAnswer {
		t.Errorf("the row is %s by %s: %s", v.Status, v.Proof, v.Detail)
	}
	if device, _ := sim.Device("001565000001"); device.Server != "hq" || summary.TotalCalls() != 2 {
		t.Errorf("the service has %+v after %v", device, summary.Calls)
	}
}

// verdicts are the batch.Results of the test: a csvio.Writer would write a file.
type verdicts []batch.Verdict

func (v *verdicts) Write(_ *batch.Row, verdict batch.Verdict) error {
	*v = append(*v, verdict)
	return nil
}

func (v *verdicts) Pass(*batch.Row) error { return nil } // of rows that are not run again

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
