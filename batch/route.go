package batch

// A way is what is done first with a good row.
type way struct {
	verdict  Verdict   // with a status: nothing, it has its verdict
	attempts []attempt // it goes alone
	later    bool      // ... when there is nothing else to do
	key      groupKey  // else it goes with others of the key
}

// route tells the way of a good row, by what is known of the account. It
// changes nothing.
func (r *Run) route(d *Device, it item) way {
	alone := attempt{server: d.Server, url: d.URL, items: []item{it}}
	f := r.facts(alone)
	switch d.Action {
	case Check, CheckGone:
		alone.call, alone.about, alone.question = callCheck, callCheck, asked
		if d.Action == CheckGone {
			alone.question = askedGone
		}
		return way{attempts: []attempt{alone}}
	case AddServer:
		alone.call = callAddServer
		return way{attempts: []attempt{alone}}
	case Deregister:
		return way{key: groupKey{call: callDeregister, apart: !it.ours && r.absence || it.reach != untouched}}
	case Edit:
		alone.call = callEdit
	case Register:
		alone.call = callRegister
		known := it.ours && it.reach == untouched
		switch {
		case known && r.Baseline.has(d):
			return way{verdict: Verdict{Status: Unchanged, Proof: ProofBaseline, Detail: "bound as asked by an earlier run; the account's list still shows it"}}
		case known && r.Config.Verify:
			// The URL of a server that has taught none yet may be learnt
			// from what this run registers.
			return way{attempts: alone.look(f, verifying, "", alone.items), later: d.URL == "" && f.serverURL == ""}
		case known && r.override == OverrideNever && r.Config.Sync:
			return way{verdict: Verdict{Status: Unchanged, Proof: ProofList, Detail: "in the account; not compared with its row (--verify looks it up)"}}
		case known && r.override == OverrideNever:
			return way{verdict: existing(ProofList, "")}
		case f.appeared(it, d.URL):
			return way{verdict: byList()}
		case it.ours && (r.override == OverrideOwn || r.override == OverrideAlways && d.URL != ""):
			// Under OverrideAlways rows by server share a call with free ones.
			alone.call = callOverride
		}
	}
	switch s := r.servers[d.Server]; {
	case s != nil && s.noSuch != "":
		return way{verdict: Verdict{Status: UnknownServer, Detail: s.noSuch}}
	case d.URL != "" || alone.call == callEdit:
		return way{attempts: anew(f, alone)}
	}
	return way{key: groupKey{call: alone.call, server: d.Server, apart: it.reach != untouched}}
}
