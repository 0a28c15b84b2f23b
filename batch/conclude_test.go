package batch

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
	"rpsbatch/rps/rpstest"
)

// inShort writes a conclusion: a verdict with its proof, or what is needed.
func (c conclusion) inShort() string {
	text := map[need]string{needList: "needs a list", needLookup: "needs a lookup", needServer: "needs the server", needTime: "needs time"}[c.need]
	switch {
	case c.need == needSend:
		text = "sends " + callNames[c.call]
		if c.was {
			text += " of what is there"
		}
	case c.need == 0:
		text = fmt.Sprintf("%s by %s", c.verdict.Status, cmp.Or(c.verdict.Proof, "nothing"))
	}
	if c.listCut {
		text += ", list cut"
	}
	return text
}

// TestConclude is the two tables of the package comment, and what leads to a claim.
func TestConclude(t *testing.T) {
	const asked, other, unique = "https://a.example.com/", "https://b.example.com/", "https://u.example.com/1"
	start := time.Unix(1000, 0)
	base := facts{maxAttempts: 3, canList: true, trusted: true, serverURL: asked}
	with := func(change func(*facts)) facts { f := base; change(&f); return f }
	own := with(func(f *facts) { f.override = OverrideOwn })
	noList := with(func(f *facts) { f.canList, f.trusted = false, false })
	cutList := with(func(f *facts) { f.trusted = false })
	inPart := with(func(f *facts) { f.partial = true })
	noURL := with(func(f *facts) { f.serverURL = "" })
	noURLOwn := with(func(f *facts) { f.serverURL, f.override = "", OverrideOwn })
	claimed := with(func(f *facts) { f.claimed = true })
	confirm := with(func(f *facts) { f.another = true })
	sample := with(func(f *facts) { f.serverURL, f.sample = "", true })

	register, byURL := want{call: callRegister, server: "A"}, want{call: callRegister, server: "A", url: unique}
	override, edit, remove := want{call: callOverride, server: "A"}, want{call: callEdit, server: "A"}, want{call: callDeregister}

	was := func(e evidence) evidence { e.Before = present; return e }
	wasNot := func(e evidence) evidence { e.Before = absent; return e }
	spent := func(e evidence) evidence { e.Tries = 3; return e } // it may not be sent again
	listed := func(p presence, e evidence) evidence { e.List = p; return e }
	said := func(s Status, e evidence) evidence { e.Said = &words{s, "words"}; return e }
	earlier := func(s Status, e evidence) evidence {
		e.Earlier = &Verdict{Status: s, Proof: ProofAnswer}
		return e
	}
	gone, carried := evidence{Reach: lost}, evidence{Reach: refused}
	prompted := evidence{Reach: refused, Asked: true}
	moved := evidence{Reach: lost, Moves: true}
	alone := func(e evidence) evidence { e.Alone = true; return said(Refused, e) }
	late := evidence{Reach: lost, Tries: 3, Until: start.Add(time.Second).UnixNano()}
	kin := func(granted int, e evidence) evidence { e.kin = &kin{4, granted}; return e }

	found := func(url string) finding { return finding{state: ours, bound: url, at: start} }
	another, free := finding{state: elsewhere, at: start}, finding{state: nobodys, at: start}
	blind := finding{state: unseeable, err: "503", at: start}
	nothing := finding{}
	const thorough = true

	for _, c := range []struct {
		name     string
		want     want
		known    evidence
		seen     finding
		f        facts
		thorough bool
		concl    string
	}{
		// To be bound, and bound as asked.
		{"as asked", register, gone, found(asked), base, false, "registered by lookup"},
		{"as asked, in another form", register, gone, found("HTTPS://A.example.com:443"), base, false, "registered by lookup"},
		{"as asked, by its URL", byURL, wasNot(gone), found(unique), base, false, "registered by lookup"},
		{"as asked, by a call that moves", override, was(moved), found(asked), base, false, "overridden by lookup"},
		{"as asked, by a call that moves what was not there", override, wasNot(moved), found(asked), base, false, "registered by lookup"},
		{"as asked, edited", edit, was(moved), found(asked), base, false, "edited by lookup"},
		{"as asked, and no call touched it", register, was(evidence{}), found(asked), base, false, "unchanged by lookup"},

		// To be bound, and bound as asked but for a slash or the like.
		{"nearly as asked, and it was not there", byURL, wasNot(gone), found("https://u.example.com/%31/"), base, false, "registered by lookup"},
		{"nearly as asked, and it was not there, but no call was lost", byURL, listed(present, wasNot(carried)), found(unique + "/"), base, false, "in-doubt by nothing"},
		{"nearly as asked, edited, and the list hid it", want{call: callEdit, url: unique}, wasNot(moved), found(unique + "/"), base, false, "sends edit"},
		{"nearly as asked, and it was there", byURL, was(carried), found(unique + "/"), base, false, "exists by lookup"},
		{"nearly as asked, without a list", byURL, gone, found(unique + "/"), noList, false, "in-doubt by nothing"},
		{"nearly as asked, to be moved", byURL, wasNot(carried), found(unique + "/"), own, false, "sends override"},
		{"nearly as asked after calls that move", override, spent(was(moved)), found("https://A.example.com//"), own, false, "in-doubt by nothing"},
		{"nearly as asked, and no call touched it", byURL, was(evidence{}), found(unique + "/"), own, false, "sends override of what is there"},

		// To be bound, and bound to another URL.
		{"another URL before", register, was(carried), found(other), base, false, "exists by lookup"},
		{"another URL, and another device may tell", register, wasNot(gone), found(other), confirm, false, "needs the server"},
		{"another URL, as another device may tell of the server", byURL, wasNot(gone), found(asked), confirm, false, "needs a list"},
		{"another URL, no call touched it, and another device may tell", register, was(evidence{}), found(other), confirm, false, "exists by lookup"},
		{"another URL that no list shows", register, prompted, found(other), noList, false, "exists by lookup"},
		{"another URL since a lost call, without a list", register, gone, found(other), noList, false, "exists by lookup"},
		{"another URL, which may still change", register, late, found(other), noList, false, "needs time"},
		{"another URL though it was not there", register, wasNot(gone), found(other), base, false, "needs a list"},
		{"another URL though it was not there, as the list shows", register, listed(present, wasNot(gone)), found(other), base, false, "in-doubt by nothing"},
		{"another URL, the list hides it, and a call was lost", register, listed(absent, wasNot(gone)), found(other), base, false, "exists by lookup, list cut"},
		{"another URL, the list hides it, and the service asked", register, listed(absent, wasNot(prompted)), found(other), base, false, "exists by lookup, list cut"},
		{"another URL, to be moved", register, was(carried), found(other), own, false, "sends override of what is there"},
		{"another URL, to be moved, for ever", register, was(evidence{Reach: lost, Rounds: maxRounds}), found(other), own, false, "refused by lookup"},
		{"another URL though it was not there, to be moved", register, wasNot(gone), found(other), own, false, "sends override"},
		{"another URL though it was not there, after calls that move", override, spent(wasNot(moved)), found(other), own, false, "in-doubt by nothing"},
		{"another URL after a call that moves", override, was(moved), found(other), own, false, "sends override"},
		{"another URL after calls that move", override, spent(was(moved)), found(other), own, false, "failed by lookup"},
		{"another URL after a refused call that moves", override, alone(was(moved)), found(other), own, false, "refused by lookup"},
		{"another URL after edits", edit, spent(was(moved)), found(other), base, false, "failed by lookup"},
		{"another URL, and no call touched it", register, was(evidence{}), found(other), base, false, "exists by lookup"},

		// To be bound, and the URL cannot be compared.
		{"URL not known, before", register, was(carried), found(other), noURL, false, "exists by lookup"},
		{"URL not known, that no list showed", register, prompted, found(other), with(func(f *facts) { f.serverURL, f.canList, f.trusted = "", false, false }), false, "in-doubt by nothing"},
		{"URL not known, that was not there and is", register, listed(present, wasNot(gone)), found(other), noURL, false, "registered by list"},
		{"URL not known, the list hides it, and the service asked", register, listed(absent, wasNot(prompted)), found(other), noURL, false, "exists by lookup, list cut"},
		{"URL not known, the list hid others, and there was none since", register, wasNot(prompted), found(other), with(func(f *facts) { f.serverURL, f.trusted = "", false }), false, "needs a list"},
		{"URL not known, the list hides it, and nobody asked", register, listed(absent, wasNot(carried)), found(other), noURL, false, "in-doubt by nothing, list cut"},
		{"URL not known, that an earlier part had bound", register, listed(absent, earlier(Registered, gone)), found(other), noURL, false, "registered by answer, list cut"},
		{"URL known, that an earlier part had bound", register, listed(absent, earlier(Overridden, gone)), found(asked), base, false, "overridden by lookup, list cut"},
		{"another URL, that an earlier part had bound", register, listed(absent, earlier(Registered, wasNot(gone))), found(other), base, false, "exists by lookup, list cut"},
		{"not in the list, that an earlier part had bound", register, listed(absent, earlier(Registered, wasNot(gone))), nothing, base, false, "needs a lookup"},
		{"URL not known, that an earlier part left alone", register, listed(present, earlier(RegisteredElsewhere, wasNot(gone))), found(other), noURL, false, "registered by list"},
		{"URL not known, but can be learnt", register, gone, found(other), sample, false, "needs the server"},
		{"URL not known, to be moved", register, was(carried), found(other), noURLOwn, false, "sends override of what is there"},
		{"URL not known after calls that move", override, spent(was(moved)), found(other), noURLOwn, false, "in-doubt by nothing"},
		{"URL claimed, and as asked", register, gone, found(asked), claimed, false, "registered by lookup"},
		{"URL claimed, and another", register, listed(present, wasNot(gone)), found(other), claimed, false, "registered by list"},
		{"URL not told", byURL, was(carried), found(""), base, false, "exists by lookup"},
		{"URL not told, that was not there and is", byURL, listed(present, wasNot(gone)), found(""), base, false, "in-doubt by nothing"},
		{"URL not told, and no call touched it", register, was(evidence{}), found(""), own, false, "exists by lookup"},

		// To be bound, and not this account's.
		{"another's", register, gone, another, base, false, "registered-elsewhere by lookup"},
		{"another's, which a call may still take", override, late, another, base, false, "needs time"},
		{"nobody's", register, gone, free, base, false, "sends register"},
		{"nobody's, and the service asks about it for ever", register, evidence{Reach: refused, Rounds: maxRounds}, free, base, false, "needs a list"},
		{"nobody's, and the service asks about it, as the list shows", register, listed(absent, evidence{Reach: refused, Rounds: maxRounds}), free, base, false, "refused by lookup"},
		{"nobody's, and the service asks about it, but the list shows it", register, listed(present, evidence{Reach: refused, Rounds: maxRounds}), free, base, false, "in-doubt by nothing"},
		{"nobody's, and the service asks about it, without a list", register, evidence{Reach: refused, Rounds: maxRounds}, free, noList, false, "in-doubt by nothing"},
		{"nobody's, and all calls were lost", register, evidence{Reach: lost, Tries: maxRounds + 1, Rounds: maxRounds}, free, with(func(f *facts) { f.maxAttempts = 20 }), false, "refused by lookup"},
		{"nobody's, after all calls", register, spent(gone), free, base, false, "failed by lookup"},
		{"nobody's, after a refusal", register, alone(gone), free, base, false, "refused by lookup"},
		{"nobody's, its server is not there", register, said(UnknownServer, spent(gone)), free, base, false, "unknown-server by lookup"},
		{"nobody's, but was said to be another's", register, said(RegisteredElsewhere, spent(gone)), free, base, false, "refused by lookup"},
		{"nobody's, and a call may still come", register, late, free, base, false, "needs time"},
		{"nobody's, to be edited", edit, moved, free, base, false, "not-registered by lookup"},
		{"nobody's, to be edited, and the list showed it", edit, was(moved), free, base, false, "in-doubt by nothing"},
		{"nobody's, to be edited, and a call may still come", edit, late, free, base, false, "needs time"},

		// To be bound, and not looked up yet.
		{"no list since", register, gone, nothing, base, false, "needs a list"},
		{"the list shows nothing", register, listed(absent, wasNot(gone)), nothing, base, false, "sends register"},
		{"the list shows nothing, after all calls", register, spent(listed(absent, wasNot(gone))), nothing, base, false, "needs a lookup"},
		{"the list shows it since", register, listed(present, wasNot(gone)), nothing, base, false, "registered by list"},
		{"the list shows it since, one of a few", register, listed(present, wasNot(gone)), nothing, base, thorough, "needs a lookup"},
		{"the list shows it since, by its URL", byURL, listed(present, wasNot(gone)), nothing, base, false, "needs a lookup"},
		{"the list shows it since, and hid others", register, listed(present, wasNot(gone)), nothing, cutList, false, "needs a lookup"},
		{"the list showed it before", register, listed(present, was(carried)), nothing, base, false, "needs a lookup"},
		{"there is no list", register, gone, nothing, noList, false, "needs a lookup"},
		{"a list does not tell where it is bound", override, was(moved), nothing, base, false, "needs a lookup"},
		{"no call touched it", register, was(evidence{}), nothing, base, false, "needs a lookup"},
		{"could not be looked up", register, gone, blind, base, false, "in-doubt by nothing"},
		{"could not be looked up, and no call touched it", register, was(evidence{}), blind, base, false, "exists by list"},

		// A row of a refused batch whose others were granted since.
		{"all others were granted", register, kin(3, alone(carried)), nothing, base, false, "refused by answer"},
		{"some others were granted", register, kin(2, alone(carried)), nothing, base, false, "needs a list"},
		{"all others were granted, but a call was lost", register, kin(3, alone(gone)), nothing, base, false, "needs a list"},
		{"all others were granted, to be removed", remove, kin(3, alone(carried)), nothing, base, false, "needs a list"},

		// To be removed.
		{"still there", remove, was(gone), found(other), base, false, "sends deregister of what is there"},
		{"still there, after all calls", remove, spent(was(gone)), found(other), base, false, "failed by lookup"},
		{"still there, after a refusal", remove, alone(was(carried)), found(other), base, false, "refused by lookup"},
		{"still there, and said not to be", remove, said(NotRegistered, spent(was(gone))), found(other), base, false, "refused by lookup"},
		{"still there, and a call may still come", remove, late, found(other), base, false, "needs time"},
		{"still there, though no list showed it", remove, wasNot(gone), found(other), base, false, "sends deregister of what is there, list cut"},
		{"still there, though the list hides it", remove, listed(absent, wasNot(gone)), found(other), base, false, "sends deregister of what is there, list cut"},
		{"the list still shows it", remove, listed(present, was(gone)), nothing, base, false, "sends deregister of what is there"},
		{"the list still shows it, after all calls", remove, spent(listed(present, was(gone))), nothing, base, false, "failed by list"},
		{"gone", remove, was(gone), free, base, false, "deregistered by lookup"},
		{"gone from the list", remove, listed(absent, was(gone)), nothing, base, false, "deregistered by list"},
		{"gone from the list, one of a few", remove, listed(absent, was(gone)), nothing, base, thorough, "needs a lookup"},
		{"gone from a list that hides others", remove, listed(absent, was(gone)), nothing, cutList, false, "needs a lookup"},
		{"gone, and was not there", remove, wasNot(carried), free, base, false, "not-registered by lookup"},
		{"gone, and was not there, of a service that applies parts", remove, wasNot(carried), free, inPart, false, "in-doubt by nothing"},
		{"gone, and was not there, but a call was lost", remove, wasNot(gone), free, base, false, "in-doubt by nothing"},
		{"gone, and no list showed it", remove, gone, free, noList, false, "in-doubt by nothing"},
		{"gone, and was not there, but was not named with others", remove, wasNot(evidence{Reach: refused, Spared: true}), free, base, false, "in-doubt by nothing"},
		{"gone, and no call touched it", remove, evidence{}, free, noList, false, "not-registered by lookup"},
		{"not in the list, now or before", remove, listed(absent, wasNot(gone)), nothing, base, false, "needs a lookup"},
		{"another's, and was there", remove, was(gone), another, base, false, "registered-elsewhere by lookup"},
		{"another's, and a lost call may still be applied", remove, late, another, base, false, "needs time"},
		{"another's, and was not there", remove, wasNot(gone), another, base, false, "not-registered by lookup"},
		{"no list since, to be removed", remove, was(gone), nothing, base, false, "needs a list"},
		{"no list, to be removed", remove, gone, nothing, noList, false, "needs a lookup"},
		{"could not be looked up, to be removed", remove, was(gone), blind, base, false, "in-doubt by nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.known.List != unlisted {
				c.known.listAt = start.UnixNano()
			}
			got := conclude(c.want, c.known, c.seen, c.f, c.thorough)
			if got.inShort() != c.concl {
				t.Errorf("%s, want %s (%s)", got.inShort(), c.concl, got.verdict.Detail)
			}
			if v := got.verdict; v.Status != "" && (v.Detail == "" || strings.Contains(v.Detail, "  ")) {
				t.Errorf("detail %q", v.Detail)
			}
		})
	}
}

