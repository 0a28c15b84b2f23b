package batch

import "testing"

func TestEvidence(t *testing.T) {
	for _, test := range []struct {
		name        string
		status      Status
		detail      string
		good, bound bool
	}{
		{"registered", Registered, "", true, true},
		{"looked up after a lost answer", Registered, asAsked(facts{}, attempt{about: callRegister}, item{reach: doubted}).Detail, true, true},
		{"only in the list after a lost answer", Registered, byList().Detail, true, false},
		{"checked", Registered, "in the account; " + notCompared + " with its row", true, false},
		{"checked, behind a note", Registered, "leading zeros were given back; in the account; " + notCompared, true, false},
		{"checked as asked", Registered, "bound as asked", true, true},
		{"checked, elsewhere", Registered, elsewhereBound + " it is bound to another URL", false, false},
		{"checked, not known where", Registered, notVerified + " in the account, and " + notCompared, false, false},
		{"checked, not there", Unregistered, notBound + " this account has not registered it", false, false},
		{"checked without a wish", Unregistered, "", true, false},
		{"checked, another account's", RegisteredElsewhere, "", true, false},
		{"refused, another account's", RegisteredElsewhere, "the service says: Error", false, false},
		{"in a baseline", Unchanged, inBaseline + "; the account's list still shows it", true, true},
		{"in a baseline, and the run stopped", NotAttempted, inBaseline + "; the run stopped before it", false, true},
		{"stopped", NotAttempted, "the run stopped before it", false, false},
		{"left alone", Exists, existing("").Detail, false, false},
		{"in doubt", InDoubt, "", false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			row := device(1, "A", "")
			row.PriorStatus, row.PriorDetail = test.status, test.detail
			if good := PriorSucceeded(test.status, test.detail); good != test.good {
				t.Errorf("succeeded: %v", good)
			}
			if bound := row.provesBound(); bound != test.bound {
				t.Errorf("bound: %v", bound)
			}
			row.PriorMAC = mac(2)
			if row.provesBound() {
				t.Error("the result of another device counts")
			}
			row = device(1, "A", "https://u.example.com/new")
			row.PriorStatus, row.PriorDetail, row.PriorURL = test.status, test.detail, "https://u.example.com/old"
			if row.provesBound() && test.detail == "" {
				t.Error("the result of another URL counts")
			}
		})
	}
}
