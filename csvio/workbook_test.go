package csvio

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"rpsbatch/batch"
	"rpsbatch/csvio/xlsx"
)

// converted returns the text of a workbook's sheet, "" being the first that is
// read.
func converted(t testing.TB, book []byte, sheet string) (text, name string, err error) {
	t.Helper()
	b, err := xlsx.Open(bytes.NewReader(book), int64(len(book)))
	if err != nil {
		return "", "", asFileError(err)
	}
	all := b.Sheets()
	found := all[max(slices.IndexFunc(all, func(s xlsx.Sheet) bool { return s.State == xlsx.Visible }), 0)]
	if sheet != "" {
		if found, err = (&sheets{book: b}).find(sheet); err != nil {
			return "", "", err
		}
	}
	rows, err := b.Rows(t.Context(), found)
	if err != nil {
		return "", "", asFileError(err)
	}
	data, err := io.ReadAll(newSheetText(rows, DefaultMaxRecord, Yealink))
	return string(data), found.Name, asFileError(err)
}

// openBytes opens a workbook as a file.
func openBytes(t testing.TB, book []byte, opts Options) (*File, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "book.xlsx")
	if err := os.WriteFile(name, book, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFile(t.Context(), name, opts)
	if err == nil {
		t.Cleanup(f.Close)
	}
	return f, err
}

// fileOf reads a workbook's rows.
func fileOf(t testing.TB, book []byte, opts Options) (rows []batch.Row, f *File, err error) {
	t.Helper()
	if f, err = openBytes(t, book, opts); err != nil {
		return nil, nil, err
	}
	source, err := f.Rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var row batch.Row
	for err = source.Read(&row); err == nil; err = source.Read(&row) {
		rows = append(rows, row)
	}
	if err == io.EOF {
		err = nil
	}
	return rows, f, err
}

// bookOf writes a workbook with cells of a sheet as XML has them.
func bookOf(t testing.TB, sheetData string) []byte {
	t.Helper()
	parts := maps.Clone(bookParts)
	parts["xl/worksheets/sheet1.xml"] = worksheetStart + sheetData + worksheetEnd
	return archiveOf(t, parts)
}

const (
	worksheetStart = `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>`
	worksheetEnd   = `</sheetData></worksheet>`
)

// bookParts are those of a workbook with one sheet, but for the sheet.
var bookParts = map[string]string{
	"[Content_Types].xml":        `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>`,
	"_rels/.rels":                `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
	"xl/workbook.xml":            `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Phones" sheetId="1" r:id="rId1"/></sheets></workbook>`,
	"xl/_rels/workbook.xml.rels": `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>`,
	"xl/styles.xml":              `<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts count="3"><numFmt numFmtId="164" formatCode="000000000000"/><numFmt numFmtId="165" formatCode="dd/mm/yyyy"/><numFmt numFmtId="166" formatCode="0.00"/></numFmts><fonts count="1"><font/></fonts><fills count="1"><fill/></fills><borders count="1"><border/></borders><cellXfs count="6"><xf/><xf numFmtId="164" applyNumberFormat="1"/><xf numFmtId="165" applyNumberFormat="1"/><xf numFmtId="14" applyNumberFormat="1"/><xf numFmtId="11" applyNumberFormat="1"/><xf numFmtId="166" applyNumberFormat="1"/></cellXfs></styleSheet>`,
}

