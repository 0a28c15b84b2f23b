package csvio

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"rpsbatch/batch"
)

// asked is what each row asks for, "blank", or the kind of its first fault.
func asked(rows []batch.Row) string {
	var all []string
	for _, row := range rows {
		text := row.Device.MAC.Bare()[6:] + " " + row.Device.Server + row.Device.URL
		switch {
		case row.Blank:
			text = "blank"
		case row.Problem != "":
			text = row.Faults[0].Kind
		case row.Surplus:
			text += " surplus"
		}
		all = append(all, strings.TrimSpace(text))
	}
	return strings.Join(all, "|")
}

// Cells that a delimiter without quotes may have moved are not sent.
func TestMovedCells(t *testing.T) {
	for _, test := range []struct {
		name, file string
		opts       Options
		want       string
	}{
		{"server behind another column", "mac,site,server\n001565000001,Berlin, HQ,Branch\n", Options{}, kindMoved},
		{"empty server, and --server", "mac,site,server\n001565000001,Berlin,,Branch\n", Options{Server: "d"}, kindMoved},
		{"server next to the MAC", "mac,server,site\n001565000001,hq,Berlin, HQ\n", Options{}, "000001 hq surplus"},
		{"MAC behind the server", "site,server,mac\nBerlin,hq,001565000001,x\n", Options{}, "000001 hq surplus"},
		{"MAC moved as well", "site,server,mac\nBerlin, HQ,hq,001565000001\n", Options{}, kindBadMAC},
		{"URL behind the server", "mac,site,server,url,note\n001565000001,Berlin,hq,https://h/,at the door, left\n", Options{}, "000001 hqhttps://h/ surplus"},
		{"URL moved away", "mac,server,url\n001565000001,hq,,https://h/\n", Options{}, kindMoved},
		{"no URL anywhere", "mac,server,url\n001565000001,hq,,note\n", Options{}, "000001 hq surplus"},
		{"column without a name in the header", "mac,site,server,\n001565000001,Berlin, HQ,Branch\n", Options{}, kindMoved},
		{"action moved away", "mac,site,action\n001565000001,Berlin,,deregister\n", Options{Action: batch.Deregister}, kindMoved},
		{"nothing but the MAC is read", "mac,site,server\n001565000001,Berlin, HQ,Branch\n", Options{Action: batch.Deregister}, "000001  surplus"},
		{"in a sheet nothing moves", "mac,site,server\n001565000001,Berlin,hq,note\n", Options{records: true, Comma: ','}, "000001 hq surplus"},
		{"closing quote lost, server behind", "mac,note,server,model\n001565000001,\"T23,\"hq\",T54\n", Options{}, kindMoved},
		{"the same in a result", "mac,note,server,model,rps_line,rps_mac,rps_status\n001565000001,\"T23,\"hq\",T54,,2,,invalid\n", Options{}, kindMoved},
		{"closing quote lost before a URL", "mac,server,model,url\n001565000001,hq,\"T23,\"https://h/1\"\n", Options{}, kindMoved},
		{"closing quote lost before the MAC", "note,mac,other,server\n\"x,\"001565000001\",001565000002,hq\n", Options{Action: batch.Deregister}, kindMoved},
		{"closing quote lost behind all", "mac,server,note,model\n001565000001,hq,\"x,\"y\"\n", Options{}, "000001 hq"},
		{"quotes in quotes", "mac,note,server,model\n001565000001,\"a, \"b\" c\",hq,T54\n", Options{}, "000001 hq"},
		{"inches", "mac,note,server,model\n001565000001,\"5\" display,hq,\n", Options{}, "000001 hq"},
		{"another file behind a last line without an end", "mac,server\n001565000001,hqmac,server\n001565000002,hq\n", Options{}, kindMoved + "|000002 hq"},
		{"rows of another file behind it", "mac,server\n001565000001,hq\n001565000002,hq00-15-65-00-00-03,hq\n001565000004,hq\n", Options{}, "000001 hq|" + kindMoved + "|000004 hq"},
		{"a MAC beside the site", "mac,server,site\n001565000001,hq,was 001565000002,note\n", Options{}, "000001 hq surplus"},
		{"the same in quotes", "\"mac\";\"server\";\"site\"\n\"001565000001\";\"hq\";\"x\"\"MAC\";\"Server\";\"Site\"\n", Options{}, kindMoved},
		{"the same behind the MAC", "server,mac,site\nhq,001565000001,\"x\"server,mac,site\n", Options{}, kindMoved},
		{"in quotes", "mac,site,server\n001565000001,\"Berlin, HQ\",Branch\n", Options{}, "000001 Branch"},
	} {
		t.Run(test.name, func(t *testing.T) {
			rows, _ := rowsOf(t, test.file, test.opts)
			if got := asked(rows); got != test.want {
				t.Errorf("%q, want %q: %s", got, test.want, rows[0].Problem)
			}
		})
	}
	rows, _ := rowsOf(t, "mac,server,site\n001565000001,hq,Berlin,001565000002\n", Options{})
	checkProblem(t, rows[0].Note, "more cells than the header, one of them the MAC 00-15-65-00-00-02")
}

