package batch

// A conclusion is what may be claimed about a row, or what is missing for a
// claim.
type conclusion struct {
	verdict Verdict // with a status: the row is settled
	need    need    // else
	call    call    // of needSend
	was     bool    // it is registered, and not by this run
	listCut bool    // the account's list is not whole
}

// A need is what is missing for a claim.
type need uint8

const (
	needList   need = iota + 1 // a list of the account's devices
	needLookup                 // of the device
	needServer                 // the URL of its server, by a device that is bound to it
	needSend                   // nothing was done: the call, again
	needTime                   // a lost call may still be applied
)

// A want is what a row asks for.
type want struct {
	call   call
	server string
	url    string
}

// conclude returns what may be claimed about a row from the evidence. It has no
// clock, no network and no state. The package comment has its table.
func conclude(w want, e evidence, seen finding, f facts, thorough bool) conclusion {
	c := concluding{w, e, seen, f, thorough}
	switch {
	case e.Alone && e.Reach == refused && w.call == callRegister && e.kin != nil && e.kin.granted == e.kin.rows-1:
		// All others of that batch were granted since, so it was this row. Had it
		// been bound, the service would have asked whether to override.
		return settled(c.final(ProofAnswer, ""))
	case seen.state == unseeable:
		return c.unseeable()
	case w.call == callDeregister:
		return c.removed()
	}
	return c.bound()
}

type concluding struct {
	want
	evidence
	seen     finding
	f        facts
	thorough bool // look rows up even if the list would do
}

func settled(v Verdict) conclusion { return conclusion{verdict: v} }

// wasAbsent reports whether the account's list showed before the run that the
// device was not registered.
func (c concluding) wasAbsent() bool { return c.Before == absent && c.f.trusted }

// unproven starts the details of verdicts that no answer proves.
const unproven = "the answer was lost or refused as a whole; "

// bound concludes a row that is to be bound.
func (c concluding) bound() conclusion {
	switch state := c.seen.state; {
	case (state == elsewhere || state == nobodys && c.call == callEdit) && c.pending():
		return conclusion{need: needTime}
	case state == elsewhere:
		return settled(Verdict{Status: RegisteredElsewhere, Proof: ProofLookup, Detail: sentence("another account has registered it", c.text())})
	case state == nobodys:
		switch {
		case c.call == callEdit && c.Before == present && c.Reach == lost:
			return settled(c.inDoubt("it is no longer registered; it is not known whether it was edited before"))
		case c.call == callEdit:
			return settled(Verdict{Status: NotRegistered, Proof: ProofLookup, Detail: sentence("it is not registered", c.text())})
		}
		finding := "a lookup shows that it is not registered"
		if c.Said == nil && c.Rounds >= maxRounds && c.Tries <= c.Rounds {
			// Not all calls were lost: the service asked whether to override it.
			switch {
			case c.List == unlisted && c.f.canList:
				return conclusion{need: needList}
			case c.List != absent:
				return settled(c.inDoubt(finding + ", but the service answers as if it were"))
			}
		}
		return c.undone(ProofLookup, finding)
	case state == ours:
		return c.found()
	}
	helps := c.call == callRegister && c.Reach != untouched
	switch {
	case helps && c.List == unlisted && c.f.canList:
		return conclusion{need: needList}
	case helps && c.List == absent && c.wasAbsent() && c.mayHelp() && c.Earlier == nil:
		return conclusion{need: needSend, call: c.call}
	case helps && c.List == present && c.wasAbsent() && c.url == "" && !c.thorough:
		return settled(c.appeared())
	}
	return conclusion{need: needLookup}
}

// appeared returns the verdict of a row that this run sent by its server's name,
// and that the account's list shows now but did not before.
func (c concluding) appeared() Verdict {
	return Verdict{Status: Registered, Proof: ProofList, URL: c.seen.bound, Detail: unproven + "the device is now registered, and was not in the account's list before this run; it is not known whether it is bound to this server"}
}

