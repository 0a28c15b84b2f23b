package csvio

import (
	"strings"
	"testing"

	"rpsbatch/batch"
)

// A header of two rows is read where merged ranges join them, as its result is,
// and refused where a column that is read would be missing.
func TestTwoRowHeaders(t *testing.T) {
	const rows = "#001565000001,Berlin,hq,https://h/1,"
	for _, test := range []struct{ name, cells, merged, want string }{
		{"title above", "Phones,,Provisioning#MAC,Site,Server,URL" + rows, "A1:B1 C1:D1", "0 000001 hq https://h/1"},
		{"title over two rows", "Our phones#,,,2026#MAC,Site,Server,URL" + rows, "A1:C2", "0 000001 hq https://h/1"},
		{"MAC over two rows", "MAC,Site,Provisioning#,,Server,URL" + rows, "A1:A2 B1:B2 C1:D1", "0 000001 hq https://h/1"},
		{"only another over two rows", "MAC,Site,Provisioning#,,Server,URL" + rows, "B1:B2 C1:D1", "0 000001 hq https://h/1"},
		{"a number in the title", "Exported,1565000000#MAC,Site,Provisioning#,,Server,URL" + rows, "A2:A3 B2:B3 C2:D2", "0 000001 hq https://h/1"},
		{"over three rows", "MAC,Site,Provisioning#,,A,B#,,Server,URL" + rows, "A1:A3 B1:B3 C1:D1", "0 000001 hq https://h/1"},
		{"server over two rows, MAC in the second", "Phone,,Server,URL#MAC,Site" + rows, "A1:B1 C1:C2 D1:D2", "0 000001 hq https://h/1"},
		{"merged into the devices", "MAC,Site,Server,URL" + rows + "#001565000002", "B1:B3", "0 000001 hq https://h/1|" + kindNoTarget},
		{"another merged over the header and the devices", "Phones,MAC,Server#,,hq#,001565000002,br", "A1:A3", kindNoMAC + "|0 000002 br "},
		{"with a damaged MAC", "Phones,MAC,URL#,1.565E+09#,001565000002,https://h/1", "A1:A3", kindScientific + "|0 000002  https://h/1"},
		{"two servers below one name", "MAC,Server,#,Old,New#001565000001,hq,Berlin", "A1:A2 B1:C1", `error: row 2: the header seems to have two rows: below "Server" there are "Old" and "New"|--column server=2`},
		{"two servers below one name, not joined", "MAC,Server,#,Old,New#001565000001,hq,Berlin", "", `error: row 2: the header seems to have two rows: below "Server"|--column server=2`},
		{"two URLs below one name", "MAC,Server,URL,#,,Old,New#001565000001,hq,https://h/1,https://h/2", "A1:A2 C1:D1", `error: row 2:|below "URL" there are "Old" and "New"|--column url=3`},
		{"one server below one name", "MAC,Server,#,Name,#001565000001,hq,x", "B1:C1", kindNoMAC + "|0 000001 hq "},
		{"not joined", "MAC,Site,Provisioning#,,Server,URL" + rows, "C1:D1", `error: row 2: the header seems to have two rows|"Server"|--column server=3`},
		{"not joined, MAC in the second", "Phone,,Server,URL#MAC,Site" + rows, "A1:B1", `error: row 1: the header seems to have two rows|"Server"`},
		{"two MACs below one name", "MAC,,Server#WLAN,LAN#001565000001,001565000002,hq", "A1:B1 C1:C2", `error: row 2:|below "MAC" there are "WLAN" and "LAN", which both have MACs|--column mac=1`},
		{"two MACs below one name, not joined", "MAC,,Server#WLAN,LAN#001565000001,001565000002,hq", "A1:B1", `error: row 2:|below "MAC" there are "WLAN" and "LAN", which both have MACs|--column mac=1`},
	} {
		var after strings.Builder
		for ref := range strings.FieldsSeq(test.merged) {
			after.WriteString(`<mergeCell ref="` + ref + `"/>`)
		}
		got, f, err := fileOf(t, bookOfPages(t, page{name: "P", cells: table(strings.Split(test.cells, "#")...), after: "<mergeCells>" + after.String() + "</mergeCells>"}), Options{})
		if want, ok := strings.CutPrefix(test.want, "error: "); ok {
			if err == nil {
				t.Errorf("%s: %s", test.name, devices(got))
				continue
			}
			checkProblem(t, errorText(err), want)
			continue
		}
		if err != nil || devices(got) != test.want {
			t.Errorf("%s: %s, %v, want %s", test.name, devices(got), err, test.want)
			continue
		}
		result := written(t, got, f.Format(), func(w *Writer, row *batch.Row) error { return w.Write(row, batch.Verdict{Status: batch.Refused}) })
		if again, _ := rowsOf(t, result, Options{}); devices(again) != test.want {
			t.Errorf("%s, fed back: %s, want %s\n%s", test.name, devices(again), test.want, result)
		}
	}
}

