package csvio

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"rpsbatch/batch"
	"rpsbatch/rps"
)

// A page is a sheet of a test's workbook.
type page struct{ name, state, cells, after string }

// bookOfPages writes a workbook of several sheets.
func bookOfPages(t testing.TB, pages ...page) []byte { return bookWithFormats(t, nil, pages...) }

// bookWithFormats writes one with formats of numbers: style n has the nth.
func bookWithFormats(t testing.TB, formats []string, pages ...page) []byte {
	t.Helper()
	parts := maps.Clone(bookParts)
	if formats != nil {
		var codes, styles strings.Builder
		for i, code := range formats {
			fmt.Fprintf(&codes, `<numFmt numFmtId="%d" formatCode="%s"/>`, 164+i, strings.ReplaceAll(code, `"`, "&quot;"))
			fmt.Fprintf(&styles, `<xf numFmtId="%d" applyNumberFormat="1"/>`, 164+i)
		}
		parts["xl/styles.xml"] = strings.NewReplacer(`<numFmt numFmtId="164" formatCode="000000000000"/>`, codes.String(), `<xf/><xf numFmtId="164" applyNumberFormat="1"/>`, styles.String()).
			Replace(regexp.MustCompile(`<numFmt numFmtId="16[56]"[^>]*>|count="\d+"`).ReplaceAllString(parts["xl/styles.xml"], ""))
	}
	var list, links strings.Builder
	for i, p := range pages {
		fmt.Fprintf(&list, `<sheet name="%s" sheetId="%d" r:id="p%[2]d" state="%s"/>`, p.name, i+1, p.state)
		fmt.Fprintf(&links, `<Relationship Id="p%d" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/p%[1]d.xml"/>`, i+1)
		parts[fmt.Sprintf("xl/worksheets/p%d.xml", i+1)] = worksheetStart + p.cells + "</sheetData>" + p.after + "</worksheet>"
	}
	parts["xl/workbook.xml"] = strings.Replace(parts["xl/workbook.xml"], `<sheet name="Phones" sheetId="1" r:id="rId1"/>`, list.String(), 1)
	parts["xl/_rels/workbook.xml.rels"] = strings.Replace(parts["xl/_rels/workbook.xml.rels"], "</Relationships>", links.String()+"</Relationships>", 1)
	return archiveOf(t, parts)
}