// found concludes a row whose device this account has registered, bound to
// seen.bound.
func (c concluding) found() conclusion {
	want := c.url
	if want == "" {
		want = c.f.serverURL
	}
	known := want != "" && c.seen.bound != ""
	if c.Earlier.binds() && (!known || sameURL(want, c.seen.bound)) {
		v := *c.Earlier // which the list has contradicted, and not the lookup
		v.Detail = "bound by an earlier part of the run; a lookup shows it registered, though the list does not"
		if known {
			v.Proof, v.URL = ProofLookup, c.seen.bound
		}
		return conclusion{verdict: v, listCut: c.List == absent}
	}
	switch {
	case c.seen.bound != "" && c.f.sample && (!known || c.doubtful()):
		return conclusion{need: needServer}
	case known && sameURL(want, c.seen.bound):
		return settled(c.asWanted())
	case known && c.f.another && c.url == "" && c.Reach != untouched:
		return conclusion{need: needServer} // somebody may have moved the device that revealed the URL
	case known && c.Reach != untouched && alikeURL(want, c.seen.bound):
		if c.wasAbsent() && c.Reach == lost && c.call != callEdit {
			return settled(c.asWanted())
		}
		return c.boundElsewhere("it is bound to its row's URL, or to one that differs from it in case, escapes or a slash at the end", false)
	case known && !c.doubtful():
		return c.boundElsewhere("it is bound to a different URL than its row's", true)
	}
	finding := "the URL of its server is not known (supply it with --servers), so where it is bound cannot be compared"
	if c.seen.bound == "" {
		finding = "the service does not report the URL it is bound to"
	}
	if c.Before == present && c.Reach == untouched { // --verify moves nothing that it cannot compare
		return settled(c.exists(finding))
	}
	return c.boundElsewhere(finding, false)
}

// doubtful reports whether the URL to compare with comes only from the user, for
// a row that a call of this run may have bound.
func (c concluding) doubtful() bool { return c.url == "" && c.f.claimed && c.Reach != untouched }

// asWanted returns the verdict of a row that a lookup shows bound as it asks.
func (c concluding) asWanted() Verdict {
	v := Verdict{Status: Registered, Proof: ProofLookup, URL: c.seen.bound, Detail: unproven + "a lookup shows it bound as its row asks"}
	switch {
	case c.call == callEdit:
		v.Status = Edited
	case c.Reach == untouched && c.Before == present:
		v.Status, v.Detail = Unchanged, "a lookup shows that it was bound as its row asks"
	case c.Moves && c.Before == present:
		v.Status = Overridden
	}
	return v
}

// boundElsewhere concludes a row whose device this account has bound to another
// URL (surely), or to one that cannot be compared.
func (c concluding) boundElsewhere(finding string, surely bool) conclusion {
	// May this run have bound it? A proxy may deliver a call twice and pass on
	// the second answer. If the list did not show the device, the first may have
	// been granted.
	byRun := c.wasAbsent() || !surely && c.Reach != untouched && (c.Moves || c.Before != present)
	switch {
	case c.call.moves():
		return c.undoneBy(byRun, ProofLookup, finding)
	case c.f.override.moves():
		if c.Rounds < maxRounds {
			return conclusion{need: needSend, call: callOverride, was: !byRun}
		}
		return c.undoneBy(byRun, ProofLookup, finding)
	case c.Reach == lost && c.pending():
		return conclusion{need: needTime}
	case !byRun:
		return conclusion{verdict: c.exists(finding), listCut: c.wasAbsent()}
	case c.Before == absent && c.List == unlisted && c.f.canList:
		return conclusion{need: needList}
	case c.wasAbsent() && c.List == absent: // though it is registered
		c.f.trusted = false
		last := c.boundElsewhere(finding, surely)
		last.listCut = true
		return last
	case c.wasAbsent() && !surely && c.url == "": // a lookup shows what a list would
		return settled(c.appeared())
	case c.Before == absent && !c.f.trusted && c.Asked && c.Reach == refused && !c.f.partial: // the list hid it
		return settled(c.exists(finding))
	}
	return settled(c.inDoubt(finding + "; it is not known whether that was so before this run"))
}

// exists returns the verdict of a row that a lookup shows registered, and that
// stays as it is.
func (c concluding) exists(finding string) Verdict {
	v := existing(ProofLookup, c.seen.bound)
	if c.f.override.moves() {
		v.Detail = "already registered by this account, and not moved"
	}
	v.Detail += ": " + finding
	return v
}

