package csvio

import (
	"strings"
	"testing"

	"rpsbatch/batch"
)

// Each cell is the MAC 001565000001, or what programs made of it.
func TestMACCells(t *testing.T) {
	tests := []struct {
		name, cell string // as it stands in the file
		kind, text string // "": the MAC is read; text has parts of the message split by |
	}{
		{"bare", "001565000001", "", ""},
		{"spaces around", " \t001565000001 ", "", ""},
		{"no-break spaces", "\u00a0001565000001\u202f", "", ""},
		{"no-break spaces between", "00\u00a015\u00a065\u00a000\u00a000\u00a001", "", ""},
		{"spaces between other groups", "0015 6500 0001", "", ""},
		{"zero-width spaces", "\u200b0015\u200c65\u200d00\u2060000\ufeff1", "", ""},
		{"soft hyphens", "0015\u00ad6500\u00ad0001", "", ""},
		{"marks of direction", "\u202a001565000001\u202c", "", ""},
		{"apostrophe", "'001565000001", "", ""},
		{"typographic apostrophe", "\u2019001565000001", "", ""},
		{"formula of a text", `="001565000001"`, "", ""},
		{"formula of a text, quoted", `"=""001565000001"""`, "", ""},
		{"apostrophe and formula", `"'=""001565000001"""`, "", ""},
		{"full-width", "\uff10\uff10\uff11\uff15\uff16\uff15\uff10\uff10\uff10\uff10\uff10\uff11", "", ""},
		{"full-width, quoted, with colons", "\"00\uff1a15\uff1a65\uff1a00\uff1a00\uff1a\uff10\uff11\"", "", ""},
		{"another hyphen", "00\u201115\u201165\u201100\u201100\u201101", "", ""},

		{"a label", "MAC: 00:15:65:00:00:01", "", ""},
		{"a label, as a scanner reads it", "mac001565000001", "", ""},

		{"empty", "", kindNoMAC, "the MAC is empty"},
		{"only an apostrophe", "'", kindNoMAC, "the MAC is empty"},
		{"leading zeros", "1565000001", kindZeros, "has 10 digits, 12 are needed|--repair"},
		{"one leading zero", "15650000012", kindZeros, "a number of 11 digits|not in Yealink's block 00-15-65"},
		{"as few digits as can be", "1234567", kindZeros, "a number of 7 digits"},
		{"decimal", "1565000001.0", kindDecimal, "use --repair to read it as 00-15-65-00-00-01"},
		{"decimal comma", "\"1565000001,00\"", kindDecimal, "use --repair to read it as 00-15-65-00-00-01"},
		{"decimal of no address", "99565000001.0", kindDecimal, "a number of 11 digits|not in Yealink's block"},
		{"ends in 00", "1565123400", kindZeros, "may have been an address with an E"},
		{"telephone number", "442071234567", kindOther, "outside Yealink's address blocks|telephone number|--vendor-prefix 44-20-71"},
		{"UPC", "'841885102980", kindOther, "more likely an article"},
		{"EAN", "6938818304314", kindOther, "more likely an article number (EAN)"},
		{"serial number", "301203GO80009999", kindOther, "more likely a serial number"},
		{"serial number of digits", "3146019091637071", kindOther, "more likely a serial number"},
		{"two in a cell", "001565000001 / 00-15-65-00-00-02", kindBadMAC, "several MACs: put each in"},
		{"one and words", "001565000001 / none", kindBadMAC, "has other text besides the MAC: leave only 00-15-65-00-00-01"},
		{"in a sentence", "phone (mac:00:15:65:00:00:01), desk 5", kindBadMAC, "has other text besides the MAC: leave only 00-15-65-00-00-01"},
		{"in brackets", "[001565000001]", kindBadMAC, "leave only 00-15-65-00-00-01"},
		{"with a port", "001565000001/1", kindBadMAC, "leave only 00-15-65-00-00-01"},
		{"of eight bytes", "00:15:65:ff:fe:00:00:01", kindBadMAC, "it has 16 hexadecimal digits"},
		{"a digit too many", "0015650000011", kindBadMAC, "it has 13 hexadecimal digits"},
		{"a row's number", "123456", kindBadMAC, "it has 6 hexadecimal digits"},
		{"one digit", "7", kindBadMAC, "it has 1 hexadecimal digit, 12"},
		{"scientific of twelve characters", "1.565100E+09", kindScientific, "an address with an E"},
		{"digits lost elsewhere", "00156500001", kindBadMAC, "it has 11 hexadecimal digits"},
		{"scientific", "1.565E+09", kindScientific, "lost digits|format the column as text"},
		{"scientific, comma", `"1,565E+09"`, kindScientific, "as text"},
		{"scientific, twelve digits", "8.05E+11", kindScientific, "as text"},
		{"scientific, no point", "8E+11", kindScientific, "as text"},
		{"scientific, lower case", "1.565e+09", kindScientific, "as text"},
		{"German date", "15.06.2000", kindDate, "a date|as text"},
		{"date with a short year", "15.06.65", kindDate, "a date"},
		{"ISO date", "2000-06-15", kindDate, "a date"},
		{"ISO date and time", "2000-06-15T00:00:00", kindDate, "a date"},
		{"American date", "6/15/2000", kindDate, "a date"},
		{"American date and time", "6/15/00 12:30 PM", kindDate, "a date"},
		{"date with a month's name", "15-Jun-00", kindDate, "a date"},
		{"month and year", "Jun-65", kindDate, "a date"},
		{"date in words", `"Thursday, June 15, 2000"`, kindDate, "a date"},
		{"German date in words", "15. Juni 2000", kindDate, "a date"},
		{"German date with a month in March", "15. Mär 00", kindDate, "a date"},
		{"time", "00:15:05", kindDate, "a time"},
		{"cut short, no time", "00:15:65", kindBadMAC, "it has 6"},
		{"cut short, no date", "00-15-65", kindBadMAC, "it has 6"},
		{"formula", "=A1&B1", kindFormula, "a formula|as text"},
		{"formula with two texts", `"=""0015""&""65000001"""`, kindFormula, "a formula"},
		{"no such name", "#NAME?", kindError, "a spreadsheet error"},
		{"no reference", "#REF!", kindError, "a spreadsheet error"},
		{"too narrow a column", "########", kindError, "a spreadsheet error"},
		{"LibreOffice's error", "Err:502", kindError, "a spreadsheet error"},
		{"O for 0", "OO1565000001", kindLookAlike, "character 1 is the letter O where 0 was probably meant, character 2|type it again"},
		{"l for 1", "00l565000001", kindLookAlike, "character 3 is the letter l where 1"},
		{"I for 1", "00-I5-65-00-00-01", kindLookAlike, "character 4 is the letter I where 1"},
		{"Cyrillic A", "00156500000А", kindLookAlike, "character 12 is the Cyrillic letter А (U+0410) where A"},
		{"Greek E", "805\u0395C0000001", kindLookAlike, "character 4 is the Greek letter Ε (U+0395) where E"},
		{"many of them", "OOl565OOOOOl", kindLookAlike, "character 3 is the letter l where 1 was probably meant, and 6 more"},
		{"look alike, but no MAC", "Ol", kindBadMAC, "not a hexadecimal digit"},
		{"words", "not known", kindBadMAC, "not a hexadecimal digit"},
		{"URL", "https://h/s3cret", kindBadMAC, "not a hexadecimal digit"},
		{"multicast", "011565000001", kindBadMAC, "multicast"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rows, _ := rowsOf(t, "n,Device MAC\nx,"+test.cell+"\n", Options{Action: batch.Check, Comma: ','})
			if len(rows) != 1 || rows[0].Raw != "x,"+test.cell {
				t.Fatalf("%+v", rows)
			}
			row := rows[0]
			if test.kind == "" {
				if row.Problem != "" || row.Faults != nil || row.Device.MAC.Bare() != "001565000001" || row.Note != "" {
					t.Errorf("%+v", row)
				}
				return
			}
			if len(row.Faults) != 1 || row.Faults[0].Kind != test.kind || row.Faults[0].Column != "Device MAC" || row.Faults[0].Cell != 2 {
				t.Fatalf("%+v, want %s", row.Faults, test.kind)
			}
			checkProblem(t, row.Problem, test.text)
			if row.Problem != row.Faults[0].Text || strings.Contains(row.Problem, "s3cret") {
				t.Errorf("problem %q", row.Problem)
			}
		})
	}
}

