package csvio

import (
	"errors"
	"strings"
	"testing"
	"time"

	"rpsbatch/batch"
)

// resultOf writes the result of a file with one verdict for all of its rows.
func resultOf(t testing.TB, file string, opts Options, verdict batch.Verdict) string {
	t.Helper()
	rows, format := rowsOf(t, file, opts)
	return written(t, rows, format, func(w *Writer, row *batch.Row) error { return w.Write(row, verdict) })
}

func written(t testing.TB, rows []batch.Row, format Format, write func(*Writer, *batch.Row) error) string {
	t.Helper()
	var b strings.Builder
	w, err := NewWriter(&b, format, widest(rows))
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := write(w, &rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func widest(rows []batch.Row) (width int) {
	for _, row := range rows {
		width = max(width, row.Cells)
	}
	return width
}

const ourHeader = "rps_line,rps_mac,rps_server,rps_status,rps_proof,rps_detail,rps_url,rps_calls,rps_time"

func TestResultFile(t *testing.T) {
	verdict := batch.Verdict{Status: batch.Registered, Calls: 1, Time: time.Date(2026, 1, 2, 3, 4, 5, 6e8, time.FixedZone("", 3600))}
	const ours = "00-15-65-00-00-01,,registered,,,,1,2026-01-02T02:04:05Z"
	tests := []struct{ name, file, want string }{
		{"plain", "mac,server\n001565000001,s\n", "mac,server," + ourHeader + "\n001565000001,s,2," + ours + "\n"},
		{"CRLF", "mac\r\n001565000001\r\n", "mac," + ourHeader + "\r\n001565000001,2," + ours + "\r\n"},
		{"CR", "mac\r001565000001\r", "mac," + ourHeader + "\r001565000001,2," + ours + "\r"},
		{"mixed line ends become the header's", "mac\r\n001565000001\n", "mac," + ourHeader + "\r\n001565000001,2," + ours + "\r\n"},
		{"line ends in quotes are left", "mac,n\n001565000001,\"a\r\nb\"\n", "mac,n," + ourHeader + "\n001565000001,\"a\r\nb\",2," + ours + "\n"},
		{"last line end is added", "mac\r\n001565000001", "mac," + ourHeader + "\r\n001565000001,2," + ours + "\r\n"},
		{"header only", "mac", "mac," + ourHeader + "\n"},
		{"byte order mark", "\ufeffmac\n001565000001\n", "\ufeffmac," + ourHeader + "\n001565000001,2," + ours + "\n"},
		{"quotes are left", "\"mac\", n \n\"001565000001\", \"\"\"x\n", "\"mac\", n ," + ourHeader + "\n\"001565000001\", \"\"\"x,2," + ours + "\n"},
		{"short rows are filled up", "mac,a,b\n001565000001\n", "mac,a,b," + ourHeader + "\n001565000001,,,2," + ours + "\n"},
		{"header is filled up to long rows", "mac\n001565000001,x,\n001565000001\n",
			"mac,,," + ourHeader + "\n001565000001,x,,2," + strings.Replace(ours, "registered,,", "registered,,it has more cells than the header: an unquoted comma may have shifted them", 1) + "\n001565000001,,,3," + ours + "\n"},
		{"blank", "mac,a\n\n,\n\"\" \n", "mac,a," + ourHeader + "\n\n,,3,,,,,,,,\n\"\" ,,4,,,,,,,,\n"},
		{"no MAC", "mac\nx\n", "mac," + ourHeader + "\nx,2,,,registered,,,,1,2026-01-02T02:04:05Z\n"},
		{"quote is closed", "mac,a\n001565000001,\"b\n", "mac,a," + ourHeader + "\n001565000001,\"b\",2," + ours + "\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := resultOf(t, test.file, Options{Action: batch.Check}, verdict); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestOurCells(t *testing.T) {
	tests := []struct{ name, detail, want string }{
		{"plain", "all is well", "all is well"},
		{"delimiter", "a,b", `"a,b"`},
		{"quote", `say "x"`, `"say ""x"""`},
		{"white space is folded", " a\r\n\t b\v c \x00d\u0085e\u2028f ", "a b c \ufffdd e f"},
		{"nothing left", " \r\n", ""},
		{"formula", "=1+1", "'=1+1"},
		{"plus", "+1", "'+1"},
		{"minus", "-1", "'-1"},
		{"at", "@x", "'@x"},
		{"formula in quotes", `=HYPERLINK("x","y")`, `"'=HYPERLINK(""x"",""y"")"`},
		{"formula behind white space", " \t=1", "'=1"},
		{"formula in the middle", "a=1 -2", "a=1 -2"},
		{"formula in the next cell", "a;=1", "a;'=1"},
		{"formula in quotes in the next cell", `a| "=1"`, `"a| ""'=1"""`},
		{"too long", strings.Repeat("é", 1001), strings.Repeat("é", 999) + "…"},
		{"as long as can be", strings.Repeat("é", 1000), strings.Repeat("é", 1000)},
		{"too long when guarded", "=" + strings.Repeat("é", longestDetail-1), "'=" + strings.Repeat("é", longestDetail-3) + "…"},
		{"umlaut", "größer", "größer"},
		{"not UTF-8", "gr\xfcn", "gr\ufffdn"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := resultOf(t, "mac\nx\n", Options{Action: batch.Check}, batch.Verdict{Status: batch.Refused, Detail: test.detail})
			want := "mac," + ourHeader + "\nx,2,,,refused,," + test.want + ",,0,\n"
			if got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
	// The URL of a service that misbehaves is cleaned alike.
	if got := resultOf(t, "mac\nx\n", Options{Action: batch.Check}, batch.Verdict{URL: "@h/\x00\xff,\n"}); !strings.HasSuffix(got, ",\"'@h/\ufffd\ufffd,\",0,\n") {
		t.Errorf("got  %q", got)
	}
	for text, want := range map[string]string{
		"\tx": "'\tx", "\rx": "\"'\rx\"", " x": `" x"`, "x ": `"x "`, "x\t": "\"x\t\"", "a\nb": "\"a\nb\"", "a b": "a b",
	} {
		w := &Writer{format: Format{Comma: ','}}
		if w.cell(text); string(w.buf) != ","+want {
			t.Errorf("%q is written %q, want %q", text, w.buf, want)
		}
	}
	// With another delimiter a comma needs no quotes.
	got := resultOf(t, "mac;n\nx;\n", Options{Action: batch.Check, Comma: ';'}, batch.Verdict{Detail: "a,b", URL: "c;d"})
	if want := "mac;n;" + strings.ReplaceAll(ourHeader, ",", ";") + "\nx;;2;;;;;a,b;\"c;d\";0;\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A result fed back has our columns replaced; the user's stay byte for byte.
func TestResultOfResult(t *testing.T) {
	first := batch.Verdict{Status: batch.Failed, Detail: `no answer, "at all"`, Calls: 3, Time: time.Unix(0, 0)}
	second := batch.Verdict{Status: batch.Registered, Calls: 1}
	files := map[string]string{
		"plain":     "mac,server,n\n001565000001,s,\n",
		"dialect":   "\ufeff\"mac\",server, n\r\n\"001565000001\",\"s\", \"x \r\n\r\n,,\r\nx,,\"a\"\"\r\nb\"\r\n",
		"long":      "mac\n001565000001,a,\"b\"\n001565000002\n",
		"unclosed":  "mac,n\n001565000001,\"x\n",
		"only MACs": "mac\n001565000001\n\"001565000002\"\n",
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			one := resultOf(t, file, Options{Action: batch.Check}, first)
			rows, format := rowsOf(t, one, Options{Action: batch.Check})
			if !format.PriorStatus {
				t.Error("the status column was not seen")
			}
			for _, row := range rows {
				switch {
				case row.Blank && row.Prior.Status != "", !row.Blank && row.Prior.Status != batch.Failed:
					t.Errorf("prior status %q of %+v", row.Prior.Status, row)
				case !row.Blank && strings.Count(row.Prior.Cells, ",") < len(format.ours()):
					t.Errorf("prior %q", row.Prior.Cells)
				}
			}
			passed := written(t, rows, format, func(w *Writer, row *batch.Row) error { return w.Pass(row) })
			if passed != one {
				t.Errorf("passed through: got %q\nwant %q", passed, one)
			}
			// Line numbers do not change: nothing here stands above the header.
			two := resultOf(t, one, Options{Action: batch.Check}, first)
			if two != one {
				t.Errorf("written again: got %q\nwant %q", two, one)
			}
			three := resultOf(t, resultOf(t, one, Options{Action: batch.Check}, second), Options{Action: batch.Check}, first)
			if three != one {
				t.Errorf("written thrice: got %q\nwant %q", three, one)
			}
		})
	}
}

func TestReorderedResult(t *testing.T) {
	tests := []struct {
		name, file string
		raw, prior string
		status     batch.Status
		header     string
	}{
		{"ours first", "rps_line,rps_mac,rps_status,rps_detail,rps_url,rps_calls,rps_time,mac,n\n7,M,failed,\"a,b\",,1,T,001565000001,\" x\"\n",
			`001565000001," x"`, `7,M,,failed,,"a,b",,1,T`, batch.Failed, "mac,n"},
		{"among the user's", "mac,rps_status,n,rps_line,rps_detail\n001565000001,\"failed\",x,7,d\n",
			"001565000001,x", `7,,,"failed",,d,,,`, batch.Failed, "mac,n"},
		{"user's column added behind", "mac,rps_line,rps_mac,rps_status,rps_detail,rps_url,rps_calls,rps_time,new\n001565000001,7,M,exists,,,1,T,y\n",
			"001565000001,y", "7,M,,exists,,,,1,T", batch.Exists, "mac,new"},
		{"cells beyond the header", "mac,rps_line,rps_mac,rps_status,rps_detail,rps_url,rps_calls,rps_time\n001565000001,7,M,exists,,,1,T,y,z\n",
			"001565000001,y,z", "7,M,,exists,,,,1,T", batch.Exists, "mac"},
		{"short row", "mac,rps_line,rps_mac,rps_status,rps_detail,rps_url,rps_calls,rps_time\n001565000001,7\n",
			"001565000001", "7,,,,,,,,", "", "mac"},
		{"no status", "mac,rps_line\n001565000001,7\n", "001565000001", "7,,,,,,,,", "", "mac"},
		{"named almost like ours", "mac,RPS_line,rps_status2\n001565000001,7,x\n", "001565000001,7,x", "", "", "mac,RPS_line,rps_status2"},
		{"quoted names", "\"mac\",\"rps_status\"\n001565000001,failed\n", "001565000001", ",,,failed,,,,,", batch.Failed, `"mac"`},
		{"only our cells", "rps_status,mac\nfailed\n", "", ",,,failed,,,,,", batch.Failed, "mac"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rows, format := rowsOf(t, test.file, Options{Action: batch.Check})
			if len(rows) != 1 {
				t.Fatalf("%d rows", len(rows))
			}
			row := rows[0]
			if row.Raw != test.raw || row.Prior.Cells != test.prior || row.Prior.Status != test.status || format.Header != test.header {
				t.Errorf("raw %q, prior %q, status %q, header %q; want %+v", row.Raw, row.Prior.Cells, row.Prior.Status, format.Header, test)
			}
			if row.Cells != strings.Count(test.raw, ",")+1 || row.Problem != "" {
				t.Errorf("%d cells, problem %q", row.Cells, row.Problem)
			}
			result := written(t, rows, format, func(w *Writer, row *batch.Row) error { return w.Pass(row) })
			again, _ := rowsOf(t, result, Options{Action: batch.Check})
			if len(again) != 1 || again[0].Device != row.Device || again[0].Prior.Status != row.Prior.Status || !strings.HasPrefix(again[0].Raw, row.Raw) {
				t.Errorf("read back: %+v\nwas %+v", again, row)
			}
		})
	}
}

func TestWriterErrors(t *testing.T) {
	rows, format := rowsOf(t, "mac\n001565000001,x,y\n", Options{Action: batch.Check})
	w, err := NewWriter(&strings.Builder{}, format, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(&rows[0], batch.Verdict{}); err == nil || !strings.Contains(err.Error(), "line 2 has 3 cells") {
		t.Errorf("a row wider than the file: %v", err)
	}
	if err := w.Pass(&rows[0]); err == nil {
		t.Error("a row wider than the file was passed")
	}

	full := errors.New("no space left")
	if w, err = NewWriter(fullDisk{full}, format, 3); err != nil {
		t.Fatal(err)
	}
	for range 2 * writeSize / 10 {
		if err = w.Write(&rows[0], batch.Verdict{}); err != nil {
			break
		}
	}
	if err != full || w.Flush() != full || w.Write(&rows[0], batch.Verdict{}) != full {
		t.Errorf("a full disk: %v", err)
	}
}

type fullDisk struct{ err error }

func (d fullDisk) Write([]byte) (int, error) { return 0, d.err }
