package csvio

import (
	"strings"
	"testing"

	"rpsbatch/batch"
)

// A row with more cells than the header has been torn by a delimiter: it is told
// of, and not sent with a URL that was cut.
func TestSurplusCells(t *testing.T) {
	const head = "mac,server,url\n"
	for _, test := range []struct {
		name, file string
		want       string // "": nothing, "note": a remark, else part of the problem
	}{
		{"none", head + "001565000001,hq,https://a.example.com/x?a=1\n", ""},
		{"empty cells", head + "001565000001,hq,https://a.example.com/x?a=1,, ,\"\"\n", ""},
		{"comma in a URL", head + "001565000001,hq,https://a.example.com/x?a=1,2\n", "cut at a comma: put it in quotes"},
		{"comma in a quoted URL", head + "001565000001,hq,\"https://a.example.com/x?a=1,2\"\n", ""},
		{"comma in a URL with a stray quote", head + "001565000001,hq,\"ht\"tps://a.example.com/x?a=1,2\"\n", "cut at a comma"},
		{"semicolon in a URL", "mac;url\n001565000001;https://a.example.com/x?a=1;2\n", "cut at a semicolon"},
		{"header with unnamed cells", "mac,server,url,,\n001565000001,hq,https://a.example.com/x?a=1,ok,\n", "note"},
		{"query behind a URL", "mac,server,url,,\n001565000001,hq,https://a.example.com/x?a=1,b=2,\n", "cut at a comma"},
		{"query in the notes", head[:len(head)-1] + ",notes\n001565000001,hq,https://a.example.com/x?a=1,b=2,\n", "cut at a comma"},
		{"one word in the notes, and one more delimiter", head[:len(head)-1] + ",notes\n001565000001,hq,https://a.example.com/x,ok,\n", ""},
		{"link in the notes", head[:len(head)-1] + ",notes\n001565000001,hq,https://a.example.com/x,https://wiki.example.com/?a=b\n", ""},
		{"server behind the URL", "mac,url,server\n001565000001,https://a.example.com/a,b,Head office\n", "cut at a comma"},
		{"note behind a URL", head + "001565000001,hq,https://a.example.com/x,at the door\n", "note"},
		{"cell in between", head + "001565000001,hq,https://a.example.com/x?a=1,,2\n", "note"},
		{"no URL", head + "001565000001,hq,,2\n", "note"},
		{"column behind the URL", head[:len(head)-1] + ",notes\n001565000001,hq,https://a.example.com/x?a=1,2,note\n", "cut at a comma"},
		{"server last", "mac,site,server\n001565000001,Bonn,Markt 1,hq\n", "its server may be in another column: put the cell that contains a comma in quotes"},
		{"no header", "001565000001,hq\n001565000002,hq,\n001565000003,hq,x\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			rows, format := rowsOf(t, test.file, Options{})
			for range 3 {
				checkProblem(t, rows[0].Problem, strings.TrimPrefix(test.want, "note"))
				if rows[0].Surplus != (test.want == "note") {
					t.Errorf("%+v", rows[0])
				}
				// Its result has columns for them, and says the same.
				result := written(t, rows, format, func(w *Writer, row *batch.Row) error {
					verdict := batch.Verdict{Status: batch.Registered, Proof: batch.ProofAnswer}
					if row.Problem != "" {
						verdict = batch.Verdict{Status: batch.Invalid, Detail: "whatever it says"}
					}
					return w.Write(row, verdict)
				})
				rows, format = rowsOf(t, result, Options{})
			}
		})
	}
	// A remark beside an empty cell says so, and naming or emptying it helps.
	for file, want := range map[string]string{
		"MAC,Server,\n001565000001,,moved out\n":         "its server is empty, and the cell beside it|put the server in its column|empty it or name its column",
		"MAC,Server,Remark\n001565000001,,moved out\n":   "",
		"MAC,Server,\n001565000001,,\n":                  "",
		"MAC,Server,\n001565000001,hq,moved out\n":       "",
		"MAC,Server,URL,\n001565000001,hq,,https://h/\n": "its url is empty, and the cell beside it|put the url in its column",
	} {
		rows, _ := rowsOf(t, file, Options{Server: "other"})
		checkProblem(t, rows[0].Problem, want)
	}
	rows, _ := rowsOf(t, "mac,url\n001565000001,https://h/,2\n", Options{Action: batch.Deregister})
	checkProblem(t, rows[0].Problem, "")
}
