package report

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"rpsbatch/batch"
	"rpsbatch/csvio"
)

// tallied counts a result whose rows are the lines of text, behind a header.
func tallied(t *testing.T, opts Options, text string) *Tally {
	t.Helper()
	const header = "mac,server,url,rps_line,rps_mac,rps_status,rps_detail,rps_url,rps_calls,rps_time\n"
	r, err := csvio.NewReader(strings.NewReader(header+strings.TrimLeft(text, "\n")), csvio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var rows []batch.Row
	for {
		var row batch.Row
		err := r.Read(&row)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	tally := NewTally(opts)
	for i := range rows {
		tally.Add(&rows[i])
	}
	if again, needed := tally.Again(); needed {
		for tally = again; len(rows) > 0; rows = rows[1:] {
			tally.Add(&rows[0])
		}
	}
	return tally
}

func lines(counts []Count) string {
	var b strings.Builder
	for _, c := range counts {
		fmt.Fprintf(&b, "%s %d/%d\n", c.Name, c.Succeeded, c.Rows)
	}
	return b.String()
}

func TestTally(t *testing.T) {
	tally := tallied(t, Options{Rows: 2}, `
001565000001,hq,,2,00-15-65-00-00-01,registered,,,1,2026-11-23T12:00:05Z
001565000002,hq,,3,00-15-65-00-00-02,unchanged,,,1,2026-11-23T12:00:01Z
001565000003,branch,,4,00-15-65-00-00-03,exists,here already,,0,
00156500000x,hq,,5,,invalid,the MAC is not valid,,0,
,,,6,,,,,,
001565000004,,https://example.com/u/4,7,00-15-65-00-00-04,not-registered,,,1,2026-11-23T12:00:09Z
001565000005,hq,,,,,,,,
001565000006,hq,,9,00-15-65-00-00-06,mine,,,,
`)
	if got, want := [3]int{tally.Rows, tally.Succeeded, tally.Blank}, [3]int{7, 2, 1}; got != want {
		t.Errorf("rows, succeeded, blank: %v, not %v", got, want)
	}
	if got, want := lines(tally.Statuses()), "(no verdict) 0/1\nexists 0/1\ninvalid 0/1\nmine 0/1\nnot-registered 0/1\nregistered 1/1\nunchanged 1/1\n"; got != want {
		t.Errorf("by status:\n%s", got)
	}
	if got, want := lines(tally.Servers()), "hq 2/5\n(none) 0/1\nbranch 0/1\n"; got != want {
		t.Errorf("by server:\n%s", got)
	}
	if got, want := tally.When(), "from 2026-11-23 12:00:01 to 12:00:09 UTC"; got != want {
		t.Errorf("when: %q, not %q", got, want)
	}
	want := []Row{
		{Line: 4, MAC: "00-15-65-00-00-03", Server: "branch", Status: "exists", Fate: "exists", Detail: "here already"},
		{Line: 5, MAC: "00156500000x", Server: "hq", Status: "invalid", Fate: "invalid", Detail: "the MAC is not valid"},
	}
	if !reflect.DeepEqual(tally.Failed, want) {
		t.Errorf("rows that did not succeed: %+v", tally.Failed)
	}
}

// The statuses that are a success are those of batch, all of them.
func TestSuccessIsThatOfBatch(t *testing.T) {
	for _, status := range batch.Statuses {
		if status == batch.Duplicate {
			continue
		}
		tally := tallied(t, Options{}, fmt.Sprintf("001565000001,hq,,2,00-15-65-00-00-01,%s,,,1,\n", status))
		if good := tally.Succeeded == 1; good != batch.Register.Succeeds(status) {
			t.Errorf("%s: a success here: %v", status, good)
		}
	}
	const missing = "001565000001,hq,,2,00-15-65-00-00-01,not-registered,,,1,\n001565000001,hq,,3,00-15-65-00-00-01,duplicate,the same MAC and target as line 2: not-registered,,0,\n"
	if tally := tallied(t, Options{IgnoreMissing: true}, missing); tally.Succeeded != 2 {
		t.Errorf("with --ignore-missing %d rows succeeded, not 2", tally.Succeeded)
	}
	if tally := tallied(t, Options{}, missing); tally.Succeeded != 0 {
		t.Errorf("without --ignore-missing %d rows succeeded, not 0", tally.Succeeded)
	}
}

func TestDuplicatesShareTheFateOfTheirRow(t *testing.T) {
	row := func(line int, mac, status, detail string) string {
		return fmt.Sprintf("00156500000%s,hq,,%d,00-15-65-00-00-0%s,%s,%s,,1,\n", mac, line, mac, status, detail)
	}
	duplicate := row(4, "1", "duplicate", "whatever it says: registered")
	for _, test := range []struct {
		name string
		text string
		good int
		fate batch.Status // of the last row that did not succeed
	}{
		{"of a success", row(2, "1", "registered", "") + duplicate, 2, ""},
		{"of a refusal", row(2, "1", "exists", "") + duplicate, 0, batch.Exists},
		{"of a success among conflicts", row(2, "1", "registered", "") + row(3, "1", "conflict", "") + duplicate, 2, ""},
		{"of a success behind a conflict", row(2, "1", "conflict", "") + row(3, "1", "registered", "") + duplicate, 2, ""},
		{"sorted, before its row", duplicate + row(2, "1", "registered", ""), 2, ""},
		{"its row is gone", duplicate, 0, batch.Duplicate},
		{"its row is gone, and a conflict is left", row(2, "1", "conflict", "") + duplicate, 0, batch.Duplicate},
		{"of another MAC", row(2, "2", "registered", "") + duplicate, 1, batch.Duplicate},
	} {
		t.Run(test.name, func(t *testing.T) {
			tally := tallied(t, Options{Rows: 10}, test.text)
			if tally.Succeeded != test.good {
				t.Errorf("%d rows succeeded, not %d", tally.Succeeded, test.good)
			}
			if test.fate != "" && (len(tally.Failed) == 0 || tally.Failed[len(tally.Failed)-1].Fate != test.fate) {
				t.Errorf("rows that did not: %+v; the last is to share the fate %s", tally.Failed, test.fate)
			}
		})
	}
}

func TestRefusalsCountTogether(t *testing.T) {
	tally := tallied(t, Options{}, `
001565000001,hq,,2,00-15-65-00-00-01,refused,Error: 001565000001 is bad,,1,
001565000002,hq,,3,00-15-65-00-00-02,refused,Error: 00:15:65:00:00:02 is bad,,1,
001565000003,hq,,4,00-15-65-00-00-03,exists,Error: 001565000001 is bad,,1,
001565000004,hq,,5,00-15-65-00-00-04,registered,Error: 001565000001 is bad,,1,
001565000005,hq,,6,00-15-65-00-00-05,conflict,another target: line 12,,1,
001565000006,hq,,7,00-15-65-00-00-06,conflict,another target: line 7,,1,
001565000007,hq,,8,,refused,Error: 0015.6500.0007 is bad,,1,
001565000008,hq,,9,00-15-65-00-00-08,refused,Error: 001565000008 is bad,,1,
`)
	list, rest := tally.Refusals()
	want := []Refusal{
		{"refused", "refused", "Error: MAC is bad", 4, []Example{{2, "00-15-65-00-00-01"}, {3, "00-15-65-00-00-02"}, {8, ""}}},
		{"conflict", "conflict", "another target: line N", 2, []Example{{6, "00-15-65-00-00-05"}, {7, "00-15-65-00-00-06"}}},
		{"exists", "exists", "Error: MAC is bad", 1, []Example{{4, "00-15-65-00-00-03"}}},
	}
	if !reflect.DeepEqual(list, want) || rest != 0 {
		t.Errorf("got %+v, rest %d", list, rest)
	}
}

// A service with a text of its own for each row fills no memory, and no row is
// lost from the counts.
func TestRefusalsAreBounded(t *testing.T) {
	var b strings.Builder
	const rows = maxRefusals + 100
	for i := range rows {
		fmt.Fprintf(&b, "001565000001,hq,,%d,00-15-65-00-00-01,odd-%d,ticket %d,,1,\n", i+2, i, i)
	}
	tally := tallied(t, Options{Rows: 10}, b.String())
	list, rest := tally.Refusals()
	if len(list) != maxRefusals || rest != 100 || len(tally.Failed) != 10 || tally.Rows != rows {
		t.Errorf("%d texts, rest %d, %d rows kept, %d counted", len(list), rest, len(tally.Failed), tally.Rows)
	}
	total := 0
	for _, c := range tally.Statuses() {
		total += c.Rows
	}
	if n := len(tally.Statuses()); n > len(batch.Statuses)+maxOddStatuses+1 || total != rows {
		t.Errorf("%d statuses with %d rows", n, total)
	}
}

func TestRefusalText(t *testing.T) {
	for _, test := range []struct{ detail, want string }{
		{"Error:Invalid MAC(s):001565000001", "Error:Invalid MAC(s):MAC"},
		{"Error:Invalid MAC(s):001565000001,00:15:65:00:00:02, 00 15 65 00 00 03; 00-15-65-00-00-04.", "Error:Invalid MAC(s):MAC."},
		{"0015.6500.0001 and 001565000002", "MAC and MAC"},
		{"line 12: x, line 3: y; baseline 5, line A, lines 3", "line N: x, line N: y; baseline 5, line A, lines 3"},
		{"it has 11 hexadecimal digits", "it has 11 hexadecimal digits"},
		{"0015650000012 x001565000001 001565000001x 00156500000", "0015650000012 x001565000001 001565000001x 00156500000"},
		{"", ""},
	} {
		if got := refusalText(test.detail); got != test.want {
			t.Errorf("%q: got %q, not %q", test.detail, got, test.want)
		}
	}
}
