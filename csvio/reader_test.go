package csvio

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"rpsbatch/batch"
	"rpsbatch/rps"
)

const (
	goodMAC  = "001565000001"
	otherMAC = "00-15-65-00-00-02"
)

// rowsOf reads all rows of a file.
func rowsOf(t testing.TB, file string, opts Options) ([]batch.Row, Format) {
	t.Helper()
	rows, format, err := tryRows(strings.NewReader(file), opts)
	if err != nil {
		t.Fatalf("%q: %v", file, err)
	}
	return rows, format
}

func tryRows(src io.Reader, opts Options) (rows []batch.Row, format Format, err error) {
	r, err := NewReader(src, opts)
	if err != nil {
		return nil, Format{}, err
	}
	for {
		var row batch.Row
		if err := r.Read(&row); err == io.EOF {
			return rows, r.Format(), nil
		} else if err != nil {
			return rows, r.Format(), err
		}
		rows = append(rows, row)
	}
}

func TestRecords(t *testing.T) {
	type want struct {
		line   int
		raw    string
		cells  int
		server string
		state  string // "", "blank", or a part of the problem
	}
	good := want{2, "001565000001,s1", 2, "s1", ""}
	tests := []struct {
		name, file string
		want       []want
	}{
		{"LF", "mac,server\n001565000001,s1\n", []want{good}},
		{"CRLF", "mac,server\r\n001565000001,s1\r\n", []want{good}},
		{"CR", "mac,server\r001565000001,s1\r", []want{good}},
		{"no last line end", "mac,server\n001565000001,s1", []want{good}},
		{"byte order mark", "\ufeffmac,server\n001565000001,s1\n", []want{good}},
		{"mark and quoted header", "\ufeff\"mac\",\"server\"\n001565000001,s1\n", []want{good}},
		{"header only", "mac,server\n", nil},
		{"header without line end", "mac,server", nil},
		{"quoted cells", "mac,server\n\"001565000001\",\"s1\"\n", []want{{2, `"001565000001","s1"`, 2, "s1", ""}}},
		{"white space around", "mac,server\n 001565000001\t,\" s1 \"\n", []want{{2, " 001565000001\t,\" s1 \"", 2, "s1", ""}}},
		{"quote in quotes", "mac,server,n\n001565000001,s1,\"a \"\"b\"\", c\"\n", []want{{2, `001565000001,s1,"a ""b"", c"`, 3, "s1", ""}}},
		{"bare quote", "mac,server,n\n001565000001,s1,17\" screen\n" + otherMAC + ",s2,\n", []want{
			{2, `001565000001,s1,17" screen`, 3, "s1", ""}, {3, otherMAC + ",s2,", 3, "s2", ""}}},
		{"text behind a quote", "mac,server\n001565000001,\"s\"1\n" + otherMAC + ",s2\n", []want{
			{2, `001565000001,"s"1`, 2, "s1", ""}, {3, otherMAC + ",s2", 2, "s2", ""}}},
		{"quote behind a quote and text", "mac,server\n001565000001,\"s\"\"1\"a\"b\n", []want{
			{2, `001565000001,"s""1"a"b`, 2, `s"1a"b`, `contains "\""`}}},
		{"line breaks in quotes", "mac,n,server\n001565000001,\"a\nb\r\nc\rd\",s1\n" + otherMAC + ",,s2\n", []want{
			{2, "001565000001,\"a\nb\r\nc\rd\",s1", 3, "s1", ""}, {6, otherMAC + ",,s2", 3, "s2", ""}}},
		{"line break in the header", "mac,\"server\nname\"\n001565000001,s1\n", []want{{3, "001565000001,s1", 2, "s1", ""}}},
		{"mixed line ends", "mac,server\n001565000001,s1\r\n" + otherMAC + ",s2\r001565000003,s3", []want{
			good, {3, otherMAC + ",s2", 2, "s2", ""}, {4, "001565000003,s3", 2, "s3", ""}}},
		{"blank lines", "\n\nmac,server\n\n001565000001,s1\n\n", []want{
			{4, "", 0, "", "blank"}, {5, "001565000001,s1", 2, "s1", ""}, {6, "", 0, "", "blank"}}},
		{"blank records before the header", ",,\n \t,\"\"\nmac,server\n001565000001,s1\n", []want{{4, "001565000001,s1", 2, "s1", ""}}},
		{"blank records", "mac,server,n\n,,\n \n\"\",\" \",\t\n,,,,\n", []want{
			{2, ",,", 3, "", "blank"}, {3, " ", 1, "", "blank"}, {4, "\"\",\" \",\t", 3, "", "blank"}, {5, ",,,,", 5, "", "blank"}}},
		{"content without a MAC", "mac,server,n\n,,x\n,s1,\n,,,,x\n", []want{
			{2, ",,x", 3, "", "the MAC is empty"}, {3, ",s1,", 3, "s1", "the MAC is empty"}, {4, ",,,,x", 5, "", "the MAC is empty"}}},
		{"short", "mac,server,n\n001565000001\n", []want{{2, "001565000001", 1, "", "neither"}}},
		{"long", "mac,server\n001565000001,s1,x,\n", []want{{2, "001565000001,s1,x,", 4, "s1", ""}}},
		{"unclosed quote", "mac,server,n\n001565000001,s1,\"note\n" + otherMAC + ",s2,\n", []want{
			{2, "001565000001,s1,\"note\n" + otherMAC + ",s2,\"", 3, "", "never closed"}}},
		{"unclosed quote, nothing behind", "mac,server\r\n001565000001,\"\r\n", []want{{2, `001565000001,""`, 2, "", "never closed"}}},
		{"unclosed quote, pairs", "mac,server\n001565000001,\"a\"\"", []want{{2, `001565000001,"a"""`, 2, "", "never closed"}}},
		{"only an unclosed quote", "mac,server\n\"", []want{{2, `""`, 1, "", "never closed"}}},
		{"other bytes than UTF-8", "mac,server,n\n001565000001,s1,é\xfcber\n" + otherMAC + ",\xfc,\n", []want{
			{2, "001565000001,s1,é\xfcber", 3, "s1", ""}, {3, otherMAC + ",\xfc,", 3, "\xfc", "not UTF-8"}}},
	}
	for _, test := range tests {
		for reader, wrap := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "eof": iotest.DataErrReader,
		} {
			t.Run(test.name+"/"+reader, func(t *testing.T) {
				rows, _, err := tryRows(wrap(strings.NewReader(test.file)), Options{})
				if err != nil {
					t.Fatal(err)
				}
				if len(rows) != len(test.want) {
					t.Fatalf("%d rows, want %d: %+v", len(rows), len(test.want), rows)
				}
				for i, row := range rows {
					want := test.want[i]
					if row.Line != want.line || row.Raw != want.raw || row.Cells != want.cells {
						t.Errorf("row %d: line %d, %d cells, raw %q; want %+v", i, row.Line, row.Cells, row.Raw, want)
					}
					if want.state != "never closed" && row.Device.Server != want.server {
						t.Errorf("row %d: server %q, want %q", i, row.Device.Server, want.server)
					}
					if row.Blank != (want.state == "blank") {
						t.Errorf("row %d: blank is %t", i, row.Blank)
					}
					if want.state == "" && row.Problem != "" || want.state != "blank" && !strings.Contains(row.Problem, want.state) {
						t.Errorf("row %d: problem %q, want %q", i, row.Problem, want.state)
					}
				}
			})
		}
	}
}

