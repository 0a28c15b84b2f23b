package csvio

import (
	"strings"
	"testing"

	"rpsbatch/batch"
)

// A quote that is closed too late takes in records. Those must not be thought
// missing, and the row must not be sent as if they had never been there; but a
// note of several lines is only a note.
func TestSwallowedRecords(t *testing.T) {
	const head = "mac,server,notes\n"
	for _, test := range []struct {
		name, file string
		want       string // of the first row: "" is fine, "note" a remark, else parts of its problem
	}{
		{"text of two lines", head + "001565000001,hq,\"a\nb\"\n", ""},
		{"white space behind the quote", head + "001565000001,hq,\"a\nb\" \n", ""},
		{"text behind the quote, one line", head + "001565000001,hq,\"a\"b\n", ""},
		{"MAC in the first line", head + "001565000001,hq,\"001565000002\"\n", ""},
		{"first column of two lines", "notes,mac,server\n\"two\nlines\",001565000001,hq\n", ""},
		{"comma in the last line, in front of the MAC", "site,notes,mac,server\nBonn,\"two\na,b\",001565000001,hq\n", ""},
		{"own MAC among words", head + "001565000001,hq,\"a\nsee 001565000001, please\"\n", ""},

		{"MAC among other words", head + "001565000001,hq,\"a\nsee, 001565000002, please\"\n", "note"},
		{"MACs one below the other", head + "001565000001,hq,\"spares:\n001565000002\n001565000003\"\n", "note"},
		{"MACs in a middle column", "mac,notes,server\n001565000001,\"spares:\n001565000002\n001565000003\",hq\n", "note"},
		{"MAC elsewhere in the line", "notes,mac,server\n\"a\n001565000002,x,y\",001565000001,hq\n", "note"},

		{"missing quote", head + "\"001565000001\",\"hq\",\"b\n\"001565000002\",\"hq\",\"c\"\n", "text follows the closing quote|from line 3 on"},
		{"missing quote in a cell of three lines", head + "001565000001,hq,\"b\nc\n\"1\",\"hq\",\n", "from line 3 on"},
		{"row", head + "001565000001,hq,\"a\n001565000002,hq,b\"\n", "line 3|MAC 00-15-65-00-00-02|looks like a row"},
		{"row without leading zeros", head + "001565000001,hq,\"a\n1565000002,hq,b\n1565000003,hq,c\"\n", "line 3|1565000002|looks like a row"},
		{"row in scientific notation", head + "001565000001,hq,\"a\n1.565E+09,hq,c\"\n", "line 3|1.565E"},
		{"row with a digit too many", head + "001565000001,hq,\"a\n0015650000022,hq,c\"\n", "line 3|0015650000022"},
		{"telephone number", head + "001565000001,hq,\"a\n0228123456, Mr X\n4922812345, Mr Y\"\n", ""},
		{"words with commas", head + "001565000001,hq,\"a\nBonn, Ulm, Köln\nb\"\n", ""},
		{"row of the same MAC", head + "001565000001,hq,\"a\n001565000001,branch,b\"\n", "line 3|MAC 00-15-65-00-00-01"},
		{"row behind other lines", head + "001565000001,hq,\"a\r\nb\n\n00:15:65:00:00:02,\"\n", "line 5|MAC 00-15-65-00-00-02"},
		{"CR", strings.ReplaceAll(head, "\n", "\r") + "001565000001,\"hq,\r00-15-65-00-00-02,hq\",\r", "line 3|MAC 00-15-65-00-00-02"},
		{"doubled quotes", "site,mac,server,notes\nBonn,001565000001,hq,\"a\n\"\"Köln, Dom\"\",001565000002,hq,b\"\n", "line 3|MAC 00-15-65-00-00-02"},
		{"the rest of the record follows", "site,notes,mac,server\nBonn,\"a\nUlm,\",001565000002,hq\n", ""},
		{"rest with the MAC", "site,x,mac\nBonn,y,001565000001,\"a\nUlm,\",001565000002\n", "line 3|MAC 00-15-65-00-00-02"},
		{"a spreadsheet's view of a missing quote", head + "001565000001,hq,\"b\n001565000002\"\"\",hq,c\n", "line 3|MAC 00-15-65-00-00-02"},
		{"cell in front of the MAC", "site,notes,mac,server\nBonn,\"two,001565000001,hq\nUlm,b\",001565000002,hq\n", "line 2|MAC 00-15-65-00-00-01"},
		{"never closed", head + "001565000001,hq,\"a\n001565000002,hq,b\n", "a quote is never closed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			rows, format := rowsOf(t, test.file, Options{})
			check := func(row *batch.Row) {
				t.Helper()
				checkProblem(t, row.Problem, strings.TrimPrefix(test.want, "note"))
				if remark := strings.Contains(row.Note, "swallowed"); row.Swallows != (test.want != "") || remark != (test.want == "note") {
					t.Errorf("%+v", row)
				}
				if row.Problem != "" && (row.Faults[0].Cell == 0 || row.Faults[0].Column == "") && row.Prior.Status == "" && row.Cells <= format.Width() {
					t.Errorf("%+v: no column", row.Faults)
				}
			}
			check(&rows[0])

			// The result is no other file, and nobody has fixed it.
			verdict := func(w *Writer, row *batch.Row) error {
				if row.Problem != "" {
					return w.Write(row, batch.Verdict{Status: batch.Invalid, Detail: row.Problem})
				}
				return w.Write(row, batch.Verdict{Status: batch.Failed})
			}
			result := written(t, rows, format, verdict)
			for range 2 {
				var again []batch.Row
				again, format = rowsOf(t, result, Options{})
				if len(again) != len(rows) || !strings.HasPrefix(again[0].Raw, rows[0].Raw) {
					t.Fatalf("%q", result)
				}
				check(&again[0])
				result = written(t, again, format, verdict)
			}
		})
	}
}