// A name that Options give is one, in either row.
func TestTwoRowHeadersByOptions(t *testing.T) {
	merged := "<mergeCells>" + `<mergeCell ref="A1:A2"/>` + "</mergeCells>"
	for _, test := range []struct{ cells, server, want string }{
		{"MAC,Server,#,Name,URL#001565000001,hq", "Name", "0 000001 hq "},
		{"Phones,MAC,Place#,,hq#,001565000001,br", "Place", kindNoMAC + "|0 000001 br "},
	} {
		book := bookOfPages(t, page{name: "P", cells: table(strings.Split(test.cells, "#")...), after: merged})
		got, _, err := fileOf(t, book, Options{Server: "other", Columns: map[string]string{"server": test.server}})
		if err != nil || devices(got) != test.want {
			t.Errorf("%s: %s, %v, want %s", test.cells, devices(got), err, test.want)
		}
	}
}

// Rows above or below a header that name nothing that is missing are notes.
func TestOneRowHeaders(t *testing.T) {
	for file, want := range map[string]string{
		"Server,hq\nmac,server\n001565000001,hq\n":                    "0 000001 hq ",
		"mac,server,note\n,Server,\n001565000001,hq,\n":               kindNoMAC + "|0 000001 hq ",
		"mac,server\nphone's address,where to\n001565000001,hq\n":     kindBadMAC + "|0 000001 hq ",
		"mac,type,server\n,Server,hq\n001565000001,Phone,hq\n":        kindNoMAC + "|0 000001 hq ",
		"MAC,Provisioning\n,Server\n001565000001,hq\n":                "error: line 2",
		"MAC,Provisioning\n-,Server\n001565000001,hq\n":               "error: line 2",
		"MAC,Server\n-,URL\n001565000001,main\n":                      kindBadMAC + "|0 000001 main ",
		"MAC,Server\n,URL\n001565000001,https://h/1\n":                kindNoMAC + "|" + kindServerURL,
		"MAC,URL\n,Server\n001565000001,hq\n":                         kindNoMAC + "|" + kindBadURL,
		"MAC,Server,\n,Name,URL\n001565000001,hq,https://h/1\n":       "error: line 2",
		"Server,Phone,\n,MAC,Model\nhq,001565000001,T46\n":            "error: line 1",
		"MAC,,Server\nLAN,WLAN,\n001565000001,001565000002,hq\n":      "error: line 2",
		"MAC,,Server\nLAN,note,\n001565000001,on the desk,hq\n":       kindBadMAC + "|0 000001 hq ",
		"mac,type\n,Server,10.0.0.1\n001565000001,Phone\n":            kindNoMAC + "|0 000001 other ",
		"Server,hq\nmac,model\n001565000001,T46\n":                    "0 000001 other ",
		"Notes,001565\nmac,server\n001565000001,hq\n":                 "0 000001 hq ",
		"mac,server\n1565000001,hq\nmac,server,rps_line,rps_status\n": "error: line 3",
	} {
		rows, _, err := tryRows(strings.NewReader(file), Options{Server: "other"})
		got := devices(rows)
		if err != nil {
			got, _, _ = strings.Cut("error: "+err.Error(), ": the header")
		}
		if prefix, ok := strings.CutPrefix(want, "error: "); ok && !strings.HasPrefix(got, "error: "+prefix) || !ok && got != want {
			t.Errorf("%q: %s, want %s", file, got, want)
		}
	}
}