func TestDelimiters(t *testing.T) {
	for _, comma := range ",;\t|" {
		file := strings.ReplaceAll("mac~server~n\n001565000001~s1~\"a~b\"\n", "~", string(comma))
		rows, format := rowsOf(t, file, Options{Comma: byte(comma)})
		if len(rows) != 1 || rows[0].Device.Server != "s1" || rows[0].Cells != 3 || format.Comma != byte(comma) {
			t.Errorf("%q: %+v", comma, rows)
		}
	}
	if _, err := NewReader(strings.NewReader("mac\n"), Options{Action: batch.Check, Comma: '"'}); err == nil {
		t.Error("a quote was taken for a delimiter")
	}
}

func TestRecordsAcrossBuffers(t *testing.T) {
	// Records of all lengths, so that a buffer ends at each place of one.
	var b strings.Builder
	b.WriteString("mac,server,n\r\n")
	line, lines := 2, []int{}
	for i := range 3000 {
		lines = append(lines, line)
		b.WriteString("001565000001,\"s1\",\"" + strings.Repeat("x\"\"", i%251) + "\r\n\"\r\n")
		line += 2
	}
	rows, _ := rowsOf(t, b.String(), Options{})
	if len(rows) != len(lines) {
		t.Fatalf("%d rows, want %d", len(rows), len(lines))
	}
	for i, row := range rows {
		if row.Problem != "" || row.Line != lines[i] || row.Cells != 3 || len(row.Raw) != 22+3*(i%251) {
			t.Fatalf("row %d: %+v", i, row)
		}
	}
}

// The end of a buffer may fall between any two bytes of a record.
func TestBufferEnd(t *testing.T) {
	const record = "\"001565000001\",\"a,\"\"b\"\"\",s1\r\n"
	head := "mac,n,server\r\n" + goodMAC + ","
	const tail = ",s1\r\n"
	for before := range len(record) + 1 {
		file := head + strings.Repeat("x", firstBuffer-len(head)-len(tail)-before) + tail + record + record
		rows, _ := rowsOf(t, file, Options{})
		if len(rows) != 3 {
			t.Fatalf("%d bytes in the first buffer: %d rows", before, len(rows))
		}
		for i, row := range rows[1:] {
			if row.Line != 3+i || row.Raw+"\r\n" != record || row.Cells != 3 || row.Device.Server != "s1" {
				t.Errorf("%d bytes in the first buffer: %+v", before, row)
			}
		}
	}
}

