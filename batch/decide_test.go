package batch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rpsbatch/rps"
)

// notation writes an outcome in short: the verdicts by row, then what is next, to be
// looked up and left open, and at last what was learnt. A verdict without a mark is
// proven by the answer, one with ? by nothing. A row with r was in a call that was
// refused, with L in one that was lost; with ! it was refused by itself.
//
//	0:registered 1:exists=list 2:failed? register[3r 4r] look[5r] open[6L 7L!] limit=50 no-such list-cut
func notation(o outcome) string {
	if o.halt != nil {
		return "halt"
	}
	var parts []string
	for _, s := range slices.SortedFunc(slices.Values(o.settled), func(a, b settlement) int { return a.row - b.row }) {
		proof := map[Proof]string{ProofAnswer: "", ProofNone: "?"}
		mark, ok := proof[s.verdict.Proof]
		if !ok {
			mark = "=" + string(s.verdict.Proof)
		}
		parts = append(parts, fmt.Sprintf("%d:%s%s", s.row, s.verdict.Status, mark))
	}
	for _, n := range o.next {
		parts = append(parts, callNames[n.call]+itemsInShort(n.items))
	}
	if len(o.look) > 0 {
		parts = append(parts, "look"+itemsInShort(o.look))
	}
	if len(o.open) > 0 {
		parts = append(parts, "open"+itemsInShort(o.open))
	}
	if o.limit > 0 {
		parts = append(parts, fmt.Sprintf("limit=%d", o.limit))
	}
	if o.noSuch {
		parts = append(parts, "no-such")
	}
	if o.listCut {
		parts = append(parts, "list-cut")
	}
	return strings.Join(parts, " ")
}

var callNames = map[call]string{callRegister: "register", callOverride: "override", callDeregister: "deregister", callEdit: "edit", callAddServer: "add"}

func itemsInShort(items []item) string {
	var rows []string
	for _, it := range items {
		row := fmt.Sprint(it.row) + []string{"", "r", "L"}[it.Reach]
		if it.Alone {
			row += "!"
		}
		rows = append(rows, row)
	}
	return fmt.Sprint(rows)
}

// rowsWith returns so many rows, the first ones with evidence.
func rowsWith(n int, known ...evidence) (items []item) {
	for i := range n {
		it := item{row: i, mac: mac(i)}
		if i < len(known) {
			it.evidence = known[i]
		}
		items = append(items, it)
	}
	return items
}