// What ends a file of DOS is not a row.
func TestEndOfFileMark(t *testing.T) {
	if rows, _ := rowsOf(t, "mac,server\r\n001565000001,hq\r\n\x1a", Options{}); asked(rows) != "000001 hq|blank" {
		t.Errorf("%q", asked(rows))
	}
}

// A header that comes again is passed over where it has the same columns.
func TestSecondHeader(t *testing.T) {
	const head = "MAC,Server,Site\n001565000001,hq,x\n"
	for _, test := range []struct{ name, file, want string }{
		{"the same", head + "MAC,Server,Site\n001565000002,hq,x\n", "000001 hq|blank|000002 hq"},
		{"the same, written otherwise", head + "\ufeffmac,\"SERVER\", site\n001565000002,hq,x\n", "000001 hq|blank|000002 hq"},
		{"another order", head + "MAC,Site,Server\n", "error: line 3: this is a second header"},
		{"the MAC elsewhere", head + "Site,Server,MAC\n", "error: line 3: this is a second header"},
		{"fewer columns", head + "MAC,Server\n", "error: line 3: this is a second header"},
		{"another name for one", head + "MAC address,Server,Location\n", "error: line 3: this is a second header"},
		{"columns of its own", head + "MAC,Reason\n001565000002,broken\n", "error: line 3: this is a second header"},
		{"columns of its own, and the MAC in the same place", head + "MAC address,Tested by,On\n001565000002,Max,Monday\n", "error: line 3: this is a second header"},
		{"in another language", head + "MAC-Adresse,Servername,Site\n001565000002,hq,x\n", "000001 hq|blank|000002 hq"},
		{"a note", head + "MAC,,\n", "000001 hq|" + kindBadMAC},
		{"words", head + "Server,hq,Site\n", "000001 hq|" + kindBadMAC},
		{"below no header", "001565000001,hq\nMAC,Site,Server\n", "error: line 2: this is a second header"},
		{"one column", "mac\n001565000001\nMAC\n", "000001|blank"},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts := Options{}
			if test.name == "one column" {
				opts.Action = batch.Deregister
			}
			rows, _, err := tryRows(strings.NewReader(test.file), opts)
			if want, ok := strings.CutPrefix(test.want, "error: "); ok {
				checkProblem(t, errorText(err), want)
			} else if got := asked(rows); err != nil || got != test.want {
				t.Errorf("%q, %v, want %q", got, err, test.want)
			}
		})
	}
}

// Names of columns are known with what forms put beside them.
func TestHeaderRemarks(t *testing.T) {
	for _, test := range []struct{ file, want string }{
		{"* MAC,Server (optional),URL [optional]\n001565000001,hq,\n", "000001 hq"},
		{"MAC-Adresse (Pflichtfeld)*,Server\n001565000001,hq\n", "000001 hq"},
		{"<MAC Address>,{Server Name - required}\n001565000001,hq\n", "000001 hq"},
		{"MAC,Server (location)\n001565000001,hq\n", kindNoTarget}, // a place, perhaps
		{"MAC (phone),Server\n001565000001,hq\n", `error: but column 1 has some|name it with --column mac="MAC (phone)"`},
		{"Phone,Other,Server\n001565000001,001565000002,hq\n", `error: say which with --column mac="Phone"`},
		{"Phone,Server\n1565000001,hq\n", "error: and none has any (column 1: MAC without its leading zeros)|name it with --column mac=NAME"},
		{"00-1A-6F-00-00-01,hq\n00-1A-6F-00-00-02,hq\n", "error: if this line is a device, use --no-header and --column mac=1"},
		{",Server,Site\n001565000001,hq,x\n", "error: name it with --column mac=1"},
	} {
		rows, _, err := tryRows(strings.NewReader(test.file), Options{})
		if want, ok := strings.CutPrefix(test.want, "error: "); ok {
			checkProblem(t, errorText(err), want)
		} else if got := asked(rows); err != nil || got != test.want {
			t.Errorf("%q: %q, %v, want %q", test.file, got, err, test.want)
		}
	}
}

