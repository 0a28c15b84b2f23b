package cli

import (
	"fmt"
	"log/slog"
	"strings"

	"rpsbatch/batch"
	"rpsbatch/rps/rpstest"
)

// nothingReached is printed after each run in the sandbox.
const nothingReached = "Sandbox: nothing reached RPS."

// The account of --sandbox, and another one.
const (
	sandboxAccount  = "of the sandbox"
	sandboxUser     = "sandbox"
	sandboxPassword = "sandbox"
	sandboxOther    = "somebody else"
)

// Devices registered in the sandbox from the start: some of those in
// samples/devices.csv.
var (
	sandboxOwn    = []string{"001565000010", "001565000011"}
	sandboxOthers = []string{"001565000020"}
)

// sandboxed marks the proofs of a run in the sandbox, so that nobody takes its
// result for the state of the service.
type sandboxed struct{ *resultFile }

func (s sandboxed) Write(row *batch.Row, v batch.Verdict) error {
	if v.Proof != batch.ProofNone {
		v.Proof = batch.ProofSandbox
	}
	return s.resultFile.Write(row, v)
}

// marked returns a file of results as this job writes it.
func (j *job) marked(out *resultFile) batch.Results {
	if j.call.sandbox {
		return sandboxed{out}
	}
	return out
}

// newSandbox returns a simulated service. It has every server that the rows name.
func newSandbox() (service *rpstest.Server, each func(*batch.Row)) {
	service = rpstest.New(rpstest.Options{
		Accounts: map[string]string{sandboxUser: sandboxPassword, sandboxOther: ""},
	})
	known := map[string]bool{}
	add := func(user, name string) {
		if !known[name] {
			known[name] = true
			service.AddServer(user, name, fmt.Sprintf("https://%s.example.com/", strings.ReplaceAll(strings.ToLower(name), " ", "-")))
		}
	}
	add(sandboxUser, "old server")
	for _, mac := range sandboxOwn {
		service.AddDevice(sandboxUser, mac, "old server", "")
	}
	add(sandboxOther, "their server")
	for _, mac := range sandboxOthers {
		service.AddDevice(sandboxOther, mac, "their server", "")
	}
	return service, func(row *batch.Row) {
		if !row.Blank && row.Problem == "" && row.Device.Server != "" {
			add(sandboxUser, strings.Clone(row.Device.Server))
		}
	}
}

// announce says beforehand that a run is in the sandbox.
func (f *callFlags) announce(log *slog.Logger) {
	if f.sandbox {
		log.Info("this is the sandbox, a simulated RPS: nothing reaches the real one")
	}
}