func TestRepair(t *testing.T) {
	tests := []struct{ name, cell, mac, note string }{
		{"two zeros", "1565000001", "001565000001", "leading zeros were restored: 001565000001 was 1565000001"},
		{"one zero", "'41565000001", "", ""},
		{"another block", "565000001", "", ""},
		{"ends in 00, as addresses with an E do", "1565123400", "", ""},
		{"decimal", "1565000101.0", "001565000101", "leading zeros were restored: 001565000101 was 1565000101.0"},
		{"decimal of no address", "565000101.0", "", ""},
		{"a fraction", "1565000101.5", "", ""},
		{"nothing to do", "001565000001", "001565000001", ""},
		{"no MAC then either", "11565000001", "", ""}, // 01-15-... is multicast
		{"too short", "123456", "", ""},
		{"scientific", "1.565E+09", "", ""},
		{"letters", "1565AB0001", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			opts := Options{Action: batch.Check, Repair: true}
			rows, format := rowsOf(t, "mac\n"+test.cell+"\n", opts)
			row := rows[0]
			if (row.Problem == "") != (test.mac != "") || row.Problem == "" && row.Device.MAC.Bare() != test.mac || row.Note != test.note {
				t.Fatalf("%+v", row)
			}
			result := written(t, rows, format, func(w *Writer, row *batch.Row) error {
				return w.Write(row, batch.Verdict{Status: batch.Registered, Detail: "so it is"})
			})
			want := "so it is"
			if test.note != "" {
				want = test.note + "; so it is"
			}
			if !strings.Contains(result, ",,registered,,"+want+",") || !strings.Contains(result, "\n"+test.cell+",") {
				t.Errorf("result %q", result)
			}
		})
	}
}