// Addresses of other makers are sent, and decide nothing.
func TestBlocks(t *testing.T) {
	other := Options{Blocks: Blocks{{0x00, 0x1a, 0x6f}}}
	for _, test := range []struct {
		file string
		opts Options
		want string
	}{
		{"mac,server\n00-1A-6F-00-00-01,hq\n001a6f000002,hq\n", Options{}, "000001 hq|000002 hq"},
		{"mac,server\n201234567890,hq\n20-12-34-56-78-90,hq\n", Options{}, kindOther + "|567890 hq"},
		{"mac,server\n201234567890,hq\n", Options{Blocks: Blocks{{0x20, 0x12, 0x34}}}, "567890 hq"},
		{"00-1A-6F-00-00-01,hq\n", other, "000001 hq"},
		{"00-1A-6F-00-00-01,001565000001,hq\n", Options{}, "000001 hq"},
		{"00-1A-6F-00-00-01,hq\n", Options{NoHeader: true, Columns: map[string]string{"mac": "1"}}, "000001 hq"},
		{"00-1A-6F-00-00-01,hq\n", Options{NoHeader: true}, "error: no cell of the first records has a MAC of Yealink's blocks of addresses|--column mac=1"},
		{"805ec0000001,T30\n", Options{Server: "d"}, "000001 d"},
		{"805ec0000001,hq\n", Options{}, "000001 hq"},
	} {
		rows, _, err := tryRows(strings.NewReader(test.file), test.opts)
		if want, ok := strings.CutPrefix(test.want, "error: "); ok {
			checkProblem(t, errorText(err), want)
		} else if got := asked(rows); err != nil || got != test.want {
			t.Errorf("%q: %q, %v, want %q", test.file, got, err, test.want)
		}
	}
	for text, want := range map[string]string{"24-9A-D8": "24-9A-D8", "249ad8": "24-9A-D8", "24:9a:d8": "24-9A-D8", "24-9A": "", "24-9A-D8-00": "", "x": "", "01-00-5E": ""} {
		block, err := ParseBlock(text)
		if (err == nil) != (want != "") || err == nil && block != [3]byte{0x24, 0x9a, 0xd8} {
			t.Errorf("%q: %x, %v", text, block, err)
		}
	}
}

func TestCommentedOut(t *testing.T) {
	for _, test := range []struct{ row, want string }{
		{"#001565000002,hq", kindComment},
		{"# 001565000002,hq", kindComment},
		{"//001565000002,hq", kindComment},
		{";001565000002,hq", kindComment},
		{"\"# 001565000002\",hq", kindComment},
		{"#REF!,hq", kindError},
		{"#N/A,hq", kindError},
		{"001565000002,#1", kindBadServer},
	} {
		rows, _ := rowsOf(t, "mac,server\n"+test.row+"\n", Options{})
		if got := rows[0].Faults[0].Kind; got != test.want || (test.want == kindComment) != (rows[0].Device.MAC.Bare() == "001565000002" && test.want != kindBadServer) {
			t.Errorf("%q: %q, %+v", test.row, got, rows[0].Device)
		}
	}
	rows, _ := rowsOf(t, "site,mac,server\n# Berlin,001565000002,hq\n#REF!,001565000003,hq\n", Options{})
	if got := asked(rows); got != kindComment+"|000003 hq" {
		t.Error(got)
	}
	// A number is no comment if all rows have such a one.
	rows, _ = rowsOf(t, "no,mac,server\n#1,001565000002,hq\n#2,001565000003,hq\n", Options{})
	if got := asked(rows); got != "000002 hq|000003 hq" {
		t.Error(got)
	}
	rows, _ = rowsOf(t, "no,mac,server\n1,001565000002,hq\n#2,001565000003,hq\n#3,001565000004,hq\n", Options{})
	if got := asked(rows); got != "000002 hq|"+kindComment+"|"+kindComment {
		t.Error(got)
	}
	rows, _ = rowsOf(t, "mac,server\n#001565000002,hq\n#001565000003,hq\n", Options{})
	if got := asked(rows); got != kindComment+"|"+kindComment {
		t.Error(got)
	}
}

func TestIgnoreNoMAC(t *testing.T) {
	const file = "mac,server,n\n001565000001,hq,1\n,Total,1\n,001565000002,hq\nx,hq,1\n,\"a\n001565000003,hq,1\n\",\n"
	rows, _ := rowsOf(t, file, Options{IgnoreNoMAC: true})
	if got := asked(rows); got != "000001 hq|blank|"+kindNoMAC+"|"+kindBadMAC+"|"+kindQuote {
		t.Error(got)
	}
	rows, _ = rowsOf(t, file, Options{})
	if got := asked(rows); got != "000001 hq|"+kindNoMAC+"|"+kindNoMAC+"|"+kindBadMAC+"|"+kindQuote {
		t.Error(got)
	}
}