// cellsOfRow writes a row: cells are texts, or XML if they begin with <.
func cellsOfRow(number int, attrs string, cells ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<row r="%d" %s>`, number, attrs)
	for i, text := range cells {
		switch {
		case text == "":
		case text[0] == '<':
			b.WriteString(strings.Replace(text, "<c", fmt.Sprintf(`<c r="%c%d"`, 'A'+i, number), 1))
		default:
			fmt.Fprintf(&b, `<c r="%c%d" t="inlineStr"><is><t>%s</t></is></c>`, 'A'+i, number, text)
		}
	}
	return b.String() + "</row>"
}

func table(records ...string) string {
	var b strings.Builder
	for i, record := range records {
		b.WriteString(cellsOfRow(i+1, "", strings.Split(record, ",")...))
	}
	return b.String()
}

// Of several sheets those that hold devices are read.
func TestChosenSheets(t *testing.T) {
	cover := page{name: "Cover", cells: table("Our phones")}
	phones := page{name: "Phones", cells: table("mac,server", "001565000001,hq")}
	more := page{name: "More", cells: table("Notes", "", "MAC,Server,Note", "001565000002,hq,x", "1.5E+09,hq")}
	blank := page{name: "Template", cells: table("mac,server")}
	odd := page{name: "Odd", cells: table("Telefon,Ort", "001565000003,Berlin", "001565000004,Berlin")}
	moved := page{name: "Moved", cells: table("server,mac", "hq,001565000005")}
	hidden := page{name: "Old", state: "hidden", cells: table("mac,server", "001565000006,hq")}
	for _, test := range []struct {
		name  string
		pages []page
		opts  Options
		want  string // sheet, line and MAC of each row, or "error: "
	}{
		{"behind a cover", []page{cover, phones}, Options{}, "2 000001"},
		{"hidden one in front", []page{hidden, phones}, Options{}, "2 000001"},
		{"hidden one by name", []page{hidden, phones}, Options{Sheets: []string{"old"}}, "2 000006"},
		{"beside a template", []page{blank, phones, cover}, Options{}, "2 000001"},
		{"template only", []page{blank}, Options{}, ""},
		{"two", []page{cover, phones, more}, Options{}, `error: 2 sheets have MACs: "Phones" (1), "More" (1)|--sheet NAME|--all-sheets`},
		{"hidden behind a cover", []page{cover, hidden}, Options{}, `error: sheet "Cover": no column was recognized|--sheet NAME: "Old"`},
		{"with columns of other names", []page{phones, odd}, Options{}, `error: 2 sheets have MACs: "Phones" (1), "Odd" (2)`},
		{"without zeros, of other names", []page{phones, {name: "Bare", cells: table("Telefon,Ort", "1565000003,Berlin")}}, Options{}, `error: 2 sheets have MACs: "Phones" (1), "Bare" (1)`},
		{"of other names only", []page{cover, odd}, Options{}, `error: sheet "Odd": no column was recognized|--column mac="Telefon"`},
		{"all", []page{cover, phones, more}, Options{AllSheets: true}, "Phones 2 000001|More 4 000002|More 5 000000"},
		{"named, in another order", []page{phones, more}, Options{Sheets: []string{"More", "Phones", "More"}}, "More 4 000002|More 5 000000|Phones 2 000001"},
		{"all, one unreadable", []page{phones, odd}, Options{AllSheets: true}, `error: sheet "Odd": no column was recognized`},
		{"other columns", []page{phones, moved}, Options{AllSheets: true}, `error: the sheets have different columns: the mac is in column 1 of "Phones" and in column 2 of "Moved"`},
		{"no server", []page{phones, {name: "B", cells: table("mac", "001565000007")}}, Options{AllSheets: true}, `error: the server is in column 2 of "Phones" and in no column of "B"`},
		{"none", []page{cover, {name: "Empty"}}, Options{}, `error: sheet "Cover": no column was recognized|--sheet NAME: "Empty"`},
		{"no such", []page{phones}, Options{Sheets: []string{"x"}}, `error: no sheet "x"|--sheet: "Phones"`},
		{"servers", []page{{name: "S", cells: table("name,url", "hq,https://h/")}, phones}, Options{Action: batch.AddServer}, "2 000000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			rows, f, err := fileOf(t, bookOfPages(t, test.pages...), test.opts)
			if want, ok := strings.CutPrefix(test.want, "error: "); ok {
				checkProblem(t, errorText(err), want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, row := range rows {
				got = append(got, strings.TrimSpace(fmt.Sprintf("%s %d %s", row.Sheet, row.Line, row.Device.MAC.Bare()[6:])))
			}
			if got := strings.Join(got, "|"); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
			if several := f.Format().Sheets; several != strings.Contains(test.name, "all") && several != strings.Contains(test.name, "named, in") {
				t.Errorf("a column of sheets: %t", several)
			}
		})
	}
}

// Hidden rows are not read without being asked for, and their devices stay known.
func TestHiddenRows(t *testing.T) {
	const hidden = `hidden="1"`
	sheet := cellsOfRow(1, "", "mac", "server") + cellsOfRow(2, "", "001565000001", "hq") +
		cellsOfRow(3, hidden, "001565000002", "hq") + cellsOfRow(4, hidden, "1565000003", "hq") +
		cellsOfRow(5, hidden, "", "Total") + cellsOfRow(6, hidden, "001565000004", "")
	skipped := "000001 hq|blank|blank|blank|blank"
	for _, test := range []struct {
		hidden HiddenRows
		want   string
	}{
		{HiddenRefuse, `error: 3 rows that have a MAC are hidden|row 3, row 4, row 6|--hidden-rows send|--hidden-rows skip`},
		{HiddenSend, "000001 hq|000002 hq|" + kindZeros + "|" + kindNoMAC + "|" + kindNoTarget},
		{HiddenSkip, skipped},
	} {
		rows, f, err := fileOf(t, bookOf(t, sheet), Options{Hidden: test.hidden})
		if want, ok := strings.CutPrefix(test.want, "error: "); ok {
			checkProblem(t, errorText(err), want)
			continue
		}
		if got := asked(rows); err != nil || got != test.want {
			t.Errorf("%d: %q, %v, want %q", test.hidden, got, err, test.want)
		}
		if test.hidden == HiddenSend {
			continue
		}
		if rows[1].Device.MAC.Bare() != "001565000002" || rows[2].Device.MAC != (rps.MAC{}) || !rows[2].Damaged || rows[3].Damaged || !rows[3].Skipped {
			t.Errorf("%+v", rows[1:4])
		}
		result := written(t, rows, f.Format(), func(w *Writer, row *batch.Row) error {
			return w.Write(row, batch.Verdict{Status: batch.Registered})
		})
		again, format := rowsOf(t, result, Options{})
		if got := asked(again); got != skipped {
			t.Errorf("fed back: %q\n%s", got, result)
		}
		if second := written(t, again, format, func(w *Writer, row *batch.Row) error {
			return w.Write(row, batch.Verdict{Status: batch.Registered})
		}); second != result {
			t.Errorf("the result of the result is another:\n%q\n%q", second, result)
		}
		if repaired, _ := rowsOf(t, result, Options{Repair: true}); asked(repaired) != skipped {
			t.Errorf("with zeros restored: %q", asked(repaired))
		}
		if sent, _ := rowsOf(t, result, Options{Hidden: HiddenSend}); asked(sent) == skipped {
			t.Error("they cannot be sent")
		}
	}
	known, _ := rowsOf(t, "mac,server,rps_line,rps_mac,rps_status,rps_detail,rps_calls\n1565000001,hq,2,00-15-65-00-00-01,,hidden,\n", Options{})
	if row := known[0]; !row.Skipped || row.Device.MAC.Bare() != "001565000001" || row.Damaged {
		t.Errorf("with its MAC in rps_mac: %+v", row)
	}
	none := cellsOfRow(1, "", "mac", "server") + cellsOfRow(2, "", "001565000001", "hq") + cellsOfRow(3, hidden, "", "Total")
	if rows, _, err := fileOf(t, bookOf(t, none), Options{}); err != nil || asked(rows) != "000001 hq|blank" {
		t.Errorf("%q, %v", asked(rows), err)
	}
}

// A range that is merged across has its value in each of its columns, but a heading
// across the table is no server.
func TestMergedAcross(t *testing.T) {
	for _, test := range []struct{ cells, merged, want string }{
		{"mac,site,server|001565000001,hq|001565000002,x,br", "B2:C2", "0 000001 hq |0 000002 br "},
		{"mac,site,server|001565000001,hq|001565000002", "B2:C3", "0 000001 hq |0 000002 hq "},
		{"mac,site,server,url|001565000001,hq,,https://h/1|001565000002,br", "B2:C2 B3:D3", "0 000001 hq https://h/1|" + kindBadURL},
		{"mac,site,server|001565000001,,|001565000002,x,br", "B2:C2", "0 000001 other |0 000002 br "},
		{"mac,server,site|Berlin|001565000001", "A2:C2", kindBadMAC + "|0 000001 other "},
		{"mac,server,site|001565000001", "A2:C2", "0 000001 other "},
		{"server,mac,site|hq,001565000001|Berlin,,", "A3:C3", "0 000001 hq |" + kindNoMAC},
		{"mac,site,server|001565000001,hq,|001565000002,x,br", "", "0 000001 other |0 000002 br "},
	} {
		var after strings.Builder
		for ref := range strings.FieldsSeq(test.merged) {
			after.WriteString(`<mergeCell ref="` + ref + `"/>`)
		}
		got, f, err := fileOf(t, bookOfPages(t, page{name: "P", cells: table(strings.Split(test.cells, "|")...), after: "<mergeCells>" + after.String() + "</mergeCells>"}), Options{Server: "other"})
		if err != nil || devices(got) != test.want {
			t.Errorf("%s: %s, %v, want %s", test.cells, devices(got), err, test.want)
			continue
		}
		result := written(t, got, f.Format(), func(w *Writer, row *batch.Row) error { return w.Write(row, batch.Verdict{Status: batch.Refused}) })
		if again, _ := rowsOf(t, result, Options{Server: "other"}); devices(again) != test.want {
			t.Errorf("%s, fed back: %s, want %s\n%s", test.cells, devices(again), test.want, result)
		}
	}
}

// Whoever crosses out a phone or its server no longer wants it there.
func TestCrossedOut(t *testing.T) {
	const struck = `s="6" t="inlineStr"><is><t>`
	rich := `<c t="s"><v>0</v></c>`
	head := cellsOfRow(1, "", "mac", "server", "note") + cellsOfRow(2, "", "001565000001", "hq", `<c `+struck+`old</t></is></c>`)
	for _, test := range []struct {
		row    string
		opts   Options
		want   string
		merged string
	}{
		{cellsOfRow(3, "", `<c `+struck+`001565000002</t></is></c>`, "hq"), Options{}, "error: 1 row that has a MAC is hidden or crossed out: row 3 (crossed-out)|--hidden-rows send", ""},
		{cellsOfRow(3, "", `<c s="6"><v>1565000002</v></c>`, "hq"), Options{}, "error: row 3 (crossed-out)", ""},
		{cellsOfRow(3, "", "001565000002", `<c `+struck+`hq</t></is></c>`), Options{}, "error: row 3 (crossed-out)", ""},
		{cellsOfRow(3, "", "001565000002", rich), Options{}, "error: row 3 (crossed-out)", ""},
		{cellsOfRow(3, "", "001565000002", rich), Options{Action: batch.Deregister}, "000001|000002", ""},
		{cellsOfRow(3, "", "001565000002", rich), Options{Hidden: HiddenSend}, "000001 hq|000002 oldnew", ""},
		{cellsOfRow(3, "", "001565000002", rich), Options{Hidden: HiddenSkip}, "000001 hq|blank", ""},
		{cellsOfRow(3, "", "001565000002", `<c `+struck+`hq</t></is></c>`) + cellsOfRow(4, "", "001565000003"), Options{}, "error: 2 rows|row 3 (crossed-out), row 4 (crossed-out)", "B3:B4"},
		{cellsOfRow(3, "", "001565000002", `<c s="7" t="inlineStr"><is><t>hq</t></is></c>`), Options{}, "000001 hq|000002 hq", ""},
		{cellsOfRow(3, "", `<c `+struck+`Total</t></is></c>`, "hq"), Options{}, "000001 hq|blank", ""},
	} {
		parts := maps.Clone(bookParts)
		parts["xl/styles.xml"] = strings.NewReplacer(`<fonts count="1"><font/></fonts>`, `<fonts><font/><font><b/><strike/></font><font><strike val="0"/></font></fonts>`,
			`</cellXfs>`, `<xf fontId="1"/><xf fontId="2"/></cellXfs>`).Replace(parts["xl/styles.xml"])
		parts["xl/sharedStrings.xml"] = `<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><r><rPr><strike/></rPr><t>old</t></r><r><t>new</t></r></si></sst>`
		parts["xl/_rels/workbook.xml.rels"] = strings.Replace(parts["xl/_rels/workbook.xml.rels"], "</Relationships>", `<Relationship Id="s" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>`, 1)
		after := ""
		if test.merged != "" {
			after = `<mergeCells><mergeCell ref="` + test.merged + `"/></mergeCells>`
		}
		parts["xl/worksheets/sheet1.xml"] = worksheetStart + head + test.row + "</sheetData>" + after + "</worksheet>"
		rows, f, err := fileOf(t, archiveOf(t, parts), test.opts)
		if want, ok := strings.CutPrefix(test.want, "error: "); ok {
			checkProblem(t, errorText(err), want)
			continue
		}
		if got := asked(rows); err != nil || got != test.want {
			t.Errorf("%s: %q, %v, want %q", test.row, got, err, test.want)
			continue
		}
		result := written(t, rows, f.Format(), func(w *Writer, row *batch.Row) error { return w.Write(row, batch.Verdict{Status: batch.Registered}) })
		if skipped := strings.Contains(result, "a crossed-out row, which was skipped"); skipped != strings.Contains(test.want, "blank") {
			t.Errorf("%s: %s", test.row, result)
		}
		if again, _ := rowsOf(t, result, Options{Action: test.opts.Action}); asked(again) != test.want {
			t.Errorf("%s: fed back %q, want %q", test.row, asked(again), test.want)
		}
	}
}

// The rows of a merged range have its value, and their own cells stay.
func TestMergedCells(t *testing.T) {
	head := cellsOfRow(1, "", "mac", "server", "url", "action", "note")
	first := cellsOfRow(2, "", "001565000001", "hq", "https://h/1", "deregister", "n")
	for _, test := range []struct{ merged, second, want string }{
		{"B2:B3", cellsOfRow(3, "", "001565000002"), "000002 hq"},
		{"B2:B3", cellsOfRow(3, "", "001565000002", "branch"), "000002 hq"}, // nobody sees that
		{"C2:C3", cellsOfRow(3, "", "001565000002"), "000002 https://h/1"},
		{"A2:A3", cellsOfRow(3, "", "", "hq"), "000001 hq"},
		{"D2:D3", cellsOfRow(3, "", "001565000002"), "000002"},
		{"B2:C3", cellsOfRow(3, "", "001565000002"), "000002 hq"},
		{"E2:E3", cellsOfRow(3, "", "001565000002", "branch"), "000002 branch"},
		{"B3:C3", cellsOfRow(3, "", "001565000002", "branch"), "000002 branch"},
		{"B1:B3", cellsOfRow(3, "", "001565000002", "branch"), "000002 server"},
	} {
		book := bookOfPages(t, page{name: "P", cells: head + first + test.second, after: `<mergeCells><mergeCell ref="` + test.merged + `"/></mergeCells>`})
		rows, f, err := fileOf(t, book, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := asked(rows[1:]); got != test.want {
			t.Errorf("%s: %q, want %q", test.merged, got, test.want)
		}
		read := test.merged != "E2:E3" && test.merged != "B3:C3"
		if rows[1].MergedRead != read || rows[0].MergedRead != (test.merged == "B1:B3") {
			t.Errorf("%s: merged %t, %t", test.merged, rows[0].MergedRead, rows[1].MergedRead)
		}
		watch := f.Watch()
		for i := range rows {
			watch.Row(&rows[i])
		}
		if warned := strings.Contains(fmt.Sprint(watch.Warnings()), "merged cell: row"); warned != read {
			t.Errorf("%s: %v", test.merged, watch.Warnings())
		}
		if test.merged == "B2:B3" && strings.TrimRight(rows[1].Raw, ",") != "001565000002" {
			t.Errorf("its own cells are %q", rows[1].Raw)
		}
	}
}

// devices returns what is asked of each row's device: action, MAC, server and URL,
// or the kind of its first fault.
func devices(rows []batch.Row) string {
	var all []string
	for _, row := range rows {
		d := row.Device
		text := fmt.Sprintf("%d %s %s %s", d.Action, d.MAC.Bare()[6:], d.Server, d.URL)
		if row.Problem != "" {
			text = row.Faults[0].Kind
		}
		all = append(all, text)
	}
	return strings.Join(all, "|")
}

// What a row has from merged cells stays with it when the result is fed back,
// sorted, with columns moved, as a workbook, and after another command.
func TestMergedFedBack(t *testing.T) {
	const (
		head   = "mac,server,url,action,note"
		merged = `<mergeCells><mergeCell ref="B2:B4"/><mergeCell ref="C3:C4"/><mergeCell ref="D4:D5"/><mergeCell ref="E2:E3"/></mergeCells>`
		want   = "0 000001 hq |0 000002 hq https://h/,1|1 000003  |1 000004  "
	)
	cells := table(head, "001565000001,hq,,,n", "001565000002") + cellsOfRow(3, "", "001565000002", "", "https://h/,1") +
		table("", "", "", "001565000003,,,deregister", "001565000004,branch")
	book := bookOfPages(t, page{name: "P", cells: strings.Replace(cells, cellsOfRow(3, "", "001565000002"), "", 1), after: merged})
	for _, action := range []batch.Action{batch.Register, batch.Deregister, batch.Check} {
		rows, f, err := fileOf(t, book, Options{Action: action})
		if err != nil {
			t.Fatal(err)
		}
		if got := devices(rows); action == batch.Register && got != want {
			t.Fatalf("%s, want %s", got, want)
		}
		write := func(w *Writer, row *batch.Row) error { return w.Write(row, batch.Verdict{Status: batch.Refused}) }
		result := written(t, rows, f.Format(), write)
		lines := strings.SplitAfter(result, "\r\n")
		sorted := lines[0] + lines[3] + lines[1] + lines[4] + lines[2]
		moved := strings.ReplaceAll(result, "\r\n", ",\r\n")
		moved = strings.Replace(moved, "rps_merged,", "rps_merged,more", 1)
		for name, text := range map[string]string{"as it is": result, "sorted": sorted, "with a column more": moved} {
			again, format := rowsOf(t, text, Options{Server: "other"})
			want := want
			if name == "sorted" {
				want = "1 000003  |0 000001 hq |1 000004  |0 000002 hq https://h/,1"
			}
			if got := devices(again); got != want {
				t.Errorf("%v, %s: %s, want %s\n%s", action, name, got, want, text)
			}
			if second := written(t, again, format, write); name == "as it is" && action == batch.Register && second != result {
				t.Errorf("the result of the result is another:\n%s\n%s", result, second)
			}
		}
		var filled []string
		for _, record := range cellsOf(result, f.Format()) {
			for i := range record {
				record[i] = strings.ReplaceAll(strings.ReplaceAll(record[i], `"`, "&quot;"), ",", "&#44;")
			}
			filled = append(filled, strings.Join(record, ","))
		}
		again, _, err := fileOf(t, bookOf(t, table(filled...)), Options{Server: "other"})
		if got := devices(again); err != nil || got != want {
			t.Errorf("%v, as a workbook: %s, %v, want %s", action, got, err, want)
		}
	}
}

