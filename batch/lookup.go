package batch

import (
	"net/url"
	"strings"

	"rpsbatch/rps"
)

// decideList decides with the account's list.
func decideList(f facts, a attempt, ans answer) outcome {
	if ans.err != nil {
		return lookupFailed(f, a, ans.err)
	}
	a.listed = true
	items := make([]item, len(a.items))
	for i, it := range a.items {
		it.now = absent
		if ans.account.Contains(it.mac.Uint64()) {
			it.now = shown
		}
		items[i] = it
	}
	a.items = items

	var o outcome
	switch {
	case a.found:
		return decideFound(f, a)
	case a.question == prompted:
		o = promptAfterList(f, a)
		for _, it := range a.items {
			o.partial = o.partial || it.reach == refused && it.now == shown && !it.ours && f.absence
		}
		return o
	case a.question == missing:
		for _, it := range a.items {
			switch {
			case it.now == shown:
				o.settle(Verdict{Status: Refused, Detail: sentence("the account's list still shows it", a.text)}, it)
			case it.ours:
				o.settle(gone(), it)
			default:
				o.then(a.look(f, missing, a.text, []item{it})...)
			}
		}
	default: // unanswered
		for _, it := range a.items {
			switch {
			case a.about == callRegister && it.now == shown && f.absence && !it.ours:
				o.settle(byList(), it)
			case a.about == callDeregister && it.now == shown:
				o.settle(it.failed("", sentence("no readable answer; the account's list still shows it", a.text)), it)
			default:
				o.then(a.look(f, unanswered, a.text, []item{it})...)
			}
		}
	}
	return o
}

// promptAfterList decides a prompt again, with what the list has shown since.
func promptAfterList(f facts, a attempt) outcome {
	a = a.as(a.about)
	if a.number >= lastNumber(f) {
		return spent(a)
	}
	return decidePrompt(f, a)
}

// decideCheck decides with the look-up of the one row.
func decideCheck(f facts, a attempt, ans answer) outcome {
	if ans.err != nil {
		return lookupFailed(f, a, ans.err)
	}
	if a.question.byUser() {
		return decideAsked(f, a, ans)
	}
	it := a.items[0]
	var o outcome
	switch ans.status {
	case rps.Registered:
		a.found, a.bound = true, ans.url
		if !it.ours && it.reach == untouched {
			o := decideFound(f, a)
			o.listCut = f.absence // registered before the run, and not in its list
			return o
		}
		return decideFound(f, a)
	case rps.RegisteredElsewhere:
		o.settle(Verdict{Status: RegisteredElsewhere, Detail: sentence("a look-up shows that another account owns it", a.text)}, it)
		return o
	}
	// It is not registered.
	switch {
	case a.about == callDeregister && it.ours:
		o.settle(Verdict{Status: Deregistered, Detail: "the answer was lost or refused as a whole; a look-up shows that it is no longer registered"}, it)
	case a.about == callDeregister && f.absence && it.reach < doubted:
		o.settle(Verdict{Status: NotRegistered, Detail: sentence("a look-up shows that it is not registered, and the account's list did not show it before this run", a.text)}, it)
	case a.about == callDeregister:
		o.settle(Verdict{Status: InDoubt, Detail: sentence("it is not registered now; whether this run removed it is not known, since the account's list did not show it before", a.text)}, it)
	case a.about == callEdit:
		o.settle(Verdict{Status: NotRegistered, Detail: sentence("a look-up shows that it is not registered", a.text)}, it)
	case a.question == verifying:
		// The list was wrong, or is by now.
		it.ours = false
		a.items = []item{it}
		next := a.again().as(a.about)
		next.gather = true
		o.then(next)
	case a.question == prompted && a.number+1 < lastNumber(f):
		// The prompt no longer holds: send it again.
		o.then(a.again().as(a.about))
	case a.text != "":
		o.settle(Verdict{Status: Refused, Detail: sentence("a look-up shows that it is not registered", a.text)}, it)
	default:
		o.settle(it.failed("", "no readable answer; a look-up shows that it was not applied"), it)
	}
	return o
}

