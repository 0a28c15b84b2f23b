package csvio

import (
	"encoding/csv"
	"io"
	"slices"
	"strings"
	"testing"

	"rpsbatch/batch"
)

var fuzzSeeds = []string{
	"",
	"001565000001,s1\n00-15-65-00-00-02,s2\n",
	"\"001565000001\",\"s \"\"1\"\"\",,x\r\n\r\n,,\r\n",
	"001565000001,\"a\nb\rc\r\nd\"\r001565000002\r\r\n",
	"001565000001,\"never closed\n\r\n",
	"001565000001,\"a\"b\"c,d\"\n\" \",\t\n",
	"001565000001,a,b,7,M,failed,\"x,y\",https://h/,1,T,more\n",
	"\xff\x00\xef\xbb\xbf,\u00a0\n",
	"\"\"\"",
}

// Any bytes are read without a panic, each record once, at its line, with its
// bytes, and without holding much more than a record of the largest size.
func FuzzReader(f *testing.F) {
	for _, seed := range fuzzSeeds {
		f.Add(seed, uint16(1000))
	}
	f.Add(strings.Repeat("x", 300), uint16(20))
	f.Fuzz(func(t *testing.T, data string, limit uint16) {
		// As a header it may be anything.
		_, _, _ = tryRows(strings.NewReader(data), Options{NeedServer: true, MaxRecord: int(limit)})

		file := "mac,server\n" + data
		r, err := NewReader(strings.NewReader(file), Options{NeedServer: true, MaxRecord: max(int(limit), 20)})
		if err != nil {
			return // other bytes than text
		}
		at := len("mac,server\n")
		for {
			var row batch.Row
			err := r.Read(&row)
			if limit := max(firstBuffer, 2*(r.opts.MaxRecord+3)); cap(r.split.buf) > limit {
				t.Fatalf("a buffer of %d bytes for records of %d", cap(r.split.buf), r.opts.MaxRecord)
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				return // a record that is too large
			}
			if want := 1 + lineBreaks([]byte(file[:at])); row.Line != want {
				t.Fatalf("line %d at offset %d, want %d", row.Line, at, want)
			}
			raw := row.Raw
			if strings.Contains(row.Problem, "never closed") {
				raw = strings.TrimSuffix(raw, `"`)
			}
			if !strings.HasPrefix(file[at:], raw) {
				t.Fatalf("raw %q at offset %d of %q", raw, at, file)
			}
			at += len(raw)
			switch rest := file[at:]; {
			case strings.HasPrefix(rest, "\r\n"):
				at += 2
			case rest != "":
				if rest[0] != '\n' && rest[0] != '\r' {
					t.Fatalf("record %q goes on with %q", raw, rest)
				}
				at++
			}
			if r.Offset() != int64(at) {
				t.Fatalf("offset %d, want %d", r.Offset(), at)
			}
			if row.Blank && row.Problem != "" {
				t.Fatalf("%+v", row)
			}
		}
		if at != len(file) {
			t.Fatalf("%q was left out", file[at:])
		}
	})
}

// What a Writer writes reads back to the same rows, with the user's cells as
// they were; and once more, with the same bytes.
func FuzzRoundTrip(f *testing.F) {
	headers := []string{
		"mac,server,url\n",
		"\ufeff\"mac\",n,\"server\"\r\n",
		"mac,server," + ourHeader + "\r\n",
		"rps_status,n,rps_line,mac,rps_time\r",
		ourHeader + ",mac\n",
	}
	for i, seed := range fuzzSeeds {
		f.Add(seed, uint8(i), i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, data string, header uint8, pass bool) {
		if len(data) > 1<<14 {
			return // wide and many rows: too much padding
		}
		opts := Options{NeedServer: true}
		rows, format, err := tryRows(strings.NewReader(headers[int(header)%len(headers)]+data), opts)
		if err != nil {
			return
		}
		write := func(w *Writer, row *batch.Row) error {
			if pass {
				return w.Pass(row)
			}
			return w.Write(row, batch.Verdict{Status: batch.Failed, Detail: data, URL: data})
		}
		result := written(t, rows, format, write)
		again, format2, err := tryRows(strings.NewReader(result), opts)
		if err != nil {
			t.Fatalf("result %q: %v", result, err)
		}
		if len(again) != len(rows) {
			t.Fatalf("%d rows were %d: %q", len(again), len(rows), result)
		}
		if format2.BOM != format.BOM || format2.LineEnd != format.LineEnd || !strings.HasPrefix(format2.Header, format.Header) {
			t.Fatalf("format %+v was %+v", format2, format)
		}
		for i, row := range again {
			was := rows[i]
			padding, ok := strings.CutPrefix(row.Raw, was.Raw)
			if !ok || strings.Trim(padding, ",") != "" || row.Cells < was.Cells {
				t.Fatalf("raw %q was %q", row.Raw, was.Raw)
			}
			if !strings.Contains(was.Problem, "never closed") &&
				(row.Device != was.Device || row.Problem != was.Problem || row.Blank != was.Blank) {
				t.Fatalf("row %+v was %+v", row, was)
			}
			if pass && was.Prior != "" && row.Prior != was.Prior {
				t.Fatalf("prior %q was %q", row.Prior, was.Prior)
			}
			if !pass && !row.Blank && !was.Blank && row.PriorStatus != batch.Failed {
				t.Fatalf("status %q", row.PriorStatus)
			}
		}
		twice := written(t, again, format2, func(w *Writer, row *batch.Row) error { return w.Pass(row) })
		if twice != result {
			t.Fatalf("passed through:\n%q was\n%q", twice, result)
		}
	})
}

// What encoding/csv takes for well formed is split into the same cells.
func FuzzOracle(f *testing.F) {
	for _, seed := range fuzzSeeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		if strings.Contains(strings.ReplaceAll(data, "\r\n", ""), "\r") {
			return // a CR of its own ends no line there
		}
		oracle := csv.NewReader(strings.NewReader(data))
		oracle.FieldsPerRecord = -1
		want, err := oracle.ReadAll()
		if err != nil {
			return
		}
		var got [][]string
		s := newSplitter(strings.NewReader(data), ',', DefaultMaxRecord)
		s.wanted = len(data) % 4 // the rest is split later
		for {
			if err := s.next(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if len(s.rec) == 0 {
				continue // left out by encoding/csv
			}
			record := s.text()
			s.splitAll()
			var cells []string
			for i := range s.cells {
				// encoding/csv turns line ends in quotes to LF.
				cells = append(cells, strings.ReplaceAll(unquoted(cell(record, s.ends, i)), "\r\n", "\n"))
			}
			got = append(got, cells)
		}
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Fatalf("%q: cells %q, want %q", data, got, want)
		}
	})
}
