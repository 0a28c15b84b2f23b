package batch

import "rpsbatch/rps"

// audit returns the verdict of a row that the user wants looked up. serverURL is
// the URL of its server, "" if unknown.
func audit(l lookup, ans answer, serverURL string) Verdict {
	if ans.err != nil {
		v := Verdict{Status: Failed, Detail: "it could not be looked up: " + ans.err.Error()}
		if readable(ans.err.Kind) {
			v.Status = Refused
		}
		return v
	}
	v := Verdict{Proof: ProofLookup, URL: ans.url}
	want := l.url
	if want == "" {
		want = serverURL
	}
	found := statuses[ans.status]
	switch ours := ans.status == rps.Registered; {
	case l.why == forGone && ours:
		v.Status, v.Detail = StillBound, "it is in the account, but its row asks to remove it"
	case l.why == forGone:
		v.Status = Matches
	case l.why == forUser:
		v.Status = found
	case !ours:
		v.Status, v.Detail = NotBound, "this account has not registered it: "+string(found)
	case ans.url == "":
		v.Status, v.Detail = NotVerified, "in the account; the service does not report the URL it is bound to"
	case want == "":
		v.Status, v.Detail = NotVerified, "in the account; the URL of its server is not known (supply it with --servers)"
	case sameURL(ans.url, want):
		v.Status = Matches
	case alikeURL(ans.url, want):
		v.Status, v.Detail = Differs, "it is bound to its row's URL but for case, escapes or a slash at the end"
	default:
		v.Status, v.Detail = Differs, "it is bound to a different URL than its row's"
	}
	return v
}

// statuses maps what a lookup shows of a device to a status.
var statuses = map[rps.DeviceStatus]Status{
	rps.Registered: Registered, rps.RegisteredElsewhere: RegisteredElsewhere, rps.Unregistered: Unregistered, rps.Unknown: Unknown,
}
