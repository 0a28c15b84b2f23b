package csvio

import (
	"strings"
	"testing"
	"time"

	"rpsbatch/batch"
	"rpsbatch/rps"
)

func TestPrior(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 32, 48, 0, time.UTC)
	mac1 := mustMAC(t, "001565000001")
	const header = "mac,rps_line,rps_mac,rps_server,rps_status,rps_proof,rps_detail,rps_url,rps_calls,rps_time"
	for _, test := range []struct {
		name, cells string
		comma       string
		want        batch.Prior
	}{
		{"as written", "2,00-15-65-00-00-01,hq,registered,answer,,https://example.com/u/1,1,2026-11-23T12:32:48Z", ",",
			batch.Prior{Line: 2, MAC: mac1, Server: "hq", Verdict: batch.Verdict{Status: "registered", Proof: "answer", URL: "https://example.com/u/1", Calls: 1, Time: at}}},
		{"quoted", `3,,"a,b",invalid,,"the MAC: ""O"", or so",,0,`, ",",
			batch.Prior{Line: 3, Server: "a,b", Verdict: batch.Verdict{Status: "invalid", Detail: `the MAC: "O", or so`}}},
		{"quotes at both ends", `3,,,refused,,"""a"",""b""",x,0,`, ",",
			batch.Prior{Line: 3, Verdict: batch.Verdict{Status: "refused", Detail: `"a","b"`, URL: "x"}}},
		{"semicolons", `4;00-15-65-00-00-01;;refused;;"a;b,c";;2;`, ";",
			batch.Prior{Line: 4, MAC: mac1, Verdict: batch.Verdict{Status: "refused", Detail: "a;b,c", Calls: 2}}},
		{"guarded formulas", `5,,'=hq,refused,,'=cmd|x,,1,`, ",",
			batch.Prior{Line: 5, Server: "=hq", Verdict: batch.Verdict{Status: "refused", Detail: "=cmd|x", Calls: 1}}},
		{"an apostrophe of the service", `5,,,refused,,'no',,1,`, ",",
			batch.Prior{Line: 5, Verdict: batch.Verdict{Status: "refused", Detail: "'no'", Calls: 1}}},
		{"times of a spreadsheet", `"6",,, failed ,,,,1.5,23.11.2026`, ",", batch.Prior{Line: 6, Verdict: batch.Verdict{Status: "failed"}}},
		{"too few", "8", ",", batch.Prior{Line: 8}},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := strings.ReplaceAll(header, ",", test.comma) + "\n001565000001" + test.comma + test.cells + "\n"
			rows, _ := rowsOf(t, text, Options{Action: batch.Check, Comma: test.comma[0]})
			got := rows[0].Prior
			if got.Cells = ""; got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

// What a Writer wrote is read back, in any dialect, and wherever our columns
// have been moved to since.
func TestPriorRoundTrip(t *testing.T) {
	want := batch.Verdict{
		Status: batch.Refused, Proof: batch.ProofAnswer, Detail: `=the service, says; "no"|`, URL: "https://example.com/u/1,2;3|4",
		Calls: 7, Time: time.Date(2026, 11, 23, 12, 32, 48, 0, time.UTC),
	}
	for _, comma := range []byte(",;\t|") {
		separator := string(rune(comma))
		src := strings.Join([]string{"mac", "server", "site"}, separator) + "\r\n" +
			strings.Join([]string{"001565000001", "hq", `"a` + separator + `""b"`}, separator) + "\r\n"
		first, err := NewReader(strings.NewReader(src), Options{Comma: comma})
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
			"001565000001"+separator+"hq", "001565000001"+separator+"7"+separator+"hq",
			separator+"rps_calls"+separator+"rps_time", separator+"rps_time",
			separator+"7"+separator+"2026", separator+"2026").Replace(result.String())
		if strings.Count(moved, "rps_calls") != 1 || !strings.HasPrefix(moved, "mac"+separator+"rps_calls") {
			t.Fatalf("the test moved no column: %s", moved)
		}
		for _, text := range []string{result.String(), moved} {
			r, err := NewReader(strings.NewReader(text), Options{Comma: comma})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Read(&row); err != nil {
				t.Fatal(err)
			}
			got := row.Prior
			if got.Line != 2 || got.MAC != mustMAC(t, "001565000001") || got.Server != "hq" || got.Verdict != want {
				t.Errorf("%q: got %+v", comma, got)
			}
		}
	}
}

func mustMAC(t *testing.T, text string) rps.MAC {
	t.Helper()
	mac, err := rps.ParseMAC(text)
	if err != nil {
		t.Fatal(err)
	}
	return mac
}
