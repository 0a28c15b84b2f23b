package batch

import (
	"fmt"
	"net/url"
	"strconv"
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
				o.settle(it.final(a, "", "the account's list still shows it"), it)
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
				o.settle(it.final(a, "", "the account's list still shows it"), it)
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
		o := decideFound(f, a)
		o.listCut = o.listCut || f.absence && it.now == absent
		return o
	case rps.RegisteredElsewhere:
		if a.about == callDeregister && !it.ours {
			o.settle(Verdict{Status: NotRegistered, Proof: ProofLookup, Detail: sentence("a look-up shows that another account owns it", a.text)}, it)
			return o
		}
		o.settle(Verdict{Status: RegisteredElsewhere, Proof: ProofLookup, Detail: sentence("a look-up shows that another account owns it", a.text)}, it)
		return o
	}
	// It is not registered.
	switch {
	case a.about == callDeregister && it.ours:
		o.settle(Verdict{Status: Deregistered, Proof: ProofLookup, Detail: "the answer was lost or refused as a whole; a look-up shows that it is no longer registered"}, it)
	case a.about == callDeregister && f.absence && it.reach < doubted:
		o.settle(Verdict{Status: NotRegistered, Proof: ProofLookup, Detail: sentence("a look-up shows that it is not registered, and the account's list did not show it before this run", a.text)}, it)
	case a.about == callDeregister && f.missingOK:
		o.settle(Verdict{Status: Deregistered, Proof: ProofLookup, Detail: sentence("a look-up shows that it is not registered; whether it was before this run is not known", a.text)}, it)
	case a.about == callDeregister:
		o.settle(Verdict{Status: InDoubt, Detail: sentence("it is not registered now; whether this run removed it is not known, since the account's list did not show it before", a.text)}, it)
	case a.about == callEdit:
		o.settle(Verdict{Status: NotRegistered, Proof: ProofLookup, Detail: sentence("a look-up shows that it is not registered", a.text)}, it)
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
	default:
		o.settle(it.final(a, "", "a look-up shows that it is not registered"), it)
	}
	return o
}

// decideAsked decides with the look-up that the user asked for.
func decideAsked(f facts, a attempt, ans answer) outcome {
	var o outcome
	want := a.url
	if want == "" {
		want = f.serverURL
	}
	status, detail := found(ans.status), ""
	switch ours := ans.status == rps.Registered; {
	case a.question == askedGone && ours:
		status, detail = StillBound, "it is in the account, and its row wants it removed"
	case a.question == askedGone:
		status = Matches
	case a.server == "" && a.url == "": // nothing is wanted
	case !ours:
		status, detail = NotBound, "this account has not registered it: "+string(status)
	case ans.url == "":
		status, detail = NotVerified, "in the account; the service does not say to which URL it is bound"
	case want == "":
		status, detail = NotVerified, "in the account; the URL of its server is not known (--servers names it)"
	case sameURL(ans.url, want):
		status = Matches
	default:
		status, detail = Differs, "it is bound to another URL than its row's"
	}
	o.settle(Verdict{Status: status, Proof: ProofLookup, Detail: detail, URL: ans.url}, a.items...)
	return o
}

// found is the status of what a look-up shows.
func found(s rps.DeviceStatus) Status {
	switch s {
	case rps.Registered:
		return Registered
	case rps.RegisteredElsewhere:
		return RegisteredElsewhere
	case rps.Unregistered:
		return Unregistered
	}
	return Unknown
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
		o.settle(it.final(a, a.bound, "a look-up shows that it is still registered"), it)
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
		o.settle(Verdict{Status: Exists, Proof: ProofLookup, URL: a.bound, Detail: finding}, it)
	case a.about == callRegister && it.reach == untouched && a.question != verifying:
		// It was registered before this run. To which server does not matter.
		return boundElsewhere(f, a)
	case f.canLearn(a):
		a.teacher = f.teacher
		o.then(a.again().as(callLearn))
	case a.about == callRegister && f.appeared(it, a.url):
		v := byList()
		v.URL, v.Detail = a.bound, "the answer was lost or refused as a whole; a look-up shows it registered now, and the account's list did not before this run; the URL of the server asked for is not known, so where it is bound was not compared"
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

// final is the verdict of a row that a look-up shows as it was: Refused in the
// words of the service, if there are some. That is final only if no call can
// still be on its way through the service.
func (it item) final(a attempt, url, finding string) Verdict {
	v := Verdict{Status: Failed, Proof: ProofLookup, URL: url, Detail: "no readable answer; " + finding}
	if a.text != "" {
		v.Status, v.Detail = Refused, sentence(finding, a.text)
	}
	if it.reach == hung {
		v.Status, v.Proof, v.Detail = InDoubt, ProofNone, v.Detail+"; a call timed out, and may still be applied"
	}
	return v
}

// asAsked is the verdict of a row that is bound as it should be.
func asAsked(f facts, a attempt, it item) Verdict {
	v := Verdict{Proof: ProofLookup, URL: a.bound}
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
	// What this run may have registered may have come to that URL by this run: if
	// the server's is another one than the user says, or if the service writes
	// URLs in its own way.
	unsure := !it.ours && (it.reach >= refused && f.claimed && a.url == "" || it.reach >= doubted && f.absence && a.url != "")
	switch {
	case a.about != callRegister:
		o.settle(it.final(a, a.bound, "a look-up shows it bound to another URL"), it)
	case f.override == OverrideNever && !unsure:
		v := existing(ProofLookup, a.bound)
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
		o.settle(it.final(a, a.bound, "it is registered already and could not be moved"), it)
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

// sameURL compares two URLs as a phone would (RFC 3986, section 6.2.2 and 6.2.3):
// scheme and host in either case, the port that the scheme has anyway, no path
// for the root, and characters that are written as they are or as %7E.
func sameURL(a, b string) bool {
	return a == b || canonicalURL(a) == canonicalURL(b)
}

var defaultPorts = map[string]string{"http": "80", "https": "443", "ftp": "21", "tftp": "69"}

func canonicalURL(text string) string {
	text = strings.TrimSpace(text)
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return text
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	u.Host = strings.TrimSuffix(u.Host, ":"+defaultPorts[u.Scheme])
	if u.Path == "" {
		u.Path = "/"
	}
	return plainEscapes(u.String())
}

// plainEscapes writes %7E and the like as the characters that need no escape, and
// the others with capital digits.
func plainEscapes(text string) string {
	if !strings.Contains(text, "%") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if c, err := strconv.ParseUint(text[min(i+1, len(text)):min(i+3, len(text))], 16, 8); text[i] == '%' && i+3 <= len(text) && err == nil {
			if unreserved(byte(c)) {
				b.WriteByte(byte(c))
			} else {
				fmt.Fprintf(&b, "%%%02X", c)
			}
			i += 2
			continue
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func unreserved(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte("-._~", c) >= 0
}