// A record that never ends is refused, not read for ever.
func TestEndlessRecord(t *testing.T) {
	for _, start := range []string{"", `"`} {
		src := &endless{limit: 4 << 20}
		_, _, err := tryRows(io.MultiReader(strings.NewReader("mac\n"+start), src), Options{Action: batch.Check})
		if err == nil || !strings.Contains(err.Error(), "line 2: the record") {
			t.Errorf("error %v", err)
		}
		if src.limit < 0 {
			t.Error("it went on reading")
		}
	}
}

type endless struct{ limit int }

func (e *endless) Read(p []byte) (int, error) {
	if e.limit -= len(p); e.limit < 0 {
		return 0, io.EOF
	}
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestRecordSize(t *testing.T) {
	const limit = 64
	head := "mac,server,n\n"
	fitting := goodMAC + ",s1," + strings.Repeat("x", limit-len(goodMAC)-4)
	tests := []struct{ name, file, want string }{
		{"just fits", head + fitting + "\r\n", ""},
		{"just fits at the end", head + fitting, ""},
		{"one more", head + fitting + "x\n", "line 2: the record that starts here is larger than 64 bytes; is this a CSV file?"},
		{"never ends", head + goodMAC + ",s1,\n" + strings.Repeat("x", 1<<20), "line 3: the record"},
		{"unclosed quote", head + goodMAC + ",s1,\"\n" + strings.Repeat(fitting+"\n", 9000), "look there for a quote that is never closed"},
		{"header", "mac," + strings.Repeat("x", limit), "line 1: the record"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := tryRows(strings.NewReader(test.file), Options{MaxRecord: limit})
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var bad *FileError
			if !errors.As(err, &bad) || !strings.Contains(errorText(err), test.want) {
				t.Fatalf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestDefaultRecordSize(t *testing.T) {
	head := "mac,server,n\n001565000001,s1,"
	rows, _ := rowsOf(t, head+strings.Repeat("x", DefaultMaxRecord-16)+"\n", Options{})
	if len(rows) != 1 || len(rows[0].Raw) != DefaultMaxRecord {
		t.Error("a record of the largest size was not read")
	}
	if _, _, err := tryRows(strings.NewReader(head+strings.Repeat("x", DefaultMaxRecord)), Options{Action: batch.Check}); err == nil {
		t.Error("a larger record was read")
	}
}

func TestReadErrors(t *testing.T) {
	broken := errors.New("the disk is gone")
	src := io.MultiReader(strings.NewReader("mac\n001565000001\n0015"), iotest.ErrReader(broken))
	if _, err := NewReader(src, Options{Action: batch.Check}); !errors.Is(err, broken) {
		t.Errorf("small file: %v", err)
	}

	long := "mac\n" + strings.Repeat("001565000001\n", firstBuffer/13+10)
	rows, _, err := tryRows(io.MultiReader(strings.NewReader(long+"0015"), iotest.ErrReader(broken)), Options{Action: batch.Check})
	if !errors.Is(err, broken) || len(rows) != firstBuffer/13+10 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	if _, _, err := tryRows(emptyReader{}, Options{Action: batch.Check}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that gives nothing: %v", err)
	}
}

type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, nil }

func TestAfterTheEnd(t *testing.T) {
	r, err := NewReader(strings.NewReader("mac\n001565000001\n"), Options{Action: batch.Check})
	if err != nil {
		t.Fatal(err)
	}
	var row batch.Row
	if err := r.Read(&row); err != nil || row.Device.MAC != (rps.MAC{0, 0x15, 0x65, 0, 0, 1}) {
		t.Fatal(row, err)
	}
	if r.Offset() != 17 {
		t.Errorf("offset %d", r.Offset())
	}
	for range 2 {
		if err := r.Read(&row); err != io.EOF {
			t.Fatal(err)
		}
	}
}

// A row must not change when more is read.
func TestRowsMayBeKept(t *testing.T) {
	data := string(sampleFile(5000))
	rows, _ := rowsOf(t, data, Options{})
	lines := strings.Split(data, "\r\n")
	for i, row := range rows {
		if row.Raw != lines[i+1] {
			t.Fatalf("row %d: %q, want %q", i, row.Raw, lines[i+1])
		}
	}
}

// A file that ends in the middle of a record is known by that.
func TestCutFiles(t *testing.T) {
	const whole = "mac,server,site\n001565000001,hq,Cologne\n001565000002,branch,Bonn"
	for n := len("mac,server,site\n001565000001,hq,Cologne\n") + 1; n <= len(whole); n++ {
		rows, _ := rowsOf(t, whole[:n], Options{})
		// Within the last cell, which may be of any length, nothing shows.
		want := n <= len(whole)-len(",Bonn")
		if row := rows[len(rows)-1]; row.Cut != want || rows[0].Cut {
			t.Errorf("%q: cut: %v", whole[:n], row.Cut)
		}
	}
	for _, file := range []string{whole + "\n", "mac,server\n001565000001,hq", "mac,server\n0015650000,hq\n"} {
		rows, _ := rowsOf(t, file, Options{})
		if rows[len(rows)-1].Cut {
			t.Errorf("%q is cut", file)
		}
	}
}