// What the row's own cell has counts, and what cannot be placed is not lost.
func TestMergedColumn(t *testing.T) {
	const head = "mac,server,rps_line,rps_mac,rps_server,rps_status,rps_proof,rps_detail,rps_url,rps_calls,rps_time,rps_merged\n"
	withURL, withAction := strings.Replace(head, "server", "server,url", 1), strings.Replace(head, "server", "server,action", 1)
	for _, test := range []struct{ head, own, merged, want string }{
		{head, "", `"{""server"":""hq""}"`, "000001 hq"},
		{head, "own", `"{""server"":""hq""}"`, "000001 own"},
		{head, "", "", "000001 other"},
		{head, "", `"{""server"":""N/A""}"`, kindNoServer},
		{head, "", `"{""Site"":""hq""}"`, kindUnclear},
		{head, "", `"{""rps_mac"":""hq""}"`, kindUnclear},
		{head, "", `hq`, kindUnclear},
		{head, "own", `"{""Site"":""Berlin""}"`, "000001 own"}, // a column that was deleted
		{head, "own", `"{""URL"":""https://h/1""}"`, kindUnclear},
		{head, "own", `"{""Link"":""https://h/1""}"`, "000001 own"}, // nor is there a column for it
		{head, "", `"{""Site"":"" ""}"`, "000001 other"},
		{head, "own", `"{""column 2"":""hq""}"`, "000001 own"},
		{head, "", `"{""column 2"":""hq""}"`, kindUnclear}, // it may have a name since
		{withURL, "own,", `"{""Site"":""Berlin""}"`, "000001 own"},
		{withURL, "own,", `"{""Site"":""https://h/1""}"`, kindUnclear},
		{withAction, "own,", `"{""Site"":""Berlin""}"`, "000001 own"},
		{withAction, "own,", `"{""Wish"":""deregister""}"`, kindUnclear},
		{withAction, ",deregister", `"{""Site"":""Berlin""}"`, "000001"},
		{strings.Replace(head, "server", "Site", 1), "", `"{""Site"":""hq"",""mac"":""x""}"`, "000001 hq"},
		{strings.Replace(head, "server", "server,server", 1), "hq,", `"{""column 3"":""h2""}"`, "000001 h2"},
	} {
		columns := map[string]string{}
		if strings.Contains(test.merged, "column 3") {
			columns["server"] = "3"
		} else if strings.HasPrefix(test.head, "mac,Site") {
			columns["server"] = "Site"
		}
		rows, _ := rowsOf(t, test.head+"001565000001,"+test.own+",2,00-15-65-00-00-01,x,refused,,,,1,,"+test.merged+"\n", Options{Server: "other", Columns: columns})
		if got := asked(rows); got != test.want {
			t.Errorf("%s %s: %s, want %s", test.own, test.merged, got, test.want)
		}
	}
}

