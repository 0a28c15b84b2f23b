package csvio

import (
	"strings"
	"testing"
	"time"

	"rpsbatch/batch"
)

func TestPrior(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 32, 48, 0, time.UTC)
	for _, test := range []struct {
		name  string
		prior string
		comma byte
		want  Prior
	}{
		{"as written", "2,00-15-65-00-00-01,registered,,https://example.com/u/1,1,2026-11-23T12:32:48Z", ',',
			Prior{2, "00-15-65-00-00-01", batch.Verdict{Status: "registered", URL: "https://example.com/u/1", Calls: 1, Time: at}}},
		{"quoted", `3,,invalid,"the MAC: ""O"", or so",,0,`, ',',
			Prior{3, "", batch.Verdict{Status: "invalid", Detail: `the MAC: "O", or so`}}},
		{"quotes at both ends", `3,,refused,"""a"",""b""",x,0,`, ',',
			Prior{3, "", batch.Verdict{Status: "refused", Detail: `"a","b"`, URL: "x"}}},
		{"text behind a quote", `3,,refused,"a,b"c,x,0,`, ',',
			Prior{3, "", batch.Verdict{Status: "refused", Detail: "a,bc", URL: "x"}}},
		{"semicolons", `4;00-15-65-00-00-02;refused;"a;b,c";;2;`, ';',
			Prior{4, "00-15-65-00-00-02", batch.Verdict{Status: "refused", Detail: "a;b,c", Calls: 2}}},
		{"a guarded formula", `5,,refused,'=cmd|x,,1,`, ',',
			Prior{5, "", batch.Verdict{Status: "refused", Detail: "=cmd|x", Calls: 1}}},
		{"an apostrophe of the service", `5,,refused,'no',,1,`, ',',
			Prior{5, "", batch.Verdict{Status: "refused", Detail: "'no'", Calls: 1}}},
		{"times of a spreadsheet", `"6",, failed ,,,1.5,23.11.2026`, ',',
			Prior{6, "", batch.Verdict{Status: "failed"}}},
		{"an open quote", `7,,refused,"a,b`, ',',
			Prior{7, "", batch.Verdict{Status: "refused", Detail: "a,b"}}},
		{"too few", "8", ',', Prior{Line: 8}},
		{"none", "", ',', Prior{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Format{Comma: test.comma}.Prior(&batch.Row{Prior: test.prior})
			if got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

// What a Writer wrote is read back, in any dialect, and wherever our columns
// have been moved to since.
func TestPriorRoundTrip(t *testing.T) {
	want := batch.Verdict{
		Status: batch.Refused, Detail: `=the service, says; "no"|`, URL: "https://example.com/u/1,2;3|4",
		Calls: 7, Time: time.Date(2026, 11, 23, 12, 32, 48, 0, time.UTC),
	}
	for _, comma := range []byte(",;\t|") {
		separator := string(rune(comma))
		src := strings.Join([]string{"mac", "server", "site"}, separator) + "\r\n" +
			strings.Join([]string{"001565000001", "hq", `"a` + separator + `""b"`}, separator) + "\r\n"
		first, err := NewReader(strings.NewReader(src), Options{Comma: comma, NeedServer: true})
		if err != nil {
			t.Fatal(err)
		}
		var row batch.Row
		if err := first.Read(&row); err != nil {
			t.Fatal(err)
		}
		var result strings.Builder
		w, err := NewWriter(&result, first.Format(), row.Cells)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(&row, want)
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		moved := strings.NewReplacer("mac"+separator+"server", "mac"+separator+"rps_calls"+separator+"server",
			"01"+separator+"hq", "01"+separator+"7"+separator+"hq",
			separator+"rps_calls"+separator+"rps_time", separator+"rps_time",
			separator+"7"+separator+"2026", separator+"2026").Replace(result.String())
		if strings.Count(moved, "rps_calls") != 1 || !strings.HasPrefix(moved, "mac"+separator+"rps_calls") {
			t.Fatalf("the test moved no column: %s", moved)
		}
		for _, text := range []string{result.String(), moved} {
			r, err := NewReader(strings.NewReader(text), Options{Comma: comma, NeedServer: true})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Read(&row); err != nil {
				t.Fatal(err)
			}
			got := r.Format().Prior(&row)
			if got.Line != 2 || got.MAC != "00-15-65-00-00-01" || got.Verdict != want {
				t.Errorf("%q: got %+v", comma, got)
			}
		}
	}
}