// What a finding says of a lost call depends on when it was asked for, and not on
// when the answer came.
func TestFindingIsAsOldAsItsCall(t *testing.T) {
	until := time.Unix(1000, 0)
	w, f := want{call: callDeregister}, facts{maxAttempts: 1, canList: true, trusted: true}
	e := evidence{Before: present, Reach: lost, Tries: 1, Until: until.UnixNano()}
	for _, c := range []struct {
		at    time.Time
		concl string
	}{{until.Add(-1), "needs time"}, {until, "failed by lookup"}} {
		if got := conclude(w, e, finding{state: ours, at: c.at}, f, false); got.inShort() != c.concl {
			t.Errorf("a lookup at %v: %s, want %s", c.at, got.inShort(), c.concl)
		}
		e := e
		e.List, e.listAt = present, c.at.UnixNano()
		if got := conclude(w, e, finding{}, f, false); got.inShort() != strings.Replace(c.concl, "lookup", "list", 1) {
			t.Errorf("a list at %v: %s, want %s", c.at, got.inShort(), c.concl)
		}
	}
}

// TestVerdictsWithoutACall is what is claimed of a row by what the account's list
// and an earlier result show, before anything is sent.
func TestVerdictsWithoutACall(t *testing.T) {
	for _, c := range []struct {
		name   string
		config Config
		base   bool // an earlier result shows it bound as asked
		lost   bool // another row has shown that its server is not there
		want   string
	}{
		{"left alone", Config{}, false, false, "exists by list"},
		{"left alone in a sync", Config{Sync: true}, false, false, "unchanged by list"},
		{"as an earlier result has it", Config{Override: OverrideOwn}, true, false, "unchanged by baseline"},
		{"no such server", Config{Override: OverrideOwn}, false, true, "unknown-server by nothing"},
		{"to be moved", Config{Override: OverrideOwn}, false, false, "sent"},
		{"to be looked up", Config{Verify: true}, false, false, "looked up"},
	} {
		t.Run(c.name, func(t *testing.T) {
			row := device(1, "A", "")
			survey, err := TakeSurvey(func() (Source, error) { return &rowsSource{[]Row{row}}, nil }, ConflictRefuse, nil)
			if err != nil {
				t.Fatal(err)
			}
			k := newKnown(&Run{Config: c.config, Survey: survey}, Account{devices: roaring64.BitmapOf(row.Device.MAC.Uint64())})
			if c.base {
				row.Prior.Server, row.Prior.Verdict = "A", Verdict{Status: Registered, Proof: ProofAnswer}
				if k.base, err = TakeBaseline(&rowsSource{[]Row{row}}, false); err != nil {
					t.Fatal(err)
				}
			}
			if c.lost {
				k.server("A").noSuch = "words"
			}
			routing, got := k.route(&row.Device, k.item(0, row.Device.MAC)), "sent"
			switch {
			case routing.verdict.Status != "":
				got = settled(routing.verdict).inShort()
			case routing.open:
				got = "looked up"
			}
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestVerdictsOfRowsThatAreNotSent is what is claimed of rows that no call carries,
// or of which none decides.
func TestVerdictsOfRowsThatAreNotSent(t *testing.T) {
	line := func(row Row, n int) Row { row.Line = n; return row }
	rows := []Row{
		device(1, "A", ""), line(device(1, "A", ""), 11), // the same twice
		device(2, "A", ""), line(device(2, "B", ""), 12), // two things
		{Line: 13, Problem: "no MAC"},
		device(3, "B", ""), device(4, "A", ""),
	}
	for _, c := range []struct {
		name   string
		faults []rpstest.Fault
		want   []string
	}{
		{"", nil, []string{"registered by answer", "duplicate by answer", "conflict by nothing", "conflict by nothing", "invalid by nothing", "registered by answer", "registered by answer"}},
		{"stopped at the first call", []rpstest.Fault{{Name: "401", Call: 2}}, []string{"not-attempted by nothing", "duplicate by nothing", "conflict by nothing", "conflict by nothing", "invalid by nothing", "not-attempted by nothing", "not-attempted by nothing"}},
		{"stopped after a lost one", []rpstest.Fault{{Name: "close-after", Call: 2}, {Name: "401", Call: 3}}, []string{"in-doubt by nothing", "duplicate by nothing", "conflict by nothing", "conflict by nothing", "invalid by nothing", "not-attempted by nothing", "in-doubt by nothing"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := &trial{rows: rows, options: rpstest.Options{Faults: c.faults}}
				tr.config = func(c *Config) { c.Workers = 1 }
				tr.run(t)
				for i, v := range tr.verdicts {
					if got := settled(v).inShort(); got != c.want[i] {
						t.Errorf("row %d: %s (%s), want %s", i, got, v.Detail, c.want[i])
					}
				}
			})
		})
	}
}

// TestAudit is what a lookup that the user has asked for shows of a row.
func TestAudit(t *testing.T) {
	const asked, other = "https://a.example.com/", "https://b.example.com/"
	found := func(s rps.DeviceStatus, url string) answer { return answer{status: s, url: url} }
	for _, c := range []struct {
		name string
		why  purpose
		ans  answer
		url  string // of the row's server
		want string
	}{
		{"registered", forUser, found(rps.Registered, other), "", "registered by lookup"},
		{"another's", forUser, found(rps.RegisteredElsewhere, ""), "", "registered-elsewhere by lookup"},
		{"nobody's", forUser, found(rps.Unregistered, ""), "", "unregistered by lookup"},
		{"never seen", forUser, found(rps.Unknown, ""), "", "unknown by lookup"},
		{"as asked", forAudit, found(rps.Registered, asked), asked, "matches by lookup"},
		{"not as asked", forAudit, found(rps.Registered, other), asked, "differs by lookup"},
		{"not comparable", forAudit, found(rps.Registered, other), "", "not-verified by lookup"},
		{"not told", forAudit, found(rps.Registered, ""), asked, "not-verified by lookup"},
		{"not ours", forAudit, found(rps.RegisteredElsewhere, ""), asked, "not-bound by lookup"},
		{"gone", forGone, found(rps.Unregistered, ""), "", "matches by lookup"},
		{"still there", forGone, found(rps.Registered, other), "", "still-bound by lookup"},
		{"refused", forUser, answer{err: &rps.Error{Kind: rps.Refusal, Text: "words"}}, "", "refused by nothing"},
		{"no answer", forUser, answer{err: &rps.Error{Kind: rps.Unreadable}}, "", "failed by nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := settled(audit(lookup{why: c.why}, c.ans, c.url)).inShort(); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestSameURL(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"https://u.example.com", "https://u.example.com/", true},
		{"https://u.example.com/", " HTTPS://U.example.com ", true},
		{"https://u.example.com:443/a", "https://u.example.com/a", true},
		{"http://u.example.com:80/a", "http://u.example.com/a", true},
		{"http://u.example.com:443/a", "http://u.example.com/a", false},
		{"http://u.example.com:8080/", "http://u.example.com/", false},
		{"https://u.example.com/%7ea", "https://u.example.com/~a", true},
		{"https://u.example.com/a%2fb", "https://u.example.com/a%2Fb", true},
		{"https://u.example.com/a%2Fb", "https://u.example.com/a/b", false},
		{"https://u.example.com/?a=%41%", "https://u.example.com/?a=A%", true},
		{"https://u.example.com/A", "https://u.example.com/a", false},
		{"https://u.example.com/a/", "https://u.example.com/a", false},
		{"tftp://10.0.0.1", "tftp://10.0.0.1:69/", true},
		{"http://[::1]:80/", "http://[::1]/", true},
	} {
		if sameURL(c.a, c.b) != c.same {
			t.Errorf("sameURL(%q, %q) is not %v: %q, %q", c.a, c.b, c.same, canonicalURL(c.a), canonicalURL(c.b))
		}
	}
}
