package csvio

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"rpsbatch/batch"
)

// encodings write a text as programs do.
var encodings = []struct {
	name   string // as Format has it
	bom    bool   // of the result
	encode func(string) string
}{
	{"UTF-8", false, func(text string) string { return text }},
	{"UTF-8", true, func(text string) string { return byteOrderMark + text }},
	{"UTF-16 LE", true, func(text string) string { return asUTF16(text, binary.LittleEndian, true) }},
	{"UTF-16 BE", true, func(text string) string { return asUTF16(text, binary.BigEndian, true) }},
	{"UTF-16 LE", true, func(text string) string { return asUTF16(text, binary.LittleEndian, false) }},
	{"Windows-1252", true, func(text string) string {
		b, err := charmap.Windows1252.NewEncoder().String(text)
		if err != nil {
			panic(err)
		}
		return b
	}},
}

var lineEnds = []string{"\n", "\r\n", "\r"}

// Each delimiter × encoding × line end × what stands above gives the same rows,
// and so do its result and the result of that.
func TestDialects(t *testing.T) {
	const header, body = "Größe~MAC-Adresse~Server Name~Provisioning URL~\n",
		"3~001565000001~hq~~\n" +
			"\"a~b\"~\"00-15-65-00-00-02\"~~https://h.example/u/2~\n" +
			"~~~~\n" +
			"\"line\nbreak\"~00:15:65:00:00:03~\"hq\"~~ x \n" +
			"\n" +
			"\"say \"\"ü\"\"\"~00156500000~hq~~long\n"
	starts := []struct {
		name, text       string
		headerLine, more int // lines above the rows, in all, and records above the header
	}{
		{"header", header, 1, 0},
		{"sep", "sep=~\n" + header, 2, 0},
		{"title", "Telefone in Köln\n\nStand~01.02.2026\n" + header, 4, 3},
		{"blank", "\n\n" + header, 3, 0},
		{"no header", "", 0, 0},
	}
	for _, comma := range commas {
		for _, enc := range encodings {
			for _, lineEnd := range lineEnds {
				for _, start := range starts {
					t.Run(fmt.Sprintf("%q %s %t %q %s", comma, enc.name, enc.bom, lineEnd, start.name), func(t *testing.T) {
						text := strings.NewReplacer("~", string(comma), "\n", lineEnd).Replace(start.text + body)
						opts := Options{}
						if start.name == "no header" {
							opts.Columns = map[string]string{"mac": "2", "server": "3", "url": "4"}
						}
						rows, format := rowsOf(t, enc.encode(text), opts)
						checkDialectRows(t, rows)
						if format.Comma != byte(comma) || format.LineEnd != lineEnd || format.Encoding != enc.name || format.BOM != enc.bom ||
							format.HeaderLine != start.headerLine || len(format.Preamble) != start.more {
							t.Errorf("%+v", format)
						}
						if first := max(start.headerLine+1, 1); rows[0].Line != first || rows[len(rows)-1].Line != first+6 {
							t.Errorf("lines %d to %d, want them from %d on", rows[0].Line, rows[len(rows)-1].Line, first)
						}

						kept := text
						if start.name == "blank" {
							kept = strings.TrimPrefix(text, lineEnd+lineEnd)
						}
						if got := usersText(rows, format); got != kept {
							t.Errorf("the user's cells are\n%q, were\n%q", got, kept)
						}
						verdict := batch.Verdict{Status: batch.Failed, Detail: "a~" + string(comma) + "b"}
						one := written(t, rows, format, func(w *Writer, row *batch.Row) error { return w.Write(row, verdict) })
						again, format2 := rowsOf(t, one, opts)
						checkDialectRows(t, again)
						if again[0].Prior.Status != batch.Failed {
							t.Errorf("prior status %q", again[0].Prior.Status)
						}
						if got, want := usersText(again, format2), usersText(rows, format); got != want && start.name != "no header" {
							t.Errorf("the user's cells fed back are\n%q, were\n%q", got, want)
						}
						two := written(t, again, format2, func(w *Writer, row *batch.Row) error { return w.Pass(row) })
						if two != one {
							t.Errorf("passed through\n%q, was\n%q", two, one)
						}
					})
				}
			}
		}
	}
}

func checkDialectRows(t *testing.T, rows []batch.Row) {
	t.Helper()
	var got []string
	for _, row := range rows {
		switch {
		case row.Blank:
			got = append(got, "blank")
		case row.Problem != "":
			got = append(got, row.Faults[0].Kind)
		default:
			d := row.Device
			got = append(got, strings.TrimSpace(d.MAC.Bare()+" "+d.Server+" "+d.URL))
		}
	}
	const want = "001565000001 hq|001565000002  https://h.example/u/2|blank|001565000003 hq|blank|invalid MAC"
	if strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
}