// Cells that cannot be meant make their row invalid, where they are read.
func TestRefusedCells(t *testing.T) {
	const never = "<c><f>1+1</f></c>"
	for _, test := range []struct {
		cells []string
		kind  string
		parts string
	}{
		{[]string{never, "hq"}, kindError, "never calculated|save it"},
		{[]string{"001565000001", never}, kindBadServer, "the server: the cell has a formula that was never calculated"},
		{[]string{"001565000001", "hq", never}, kindBadURL, "the URL: the cell has a formula that was never calculated"},
		{[]string{"001565000001", "hq", "", never}, kindBadAction, "the action: the cell has a formula that was never calculated"},
		{[]string{"001565000001", "hq", "", "", never}, "", ""},
		{[]string{`<c s="2"><v>36692</v></c>`, "hq"}, kindDate, "a date or a time"},
		{[]string{`<c s="4"><v>1565100000</v></c>`, "hq"}, kindScientific, "scientific notation"},
		{[]string{`<c t="e"><v>#N/A</v></c>`, "hq"}, kindError, "spreadsheet error"},
		{[]string{"001565000001", `<c t="e"><v>#REF!</v></c>`}, kindNoServer, "#REF!"},
		{[]string{"001565000001", `<c s="4"><v>100000</v></c>`}, kindBadServer, "contains"},
	} {
		rows, _, err := fileOf(t, bookOf(t, cellsOfRow(1, "", "mac", "server", "url", "action", "note")+cellsOfRow(2, "", test.cells...)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if kind := asked(rows); kind != test.kind && (test.kind != "" || rows[0].Problem != "") {
			t.Errorf("%q: %q, want %q", test.cells, kind, test.kind)
		}
		checkProblem(t, rows[0].Problem, test.parts)
	}
	for _, cells := range []string{`<c r="A2"><v>1</v></c><c r="A2"><v>2</v></c>`, `<c r="A2" t="s"><v>5</v></c>`} {
		_, _, err := fileOf(t, bookOf(t, cellsOfRow(1, "", "mac", "server")+`<row r="2">`+cells+`</row>`), Options{})
		checkProblem(t, errorText(err), "the workbook is damaged|A2")
	}
}

// Rows far down and cells far to the right have their places, within bounds.
func TestSparseSheets(t *testing.T) {
	head := cellsOfRow(1, "", "mac", "server")
	rows, _, err := fileOf(t, bookOf(t, head+`<row r="100000"><c r="A100000" t="inlineStr"><is><t>001565000001</t></is></c><c r="XFD100000"><v>1</v></c></row>`), Options{Server: "d"})
	last := rows[len(rows)-1]
	if err != nil || last.Line != 100000 || last.Cells != 1<<14 || last.Device.Server != "d" {
		t.Errorf("row %d of %d cells: %v", last.Line, last.Cells, err)
	}
	var wide strings.Builder
	for i := 2; i < 6000; i++ {
		fmt.Fprintf(&wide, `<row r="%d"><c r="XFD%[1]d"><v>1</v></c></row>`, i)
	}
	_, _, err = fileOf(t, bookOf(t, head+wide.String()), Options{})
	checkProblem(t, errorText(err), "the sheet is too large")
	long := strings.Repeat(cellsOfRow(2, "", strings.Repeat("x", 60_000)), 1)
	_, _, err = fileOf(t, bookOf(t, head+long), Options{MaxRecord: 50_000})
	checkProblem(t, errorText(err), "row 2: the row is larger than 50000 bytes")
}

// Reading ends when its context does, at whichever step.
func TestInterruptedWorkbook(t *testing.T) {
	book := bookOfPages(t, page{name: "A", cells: table("mac,server", "001565000001,hq")}, page{name: "B", cells: table("x")})
	f, err := openBytes(t, book, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Rows(ctx); !errors.Is(err, batch.ErrInterrupted) {
		t.Errorf("rows: %v", err)
	}
	if _, err := OpenFile(ctx, f.Name(), Options{}); !errors.Is(err, batch.ErrInterrupted) {
		t.Errorf("open: %v", err)
	}
}

// A file whose bytes change between two readings is refused, though its size and
// time are as before.
func TestFileChangedInPlace(t *testing.T) {
	name := filepath.Join(t.TempDir(), "d.csv")
	write := func(mac string) {
		if err := os.WriteFile(name, []byte("mac,server\n"+mac+",hq\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, time.Unix(1e9, 0), time.Unix(1e9, 0)); err != nil {
			t.Fatal(err)
		}
	}
	write("001565000001")
	f, err := OpenFile(t.Context(), name, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, want := range []string{"", "", "the file changed while it was being read"} {
		if want != "" {
			write("001565000002")
		}
		source, err := f.Rows(t.Context())
		if err == nil {
			err = batch.EachRow(source, func(int, *batch.Row) error { return nil })
		}
		if want == "" && err != nil {
			t.Fatal(err)
		} else if want != "" {
			checkProblem(t, errorText(err), want)
		}
	}
}

// A column that nobody sees is not read without being asked for.
func TestHiddenColumns(t *testing.T) {
	cells := table("mac,server,url,note", "001565000001,hq,,x")
	for _, test := range []struct {
		cols string
		opts Options
		want string
	}{
		{`<col min="4" max="16384" hidden="1"/>`, Options{}, "0 000001 hq "},
		{`<col min="2" max="3" hidden="1"/>`, Options{}, `error: row 1: column 2, "server", would be read for the server, but is hidden|--column server=2`},
		{`<col min="1" max="1" width="0"/>`, Options{}, `error: column 1, "mac"`},
		{`<col min="2" max="2" hidden="true" width="9"/>`, Options{Columns: map[string]string{"server": "2"}}, "0 000001 hq "},
		{`<col min="2" max="2" hidden="1"/>`, Options{Action: batch.Check}, "3 000001  "},
		{`<col min="1" max="9" hidden="0" width="1"/>`, Options{}, "0 000001 hq "},
	} {
		parts := maps.Clone(bookParts)
		parts["xl/worksheets/sheet1.xml"] = strings.Replace(worksheetStart, "<sheetData>", "<cols>"+test.cols+"</cols><sheetData>", 1) + cells + worksheetEnd
		rows, _, err := fileOf(t, archiveOf(t, parts), test.opts)
		if want, ok := strings.CutPrefix(test.want, "error: "); ok {
			checkProblem(t, errorText(err), want)
		} else if err != nil || devices(rows) != test.want {
			t.Errorf("%s: %s, %v, want %s", test.cols, devices(rows), err, test.want)
		}
	}
}

// Cells beside the table are not read, but what may be a server is not passed over
// for another one; and a row that was sent once is sent from its result.
func TestBesideTheTable(t *testing.T) {
	for _, test := range []struct{ cells, want string }{
		{"mac,site,server#001565000001,Berlin,hq,beside", "0 000001 hq "},
		{"mac,server,,url#001565000001,,branch", kindMoved},
		{"mac,server,,url#001565000001,,001565000002", "0 000001 other "},
		{"mac,server,,url#001565000001,,on the desk!", kindMoved},
		{"mac,server,url#001565000001,hq,,https://h/1", kindMoved},
		{"mac,server,url#001565000001,hq,,note", "0 000001 hq "},
		{"mac,server,,action#001565000001,,branch,deregister", "1 000001  "},
	} {
		got, f, err := fileOf(t, bookOf(t, table(strings.Split(test.cells, "#")...)), Options{Server: "other"})
		if err != nil || devices(got) != test.want {
			t.Errorf("%s: %s, %v, want %s", test.cells, devices(got), err, test.want)
			continue
		}
		status := batch.Refused
		if got[0].Problem != "" {
			status = batch.Invalid
		}
		result := written(t, got, f.Format(), func(w *Writer, row *batch.Row) error { return w.Write(row, batch.Verdict{Status: status}) })
		if again, _ := rowsOf(t, result, Options{Server: "other"}); devices(again) != test.want {
			t.Errorf("%s, fed back: %s, want %s", test.cells, devices(again), test.want)
		}
	}
}

// What merged cells cost is bounded, however many columns and rows they are in.
func TestManyMergedCells(t *testing.T) {
	if !long() {
		t.Skip("takes seconds: RPSBATCH_TESTS=long runs it")
	}
	const columns, height = 2000, 4000
	name := func(column int) string {
		return string([]byte{'A' + byte(column/676), 'A' + byte(column/26%26), 'A' + byte(column%26)})
	}
	for _, named := range []bool{true, false} {
		var head, first, rows, merged strings.Builder
		head.WriteString(`<row r="1"><c r="A1" t="inlineStr"><is><t>mac</t></is></c><c r="B1" t="inlineStr"><is><t>server</t></is></c>`)
		for column := range columns {
			if named {
				fmt.Fprintf(&head, `<c r="%s1"><v>%d</v></c>`, name(column), column)
			}
			fmt.Fprintf(&first, `<c r="%s2"><v>1</v></c>`, name(column))
			fmt.Fprintf(&merged, `<mergeCell ref="%s2:%[1]s%d"/>`, name(column), height)
		}
		for row := 2; row <= height; row++ {
			fmt.Fprintf(&rows, `<row r="%d"><c r="A%[1]d" t="inlineStr"><is><t>001565%06[1]d</t></is></c><c r="B%[1]d"><v>7</v></c>`, row)
			if row == 2 {
				rows.WriteString(first.String())
			}
			rows.WriteString("</row>")
			if row%2 == 0 { // no row has the cells of the one above
				fmt.Fprintf(&merged, `<mergeCell ref="B%d:B%d"/>`, row, row+1)
			}
		}
		book := bookOfPages(t, page{name: "P", cells: head.String() + "</row>" + rows.String(), after: "<mergeCells>" + merged.String() + "</mergeCells>"})
		rest, _, err := fileOf(t, book, Options{})
		if named {
			checkProblem(t, errorText(err), "the sheet is too large")
		} else if err != nil || len(rest) != height-1 || rest[1].Merged != `{"server":"7"}` {
			t.Errorf("%d rows, %v", len(rest), err)
		}
	}
}

// The result of several sheets has the header of the first, by which their merged
// cells are known, whatever the others call their columns.
func TestMergedOfSheets(t *testing.T) {
	const merged = `<mergeCells><mergeCell ref="B2:B3"/></mergeCells>`
	book := bookOfPages(t, page{name: "A", cells: table("mac,server", "001565000001,hq", "001565000002"), after: merged},
		page{name: "B", cells: table("MAC address,Server name,note", "001565000003,branch", "001565000004,,x"), after: merged},
		page{name: "C", cells: table("MAC no,Server", "001565000005,hq") + cellsOfRow(3, "", "", `<c t="inlineStr"><is><t xml:space="preserve"> </t></is></c>`), after: `<mergeCells><mergeCell ref="A2:A3"/></mergeCells>`})
	rows, f, err := fileOf(t, book, Options{AllSheets: true})
	const want = "0 000001 hq |0 000002 hq |0 000003 branch |0 000004 branch |0 000005 hq |0 000000  "
	if err != nil || devices(rows) != want {
		t.Fatalf("%s, %v", devices(rows), err)
	}
	result := written(t, rows, f.Format(), func(w *Writer, row *batch.Row) error { return w.Write(row, batch.Verdict{Status: batch.Refused}) })
	again, format := rowsOf(t, result, Options{Server: "other"})
	if devices(again) != want || strings.Join(format.Columns, ",") != "mac,server," || !format.Merged {
		t.Errorf("fed back: %s, %q\n%s", devices(again), format.Columns, result)
	}
}

// A column named like the number of another has its own merged cells.
func TestMergedBelowNumbers(t *testing.T) {
	for _, head := range []string{"mac,,column 2", "mac,column 3,column 3", "mac,column 3,,x"} {
		book := bookOfPages(t, page{name: "P", cells: table(head, "001565000001,hq,branch", "001565000002"), after: `<mergeCells><mergeCell ref="B2:B3"/><mergeCell ref="C2:C3"/></mergeCells>`})
		for column, want := range map[string]string{"2": "0 000001 hq |0 000002 hq ", "3": "0 000001 branch |0 000002 branch "} {
			opts := Options{Columns: map[string]string{"server": column}}
			rows, f, err := fileOf(t, book, opts)
			if err != nil || devices(rows) != want {
				t.Fatalf("%s: %s, %v, want %s", head, devices(rows), err, want)
			}
			result := written(t, rows, f.Format(), func(w *Writer, row *batch.Row) error { return w.Write(row, batch.Verdict{Status: batch.Refused}) })
			if again, _ := rowsOf(t, result, opts); devices(again) != want {
				t.Errorf("%s, fed back: %s, want %s\n%s", head, devices(again), want, result)
			}
		}
	}
}

// A workbook that is a result has merged cells of its own, and those in rps_merged;
// a row that was skipped keeps them until it is sent.
func TestMergedInResults(t *testing.T) {
	merged := func(ref string) string { return `<mergeCells><mergeCell ref="` + ref + `"/></mergeCells>` }
	write := func(w *Writer, row *batch.Row) error { return w.Write(row, batch.Verdict{Status: batch.Refused}) }
	book := bookOfPages(t, page{name: "P", after: merged("C2:C3"), cells: table("mac,server,url,rps_line,rps_status,rps_merged",
		"001565000001,hq,https://h/1,2,refused", `001565000002,,,3,refused,{"server":"hq"}`)})
	const want = "0 000001 hq https://h/1|0 000002 hq https://h/1"
	rows, f, err := fileOf(t, book, Options{Server: "other"})
	if err != nil || devices(rows) != want {
		t.Fatalf("%s, %v", devices(rows), err)
	}
	if again, _ := rowsOf(t, written(t, rows, f.Format(), write), Options{Server: "other"}); devices(again) != want {
		t.Errorf("fed back: %s", devices(again))
	}
	renamed := bookOfPages(t, page{name: "P", after: merged("C2:C3"), cells: table("mac,server,url,rps_line,rps_status,rps_merged",
		"001565000001,hq,https://h/1,2,refused", `001565000002,,,3,refused,{"Site":"hq"}`)})
	if rows, f, err = fileOf(t, renamed, Options{Server: "other"}); err != nil || devices(rows) != "0 000001 hq https://h/1|"+kindUnclear {
		t.Fatalf("of a column that has another name since: %s, %v", devices(rows), err)
	}
	if again, _ := rowsOf(t, written(t, rows, f.Format(), write), Options{Server: "other"}); devices(again) != devices(rows) {
		t.Errorf("fed back: %s", devices(again))
	}
	hidden := bookOfPages(t, page{name: "P", after: merged("B2:B3"), cells: table("mac,server", "001565000001,hq") + cellsOfRow(3, `hidden="1"`, "001565000002")})
	rows, f, err = fileOf(t, hidden, Options{Hidden: HiddenSkip})
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := rowsOf(t, written(t, rows, f.Format(), write), Options{Hidden: HiddenSend, Server: "other"}); devices(again) != "0 000001 hq |0 000002 hq " {
		t.Errorf("sent after all: %s", devices(again))
	}
}