// What is put around a server or a URL is taken away, what is in it is not.
func TestMendedTargets(t *testing.T) {
	tests := []struct{ name, cell, server, url, problem string }{
		{"apostrophes", "'hq;'https://h/", "hq", "https://h/", ""},
		{"formulas of texts", `="hq";="https://h/"`, "hq", "https://h/", ""},
		{"invisible", "\u00a0hq\u200b;\ufeffhttps://h/\u3000", "hq", "https://h/", ""},
		{"zero-width space in a server", "h\u200bq;", "", "", "invisible character (U+200B)"},
		{"no-break space in a server", "h\u00a0q;", "", "", "invisible character (U+00A0)"},
		{"zero-width space in a URL", ";https://h/\u200bx", "", "", "invisible character (U+200B)"},
		{"apostrophe in a server", "h'q;", "", "", `contains "'"`},
		{"apostrophe in a URL", ";https://h/it's", "", "https://h/it's", ""},
		{"quote in a formula's text", `="h""q";`, "", "", `contains "\""`},
		{"formula", "=A1;", "", "", `contains "="`},
		{"lost character", "B\ufffdro;", "", "", "lost"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rows, _ := rowsOf(t, "mac;server;url\n001565000001;"+test.cell+"\n", Options{})
			row := rows[0]
			checkProblem(t, row.Problem, test.problem)
			if test.problem == "" && (row.Device.Server != test.server || row.Device.URL != test.url) {
				t.Errorf("%+v", row.Device)
			}
			if row.Raw != "001565000001;"+test.cell {
				t.Errorf("raw %q", row.Raw)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	const file = "Provisioning URL,Note,Server,MAC\ngopher://h/s3cret,x,B\xc3\xbcro,1565000001\n,,,001565000001\n,,https://h/s3cret,001565000001\nx\n"
	rows, _ := rowsOf(t, file, Options{})
	want := [][]batch.Fault{
		{{Cell: 4, Column: "MAC", Kind: kindZeros}, {Cell: 3, Column: "Server", Kind: kindBadServer}, {Cell: 1, Column: "Provisioning URL", Kind: kindBadURL}},
		{{Cell: 3, Column: "Server", Kind: kindNoTarget}},
		{{Cell: 3, Column: "Server", Kind: kindServerURL}},
		{{Cell: 0, Column: "MAC", Kind: kindNoMAC}, {Cell: 1, Column: "Provisioning URL", Kind: kindBadURL}},
	}
	for i, row := range rows {
		var texts []string
		for j := range row.Faults {
			texts = append(texts, row.Faults[j].Text)
			row.Faults[j].Text = ""
			if j < len(want[i]) && row.Faults[j] != want[i][j] {
				t.Errorf("row %d: %+v, want %+v", i, row.Faults[j], want[i][j])
			}
		}
		if len(texts) != len(want[i]) || strings.Join(texts, "; ") != row.Problem || strings.Contains(row.Problem, "s3cret") {
			t.Errorf("row %d: %q, problem %q", i, texts, row.Problem)
		}
	}
	rows, _ = rowsOf(t, "mac\n001565000001\n", Options{})
	if f := rows[0].Faults; len(f) != 1 || f[0].Cell != 0 || f[0].Column != "" || f[0].Kind != kindNoTarget {
		t.Errorf("%+v", f)
	}
}

func TestActions(t *testing.T) {
	const file = "mac,server,url,RPS Action\n001565000001,s1,https://h/,register\n001565000002,s2,bad,De-Register\n001565000003,s3,,\n001565000004,,,\n001565000005,,,Register\n001565000006,s6,,remove\n"
	register := Options{}
	remove := Options{Action: batch.Deregister}
	tests := []struct {
		name    string
		opts    Options
		actions []batch.Action
		servers string
		faults  string
	}{
		{"register", register, []batch.Action{0, batch.Deregister, 0, 0, 0, 0}, "s1,,s3,,,s6", ",,,neither a server nor a URL,neither a server nor a URL,unknown action"},
		{"deregister", remove, []batch.Action{0, batch.Deregister, batch.Deregister, batch.Deregister, 0, batch.Deregister}, "s1,,,,,", ",,,,neither a server nor a URL,unknown action"},
		{"not looked for", Options{Action: batch.Check}, []batch.Action{3, 3, 3, 3, 3, 3}, ",,,,,", ",,,,,"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rows, _ := rowsOf(t, file, test.opts)
			var servers, faults []string
			for i, row := range rows {
				if row.Device.Action != test.actions[i] {
					t.Errorf("row %d: action %d", i, row.Device.Action)
				}
				servers = append(servers, row.Device.Server)
				kind := ""
				if row.Faults != nil {
					kind = row.Faults[0].Kind
				}
				faults = append(faults, kind)
			}
			if strings.Join(servers, ",") != test.servers || strings.Join(faults, ",") != test.faults {
				t.Errorf("servers %q, faults %q", servers, faults)
			}
		})
	}
	if _, err := NewReader(strings.NewReader("mac,action,Aktion\n"), remove); err == nil || !strings.Contains(err.Error(), `"Aktion" (column 3) can be the action`) {
		t.Errorf("two columns: %v", err)
	}
	rows, _ := rowsOf(t, "mac,what\n001565000001,register\n", Options{Columns: map[string]string{"action": "what"}, Action: batch.Deregister, Server: "d"})
	if rows[0].Device.Action != batch.Register || rows[0].Device.Server != "d" {
		t.Errorf("%+v", rows)
	}
}

// A result file that a spreadsheet has saved again still has rps_mac.
func TestDamagedSince(t *testing.T) {
	for _, test := range []struct {
		cell, prior, want string
	}{
		{"1565000001", "00-15-65-00-00-01", "001565000001"},
		{"1.565000001E+09", "00-15-65-00-00-01", "001565000001"},
		{"1,565000001E9", "00-15-65-00-00-01", "001565000001"},
		{"1.565E+09", "00-15-65-00-00-01", ""},
		{"1.57E+09", "00-15-65-00-00-01", ""},
		{"1565000002", "00-15-65-00-00-01", ""},
		{"1.566E+09", "00-15-65-00-00-01", ""},
		{"1E+09", "00-15-65-00-00-01", ""},
		{"1565000001", "", ""},
		{"001565000002", "00-15-65-00-00-01", "001565000002"},
		{"8.05E+11", "80-5E-11-00-00-00", ""},
		{"", "00-15-65-00-00-01", ""},
	} {
		rows, _ := rowsOf(t, "mac,server,rps_line,rps_mac,rps_status\n\""+test.cell+"\",hq,2,"+test.prior+",failed\n", Options{})
		got, row := "", rows[0]
		if row.Problem == "" && !row.Blank {
			got = row.Device.MAC.Bare()
		}
		if !strings.EqualFold(got, test.want) || got != "" && test.cell != "001565000002" && !strings.Contains(row.Note, "rps_mac") {
			t.Errorf("%q, was %s: %q (%s; %s), want %q", test.cell, test.prior, got, row.Problem, row.Note, test.want)
		}
	}
}

func TestNotScientific(t *testing.T) {
	rows, _ := rowsOf(t, "mac\n01005E000001\n", Options{Action: batch.Check})
	if p := rows[0].Problem; !strings.Contains(p, "multicast") {
		t.Error(p)
	}
	rows, _ = rowsOf(t, "mac\n15650000001\n", Options{Action: batch.Check, Repair: true})
	if p := rows[0].Problem; p == "" || strings.Contains(p, "use --repair") {
		t.Error(p)
	}
}

func TestEncodingsOfDOS(t *testing.T) {
	rows, _ := rowsOf(t, "mac,site\n001565000001,K\x94ln\n", Options{Action: batch.Check, Encoding: "ibm850"})
	if rows[0].Raw != "001565000001,Köln" {
		t.Errorf("%q", rows[0].Raw)
	}
}

// What a spreadsheet makes of an address is still that address to a result that has
// it, and nothing else is.
func TestNumberOfMAC(t *testing.T) {
	for _, test := range []struct {
		cell, mac string
		was       bool
	}{
		{"1565000001", "001565000001", true},
		{"1565000001.0", "001565000001", true},
		{"1.565000001E+09", "001565000001", true},
		{"156510000000", "001565100E05", true},
		{"1.5651E+11", "001565100E05", true},
		{"\"1,5651E+11\"", "001565100E05", true},
		{"\"156,510,000,000\"", "001565100E05", true},
		{"156500000000000000", "00156500E012", true},
		{"15650", "001565E00001", true},
		{"156510000001", "001565100E05", false},
		{"15651", "001565E00001", false},
		{"156510000000", "001565AA0B0C", false},
		{"00156510000B", "001565100E05", false},
		{"001561000001", "001561000001", false}, // refused as another kind of number
	} {
		rows, _ := rowsOf(t, "mac,server,rps_line,rps_mac,rps_server,rps_status,rps_proof\n"+test.cell+",hq,2,"+test.mac+",hq,registered,answer\n", Options{})
		row := rows[0]
		if was := row.Problem == "" && row.Device.MAC == mustMAC(t, test.mac); was != test.was {
			t.Errorf("%s of %s: %v, %q", test.cell, test.mac, row.Device.MAC, row.Problem)
		}
	}
}

// A number that was refused is no MAC in the result either, which fed back would
// prove it to be one.
func TestRefusedNumberIsNoMACInResult(t *testing.T) {
	rows, f := rowsOf(t, "mac,server\n001561000001,hq\n", Options{})
	result := written(t, rows, f, func(w *Writer, row *batch.Row) error { return w.Write(row, batch.Verdict{Status: batch.Invalid}) })
	for _, cell := range []string{"001561000001", "1561000001"} {
		again, _ := rowsOf(t, strings.Replace(result, "\n001561000001,", "\n"+cell+",", 1), Options{})
		if again[0].Problem == "" {
			t.Errorf("%s, fed back, is %v", cell, again[0].Device.MAC)
		}
	}
}