func TestDecide(t *testing.T) {
	base := facts{maxAttempts: 3, mayRetry: true, canList: true, trusted: true}
	with := func(change func(*facts)) facts { f := base; change(&f); return f }
	own := with(func(f *facts) { f.override = OverrideOwn })
	always := with(func(f *facts) { f.override = OverrideAlways })
	inPart := with(func(f *facts) { f.partial = true })
	noList := with(func(f *facts) { f.canList, f.trusted = false, false })

	was, wasNot := evidence{Before: present}, evidence{Before: absent}
	carried, gone := evidence{Reach: refused}, evidence{Reach: lost}
	wasGone := evidence{Before: present, Reach: lost}
	checked := evidence{Reach: lost, Checked: true}

	register := func(n int, known ...evidence) change { return change{items: rowsWith(n, known...)} }
	as := func(c call, n int, known ...evidence) change { return change{call: c, items: rowsWith(n, known...)} }
	at := func(number, tries int, c change) change { c.number, c.tries = number, tries; return c }
	says := func(k rps.Kind, rows ...int) answer {
		err := &rps.Error{Kind: k, Text: "words"}
		for _, row := range rows {
			err.MACs = append(err.MACs, mac(row))
		}
		return answer{err: err}
	}
	http := func(k rps.Kind, code int) answer { return answer{err: &rps.Error{Kind: k, StatusCode: code}} }
	granted := answer{}

	for _, c := range []struct {
		name string
		f    facts
		c    change
		ans  answer
		want string
	}{
		{"granted", base, register(2), granted, "0:registered 1:registered"},
		{"granted after a lost call", base, register(1, gone), granted, "0:registered"},
		{"granted to move", own, as(callOverride, 2, was), granted, "0:overridden 1:registered"},
		{"granted to remove", base, as(callDeregister, 1, was), granted, "0:deregistered"},
		{"granted to remove what the list hid", base, as(callDeregister, 1, wasNot), granted, "0:deregistered list-cut"},
		{"granted to edit", base, as(callEdit, 1), granted, "0:edited"},
		{"granted to edit what the list hid", base, as(callEdit, 1, wasNot), granted, "0:edited list-cut"},
		{"granted to a half of what was too big", base, func() change { c := register(2); c.probe = true; return c }(), granted, "0:registered 1:registered limit=2"},

		{"wrong credentials", base, register(2), says(rps.Unauthorized), "halt"},
		{"wrong credentials after a lost call", base, register(1, gone), says(rps.Unauthorized), "halt"},
		{"forbidden", base, as(callEdit, 1), says(rps.Forbidden), "halt"},
		{"wrong certificate", base, as(callDeregister, 2), says(rps.Untrusted), "halt"},
		{"not the service", base, as(callAddServer, 0), says(rps.NotService), "halt"},

		{"not sent", base, register(2), says(rps.NotSent), "register[0 1]"},
		{"not sent to the end", base, at(2, 2, register(2)), says(rps.NotSent), "0:failed? 1:failed?"},
		{"not sent to the end after a lost call", base, at(2, 2, register(3, gone, carried)), says(rps.NotSent), "2:failed? open[0L 1r]"},
		{"not sent, without budget", with(func(f *facts) { f.mayRetry = false }), register(1), says(rps.NotSent), "0:failed?"},
		{"turned away", base, register(2), http(rps.Throttled, 429), "register[0 1]"},
		{"turned away to the end", base, at(2, 2, register(1)), http(rps.Throttled, 429), "0:failed?"},
		{"a proxy's 503", base, register(2), http(rps.Throttled, 503), "register[0L 1L]"},
		{"a proxy's 503 to the end", base, at(2, 2, register(1)), http(rps.Throttled, 503), "open[0L]"},
		{"not encodable", base, register(2), says(rps.Unencodable), "0:invalid? 1:invalid?"},

		{"lost", base, register(2), http(rps.Unreadable, 502), "open[0L 1L]"},
		{"lost, without a list", noList, register(2), http(rps.Unreadable, 502), "register[0L 1L]"},
		{"lost to the end, without a list", noList, at(2, 2, register(1)), says(rps.Unreadable), "open[0L]"},
		{"lost when moved", own, as(callOverride, 2, was), says(rps.Unreadable), "override[0L 1L]"},
		{"lost again when moved", own, at(1, 1, as(callOverride, 3, was)), says(rps.Unreadable), "override[0L 1L 2L]"},
		{"lost but for the last try when moved", with(func(f *facts) { f.override, f.maxAttempts = OverrideOwn, 5 }), at(3, 3, as(callOverride, 3, was)), says(rps.Unreadable), "override[0L] override[1L] override[2L]"},
		{"not sent but for the last try when moved", with(func(f *facts) { f.override, f.maxAttempts = OverrideOwn, 5 }), at(3, 3, as(callOverride, 3, was)), says(rps.NotSent), "override[0 1 2]"},
		{"lost when removed", base, as(callDeregister, 2, was, wasNot), says(rps.Unreadable), "open[0L 1L]"},
		{"lost when edited", base, as(callEdit, 1), says(rps.Unreadable), "edit[0L]"},
		{"lost when edited, to the end", base, at(2, 2, as(callEdit, 1)), says(rps.Unreadable), "open[0L]"},

		{"the handler fails", base, register(3), says(rps.HandlerFailed), "register[0L 1L] register[2L]"},
		{"the handler fails for a row", base, register(1), says(rps.HandlerFailed), "register[0L]"},
		{"the handler fails for a row, to the end", base, at(2, 2, register(1)), says(rps.HandlerFailed), "open[0L]"},
		{"the handler fails to remove", base, as(callDeregister, 2, was), says(rps.HandlerFailed), "deregister[0L] deregister[1L]"},

		{"names rows", base, register(4), says(rps.Foreign, 1, 3), "1:registered-elsewhere 3:registered-elsewhere register[0r 2r]"},
		{"names rows, and applies parts", inPart, register(4), says(rps.Foreign, 1, 3), "1:registered-elsewhere 3:registered-elsewhere open[0r 2r]"},
		{"names all rows", base, register(2), says(rps.InvalidMAC, 0, 1), "0:refused 1:refused"},
		{"names an invalid row", base, register(2), says(rps.InvalidMAC, 1), "1:refused register[0r]"},
		{"names an invalid row that was carried before", base, register(2, gone, carried), says(rps.InvalidMAC, 0, 1), "0:refused 1:refused"},
		{"names another's row that was carried before", base, register(2, carried), says(rps.Foreign, 0), "0:registered-elsewhere register[1r]"},
		{"names another's row that may still be bound", base, register(2, gone), says(rps.Foreign, 0), "register[1r] open[0L!]"},
		{"names rows that are repeated", base, register(3), says(rps.RepeatedMAC, 0, 1), "register[2r] open[0L! 1L!]"},
		{"names rows of no batch", base, register(4), says(rps.InvalidMAC, 9), "register[0r 1r] register[2r 3r]"},
		{"names none", base, register(4), says(rps.InvalidMAC), "register[0r 1r] register[2r 3r]"},
		{"names the only row", base, register(1), says(rps.InvalidMAC, 0), "0:refused"},
		{"names no row, and means the only one", base, register(1), says(rps.Foreign), "0:registered-elsewhere"},
		{"names another row than the only one", base, register(1), says(rps.Foreign, 9), "open[0L!]"},
		{"names what is not there", base, as(callDeregister, 3, wasNot, wasNot, was), says(rps.InvalidMAC, 0, 1), "0:not-registered 1:not-registered deregister[2r]"},
		{"names what was there", base, as(callDeregister, 2, was, was), says(rps.InvalidMAC, 0), "deregister[1r] open[0L!]"},
		{"names what no list showed, and what need not be there", with(func(f *facts) { f.canList, f.trusted, f.missingOK = false, false, true }), as(callDeregister, 1), says(rps.InvalidMAC, 0), "0:not-registered"},
		{"names what no list showed", noList, as(callDeregister, 1), says(rps.InvalidMAC, 0), "open[0L!]"},
		{"names what an earlier call may have removed", base, as(callDeregister, 2, evidence{Before: absent, Reach: refused}), says(rps.InvalidMAC, 0), "deregister[1r] open[0r!]"},
		{"edits what is not there", base, as(callEdit, 1), says(rps.UnknownMAC), "0:not-registered"},
		{"edits what is not there, after a lost call", base, as(callEdit, 1, gone), says(rps.UnknownMAC), "open[0L!]"},

		{"refused as a whole", base, register(3), says(rps.Refusal), "register[0r 1r] register[2r]"},
		{"refused as a whole after a lost call", base, register(3, gone), says(rps.Refusal), "register[0L 1r] register[2r]"},
		{"refused as a whole, and applied in part", inPart, register(3), says(rps.Refusal), "open[0r 1r 2r]"},
		{"moves refused as a whole, and applied in part", inPart, as(callOverride, 2), says(rps.OverrideFailed), "override[0r] override[1r]"},
		{"one row is refused", base, register(1), says(rps.Refusal), "0:refused"},
		{"one row is refused after a batch", base, register(1, carried), says(rps.Refusal), "open[0r!]"},
		{"one row is refused after a lost call", base, register(1, gone), says(rps.Refusal), "open[0L!]"},
		{"one row is refused to be edited", base, as(callEdit, 1, was), says(rps.InvalidURL), "0:refused"},
		{"too large", base, register(3), says(rps.PayloadTooLarge), "register[0 1] register[2] limit=2"},
		{"too large for one row", base, register(1), says(rps.PayloadTooLarge), "0:refused"},
		{"too big in words", base, register(4), says(rps.BatchTooBig), "register[0r 1r] register[2r 3r]"},
		{"a service that contradicts itself", base, at(lastNumber(base), 0, register(2)), says(rps.OverridePrompt), "open[0! 1!]"},

		{"no such server", base, register(2), says(rps.InvalidServer), "0:unknown-server 1:unknown-server no-such"},
		{"no such server after a lost call", base, register(2, gone), says(rps.InvalidServer), "1:unknown-server open[0L!] no-such"},
		{"no such name", base, as(callEdit, 1), says(rps.BadServerName), "0:unknown-server no-such"},
		{"no such server, which was granted calls", with(func(f *facts) { f.granted = true }), register(2), says(rps.InvalidServer), "register[0 1]"},
		{"no such server, which was granted calls, to the end", with(func(f *facts) { f.granted = true }), at(2, 2, register(2)), says(rps.InvalidServer), "register[0r] register[1r]"},

		{"the answer to another call: a server, of a removal", base, as(callDeregister, 1), says(rps.InvalidServer), "open[0L]"},
		{"the answer to another call: a name, of a register", base, register(2), says(rps.ServerNameUsed), "open[0L 1L]"},
		{"the answer to another call: a device, of a server", base, as(callAddServer, 0), says(rps.InvalidMAC), "add[]"},
		{"the answer to another call: a list, of an override", base, as(callOverride, 2), says(rps.NoDevices), "override[0L 1L]"},
		{"the answer to another call: a prompt, of an edit", base, as(callEdit, 1), says(rps.OverridePrompt), "edit[0L]"},

		{"prompt that names rows of a lost call", base, register(2, gone, gone), says(rps.OverridePrompt, 0), "register[1L] open[0L]"},
		{"prompt for a row", base, register(1), says(rps.OverridePrompt), "look[0r]"},
		{"prompt for a row, own", own, register(1), says(rps.OverridePrompt), "look[0r]"},
		{"prompt for a row, always", always, register(1), says(rps.OverridePrompt), "override[0r]"},
		{"prompt, never", base, register(3, was), says(rps.OverridePrompt), "0:exists=list register[1r 2r]"},
		{"prompt, own", own, register(3, was), says(rps.OverridePrompt), "override[0] register[1r 2r]"},
		{"prompt, always", always, register(3), says(rps.OverridePrompt), "override[0r 1r 2r]"},
		{"prompt that names rows", base, register(3), says(rps.OverridePrompt, 1), "register[0r 2r] look[1r]"},
		{"prompt that nothing explains", base, register(3), says(rps.OverridePrompt), "register[0r 1r] register[2r]"},
		{"prompt that nothing explains, as often", with(func(f *facts) { f.hidden = true }), register(3), says(rps.OverridePrompt), "look[0r 1r 2r]"},
		{"prompt after a lost call", base, register(2, gone, gone), says(rps.OverridePrompt), "open[0L 1L]"},
		{"prompt after a lost call, without a list", noList, register(2, gone, gone), says(rps.OverridePrompt), "register[0L] register[1L]"},
		{"prompt after a lost call that a list shows undone", base, register(2, checked, checked), says(rps.OverridePrompt), "register[0L] register[1L]"},
		{"prompt for what an earlier call may have bound", base, register(3, wasGone), says(rps.OverridePrompt), "open[0L 1r 2r]"},
		{"prompt where none can be", own, as(callOverride, 2), says(rps.OverridePrompt), "override[0r] override[1r]"},

		{"server added", base, as(callAddServer, 1), granted, "0:registered"},
		{"server exists", base, as(callAddServer, 1), says(rps.ServerNameUsed), "0:exists"},
		{"server refused", base, as(callAddServer, 1), says(rps.ServerURLEmpty), "0:refused"},
		{"server refused after a lost call", base, as(callAddServer, 1, gone), says(rps.ServerNameUsed), "0:in-doubt?"},
		{"server lost", base, as(callAddServer, 1), says(rps.Unreadable), "add[0L]"},
		{"server lost to the end", base, at(2, 2, as(callAddServer, 1)), says(rps.Unreadable), "0:in-doubt?"},
		{"server not sent to the end", base, at(2, 2, as(callAddServer, 1)), says(rps.NotSent), "0:failed?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := notation(decide(c.f, c.c, c.ans)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// What a lost call may do, and until when, is known of each of its rows.
func TestLostCallIsRemembered(t *testing.T) {
	until := time.Unix(1000, 0)
	c := change{call: callOverride, items: rowsWith(1, evidence{Checked: true, List: present})}
	o := decide(facts{maxAttempts: 3, mayRetry: true}, c, answer{err: &rps.Error{Kind: rps.Unreadable}, until: until})
	want := evidence{Reach: lost, Moves: true, Tries: 1, Until: until.UnixNano()}
	if got := o.next[0].items[0].evidence; got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if c.items[0].Reach != untouched {
		t.Error("the change that was lost is another one now")
	}
}

// A prompt shows that a row was registered before the run only if no earlier call can
// have bound it.
func TestPromptAfterAnotherRefusal(t *testing.T) {
	rows := rowsWith(3, evidence{Reach: refused}, evidence{Reach: refused, Asked: true})
	o := decide(facts{maxAttempts: 3, canList: true}, change{items: rows}, answer{err: &rps.Error{Kind: rps.OverridePrompt}})
	var got []bool
	for _, c := range append(o.next, change{items: o.open}) {
		for _, it := range c.items {
			got = append(got, it.Asked)
		}
	}
	if want := []bool{false, true, true}; !slices.Equal(got, want) {
		t.Errorf("asked: %v, want %v", got, want)
	}
}

// The rows of a refused batch count those of them that are granted later.
func TestKinCountsGrants(t *testing.T) {
	f := facts{maxAttempts: 3, mayRetry: true, canList: true}
	halves := decide(f, change{items: rowsWith(3)}, answer{err: &rps.Error{Kind: rps.Refusal}}).next
	kin := halves[1].items[0].kin
	if decide(f, halves[0], answer{}); kin == nil || kin.rows != 3 || kin.granted != 2 {
		t.Errorf("%+v", kin)
	}
	for kind, counts := range map[rps.Kind]bool{rps.Refusal: true, rps.BatchTooBig: false} { // a quota, perhaps
		if o := decide(f, halves[1], answer{err: &rps.Error{Kind: kind}}); (o.open[0].kin != nil) != counts {
			t.Errorf("%v: %+v", kind, o.open[0])
		}
	}
}

var kinds = []rps.Kind{
	rps.Refusal, rps.InvalidMAC, rps.RepeatedMAC, rps.Foreign, rps.OverridePrompt, rps.OverrideFailed,
	rps.BadOverride, rps.InvalidServer, rps.BadServerName, rps.InvalidURL, rps.UnknownMAC, rps.NoDevices,
	rps.ServerNameEmpty, rps.ServerURLEmpty, rps.ServerNameUsed, rps.BatchTooBig, rps.HandlerFailed, rps.NotSent,
	rps.Unauthorized, rps.Forbidden, rps.Untrusted, rps.PayloadTooLarge, rps.Throttled, rps.NotService,
	rps.Unreadable, rps.Unencodable,
}

// FuzzDecide holds decide to its contract, for changes and answers of any kind, and
// follows what it sends next until nothing is left.
func FuzzDecide(f *testing.F) {
	f.Add([]byte("register 100 devices, then lose the answer"))
	f.Add([]byte{0, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	f.Add([]byte{2, 1, 200, 4, 4, 4, 4, 9, 9, 9, 9, 23, 23, 23, 23, 23, 4, 4, 4})
	f.Fuzz(func(t *testing.T, script []byte) {
		next := scripted(script)
		fs := facts{
			override: Override(next(3)), maxAttempts: 1 + next(5), mayRetry: next(4) > 0, canList: next(4) > 0,
			trusted: next(2) > 0, partial: next(2) > 0, hidden: next(3) > 0, granted: next(2) > 0,
		}
		c := change{call: call(next(5))}
		size := 1 + next(12)
		if c.call == callEdit || c.call == callAddServer || next(3) == 0 {
			c.url, size = "https://u.example.com/1", 1
		}
		c.items = rowsWith(size)
		for i := range c.items {
			e := &c.items[i].evidence
			e.Before, e.Reach, e.Checked, e.Tries = presence(next(3)), reach(next(3)), next(2) > 0, uint8(next(256))
		}
		settled := map[int]bool{}
		open := []change{c}
		for steps := 0; len(open) > 0; steps++ {
			if steps > 100_000 {
				t.Fatal("it does not come to an end")
			}
			c := open[0]
			o := decide(fs, c, anyAnswer(c, next))
			if o.halt != nil {
				return
			}
			holdDecide(t, fs, c, o)
			for _, s := range o.settled {
				if settled[s.row] {
					t.Fatalf("row %d is settled twice", s.row)
				}
				settled[s.row] = true
			}
			open = append(o.next, open[1:]...)
		}
	})
}

// scripted draws from the bytes of a script, over and over, each time others.
func scripted(script []byte) draw {
	at := 0
	return func(n int) int {
		if len(script) == 0 {
			return 0
		}
		b := int(script[at%len(script)]) + at/len(script)
		at++
		return b % n
	}
}

// holdDecide holds an outcome to what decide promises of it.
func holdDecide(t *testing.T, f facts, c change, o outcome) {
	seen := map[int]int{}
	for _, s := range o.settled {
		seen[s.row]++
		at := slices.IndexFunc(c.items, func(it item) bool { return it.row == s.row })
		switch v := s.verdict; {
		case !slices.Contains(Statuses, v.Status), v.Status == NotAttempted, v.Status == Duplicate:
			t.Fatalf("row %d: %q is no verdict here", s.row, v.Status)
		case v.Status == Failed && c.items[at].Reach != untouched:
			t.Fatalf("row %d: failed, and it may be applied: %+v", s.row, c.items[at])
		}
	}
	for _, n := range o.next {
		for _, it := range n.items {
			seen[it.row]++
		}
		if len(n.items) == 0 || len(n.items) >= len(c.items) && n.number <= c.number || n.number > lastNumber(f) {
			t.Fatalf("%d rows, number %d follow on %d rows, number %d", len(n.items), n.number, len(c.items), c.number)
		}
		if n.call == callOverride && f.override == OverrideNever && c.call != callOverride {
			t.Fatal("isOverride 1 under never")
		}
	}
	for _, it := range slices.Concat(o.look, o.open) {
		seen[it.row]++
	}
	for _, it := range c.items {
		if seen[it.row] != 1 {
			t.Fatalf("row %d is in %d of settled, next, look and open after %+v", it.row, seen[it.row], c)
		}
	}
	if len(seen) != len(c.items) {
		t.Fatalf("%d rows came of %d", len(seen), len(c.items))
	}
}

func anyAnswer(c change, next draw) answer {
	if next(3) == 0 {
		return answer{}
	}
	err := &rps.Error{Kind: kinds[next(len(kinds))], Text: "some words", StatusCode: []int{0, 429, 503}[next(3)]}
	for _, it := range c.items {
		if next(2) > 0 {
			err.MACs = append(err.MACs, it.mac)
		}
	}
	return answer{err: err, until: time.Unix(int64(next(3)), 0)}
}