// decideAsked decides with the look-up that the user asked for.
func decideAsked(f facts, a attempt, ans answer) outcome {
	var o outcome
	v := Verdict{URL: ans.url}
	wants, want := a.server != "" || a.url != "", a.url
	if want == "" {
		want = f.serverURL
	}
	switch ans.status {
	case rps.Registered:
		v.Status, v.Detail = Registered, "in the account; "+notCompared+" with its row"
		switch {
		case a.question == askedGone:
			v.Amiss, v.Detail = true, stillBound+" it is in the account, and its row says that it is to be removed"
		case !wants:
		case ans.url == "":
			v.Amiss, v.Detail = true, notVerified+" in the account, and "+notCompared+": the service does not tell to which URL it is bound"
		case want == "":
			v.Amiss, v.Detail = true, notVerified+" in the account, and "+notCompared+": the URL of its server is not known (--servers tells it)"
		case sameURL(ans.url, want):
			v.Detail = "bound as asked"
		default:
			v.Amiss, v.Detail = true, elsewhereBound+" it is bound to another URL than the row's"
		}
	case rps.RegisteredElsewhere:
		v.Status, v.Amiss = RegisteredElsewhere, wants
	case rps.Unregistered:
		v.Status, v.Amiss = Unregistered, wants
	default:
		v.Status, v.Amiss = Unknown, wants
	}
	if v.Amiss && v.Detail == "" {
		v.Detail = notBound + " this account has not registered it, and its row says where it is to be bound"
	}
	o.settle(v, a.items...)
	return o
}

// lookupStatus is that of a row whose look-up the service refused, or did not
// answer.
func lookupStatus(err *rps.Error) Status {
	if readable(err.Kind) {
		return Refused
	}
	return Failed
}

// decideFound decides a row that checkDeviceExt has shown as registered by
// this account, with a.bound.
func decideFound(f facts, a attempt) outcome {
	it := a.items[0]
	var o outcome
	if a.about == callDeregister {
		v := it.failed(a.bound, "no readable answer; a look-up shows that it is still registered")
		if a.text != "" {
			v.Status, v.Detail = Refused, sentence("a look-up shows that it is still registered", a.text)
		}
		o.settle(v, it)
		return o
	}
	want := a.url
	if want == "" {
		want = f.serverURL
	}
	switch {
	case want != "" && a.bound != "" && sameURL(a.bound, want):
		o.settle(asAsked(f, a, it), it)
	case want != "" && a.bound != "":
		return boundElsewhere(f, a)
	case a.question == verifying && !f.canLearn(a):
		finding := "registered already; the URL of the server asked for is not known, so it cannot be told whether it is bound to that (--servers would tell)"
		if a.bound == "" {
			finding = "registered already; the service does not tell to which URL"
		}
		o.settle(Verdict{Status: Exists, URL: a.bound, Detail: finding}, it)
	case a.about == callRegister && it.reach == untouched && a.question != verifying:
		// It was registered before this run. To which server does not matter.
		return boundElsewhere(f, a)
	case f.canLearn(a):
		a.teacher = f.teacher
		o.then(a.again().as(callLearn))
	case a.about == callRegister && f.appeared(it, a.url):
		v := byList()
		v.URL, v.Detail = a.bound, "the answer was lost or refused as a whole; a look-up shows it registered now, and the account's list did not before this run; the URL of the server asked for is not known, so it was "+notCompared
		o.settle(v, it)
	case a.about == callRegister && f.absence && it.now == unasked && f.canList && a.url == "":
		o.then(a.again().as(callList))
	default:
		finding := "it is registered by this account, but the URL of the server asked for is not known, so it cannot be told whether it is bound to that"
		if a.bound == "" {
			finding = "it is registered by this account, but the service does not tell to which URL"
		}
		o.settle(Verdict{Status: InDoubt, URL: a.bound, Detail: sentence(finding, a.text)}, it)
	}
	return o
}

// canLearn tells whether another look-up may give the URL of the row's server.
func (f facts) canLearn(a attempt) bool {
	return a.url == "" && f.serverURL == "" && a.bound != "" && f.teacher != rps.MAC{} && a.teacher == rps.MAC{}
}

// failed is the verdict of a row that a look-up shows as it was: that is final
// only if no call can still be on its way through the service.
func (it item) failed(url, detail string) Verdict {
	if it.reach == hung {
		return Verdict{Status: InDoubt, URL: url, Detail: detail + "; a call timed out, and may still be applied"}
	}
	return Verdict{Status: Failed, URL: url, Detail: detail}
}

