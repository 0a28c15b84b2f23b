package batch

import "testing"

func TestProvesBound(t *testing.T) {
	for _, test := range []struct {
		status Status
		proof  Proof
		good   bool // without a look at what it is bound to
		bound  bool
	}{
		{Registered, ProofAnswer, true, true},
		{Registered, ProofLookup, true, true},
		{Registered, ProofList, true, false},
		{Registered, ProofSandbox, true, false},
		{Registered, ProofNone, true, false}, // an earlier layout
		{Overridden, ProofAnswer, true, true},
		{Edited, ProofAnswer, true, true},
		{Matches, ProofLookup, true, true},
		{Unchanged, ProofBaseline, true, true},
		{Unchanged, ProofList, true, false},
		{NotAttempted, ProofBaseline, false, true},
		{NotAttempted, ProofNone, false, false},
		{Exists, ProofBaseline, false, true},
		{Exists, ProofList, false, false},
		{Exists, ProofLookup, false, false},
		{Differs, ProofLookup, false, false},
		{NotVerified, ProofLookup, false, false},
		{NotBound, ProofLookup, false, false},
		{Unregistered, ProofLookup, true, false},
		{RegisteredElsewhere, ProofAnswer, false, false},
		{InDoubt, ProofNone, false, false},
		{Deregistered, ProofAnswer, true, false},
	} {
		t.Run(string(test.status)+" by "+string(test.proof), func(t *testing.T) {
			prior := Prior{Server: "A"}
			prior.Status, prior.Proof = test.status, test.proof
			row := device(1, "A", "")
			row.Prior = prior
			if good := row.priorSucceeded(); good != test.good {
				t.Errorf("succeeded: %v", good)
			}
			if bound := row.provesBound(); bound != test.bound {
				t.Errorf("bound: %v", bound)
			}
			for what, change := range map[string]func(*Row){
				"device":       func(r *Row) { r.Prior.MAC = mac(2) },
				"server":       func(r *Row) { r.Device.Server = "B" },
				"unknown URL":  func(r *Row) { r.Device.URL = "https://u.example.com/new" },
				"another URL":  func(r *Row) { r.Device.URL, r.Prior.URL = "https://u.example.com/new", "https://u.example.com/old" },
				"other action": func(r *Row) { r.Device.Action = Deregister },
			} {
				row := device(1, "A", "")
				row.Prior = prior
				if change(&row); row.provesBound() {
					t.Errorf("%s: counts all the same", what)
				}
			}
		})
	}
}

// A device of another account is a finding of check, and a refusal to others.
func TestElsewhereSucceedsInACheck(t *testing.T) {
	for action, want := range map[Action]bool{Register: false, Deregister: false, Edit: false, Check: true, CheckGone: true} {
		if got := action.Succeeds(RegisteredElsewhere); got != want {
			t.Errorf("action %d: %v", action, got)
		}
	}
}