// A header that took in rows is not read on as one.
func TestSwallowingHeader(t *testing.T) {
	for _, file := range []string{
		"mac,server,\"notes\n001565000001,hq,\"a\"\n001565000002,hq,b\n",
		"mac,server,\"notes\n001565000001,hq,a\n001565000002,hq,b\"\n001565000003,hq,\n",
		"\"Phones\n\"x\",\nmac,server\n001565000003,hq\n",
	} {
		_, err := NewReader(strings.NewReader(file), Options{})
		if err == nil {
			t.Fatalf("%q: no error", file)
		}
		checkProblem(t, errorText(err), "line 1: a multi-line cell in the header|add the missing quote")
	}
}

// In a result the quote that was never closed is closed. What it swallowed need
// not look like records.
func TestNeverClosedStays(t *testing.T) {
	const file = "mac,server,notes\n001565000001,hq,\"open\n1565000002,hq,b\n"
	rows, format := rowsOf(t, file, Options{})
	result := written(t, rows, format, func(w *Writer, row *batch.Row) error {
		return w.Write(row, batch.Verdict{Status: batch.Invalid, Detail: row.Problem})
	})
	again, format := rowsOf(t, result, Options{})
	checkProblem(t, again[0].Problem, "a quote is never closed|as an earlier run found|make each a row")
	if !again[0].Swallows {
		t.Errorf("%+v", again[0])
	}
	result = written(t, again, format, func(w *Writer, row *batch.Row) error {
		return w.Write(row, batch.Verdict{Status: batch.Invalid, Detail: row.Problem})
	})
	again, _ = rowsOf(t, result, Options{})
	checkProblem(t, again[0].Problem, "as an earlier run found")

	fixed := strings.Replace(result, "\"open\n1565000002,hq,b\"", "open", 1)
	again, _ = rowsOf(t, fixed, Options{})
	checkProblem(t, again[0].Problem, "")
}

// A MAC that was fixed in the result does not make a quote of a cell of several
// lines one that was never closed.
func TestFixedMACBesideLines(t *testing.T) {
	for _, mac := range []string{"xx1565000001", "1565000001", "001561000001"} {
		rows, format := rowsOf(t, "mac,server,notes\n"+mac+",hq,\"one\ntwo\"\n", Options{})
		result := written(t, rows, format, func(w *Writer, row *batch.Row) error {
			return w.Write(row, batch.Verdict{Status: batch.Invalid, Detail: row.Problem})
		})
		again, _ := rowsOf(t, strings.Replace(result, mac, "001565000001", 1), Options{})
		checkProblem(t, again[0].Problem, "")
	}
}

// A workbook's cell of several lines has them in the cell, not in the sheet.
func TestSwallowedInSheets(t *testing.T) {
	rows, _ := rowsOf(t, "mac,server,notes\r\n001565000001,hq,\"a\n001565000002,hq,b\"\r\n", Options{records: true, Comma: ',', Encoding: "utf-8"})
	checkProblem(t, rows[0].Problem, "line 2 of the cell|MAC 00-15-65-00-00-02")
}

// A title that took in rows is no title.
func TestTitleSwallowsRows(t *testing.T) {
	const row = "001565000001,hq,ok"
	for file, bad := range map[string]bool{
		"\"Block 1\n" + row + "\n001565000002,hq,x\"\nmac,server,notes\n001565000004,hq,ok\n": true,
		"\"Block 1\nof all, new\"\nmac,server,notes\n" + row + "\n":                           false,
		"\"Spares:\n001565000002\"\nmac,server,notes\n" + row + "\n":                          false,
	} {
		_, err := NewReader(strings.NewReader(file), Options{})
		if (err != nil) != bad || bad && !strings.Contains(err.Error(), "swallowed rows") {
			t.Errorf("%q: %v", file, err)
		}
	}
}

// In a workbook a note is typed as it is: only a line with all cells of a row is
// one, of a file that was broken before.
func TestSwallowedInWorkbook(t *testing.T) {
	for note, swallowed := range map[string]bool{
		"Old:\n001565000009, broken":          false,
		"a\n001565000009,hq,b":                true,
		"a\n1565000009,hq,b\n1565000008,hq,c": true,
	} {
		file := "mac,server,notes\r\n001565000001,hq,\"" + note + "\"\r\n"
		rows, _ := rowsOf(t, file, Options{Comma: ',', Encoding: "utf-8", records: true})
		if bad := rows[0].Problem != ""; bad != swallowed || !rows[0].Swallows && swallowed {
			t.Errorf("%q: %+v", note, rows[0])
		}
	}
}