// asAsked is the verdict of a row that is bound as it should be.
func asAsked(f facts, a attempt, it item) Verdict {
	v := Verdict{URL: a.bound}
	switch {
	case a.about == callEdit:
		v.Status = Edited
	case it.reach == untouched:
		v.Status, v.Detail = Unchanged, "a look-up shows that it was bound as asked before this run"
		return v
	case a.about == callOverride && it.ours:
		v.Status = Overridden
	default:
		v.Status = Registered
	}
	v.Detail = "the answer was lost or refused as a whole; a look-up shows it bound as asked"
	if !it.ours && !f.absence {
		v.Detail += "; whether it was so before this run is not known"
	}
	return v
}

// boundElsewhere decides a row that this account has bound to something else,
// and that it had so before the run.
func boundElsewhere(f facts, a attempt) outcome {
	it := a.items[0]
	var o outcome
	// What this run may have registered may have come to that URL by this run,
	// if the server's is another one than the user says.
	unsure := !it.ours && it.reach >= refused && f.claimed && a.url == ""
	switch {
	case a.about != callRegister && a.text != "":
		o.settle(Verdict{Status: Refused, URL: a.bound, Detail: sentence("a look-up shows it bound to another URL", a.text)}, it)
	case a.about != callRegister:
		o.settle(it.failed(a.bound, "no readable answer; a look-up shows it bound to another URL"), it)
	case f.override == OverrideNever && !unsure:
		v := existing(a.bound)
		if a.question == verifying {
			v.Detail = "registered already, by this account, and bound to another URL; not overridden (--override own would move it)"
		}
		o.settle(v, it)
	case f.override != OverrideNever && (a.question == prompted || a.question == verifying) && a.number+1 < lastNumber(f):
		it.ours = true
		a.items = []item{it}
		next := a.again().as(callOverride)
		next.gather = a.question == verifying
		o.then(next)
	case unsure:
		o.settle(Verdict{Status: InDoubt, URL: a.bound, Detail: sentence("it is registered by this account now, and bound to another URL than its row's; whether it was so before this run is not known", a.text)}, it)
	default:
		o.settle(it.failed(a.bound, sentence("it is registered already and could not be moved", a.text)), it)
	}
	return o
}

// decideLearn goes on with the server's URL, or without it.
func decideLearn(f facts, a attempt, ans answer) outcome {
	if ans.err != nil || ans.status != rps.Registered || ans.url == "" {
		return decideFound(f, a)
	}
	f.serverURL = ans.url
	o := decideFound(f, a)
	o.learnt = ans.url
	return o
}

// lookupFailed decides a look-up that no try got a usable answer to.
func lookupFailed(f facts, a attempt, err *rps.Error) outcome {
	var o outcome
	switch {
	case a.call == callLearn:
		return decideFound(f, a) // without it
	case a.found:
		o.settle(Verdict{Status: InDoubt, URL: a.bound, Detail: "it is registered by this account; to which server could not be looked up: " + err.Error()}, a.items...)
	case a.call == callList && a.question == prompted:
		a.listed = true
		first, second := a.as(a.about).halves()
		o.then(first, second)
	default:
		for _, it := range a.items {
			if a.question.byUser() {
				o.settle(Verdict{Status: lookupStatus(err), Detail: "it could not be looked up: " + err.Error()}, it)
				continue
			}
			if (a.question == prompted || a.question == verifying) && it.reach == untouched {
				o.settle(Verdict{Status: Exists, Detail: "registered already; who owns it could not be looked up: " + err.Error()}, it)
				continue
			}
			o.settle(Verdict{Status: InDoubt, Detail: sentence("it may have been applied, and could not be looked up: "+err.Error(), a.text)}, it)
		}
	}
	return o
}

// sameURL compares two URLs as a phone would: scheme and host in either case,
// and no path means the root.
func sameURL(a, b string) bool {
	if a == b {
		return true
	}
	return canonicalURL(a) == canonicalURL(b)
}

func canonicalURL(text string) string {
	text = strings.TrimSpace(text)
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return text
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String()
}