// usersText puts together what a Reader gave of a file.
func usersText(rows []batch.Row, format Format) string {
	var records []string
	if format.SepLine != "" {
		records = append(records, format.SepLine)
	}
	records = append(records, format.Preamble...)
	if !format.NoHeader {
		records = append(records, format.Header)
	}
	for _, row := range rows {
		records = append(records, row.Raw)
	}
	return strings.Join(records, format.LineEnd) + format.LineEnd
}

func TestStart(t *testing.T) {
	mac := map[string]string{"mac": "2"}
	tests := []struct {
		name, file string
		opts       Options
		columns    string // joined by |, or the error's parts split by |
		rows       int    // -1: an error
		preamble   int
	}{
		{"comma", "mac,server\n001565000001,s1\n", Options{Action: batch.Check}, "mac|server", 1, 0},
		{"semicolon", "mac;server\n001565000001;s1,2\n", Options{Action: batch.Check}, "mac|server", 1, 0},
		{"semicolon, comma in the header", "MAC;\"Site, floor\";Size, in m\n001565000001;a,b,c;1,5\n", Options{Action: batch.Check}, "MAC|Site, floor|Size, in m", 1, 0},
		{"tab", "mac\tserver; or not\n001565000001\ts1\n", Options{Action: batch.Check}, "mac|server; or not", 1, 0},
		{"pipe", "Site|MAC\nx,y|001565000001\n", Options{Action: batch.Check}, "Site|MAC", 1, 0},
		{"one column", "mac\n001565000001\n", Options{Action: batch.Check}, "mac", 1, 0},
		{"one column, quoted", "\"mac\"\r\n\"001565000001\"\r\n", Options{Action: batch.Check}, "mac", 1, 0},
		{"comma in a quoted name", "\"mac, of the phone\";mac;n\n;001565000001;\n", Options{Action: batch.Check}, "mac, of the phone|mac|n", 1, 0},
		{"named column decides", "mac;serial,id\n1;001565000001,x\n", Options{Action: batch.Check, Columns: map[string]string{"mac": "id"}}, "mac;serial|id", 1, 0},
		{"sep counts more", "sep=|\nmac;x|mac\n001565000001;y|001565000001\n", Options{Action: batch.Check}, "mac;x|mac", 1, 0},
		{"sep in capitals", "SEP=;\r\nmac;n\r\n001565000001;\r\n", Options{Action: batch.Check}, "mac|n", 1, 0},
		{"option counts more than sep", "sep=;\nmac,n\n001565000001,\n", Options{Action: batch.Check, Comma: ','}, "mac|n", 1, 0},
		{"sep of another character is a title", "sep=:\nmac,n\n001565000001,\n", Options{Action: batch.Check}, "mac|n", 1, 1},
		{"a cell sep=; of a sheet", "sep=;\nmac,n\n001565000001,\n", Options{Action: batch.Check, records: true, Comma: ','}, "mac|n", 1, 2},
		{"title", "Our phones\nmac,server\n001565000001,s1\n", Options{Action: batch.Check}, "mac|server", 1, 1},
		{"title with delimiters", "\"Our phones, all\",,\n,,\nmac,server,\n001565000001,s1,\n", Options{Action: batch.Check}, "mac|server|", 1, 2},
		{"title that may be a MAC", "202611230000\nmac,server\n001565000001,s1\n", Options{Action: batch.Check}, "mac|server", 1, 1},
		{"two columns of MACs", "805ec0567890,001565000001,HQ\n", Options{Action: batch.Check}, "columns 1 and 2 both have MACs|--column mac=1", -1, 0},
		{"two columns of MACs, told which", "201234567890,001565000001,HQ\n", Options{Action: batch.Check, Columns: mac}, "column 1|mac|server", 1, 0},
		{"titles, wide", "a,b,c\nd,e,f\nmac,server,x\n001565000001,s1,\n", Options{Action: batch.Check}, "mac|server|x", 1, 2},
		{"title like a name", "MAC addresses\n\nDevice;MAC\nx;001565000001\n", Options{Action: batch.Check}, "Device|MAC", 1, 2},
		{"one column, a name as a note", "mac\n001565000001\nmac;mac\n", Options{Action: batch.Check}, "mac", 2, 0},
		{"told that there is none, semicolon", "x,y,z;1\na,b,c;001565000001\n", Options{Action: batch.Check, NoHeader: true}, "column 1|mac", 2, 0},
		{"last place for a header", strings.Repeat("note\n", sampleSize-1) + "mac,n\n001565000001,\n", Options{Action: batch.Check}, "mac|n", 1, sampleSize - 1},
		{"header too far down", strings.Repeat("note\n", sampleSize) + "mac,n\n", Options{Action: batch.Check}, "line 1: no column was recognized", -1, 0},
		{"no header", "001565000001,s1\n001565000002,s2\n", Options{Action: batch.Check}, "mac|server", 2, 0},
		{"no header, any order", "x;https://h/s3cret;00-15-65-00-00-01;s1;more\n", Options{Action: batch.Check}, "column 1|url|mac|server|column 5", 1, 0},
		{"no header, full-width", "０01565000001|s1\n", Options{Action: batch.Check}, "mac|server", 1, 0},
		{"no header, one column", "001565000001\n001565000002\n", Options{Action: batch.Check}, "mac", 2, 0},
		{"no header, URL in a later row", "001565000001,s1,\n001565000002,,https://h/\n", Options{Action: batch.Check}, "mac|server|url", 2, 0},
		{"no header, URL in a much later row", strings.Repeat("001565000001,s1,\n", 50) + "001565000002,,https://h/\n", Options{Action: batch.Check}, "mac|server|url", 51, 0},
		{"no header, third column is something else", "001565000001,s1,\n001565000002,s2,note\n", Options{Action: batch.Check}, "mac|server|column 3", 2, 0},
		{"no header, action", "deregister,001565000001\nregister,001565000002,s\n", Options{Action: batch.Deregister}, "action|mac|server", 2, 0},
		{"no header, title", "Our phones\n001565000001,s1\n", Options{Action: batch.Check}, "mac|server", 1, 1},
		{"unknown header above devices", "Serial,Server\n001565000001,hq\n", Options{Action: batch.Check}, `line 1: no column was recognized|, but column 1 has some|"Serial", "Server"; name it with --column mac="Serial"`, -1, 0},
		{"title and unknown header", "Our phones\nSerial,Server\n001565000001,hq\n", Options{Action: batch.Check}, `line 2: no column was recognized|"Serial", "Server"`, -1, 0},
		{"device above what names a MAC", "001565000001,s1,\n001565000002,s2,mac\n", Options{Action: batch.Check}, "mac|server|column 3", 2, 0},
		{"told that there is none", "x,s1\n001565000001,s1\n", Options{Action: batch.Check, NoHeader: true}, "mac|server", 2, 0},
		{"told so, and the column", "1,x,s1\n2,y,s1\n", Options{Action: batch.Check, NoHeader: true, Columns: mac}, "column 1|mac|server", 2, 0},
		{"column beyond the first record", "x\n", Options{Action: batch.Check, NoHeader: true, Columns: map[string]string{"mac": "1", "url": "3"}}, "mac|server|url", 1, 0},
		{"told so, no MAC", "x,s1\ny,s1\n", Options{Action: batch.Check, NoHeader: true}, "line 1: there is no header, and no cell|--column mac=2", -1, 0},
		{"told so, a name given", "001565000001,s1\n", Options{Action: batch.Check, Columns: map[string]string{"mac": "MAC"}}, `to name a column "MAC"|--column mac=2`, -1, 0},
		{"column 0", "001565000001,s1\n", Options{Action: batch.Check, NoHeader: true, Columns: map[string]string{"mac": "0"}}, "to name|--column mac=2", -1, 0},
		{"one column twice", "001565000001,s1\n", Options{Action: batch.Check, NoHeader: true, Columns: map[string]string{"mac": "1", "server": "1"}}, "column 1 is used for two roles", -1, 0},
		{"unknown role", "001565000001,s1\n", Options{Action: batch.Check, Columns: map[string]string{"name": "1"}}, "no such role", -1, 0},
		{"number with a header", "id,n\n00156500000x,001\n", Options{Action: batch.Check, Columns: map[string]string{"mac": "1"}}, "id|n", 1, 0},
		{"first device is damaged", "1565000001,s1\n", Options{Action: batch.Check}, "if this line is a device, use --no-header", -1, 0},
		{"result of no header, told again", "mac,server,rps_line,rps_mac,rps_status,rps_detail,rps_url,rps_calls,rps_time\n001565000001,s1,1,,failed,,,,\n", Options{Action: batch.Check, NoHeader: true, Columns: map[string]string{"mac": "1"}}, "mac|server", 1, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rows, format, err := tryRows(strings.NewReader(test.file), test.opts)
			if test.rows < 0 {
				checkProblem(t, errorText(err), test.columns)
				if strings.Contains(fmt.Sprint(err), "s3cret") {
					t.Error("a URL in an error")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(format.Columns, "|"); got != test.columns || len(rows) != test.rows || len(format.Preamble) != test.preamble {
				t.Errorf("columns %s, %d rows, above them %q", got, len(rows), format.Preamble)
			}
			one := written(t, rows, format, func(w *Writer, row *batch.Row) error { return w.Write(row, batch.Verdict{Status: batch.Failed}) })
			again, format2 := rowsOf(t, one, test.opts)
			if two := written(t, again, format2, func(w *Writer, row *batch.Row) error { return w.Pass(row) }); two != one || len(again) != len(rows) {
				t.Errorf("fed back and passed\n%q, was\n%q", two, one)
			}
			for i := range again {
				if again[i].Device != rows[i].Device || again[i].Problem != rows[i].Problem {
					t.Errorf("%+v was\n%+v", again[i], rows[i])
				}
			}
		})
	}
}
