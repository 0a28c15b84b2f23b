package batch

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
)

var kinds = []rps.Kind{
	rps.Refusal, rps.InvalidMAC, rps.RepeatedMAC, rps.Foreign, rps.OverridePrompt, rps.OverrideFailed,
	rps.BadOverride, rps.InvalidServer, rps.BadServerName, rps.InvalidURL, rps.UnknownMAC, rps.NoDevices,
	rps.ServerNameEmpty, rps.ServerURLEmpty, rps.ServerNameUsed, rps.BatchTooBig, rps.NotSent,
	rps.Unauthorized, rps.Forbidden, rps.Untrusted, rps.PayloadTooLarge, rps.Throttled, rps.NotService,
	rps.Unreadable, rps.Unencodable,
}

// FuzzDecide holds decide to its two properties, for attempts and answers of
// any kind, and follows what it sends next until nothing is left.
func FuzzDecide(f *testing.F) {
	f.Add([]byte("register 100 devices, then lose the answer"))
	f.Add([]byte{0, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	f.Add([]byte{2, 1, 200, 4, 4, 4, 4, 9, 9, 9, 9, 23, 23, 23, 23, 23, 4, 4, 4})
	f.Fuzz(func(t *testing.T, script []byte) {
		at := 0
		next := func(n int) int {
			if len(script) == 0 {
				return 0
			}
			b := int(script[at%len(script)]) + at/len(script)
			at++
			return b % n
		}
		fs := facts{
			override: Override(next(3)), maxAttempts: 1 + next(5), mayRetry: next(4) > 0,
			canList: next(4) > 0, absence: next(2) > 0, partial: next(2) > 0,
		}
		if next(2) > 0 {
			fs.serverURL = "https://a.example.com/"
		}
		if next(2) > 0 {
			fs.teacher = mac(999)
		}
		a := attempt{call: call(next(5))}
		size := 1 + next(12)
		if a.call == callAddServer {
			size = 1
		}
		if a.call == callEdit || next(3) == 0 {
			a.url, size = "https://u.example.com/1", 1
		}
		for i := range size {
			a.items = append(a.items, item{row: i, mac: mac(i), ours: next(3) == 0, reach: reach(next(5))})
		}
		open := []attempt{a}
		switch next(4) {
		case 0:
			open[0].items = open[0].items[:1]
			open[0].call, open[0].about, open[0].question = callCheck, callCheck, asked
		case 1:
			if a.call == callRegister {
				open[0].items[0].ours, open[0].items[0].reach = true, untouched
				open = a.look(fs, verifying, "", a.items[:1])
			}
		}
		settled := map[int]bool{}
		for steps := 0; len(open) > 0; steps++ {
			if steps > 100_000 {
				t.Fatal("it does not come to an end")
			}
			a := open[0]
			o := decide(fs, a, anyAnswer(a, next))
			if o.halt != nil {
				return
			}
			seen := map[int]int{}
			for _, s := range o.settled {
				seen[s.row]++
				if settled[s.row] {
					t.Fatalf("row %d is settled twice", s.row)
				}
				settled[s.row] = true
				if s.verdict.Status == "" || s.verdict.Status == NotAttempted || s.verdict.Status == Duplicate {
					t.Fatalf("row %d: %q is no verdict here", s.row, s.verdict.Status)
				}
				at := slices.IndexFunc(a.items, func(it item) bool { return it.row == s.row })
				if s.verdict.Status == Failed && a.question != asked && (a.items[at].reach == hung || a.call.changes() && a.items[at].reach >= refused) {
					t.Fatalf("row %d: failed, and it may be applied: %+v", s.row, a)
				}
			}
			for _, n := range o.next {
				for _, it := range n.items {
					seen[it.row]++
				}
				if len(n.items) == 0 || len(n.items) >= len(a.items) && n.number <= a.number || n.number > lastNumber(fs) {
					t.Fatalf("%d rows, number %d follow on %d rows, number %d", len(n.items), n.number, len(a.items), a.number)
				}
				if n.call == callOverride && fs.override == OverrideNever && a.call != callOverride && a.about != callOverride {
					t.Fatal("isOverride 1 under never")
				}
			}
			for _, it := range a.items {
				if seen[it.row] != 1 {
					t.Fatalf("row %d is in %d of settled and next after %+v", it.row, seen[it.row], a)
				}
			}
			if len(seen) != len(a.items) {
				t.Fatalf("%d rows came of %d", len(seen), len(a.items))
			}
			open = append(o.next, open[1:]...)
		}
	})
}

func anyAnswer(a attempt, next func(int) int) answer {
	if next(3) > 0 {
		e := &rps.Error{Kind: kinds[next(len(kinds))], Text: "some words"}
		for _, it := range a.items {
			if next(2) > 0 {
				e.MACs = append(e.MACs, it.mac)
			}
		}
		return answer{err: e}
	}
	ans := answer{account: roaring64.New()}
	for _, it := range a.items {
		if next(2) > 0 {
			ans.account.Add(it.mac.Uint64())
		}
	}
	ans.status = []rps.DeviceStatus{rps.Registered, rps.Unregistered, rps.Unknown, rps.RegisteredElsewhere}[next(4)]
	ans.url = []string{"https://a.example.com/", "https://u.example.com/1", "https://b.example.com/", ""}[next(4)]
	return ans
}

// describeOutcome writes an outcome in short: "0:registered 1:exists | override[2 3]".
func describeOutcome(o outcome) string {
	var text string
	if o.halt != nil {
		return "halt"
	}
	settled := slices.SortedFunc(slices.Values(o.settled), func(a, b settlement) int { return a.row - b.row })
	for _, s := range settled {
		text += fmt.Sprintf("%d:%s ", s.row, s.verdict.Status)
	}
	names := map[call]string{callRegister: "register", callOverride: "override", callDeregister: "deregister",
		callEdit: "edit", callCheck: "check", callLearn: "learn", callList: "list"}
	for _, n := range o.next {
		rows := []int{}
		for _, it := range n.items {
			rows = append(rows, it.row)
		}
		text += fmt.Sprintf("%s%v ", names[n.call], rows)
	}
	if text == "" {
		return ""
	}
	return text[:len(text)-1]
}

func TestDecide(t *testing.T) {
	fs := facts{maxAttempts: 3, mayRetry: true, canList: true, absence: true}
	with := func(change func(*facts)) facts { f := fs; change(&f); return f }
	own := with(func(f *facts) { f.override = OverrideOwn })
	always := with(func(f *facts) { f.override = OverrideAlways })
	rows := func(n int, change ...func(*item)) (items []item) {
		for i := range n {
			it := item{row: i, mac: mac(i)}
			if i < len(change) && change[i] != nil {
				change[i](&it)
			}
			items = append(items, it)
		}
		return items
	}
	ours := func(it *item) { it.ours = true }
	part := func(it *item) { it.reach = refused }
	lost := func(it *item) { it.reach = doubted }
	hanging := func(it *item) { it.reach = hung }
	says := func(k rps.Kind, macs ...rps.MAC) answer {
		return answer{err: &rps.Error{Kind: k, MACs: macs, Text: "words"}}
	}
	list := func(rows ...int) answer {
		set := roaring64.New()
		for _, r := range rows {
			set.Add(mac(r).Uint64())
		}
		return answer{account: set}
	}
	found := func(s rps.DeviceStatus, url string) answer { return answer{status: s, url: url} }

	for _, c := range []struct {
		name string
		f    facts
		a    attempt
		ans  answer
		want string
	}{
		{"yes", fs, attempt{items: rows(2)}, answer{}, "0:registered 1:registered"},
		{"yes to an override", own, attempt{call: callOverride, items: rows(2, ours)}, answer{}, "0:overridden 1:registered"},
		{"yes to a removal", fs, attempt{call: callDeregister, items: rows(1)}, answer{}, "0:deregistered"},
		{"named rows", fs, attempt{items: rows(4)}, says(rps.Foreign, mac(1), mac(3)), "1:registered-elsewhere 3:registered-elsewhere register[0 2]"},
		{"invalid in the service's eyes", fs, attempt{items: rows(2)}, says(rps.InvalidMAC, mac(1)), "1:refused register[0]"},
		{"named rows of another batch", fs, attempt{items: rows(4)}, says(rps.InvalidMAC, mac(9)), "register[0 1] register[2 3]"},
		{"prompt under never", fs, attempt{items: rows(3, ours)}, says(rps.OverridePrompt), "0:exists register[1 2]"},
		{"prompt under own", own, attempt{items: rows(3, ours)}, says(rps.OverridePrompt), "override[0] register[1 2]"},
		{"prompt under always", always, attempt{items: rows(3)}, says(rps.OverridePrompt), "override[0 1 2]"},
		{"prompt that nothing explains", fs, attempt{items: rows(3)}, says(rps.OverridePrompt), "register[0 1] register[2]"},
		{"prompt on one row", fs, attempt{items: rows(1)}, says(rps.OverridePrompt), "check[0]"},
		{"prompt after a lost answer", fs, attempt{items: rows(2, lost, lost)}, says(rps.OverridePrompt), "list[0 1]"},
		{"no such server", fs, attempt{items: rows(2)}, says(rps.InvalidServer), "0:unknown-server 1:unknown-server"},
		{"refused as a whole", fs, attempt{items: rows(3)}, says(rps.OverrideFailed), "register[0 1] register[2]"},
		{"one row refused", fs, attempt{items: rows(1)}, says(rps.Refusal), "0:refused"},
		{"one row refused after a lost answer", fs, attempt{items: rows(1, lost)}, says(rps.Refusal), "check[0]"},
		{"too large", fs, attempt{items: rows(2)}, says(rps.PayloadTooLarge), "register[0] register[1]"},
		{"throttled", fs, attempt{items: rows(2)}, says(rps.Throttled), "register[0 1]"},
		{"throttled to the end", fs, attempt{items: rows(1), tries: 2}, says(rps.Throttled), "0:failed"},
		{"not sent", fs, attempt{items: rows(1), tries: 2}, says(rps.NotSent), "0:failed"},
		{"not sent after a lost answer", fs, attempt{items: rows(2, lost), tries: 2}, says(rps.NotSent), "1:failed check[0]"},
		{"no budget", with(func(f *facts) { f.mayRetry = false }), attempt{items: rows(1)}, says(rps.NotSent), "0:failed"},
		{"credentials", fs, attempt{items: rows(1)}, says(rps.Unauthorized), "halt"},
		{"forbidden", fs, attempt{items: rows(1)}, says(rps.Forbidden), "halt"},
		{"certificate", fs, attempt{items: rows(1)}, says(rps.Untrusted), "halt"},
		{"lost", fs, attempt{items: rows(2)}, says(rps.Unreadable), "register[0 1]"},
		{"timed out to the end", fs, attempt{items: rows(1), tries: 2}, answer{err: &rps.Error{Kind: rps.Unreadable, Err: context.DeadlineExceeded}}, "check[0]"},
		{"check: not applied, by a call that timed out", fs, attempt{call: callCheck, about: callRegister, question: unanswered, items: rows(1, hanging)}, found(rps.Unregistered, ""), "0:in-doubt"},
		{"check: not applied, by a call that timed out, and refused since", fs, attempt{call: callCheck, about: callRegister, question: unanswered, text: "words", items: rows(1, hanging)}, found(rps.Unregistered, ""), "0:in-doubt"},
		{"check: not applied, and refused since", fs, attempt{call: callCheck, about: callRegister, question: unanswered, text: "words", items: rows(1, lost)}, found(rps.Unregistered, ""), "0:refused"},
		{"list: not removed, by a call that timed out", fs, attempt{call: callList, about: callDeregister, question: unanswered, items: rows(2, hanging, lost)}, list(0, 1), "0:in-doubt 1:failed"},
		{"repeated, after a lost answer", fs, attempt{items: rows(3, lost)}, says(rps.RepeatedMAC, mac(0), mac(1)), "1:refused check[0] register[2]"},
		{"lost to the end", fs, attempt{items: rows(2), tries: 2}, says(rps.Unreadable), "list[0 1]"},
		{"removal of what is not there", fs, attempt{call: callDeregister, items: rows(2)}, says(rps.InvalidMAC, mac(0)), "0:not-registered deregister[1]"},
		{"removal after a lost one", fs, attempt{call: callDeregister, items: rows(2, func(it *item) { it.ours, it.reach = true, doubted })}, says(rps.InvalidMAC, mac(0)), "check[0] deregister[1]"},
		{"removal that names what it did not name before", fs, attempt{call: callDeregister, items: rows(3, part, part)}, says(rps.InvalidMAC, mac(0), mac(1)), "0:in-doubt 1:in-doubt deregister[2]"},
		{"removal that names what was refused in other words before", fs, attempt{call: callDeregister, why: "busy", items: rows(3, part, part)}, says(rps.InvalidMAC, mac(0), mac(1)), "0:not-registered 1:not-registered deregister[2]"},
		{"removal that names one after another", fs, attempt{call: callDeregister, items: rows(3, part, part)}, says(rps.InvalidMAC, mac(0)), "0:not-registered deregister[1 2]"},
		{"check: gone, after a lost removal", fs, attempt{call: callCheck, about: callDeregister, question: missing, items: rows(1, lost)}, found(rps.Unknown, ""), "0:in-doubt"},
		{"check: gone, after a lost removal, and need not be there", with(func(f *facts) { f.missingOK = true }), attempt{call: callCheck, about: callDeregister, question: missing, items: rows(1, lost)}, found(rps.Unknown, ""), "0:deregistered"},
		{"check: gone, need not be there, without a list", with(func(f *facts) { f.missingOK, f.absence = true, false }), attempt{call: callCheck, about: callDeregister, question: missing, items: rows(1, lost)}, found(rps.Unknown, ""), "0:deregistered"},
		{"check: to be removed, and another account's", fs, attempt{call: callCheck, about: callDeregister, question: missing, items: rows(1, lost)}, found(rps.RegisteredElsewhere, ""), "0:not-registered"},
		{"edit of what is not there", fs, attempt{call: callEdit, items: rows(1)}, says(rps.UnknownMAC), "0:not-registered"},

		{"list after a prompt", fs, attempt{call: callList, about: callRegister, question: prompted, items: rows(2, lost, lost)}, list(0), "0:registered register[1]"},
		{"list that explains nothing", fs, attempt{call: callList, about: callRegister, question: prompted, items: rows(2, lost, lost)}, list(), "register[0] register[1]"},
		{"list after a removal", fs, attempt{call: callList, about: callDeregister, question: missing, text: "words", items: rows(2, ours, ours)}, list(0), "0:refused 1:deregistered"},
		{"check: as asked", fs, attempt{call: callCheck, url: "https://u/", about: callRegister, question: prompted, items: rows(1, lost)}, found(rps.Registered, "https://u/"), "0:registered"},
		{"check: was as asked", fs, attempt{call: callCheck, url: "https://u/", about: callRegister, question: prompted, items: rows(1)}, found(rps.Registered, "https://U"), "0:unchanged"},
		{"check: bound to something else", fs, attempt{call: callCheck, url: "https://u/", about: callRegister, question: prompted, items: rows(1, part)}, found(rps.Registered, "https://other/"), "0:exists"},
		{"check: bound to something else since a lost call", fs, attempt{call: callCheck, url: "https://u/", about: callRegister, question: prompted, items: rows(1, lost)}, found(rps.Registered, "https://other/"), "0:in-doubt"},
		{"check: bound to something else, and the list is not whole", with(func(f *facts) { f.absence = false }), attempt{call: callCheck, url: "https://u/", about: callRegister, question: prompted, items: rows(1, lost)}, found(rps.Registered, "https://other/"), "0:exists"},
		{"check: bound to another URL than the user says of the server", with(func(f *facts) { f.serverURL, f.claimed = "https://u/", true }), attempt{call: callCheck, about: callRegister, question: prompted, items: rows(1, lost)}, found(rps.Registered, "https://other/"), "0:in-doubt"},
		{"check: bound to something else, own", own, attempt{call: callCheck, url: "https://u/", about: callRegister, question: prompted, items: rows(1, lost)}, found(rps.Registered, "https://other/"), "override[0]"},
		{"check: elsewhere", own, attempt{call: callCheck, about: callRegister, question: prompted, items: rows(1)}, found(rps.RegisteredElsewhere, ""), "0:registered-elsewhere"},
		{"check: the server's URL can be learnt", with(func(f *facts) { f.teacher = mac(9) }), attempt{call: callCheck, about: callRegister, question: prompted, items: rows(1, lost)}, found(rps.Registered, "https://a/"), "learn[0]"},
		{"check: the server's URL is not known", with(func(f *facts) { f.absence = false }), attempt{call: callCheck, about: callRegister, question: prompted, items: rows(1, lost)}, found(rps.Registered, "https://a/"), "0:in-doubt"},
		{"check: not applied", fs, attempt{call: callCheck, about: callRegister, question: unanswered, items: rows(1, lost)}, found(rps.Unregistered, ""), "0:failed"},
		{"check: no answer either", fs, attempt{call: callCheck, about: callRegister, question: unanswered, tries: 2, items: rows(1, lost)}, says(rps.Unreadable), "0:in-doubt"},
		{"learnt: the same", fs, attempt{call: callLearn, about: callRegister, question: prompted, found: true, bound: "https://a/", teacher: mac(9), items: rows(1, lost)}, found(rps.Registered, "https://a/"), "0:registered"},
		{"learnt: another", fs, attempt{call: callLearn, about: callRegister, question: prompted, found: true, bound: "https://b/", teacher: mac(9), items: rows(1, lost)}, found(rps.Registered, "https://a/"), "0:exists"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := describeOutcome(decide(c.f, c.a, c.ans)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// A prompt refuses a batch that may have been applied to the free rows: when the
// run stops then, they are not "not attempted".
func TestPromptUnderAlwaysLeavesRowsOpen(t *testing.T) {
	f := facts{override: OverrideAlways, maxAttempts: 3, mayRetry: true}
	a := attempt{items: []item{{row: 0, mac: mac(0)}, {row: 1, mac: mac(1)}}}
	o := decide(f, a, answer{err: &rps.Error{Kind: rps.OverridePrompt}})
	if len(o.next) != 1 || o.next[0].call != callOverride || o.next[0].items[0].reach != refused {
		t.Errorf("%+v", o)
	}
}

// TestReach tells how far a call is feared to have come, by what came of it.
func TestReach(t *testing.T) {
	for _, c := range []struct {
		name string
		err  *rps.Error
		want reach
	}{
		{"turned away", &rps.Error{Kind: rps.Throttled, StatusCode: 429}, untouched},
		{"a proxy's 503", &rps.Error{Kind: rps.Throttled, StatusCode: 503}, doubted},
		{"not sent", &rps.Error{Kind: rps.NotSent}, untouched},
		{"reset", &rps.Error{Kind: rps.Unreadable, Err: io.ErrUnexpectedEOF}, doubted},
		{"a proxy's 502", &rps.Error{Kind: rps.Unreadable, StatusCode: 502}, doubted},
		{"a proxy's 504", &rps.Error{Kind: rps.Unreadable, StatusCode: 504}, hung},
		{"our time-out", &rps.Error{Kind: rps.Unreadable, Err: fmt.Errorf("timeout: %w", context.DeadlineExceeded)}, hung},
	} {
		o := decide(facts{maxAttempts: 3, mayRetry: true}, attempt{items: []item{{mac: mac(1)}}}, answer{err: c.err})
		if len(o.next) != 1 || o.next[0].items[0].reach != c.want {
			t.Errorf("%s: %+v, want reach %d", c.name, o, c.want)
		}
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