// What is no CSV file is named for what it is.
func TestOtherFiles(t *testing.T) {
	for _, test := range []struct{ name, start, want string }{
		{"gzip", "\x1f\x8b\x08\x00", "compressed by gzip; unpack it"},
		{"bzip2", "BZh91AY&SY\x00", "compressed by bzip2"},
		{"xz", "\xfd7zXZ\x00\x00", "compressed by xz"},
		{"zstd", "\x28\xb5\x2f\xfd", "compressed by zstd"},
		{"7z", "7z\xbc\xaf\x27\x1c", "7z archive"},
		{"PDF", "%PDF-1.7\n", "a PDF file"},
		{"RTF", "{\\rtf1\\ansi", "RTF"},
		{"UTF-32 LE", "\xff\xfe\x00\x00m\x00\x00\x00", "a file in UTF-32; save it"},
		{"UTF-32 BE", "\x00\x00\xfe\xff\x00\x00\x00m", "a file in UTF-32"},
		{"UTF-32 without a mark", strings.Repeat("m\x00\x00\x00", 8), "a file in UTF-32"},
		{"HTML", "\ufeff\n <!DOCTYPE html><table>", "a web page (HTML)|save it as .xlsx"},
		{"table", "<table><tr><td>MAC", "a web page (HTML)"},
		{"HTML with namespaces", "<html xmlns:o=\"urn:schemas-microsoft-com:office:office\">", "a web page (HTML)"},
		{"web archive", "MIME-Version: 1.0\nContent-Type: multipart/related;", "a web page (HTML)"},
		{"XML of LibreOffice", "<?xml version=\"1.0\"?><office:document xmlns:office=\"x\">", "an XML file"},
		{"XML", "<?xml version=\"1.0\"?><Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\">", "an XML file"},
		{"HTML in UTF-16", asUTF16("<html>", binary.LittleEndian, true), "a web page (HTML)"},
		{"JSON", "[{\"mac\":\"001565000001\"}]", "a JSON file; write its devices as a table"},
		{"JSON, indented", "[\n  {\"mac\": 1}\n]", "a JSON file"},
		{"JSON lines", "{\"mac\":\"001565000001\"}\n", "a JSON file"},
		{"one cell a line", "\"MAC,Server\"\n\"001565000001,hq\"\n", "line 1: each line is one quoted cell|export the file again"},
		{"one cell a line, quoted twice", "\"\"\"MAC\"\",\"\"Server\"\"\"\n\"\"\"001565000001\"\",\"\"hq\"\"\"\n", "each line is one quoted cell"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := NewReader(strings.NewReader(test.start), Options{})
			if bad := (*FileError)(nil); !errors.As(err, &bad) {
				t.Fatalf("%v", err)
			}
			checkProblem(t, errorText(err), test.want)
		})
	}
	for _, name := range []string{"~$d.xlsx", "x/.~lock.d.xlsx#"} {
		checkProblem(t, errorText(lockFile(name)), "the lock file of a workbook|use d.xlsx")
	}
	for _, file := range []string{"PK,MAC\n1,001565000001\n", "ID;Phone;MAC\n1;x;001565000001\n", "<b>,mac\n,001565000001\n"} {
		if _, _, err := tryRows(strings.NewReader(file), Options{}); err != nil {
			t.Errorf("%q: %v", file, err)
		}
	}
}

// Words for an empty cell are no names of servers, and some names are odd.
func TestServerWords(t *testing.T) {
	for _, name := range []string{"NULL", "null", "N/A", "NA", "None", "nan", "NaN", "#N/A", "-", "--", "_", "n.a.", "#REF!", `\N`, "0", "TBD", "tba", "dito", "s.o.", "unknown", "Keiner", "FALSE"} {
		rows, _ := rowsOf(t, "mac,server\n001565000001,"+name+"\n", Options{Server: "d"})
		if got := asked(rows); got != kindNoServer {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, name := range []string{"0042", "Keine-1", "Unknown site", "10", "n"} {
		if rows, _ := rowsOf(t, "mac,server\n001565000001,"+name+"\n", Options{}); asked(rows) != "000001 "+name {
			t.Errorf("%s: %q", name, asked(rows))
		}
	}
	for name, odd := range map[string]bool{"2026-01-02": true, "1.2.26": true, "42.0": true, "Jan-26": true, "01:02": true, "hq": false, "srv-1.2": false, "192.0.2.1": false, "42": false, "site.2": false} {
		if looksSpoilt(name) != odd {
			t.Errorf("%s: %t", name, !odd)
		}
	}
}