// removed concludes a row that is to be removed.
func (c concluding) removed() conclusion {
	switch state := c.seen.state; {
	case state == elsewhere && c.pending():
		return conclusion{need: needTime}
	case state == elsewhere:
		v := Verdict{Status: NotRegistered, Proof: ProofLookup, Detail: sentence("another account has registered it", c.text())}
		if c.Before == present {
			v.Status = RegisteredElsewhere
		}
		return settled(v)
	case state == ours:
		last := c.undone(ProofLookup, "a lookup shows that it is still registered")
		last.listCut = c.List == absent || c.wasAbsent()
		return last
	case state == nobodys:
		return settled(c.gone(ProofLookup, "a lookup shows that it is not registered"))
	}
	switch {
	case c.List == unlisted && c.f.canList:
		return conclusion{need: needList}
	case c.List == present:
		return c.undone(ProofList, "the account's list still shows it")
	case c.List == absent && c.f.trusted && !c.thorough && c.Before == present:
		return settled(c.gone(ProofList, "the account's list does not show it"))
	}
	return conclusion{need: needLookup}
}

// gone returns the verdict of a row whose device is not registered.
func (c concluding) gone(proof Proof, finding string) Verdict {
	switch {
	case c.Before == present:
		return Verdict{Status: Deregistered, Proof: proof, Detail: unproven + finding}
	case c.Reach == untouched, c.wasAbsent() && c.Reach == refused && !c.Spared && !c.f.partial:
		return Verdict{Status: NotRegistered, Proof: proof, Detail: sentence(finding+", and the list did not show it before this run", c.text())}
	}
	return c.inDoubt(finding + "; it is not known whether this run removed it")
}

// undone concludes a row to which nothing was done, as the finding shows. It is
// sent again while that may help.
func (c concluding) undone(proof Proof, finding string) conclusion {
	switch {
	case c.mayHelp():
		return conclusion{need: needSend, call: c.call, was: c.call == callDeregister}
	case c.pending():
		return conclusion{need: needTime}
	}
	return settled(c.final(proof, finding))
}

// pending reports whether a lost call may have been applied since the finding.
func (c concluding) pending() bool {
	if c.seen.state == unseen {
		return c.listAt < c.Until
	}
	return c.seen.at.UnixNano() < c.Until
}

// mayHelp reports whether the row may be sent again.
func (c concluding) mayHelp() bool {
	return !c.Alone && int(c.Tries) < c.f.maxAttempts && c.Rounds < maxRounds
}

// undoneBy is undone, where the finding may be in doubt.
func (c concluding) undoneBy(doubt bool, proof Proof, finding string) conclusion {
	last := c.undone(proof, finding)
	if doubt && last.verdict.Status != "" {
		last.verdict = c.inDoubt(finding)
	}
	return last
}

// final returns the verdict of a row to which nothing was done, and nothing will
// be.
func (c concluding) final(proof Proof, finding string) Verdict {
	v := Verdict{Status: Failed, Proof: proof, URL: c.seen.bound, Detail: "no readable answer; " + finding}
	switch {
	case c.Said == nil && c.Rounds >= maxRounds:
		v.Status, v.Detail = Refused, finding+"; the service's answers contradict each other, so no more calls are made for it"
	case c.Said != nil && finding == "":
		v.Status, v.Detail = c.Said.Status, says(c.Said.Text)
	case c.Said != nil:
		v.Status, v.Detail = c.Said.Status, sentence(finding, c.Said.Text)
	}
	shown := c.seen.state == ours || c.List == present
	if v.Status == NotRegistered && shown || v.Status == RegisteredElsewhere && (shown || c.seen.state == nobodys) {
		v.Status = Refused // whatever it said
	}
	return v
}

func (c concluding) inDoubt(finding string) Verdict {
	return Verdict{Status: InDoubt, URL: c.seen.bound, Detail: sentence(finding, c.text())}
}

// unseeable concludes a row that could not be looked up.
func (c concluding) unseeable() conclusion {
	if c.Reach == untouched && c.call.binds() && c.List != absent {
		return settled(Verdict{Status: Exists, Proof: ProofList, Detail: "already registered; what it is bound to could not be looked up: " + c.seen.err})
	}
	return settled(c.inDoubt("it may have been applied, and could not be looked up: " + c.seen.err))
}

func (c concluding) text() string {
	if c.Said == nil {
		return ""
	}
	return c.Said.Text
}
