package csvio

import (
	"encoding/csv"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

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

// fuzzOptions returns every combination of what Options can say.
func fuzzOptions(n uint32) Options {
	bit := func(i int) bool { return n>>i&1 == 1 }
	opts := Options{NoHeader: bit(0), Repair: bit(1), records: bit(2), Want: bit(3)}
	if bit(5) {
		opts.Server = "d"
	}
	opts.Action = []batch.Action{batch.Register, batch.Deregister, batch.Edit, batch.Check}[n>>14&3]
	if bit(7) {
		opts.Columns = map[string]string{"mac": "1"}
	}
	if bit(8) {
		opts.Comma = commas[n>>9&3]
	}
	opts.Encoding = []string{"", "", "utf-8", "utf-16le", "windows-1252", "shift_jis", "iso-2022-jp", "gb18030"}[n>>11&7]
	return opts
}

var startSeeds = []string{
	"sep=;\nmac;server\n001565000001;s\n",
	"Title\r\n\r\nx,y\r\nmac,server\r\n001565000001,s\r\n",
	"001565000001|s|\n\n1565000001|'s|https://h/\n",
	"\xff\xfem\x00a\x00c\x00\n\x00=\x00\n\x00",
	"\xfe\xff\x00m\x00a\x00c\x00\n\xd8\x00",
	"m\x00a\x00c\x00\n\x001\x00\n\x00",
	"mac\tn\n001565000001\t\xe4\x81\n",
	"mac;\"sep=,\"\n=\"001565000001\";\"x\n",
	"\n,,\nsep=|\n\nmac|x\n",
}

// Any bytes are read without a panic with any options, each record once, at its
// line, with its bytes, and without holding much more than a record of the
// largest size.
func FuzzReader(f *testing.F) {
	for i, seed := range append(startSeeds, fuzzSeeds...) {
		f.Add(seed, uint16(1000), uint32(0))
		f.Add(seed, uint16(1000), uint32(i*2654435761))
	}
	f.Add(strings.Repeat("x", 300), uint16(20), uint32(0))
	f.Fuzz(func(t *testing.T, data string, limit uint16, options uint32) {
		// As a whole file it may be anything.
		opts := fuzzOptions(options)
		opts.MaxRecord = max(int(limit), 1)
		if r, err := NewReader(strings.NewReader(data), opts); err == nil {
			line := 0
			for {
				var row batch.Row
				if err := r.Read(&row); err != nil {
					break
				}
				if row.Line <= line || opts.records && line > 0 && row.Line != line+1 {
					t.Fatalf("line %d behind %d", row.Line, line)
				}
				if len(row.Raw) > opts.MaxRecord+1 || (row.Problem != "") != (row.Faults != nil) && !strings.Contains(row.Problem, "never closed") {
					t.Fatalf("%+v", row)
				}
				checkHeld(t, r)
				line = row.Line
			}
		}

		file := "mac,server\n" + data
		r, err := NewReader(strings.NewReader(file), Options{MaxRecord: max(int(limit), 20), Encoding: "utf-8", Comma: ','})
		if err != nil {
			return // other bytes than text
		}
		at := len("mac,server\n")
		for {
			var row batch.Row
			err := r.Read(&row)
			checkHeld(t, r)
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

// checkHeld holds a Reader to a buffer of about two records.
func checkHeld(t *testing.T, r *Reader) {
	t.Helper()
	if limit := max(firstBuffer, 2*(r.opts.MaxRecord+3)); cap(r.split.buf) > limit {
		t.Fatalf("a buffer of %d bytes for records of %d", cap(r.split.buf), r.opts.MaxRecord)
	}
}

// What a Writer writes reads back to the same rows, with the user's cells as
// they were; and once more, with the same bytes. A row that is wrong stays wrong, in
// whatever words.
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
	f.Add("01,\xe2a\"b\"c,,\"\n\" \"", uint8(2), false)
	f.Add("001,\"a\nb\rc015600001,\"", uint8(20), true)
	f.Add("#a", uint8(3), true)
	f.Fuzz(func(t *testing.T, data string, header uint8, pass bool) {
		if len(data) > 1<<14 {
			return // wide and many rows: too much padding
		}
		opts := Options{Encoding: "utf-8", Comma: ','}
		rows, format, err := tryRows(strings.NewReader(headers[int(header)%len(headers)]+data), opts)
		if err != nil {
			return
		}
		write := func(w *Writer, row *batch.Row) error {
			if pass {
				return w.Pass(row)
			}
			return w.Write(row, batch.Verdict{Status: statusOf(row), Detail: data, URL: data})
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
			// Where columns of ours stood before, lines that were taken in are
			// shown by another place of the MAC, or gone with a cell of ours.
			moved := header%uint8(len(headers)) >= 2 && strings.Contains(was.Problem, "multi-line")
			if !strings.Contains(was.Problem, "never closed") && !strings.Contains(was.Problem, "may have been cut") && !moved &&
				(row.Device != was.Device || (row.Problem == "") != (was.Problem == "") || row.Blank != was.Blank) {
				t.Fatalf("row %+v was %+v", row, was)
			}
			if pass && was.Prior.Cells != "" && row.Prior.Cells != was.Prior.Cells {
				t.Fatalf("prior %q was %q", row.Prior.Cells, was.Prior.Cells)
			}
			if !pass && !row.Blank && !was.Blank && row.Prior.Status != statusOf(&was) {
				t.Fatalf("status %q", row.Prior.Status)
			}
		}
		twice := written(t, again, format2, func(w *Writer, row *batch.Row) error { return w.Pass(row) })
		if twice != result {
			t.Fatalf("passed through:\n%q was\n%q", twice, result)
		}
	})
}

// The same for records under each delimiter, line end and encoding, all of
// which are auto-detected, with and without what can stand above them.
func FuzzDialects(f *testing.F) {
	for i, seed := range fuzzSeeds {
		f.Add(seed, seed, uint32(i*2654435761))
	}
	starts := []string{"mac~server~url\n", "sep=~\nmac~server\n", "Title\n\nx~y\nn~mac~server\n", ""}
	f.Fuzz(func(t *testing.T, one, two string, n uint32) {
		if len(one)+len(two) > 1<<12 {
			return
		}
		comma, lineEnd := string(commas[n&3]), lineEnds[n>>2%3]
		enc, start := encodings[n>>4%uint32(len(encodings))], starts[n>>8&3]
		// Quoted cells, so that they hold anything.
		quote := func(text string) string {
			return `"` + strings.ReplaceAll(strings.ToValidUTF8(text, "?"), `"`, `""`) + `"`
		}
		text := strings.NewReplacer("~", comma, "\n", lineEnd, "1", quote(one), "2", quote(two)).
			Replace(start + "00~s~\n1~2~\n00~1~2\n")
		text = strings.ReplaceAll(text, "00"+comma, "001565000001"+comma)
		if enc.name == "Windows-1252" {
			// What it can hold, and one character that tells it from UTF-8.
			text = strings.Map(func(r rune) rune {
				if _, ok := charmap.Windows1252.EncodeRune(r); !ok {
					return '?'
				}
				return r
			}, text) + "ü" + lineEnd
			if i := strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }); text[i:] != "ü"+lineEnd {
				return // may be UTF-8 by accident
			}
		} else if enc.name == nameUTF8 && !enc.bom && strings.HasPrefix(text, byteOrderMark) {
			return
		}
		opts := Options{}
		rows, format, err := tryRows(strings.NewReader(enc.encode(text)), opts)
		if err != nil {
			return // control characters, or a cell that makes another delimiter likelier
		}
		if string(format.Comma) == comma && usersText(rows, format) != text && !format.NoHeader && format.LineEnd == lineEnd {
			t.Fatalf("%s: %q was\n%q", enc.name, usersText(rows, format), text)
		}
		write := func(w *Writer, row *batch.Row) error {
			return w.Write(row, batch.Verdict{Status: statusOf(row), Detail: one})
		}
		result := written(t, rows, format, write)
		again, format2, err := tryRows(strings.NewReader(result), opts)
		if err != nil || len(again) != len(rows) {
			t.Fatalf("result %q: %d rows, %v", result, len(again), err)
		}
		if format2.Header != format.Header+strings.Repeat(comma, len(format2.Columns)-len(format.Columns)) && string(format.Comma) == comma ||
			format2.BOM != format.BOM || format2.SepLine != format.SepLine || !slices.Equal(format2.Preamble, format.Preamble) {
			t.Fatalf("%+v was\n%+v", format2, format)
		}
		for i, row := range again {
			was := rows[i]
			if padding, ok := strings.CutPrefix(row.Raw, was.Raw); !ok || strings.Trim(padding, string(format.Comma)) != "" || row.Device != was.Device || (row.Problem == "") != (was.Problem == "") {
				t.Fatalf("%+v was\n%+v", row, was)
			}
		}
		if twice := written(t, again, format2, func(w *Writer, row *batch.Row) error { return w.Pass(row) }); twice != result {
			t.Fatalf("passed through:\n%q was\n%q", twice, result)
		}
	})
}

// statusOf returns the status of a row that was not sent, or sent in vain.
func statusOf(row *batch.Row) batch.Status {
	if row.Problem != "" {
		return batch.Invalid
	}
	return batch.Failed
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
			if len(s.raw) == 0 {
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