func archiveOf(t testing.TB, parts map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range parts {
		part, err := w.CreateHeader(&zip.FileHeader{Name: name}) // not packed, which takes longer than the reading
		if err == nil {
			_, err = io.WriteString(part, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWorkbookCells(t *testing.T) {
	tests := []struct{ name, cell, want string }{
		{"text", `<c t="inlineStr"><is><t>001565000001</t></is></c>`, "001565000001"},
		{"text in parts", `<c t="inlineStr"><is><r><t>0015</t></r><r><t>65000001</t></r></is></c>`, "001565000001"},
		{"number", `<c><v>1565000001</v></c>`, "1565000001"},
		{"number of twelve digits", `<c><v>805000000012</v></c>`, "805000000012"},
		{"number as Java stores it", `<c><v>1.565000001E9</v></c>`, "1565000001"},
		{"number as Python stores it", `<c><v>1565000001.0</v></c>`, "1565000001"},
		{"number shown in scientific notation", `<c s="4"><v>805000000012</v></c>`, "805000000012"},
		{"number shown with zeros in front", `<c s="1"><v>1565000001</v></c>`, "001565000001"},
		{"number shown rounded", `<c s="5"><v>12.345</v></c>`, "12.35"},
		{"number with a fraction", `<c><v>1565000001.5</v></c>`, "1565000001.5"},
		{"number that is not exact", `<c><v>1e300</v></c>`, "1E+300"},
		{"text in scientific notation", `<c t="inlineStr"><is><t>1.565E+09</t></is></c>`, "1.565E+09"},
		{"number that may have been a text", `<c><v>1.565E+09</v></c>`, "1565000000"},
		{"date", `<c s="2"><v>36692</v></c>`, "15/06/2000"},
		{"date of the usual format", `<c s="3"><v>36692</v></c>`, "6/15/2000"},
		{"yes", `<c t="b"><v>1</v></c>`, "TRUE"},
		{"no", `<c t="b"><v>0</v></c>`, "FALSE"},
		{"error", `<c t="e"><v>#NAME?</v></c>`, "#NAME?"},
		{"formula with text", `<c t="str"><f>"0015"&amp;"65000001"</f><v>001565000001</v></c>`, "001565000001"},
		{"formula with a number", `<c><f>1565000000+1</f><v>1565000001</v></c>`, "1565000001"},
		{"comma and quote", `<c t="inlineStr"><is><t>a,"b"</t></is></c>`, `"a,""b"""`},
		{"line break", "<c t=\"inlineStr\"><is><t>a\nb</t></is></c>", "\"a\nb\""},
		{"spaces", `<c t="inlineStr"><is><t xml:space="preserve"> a </t></is></c>`, `" a "`},
		{"beginning like sep=", `<c t="inlineStr"><is><t>sep=;</t></is></c>`, "sep=;"},
		{"third column", `<c r="C1"><v>7</v></c>`, ",,7"},
		{"empty cells at the end", `<c r="A1"><v>7</v></c><c r="B1" s="1"/><c r="C1" t="inlineStr"><is><t></t></is></c>`, "7"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, name, err := converted(t, bookOf(t, "<row>"+test.cell+"</row>"), "")
			if err != nil || name != "Phones" {
				t.Fatal(name, err)
			}
			if want := byteOrderMark + test.want + "\r\n"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// A number that is no MAC stands as it is shown, since it may name a server.
func TestNumbersAsShown(t *testing.T) {
	formats := []string{`"SITE-"0`, "000000000000000", "0", "#,##0", "General", "000000000000", `00\-00\-00\-00\-00\-00`}
	number := func(value string, format int) string {
		return fmt.Sprintf(`<c s="%d"><v>%s</v></c>`, format, value)
	}
	blocks := Blocks{{0x20, 0x12, 0x34}}
	for _, test := range []struct {
		mac, server string
		opts        Options
		want        string
	}{
		{"001565000001", number("441234567890", 0), Options{}, "000001 SITE-441234567890"},
		{"001565000001", number("201234567890", 1), Options{}, "000001 000201234567890"},
		{"001565000001", number("1234567.5", 2), Options{}, "000001 1234568"},
		{"001565000001", number("12345678.25", 4), Options{}, "000001 12345678.25"},
		{number("1565000000.6", 5), "hq", Options{}, kindBadMAC},
		{number("1565000000.6", 2), "hq", Options{Repair: true}, kindBadMAC},
		{number("201234567889.6", 2), "hq", Options{Blocks: blocks}, kindBadMAC},
		{number("201234567890", 3), "hq", Options{Blocks: blocks}, "567890 hq"},
		{number("1565000001", 6), "hq", Options{}, "000001 hq"},
	} {
		book := bookWithFormats(t, formats, page{name: "P", cells: table("mac,server") + cellsOfRow(2, "", test.mac, test.server)})
		rows, _, err := fileOf(t, book, test.opts)
		if got := asked(rows); err != nil || got != test.want {
			t.Errorf("%s and %s: %q, %v, want %q", test.mac, test.server, got, err, test.want)
		}
	}
}

// Record n is row n of the sheet.
func TestWorkbookRows(t *testing.T) {
	text := func(s string) string { return `<c t="inlineStr"><is><t xml:space="preserve">` + s + `</t></is></c>` }
	book := bookOf(t, `<row r="2">`+text("mac")+text("server")+`</row><row r="3"/><row r="5">`+text("001565000001")+text("s1")+
		text("two\nlines")+`</row><row r="6"><c s="2"><v>36692</v></c>`+text("s1")+`</row><row r="7"><c><v>1565000002</v></c>`+text("s2")+`</row>`)
	got, _, err := converted(t, book, "phones")
	if err != nil {
		t.Fatal(err)
	}
	rows, format := rowsOf(t, got, Options{Comma: ',', Encoding: "utf-8", records: true, Repair: true})
	if format.HeaderLine != 2 || !format.BOM || format.LineEnd != "\r\n" || len(rows) != 5 {
		t.Fatalf("%+v %+v", format, rows)
	}
	for i, row := range rows {
		if row.Line != 3+i || row.Blank != (i < 2) {
			t.Errorf("row %d: %+v", i, row)
		}
	}
	checkProblem(t, rows[2].Problem, "")
	checkProblem(t, rows[3].Problem, "turned into a date")
	checkProblem(t, rows[4].Problem, "")
	if rows[4].Device.MAC.Bare() != "001565000002" || rows[4].Note == "" {
		t.Errorf("%+v", rows[4])
	}
}

func TestSheets(t *testing.T) {
	book := excelize.NewFile()
	defer book.Close()
	for _, name := range []string{"Old", "Straße"} {
		if _, err := book.NewSheet(name); err != nil {
			t.Fatal(err)
		}
		if err := book.SetCellValue(name, "A1", "this is "+name); err != nil {
			t.Fatal(err)
		}
	}
	book.SetActiveSheet(1)
	if err := book.SetSheetVisible("Sheet1", false); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := book.Write(&b); err != nil {
		t.Fatal(err)
	}
	for wanted, want := range map[string]string{"": "Old", "Old": "Old", " old ": "Old", "STRASSE": "", "straße": "Straße", "Sheet1": "Sheet1"} {
		got, name, err := converted(t, b.Bytes(), wanted)
		if want == "" {
			checkProblem(t, errorText(err), `no sheet "STRASSE"|--sheet: "Sheet1", "Old", "Straße"`)
		} else if err != nil || name != want || want != "Sheet1" && !strings.Contains(got, "this is "+want) {
			t.Errorf("%q: sheet %q, %v: %q", wanted, name, err, got)
		}
	}
}

// The first sheet that can be seen is read, whichever program hid those in front.
func TestHiddenSheets(t *testing.T) {
	for _, state := range []string{"hidden", "veryHidden"} {
		book := excelize.NewFile()
		defer book.Close()
		if _, err := book.NewSheet("Phones"); err != nil {
			t.Fatal(err)
		}
		for sheet, text := range map[string]string{"Sheet1": "secret", "Phones": "mac"} {
			if err := book.SetCellValue(sheet, "A1", text); err != nil {
				t.Fatal(err)
			}
		}
		book.SetActiveSheet(1)
		if err := book.SetSheetVisible("Sheet1", false, state == "veryHidden"); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := book.Write(&b); err != nil {
			t.Fatal(err)
		}
		check := func(t *testing.T, data []byte) {
			text, name, err := converted(t, data, "")
			if err != nil || name != "Phones" || !strings.Contains(text, "mac") {
				t.Errorf("sheet %q, %v: %q", name, err, text)
			}
		}
		t.Run(state+"/excelize", func(t *testing.T) { check(t, b.Bytes()) })
		t.Run(state+"/LibreOffice", func(t *testing.T) { check(t, byLibreOffice(t, b.Bytes())) })
	}
}

func TestUnreadableWorkbooks(t *testing.T) {
	row := `<row><c t="inlineStr"><is><t>mac</t></is></c></row>`
	good := bookOf(t, row)
	broken := bytes.Clone(good)
	// A cell is changed, and the checksum with it is wrong.
	stored := func() []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		r, _ := zip.NewReader(bytes.NewReader(good), int64(len(good)))
		for _, part := range r.File {
			from, _ := part.Open()
			to, _ := w.CreateHeader(&zip.FileHeader{Name: part.Name, Method: zip.Store})
			io.Copy(to, from)
		}
		w.Close()
		return bytes.Replace(b.Bytes(), []byte("<t>mac</t>"), []byte("<t>mad</t>"), 1)
	}()
	tests := []struct {
		name, want string
		book       []byte
	}{
		{"cut short", "the workbook is damaged|save it again", broken[:len(broken)/2]},
		{"no archive", "the workbook is damaged", []byte("PK\x03\x04 and nothing else")},
		{"wrong checksum", "the workbook is damaged|checksum", stored},
		{"XML cut short", "the workbook is damaged|sheet1.xml", bookOf(t, row+"<row><c><v>1</v>")},
		{"no XML", "the workbook is damaged|sheet1.xml", bookOf(t, row+"<row>a < b</row>"+row)},
		{"row too far down", "the workbook is too large|more than 1048576 rows", bookOf(t, `<row r="99999999"><c><v>1</v></c></row>`)},
		{"old workbook", "an old Office document", []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("x", 1000))},
		{"LibreOffice's", "(.ods)", archiveOf(t, map[string]string{"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<x/>"})},
		{"binary", "(.xlsb)", archiveOf(t, map[string]string{"xl/workbook.bin": "x"})},
		{"another archive", "not a workbook", archiveOf(t, map[string]string{"readme.txt": "x"})},
		{"empty archive", "not a workbook", archiveOf(t, nil)},
		{"text without end", "the workbook is too large|more text than any program shows", bookOf(t, `<row><c t="inlineStr"><is><t>`+strings.Repeat("x", 512<<10+8192)+`</t></is></c></row>`)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := openBytes(t, test.book, Options{})
			var bad *FileError
			if !errors.As(err, &bad) {
				t.Fatalf("error %v", err)
			}
			checkProblem(t, errorText(err), test.want)
		})
	}
}

// A workbook of any bytes is converted, or refused with what to do about it.
func FuzzWorkbook(f *testing.F) {
	f.Add(string(bookOf(f, `<row r="1" hidden="1"><c t="inlineStr"><is><t>001565000001</t></is></c></row></sheetData><mergeCells><mergeCell ref="A1:B3"/></mergeCells><sheetData>`)), "Phones")
	f.Add(string(bookOf(f, `<row r="2"><c s="2"><v>36692</v></c><c r="D2" t="e"><v>#REF!</v></c></row>`)), "")
	f.Add("PK\x03\x04", "x")
	f.Fuzz(func(t *testing.T, book, sheet string) {
		if len(book) > 1<<16 {
			return
		}
		checkConverted(t, []byte(book), sheet)
	})
}

// The same for a sound archive with a sheet of any XML.
func FuzzSheet(f *testing.F) {
	f.Add(`<row r="3"><c r="B3"><v>1.5E9</v></c></row><row><c t="b"><v>1</v></c></row>`)
	f.Add(`<row><c s="1"><v>-1</v></c><c s="2"><v>1e99</v></c><c s="77"><v>x</v></c><c t="s"><v>9</v></c></row>`)
	f.Fuzz(func(t *testing.T, sheetData string) {
		if len(sheetData) > 1<<12 {
			return
		}
		checkConverted(t, bookOf(t, sheetData), "")
	})
}

func checkConverted(t *testing.T, book []byte, sheet string) {
	opts := Options{Action: batch.Check, NoHeader: true, Columns: map[string]string{"mac": "1"}}
	if sheet != "" {
		opts.Sheets = []string{sheet}
	}
	f, err := openBytes(t, book, opts)
	var bad *FileError
	if err != nil {
		if !errors.As(err, &bad) || bad.Hint == "" {
			t.Fatalf("error %v", err)
		}
		return
	}
	var sums [2]uint32
	var all [2]int
	for pass := range sums {
		source, err := f.Rows(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		last := 0
		var row batch.Row
		for err = source.Read(&row); err == nil; err = source.Read(&row) {
			if strings.Contains(row.Raw, "\r\n") && !strings.Contains(row.Raw, `"`) {
				t.Fatalf("%q", row.Raw)
			}
			if row.Line <= last {
				t.Fatalf("row %d behind row %d", row.Line, last)
			}
			last = row.Line
			all[pass]++
		}
		if err != io.EOF && !errors.As(err, &bad) {
			t.Fatalf("behind row %d: %v", last, err)
		}
		_, sums[pass] = f.Sum()
	}
	if sums[0] != sums[1] || all[0] != all[1] {
		t.Fatalf("it is read in two ways: sums %x, %d and %d rows", sums, all[0], all[1])
	}
}

// Some programs write no styles, or not all parts of them.
func TestWorkbookWithoutStyles(t *testing.T) {
	const start = `<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">`
	for name, styles := range map[string]string{
		"none":         "",
		"empty":        start + `</styleSheet>`,
		"no formats":   start + `<fonts count="1"><font/></fonts></styleSheet>`,
		"formats only": start + `<cellXfs count="2"><xf/><xf numFmtId="11" applyNumberFormat="1"/></cellXfs></styleSheet>`,
	} {
		t.Run(name, func(t *testing.T) {
			parts := maps.Clone(bookParts)
			parts["xl/worksheets/sheet1.xml"] = worksheetStart + `<row r="1"><c r="A1"><v>805000000012</v></c><c r="B1" s="1"><v>7.5</v></c></row>` + worksheetEnd
			parts["xl/styles.xml"] = styles
			if styles == "" {
				delete(parts, "xl/styles.xml")
			}
			text, _, err := converted(t, archiveOf(t, parts), "")
			want := "\ufeff805000000012,7.5\r\n"
			if name == "formats only" {
				want = "\ufeff805000000012,7.50E+00\r\n"
			}
			if err != nil || text != want {
				t.Errorf("%q, want %q: %v", text, want, err)
			}
		})
	}
}
