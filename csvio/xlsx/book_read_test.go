package xlsx

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
)

const phones = `1: A=MAC B=Server C=URL D=Note E=When
2: A=001565000001 B=Branch C=https://h.example/u/1?a=1&b=2 D=Büro, 1. Stock
3: A=001565000002 B^=Branch D=two
lines
4h: A=00-15-65-00-00-03 B^=Branch D=rich text
5: A=8.05E+11 B=0042 D=TRUE E=2000-06-15
6: A=001565000006 B=#N/A D=  spaces 
`

// The same phones, written by exceljs, SheetJS, openpyxl, LibreOffice and
// excelize.
func TestWriters(t *testing.T) {
	files, err := filepath.Glob("testdata/*.xlsx")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	books := map[string][]byte{"excelize": byExcelize(t)}
	for _, file := range files {
		if books[filepath.Base(file)], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	for name, book := range books {
		t.Run(name, func(t *testing.T) {
			b := opened(t, book)
			if len(b.Sheets()) != 2 || b.Sheets()[1].Name != "Phones" || b.Sheets()[1].State != Visible {
				t.Fatalf("%+v", b.Sheets())
			}
			// LibreOffice shows the sheet that is in front.
			if old := b.Sheets()[0]; old.State != Hidden && name != "libreoffice.xlsx" || old.Name != "Old" || !old.Cells {
				t.Errorf("%+v", old)
			}
			want := phones
			if name == "openpyxl.xlsx" { // which calculates nothing
				want = strings.Replace(want, "A=001565000006", "A=", 1)
			}
			if name == "excelize" {
				want = strings.Replace(want, "D=rich text", "D=rich", 1)
			}
			rows, err := allRows(t.Context(), b, b.Sheets()[1])
			if got := written(rows); err != nil || got != want {
				t.Errorf("got\n%swant\n%s%v", got, want, err)
			}
		})
	}
}

func byExcelize(t *testing.T) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	zeros, four, date := "000000000000", "0000", "yyyy-mm-dd"
	style := func(code string) int {
		id, err := f.NewStyle(&excelize.Style{CustomNumFmt: &code})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	err := errors.Join(f.SetSheetName("Sheet1", "Old"), f.SetCellValue("Old", "A1", "gone"))
	if _, err2 := f.NewSheet("Phones"); err2 != nil {
		t.Fatal(err2)
	}
	f.SetActiveSheet(1)
	for i, row := range [][]any{
		{"MAC", "Server", "URL", "Note", "When"},
		{"001565000001", "Branch", "https://h.example/u/1?a=1&b=2", "Büro, 1. Stock"},
		{1565000002, nil, nil, "two\nlines"},
		{"00-15-65-00-00-03", nil, nil, "rich"},
		{int64(805000000012), 42, nil, true, 36692},
		{"001565000006", "#N/A", nil, "  spaces "},
	} {
		err = errors.Join(err, f.SetSheetRow("Phones", fmt.Sprintf("A%d", i+1), &row))
	}
	err = errors.Join(err, f.SetCellStyle("Phones", "A3", "A3", style(zeros)), f.SetCellStyle("Phones", "B5", "B5", style(four)), f.SetCellStyle("Phones", "E5", "E5", style(date)),
		f.SetRowVisible("Phones", 4, false), f.MergeCell("Phones", "B2", "B4"), f.SetSheetVisible("Old", false))
	var b bytes.Buffer
	if err = errors.Join(err, f.Write(&b)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The same workbook in all the forms that its parts may have.
func TestForms(t *testing.T) {
	const sheet = sheet1Part
	plain := func() bookParts {
		return partsOf([]string{`<sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" s="1"><v>42</v></c></row></sheetData><mergeCells><mergeCell ref="A1:A2"/></mergeCells>`}, "0000").share("<t>Büro</t>")
	}
	all := func(p bookParts, change func(text string) string) bookParts {
		for name := range p {
			p[name] = change(p[name])
		}
		return p
	}
	moved := func(p bookParts, from, to string) bookParts {
		p[to] = p[from]
		delete(p, from)
		return p
	}
	const rels = "xl/_rels/workbook.xml.rels"
	tests := map[string]bookParts{
		"plain": plain(),
		"strict": all(plain(), func(text string) string {
			text = strings.ReplaceAll(text, "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://purl.oclc.org/ooxml/spreadsheetml/main")
			return strings.ReplaceAll(text, "http://schemas.openxmlformats.org/officeDocument/2006/relationships", "http://purl.oclc.org/ooxml/officeDocument/relationships")
		}),
		"prefixes": all(plain(), func(text string) string {
			if !strings.Contains(text, "spreadsheetml") || strings.Contains(text, "<Types") {
				return text
			}
			text = strings.ReplaceAll(strings.ReplaceAll(text, "</", "\x00"), "<", "<x:")
			return strings.ReplaceAll(strings.ReplaceAll(text, "\x00", "</x:"), "xmlns=", "xmlns:x=")
		}),
		"another prefix of relationships": plain().replace(t, "xl/workbook.xml", "r:id", "ns2:id"),
		"absolute targets":                plain().replace(t, rels, `"worksheets/`, `"/xl/worksheets/`).replace(t, rels, `"styles.xml`, `"/xl/styles.xml`),
		"targets with dots":               plain().replace(t, rels, `"worksheets/`, `"../xl/./worksheets/`),
		"targets with backslashes":        plain().replace(t, rels, `"worksheets/sheet1.xml`, `"\xl\worksheets\sheet1.xml`),
		"targets in another case":         plain().replace(t, rels, `"worksheets/sheet1.xml`, `"Worksheets/Sheet1.xml`),
		"parts with backslashes":          moved(moved(plain(), sheet, `xl\worksheets\sheet1.xml`), "xl/workbook.xml", `xl\workbook.xml`),
		"parts in other places": moved(moved(moved(plain(), "xl/workbook.xml", "book.xml"), rels, "_rels/book.xml.rels"), sheet, "data.bin").
			replace(t, "_rels/.rels", "xl/workbook.xml", "book.xml").replace(t, "_rels/book.xml.rels", "worksheets/sheet1.xml", "data.bin").
			replace(t, "_rels/book.xml.rels", "styles.xml", "xl/styles.xml").replace(t, "_rels/book.xml.rels", "sharedStrings.xml", "xl/sharedStrings.xml"),
		"a relationship to elsewhere": plain().replace(t, rels, "</Relationships>", `<Relationship Id="x" Type="`+relType+`styles" Target="http://h.example/styles.xml" TargetMode="External"/></Relationships>`),
		"UTF-16":                      all(plain(), func(text string) string { return utf16Of(text, true, true) }),
		"UTF-16, big end first":       all(plain(), func(text string) string { return utf16Of(text, false, true) }),
		"UTF-16 without a mark":       all(plain(), func(text string) string { return utf16Of(`<?xml version="1.0" encoding="UTF-16"?>`+text, true, false) }),
		"a mark":                      all(plain(), func(text string) string { return "\ufeff" + text }),
		"a declaration that lies":     all(plain(), func(text string) string { return `<?xml version="1.0" encoding="utf-16"?>` + text }),
		"Windows-1252":                plain().replace(t, "xl/sharedStrings.xml", "<sst", `<?xml version="1.0" encoding="windows-1252"?><sst`).replace(t, "xl/sharedStrings.xml", "ü", "\xfc"),
		"line breaks everywhere": all(plain(), func(text string) string {
			return "<?xml version='1.0'?>\r\n" + strings.ReplaceAll(strings.ReplaceAll(text, "><", ">\r\n  <"), " r=", "\n\tr = ") + "\r\n"
		}),
		"a size that lies":   plain().replace(t, sheet, "<sheetData>", `<dimension ref="A1:A1"/><sheetData>`).replace(t, sheet, `<row r="1"`, `<row r="1" spans="7:9"`),
		"counts that lie":    plain().replace(t, "xl/sharedStrings.xml", "<sst", `<sst count="9" uniqueCount="0"`),
		"macros":             plain().replace(t, "[Content_Types].xml", "openxmlformats-officedocument.spreadsheetml.sheet.main+xml", "ms-excel.sheet.macroEnabled.main+xml"),
		"without types":      moved(plain(), "[Content_Types].xml", "x"),
		"formats of colours": plain().replace(t, "xl/styles.xml", "<numFmts>", `<dxfs><dxf><numFmt numFmtId="164" formatCode="0"/></dxf></dxfs><numFmts>`),
	}
	for name, parts := range tests {
		t.Run(name, func(t *testing.T) {
			rows, err := rowsOf(parts.zip(t), 0)
			if got := written(rows); err != nil || got != "1: A=Büro B=0042\n" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	for name, parts := range map[string]bookParts{
		"no styles":            moved(plain(), "xl/styles.xml", "x").replace(t, rels, `relationships/styles"`, `relationships/x"`),
		"a format without end": plain().replace(t, "xl/styles.xml", `formatCode="0000"`, `formatCode="`+strings.Repeat("0", maxCode+1)+`"`),
		"styles of nobody":     plain().replace(t, "xl/styles.xml", "<cellXfs>", "<cellXfs/><x>").replace(t, "xl/styles.xml", "</cellXfs>", "</x>"),
	} {
		rows, err := rowsOf(parts.zip(t), 0)
		if got := written(rows); err != nil || got != "1: A=Büro B=42\n" {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func utf16Of(text string, little, mark bool) string {
	var b strings.Builder
	units := utf16.Encode([]rune(text))
	if mark {
		units = append([]uint16{0xfeff}, units...)
	}
	for _, unit := range units {
		if little {
			b.WriteString(string([]byte{byte(unit), byte(unit >> 8)}))
		} else {
			b.WriteString(string([]byte{byte(unit >> 8), byte(unit)}))
		}
	}
	return b.String()
}

func TestSheets(t *testing.T) {
	const book, rels = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
	p := partsOf([]string{"<sheetData/>", "<sheetData/>", "<sheetData/>", "<sheetData/>"}).replace(t, book, `name="Sheet2"`, `name="Stra&#xDF;e &amp; more" state="hidden"`).
		replace(t, book, `name="Sheet3"`, `state="veryHidden" name="Sheet3"`).replace(t, rels, "relationships/worksheet\" Target=\"worksheets/sheet4", "relationships/chartsheet\" Target=\"worksheets/sheet4")
	b := opened(t, p.zip(t))
	var got []string
	for _, sheet := range b.Sheets() {
		got = append(got, fmt.Sprintf("%s %d %v", sheet.Name, sheet.State, sheet.Cells))
	}
	if want := "Sheet1 0 true|Straße & more 1 true|Sheet3 2 true|Sheet4 0 false"; strings.Join(got, "|") != want {
		t.Errorf("got %q", got)
	}
	if _, err := b.Rows(t.Context(), b.Sheets()[3]); err == nil || !strings.Contains(err.Error(), "without cells") {
		t.Errorf("error %v", err)
	}
}

func TestDamagedBooks(t *testing.T) {
	const sheet, book, rels = sheet1Part, "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
	plain := func() bookParts {
		return partsOf([]string{`<sheetData><row><c t="s"><v>0</v></c></row></sheetData>`, "<sheetData/>"}).share("<t>x</t>")
	}
	without := func(name string) bookParts {
		p := plain()
		delete(p, name)
		return p
	}
	good := plain().zip(t)
	stored := bytes.Replace(plain().pack(t, zip.Store), []byte(`<c t="s"><v>0`), []byte(`<c t="n"><v>1`), 1)
	tests := []struct {
		name, want string
		kind       FileKind
		book       []byte
	}{
		{"cut short", "", Damaged, good[:len(good)/2]},
		{"no archive", "", Damaged, []byte("PK\x03\x04 and nothing else")},
		{"wrong checksum", sheet + "|checksum", Damaged, stored},
		{"no sheet's part", sheet + "|missing", Damaged, without(sheet).zip(t)},
		{"no strings' part", "sharedStrings.xml|missing", Damaged, without("xl/sharedStrings.xml").zip(t)},
		{"no workbook's part", book + "|missing", Damaged, without(book).zip(t)},
		{"no relationships", "has no part", Damaged, without(rels).zip(t)},
		{"no relationship to the workbook", "does not point to a workbook", Damaged, without("_rels/.rels").zip(t)},
		{"no relationship to strings", "A1 refers to a shared string that is missing", Damaged, plain().replace(t, rels, "/sharedStrings", "/other").zip(t)},
		{"two sheets of one name", `two sheets are called "sheet1"`, Damaged, plain().replace(t, book, `"Sheet2"`, `"sheet1"`).zip(t)},
		{"two sheets of one part", `sheet "Sheet2" shares its part with another`, Damaged, plain().replace(t, book, `"rId2"`, `"rId1"`).zip(t)},
		{"no sheet", "has no sheet", Damaged, partsOf(nil).zip(t)},
		{"a part twice", "it is in the archive twice", Damaged, plain().zip(t, sheet)},
		{"a sheet that is none", "does not begin with <worksheet>", Damaged, plain().replace(t, sheet, "<worksheet", "<html").replace(t, sheet, "</worksheet>", "</html>").zip(t)},
		{"an unknown encoding", "unknown encoding EBCDIC", Damaged, plain().replace(t, sheet, "<worksheet", `<?xml version="1.0" encoding="EBCDIC"?><worksheet`).zip(t)},
		{"entities", "unexpected declaration", Damaged, plain().replace(t, sheet, "<worksheet", `<!DOCTYPE x [<!ENTITY a "b">]><worksheet`).zip(t)},
		{"a broken end", sheet, Damaged, plain().replace(t, sheet, "</worksheet>", "</worksheet><").zip(t)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { checkFormatError(t, test.book, test.kind, test.want) })
	}
}

// checkFormatError reads all sheets and checks the error.
func checkFormatError(t *testing.T, book []byte, kind FileKind, want string) {
	t.Helper()
	b, err := Open(bytes.NewReader(book), int64(len(book)))
	for i := 0; err == nil && i < len(b.Sheets()); i++ {
		_, err = allRows(t.Context(), b, b.Sheets()[i])
	}
	var bad *FormatError
	if !errors.As(err, &bad) || bad.Kind != kind || bad.Reason == "" || bad.Hint == "" {
		t.Fatalf("error %v", err)
	}
	for _, want := range strings.Split(want, "|") {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestOtherFiles(t *testing.T) {
	sample := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("..", "..", "samples", "spreadsheets", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	var locked bytes.Buffer
	f := excelize.NewFile()
	defer f.Close()
	if err := f.Write(&locked, excelize.Options{Password: "secret"}); err != nil {
		t.Fatal(err)
	}
	archive := func(names ...string) []byte {
		p := bookParts{}
		for _, name := range names {
			p[name] = "x"
		}
		return p.zip(t)
	}
	word := bookParts{"_rels/.rels": relations + `<Relationship Id="1" Type="` + relType + `officeDocument" Target="word/document.xml"/></Relationships>`}
	binary := bookParts{"_rels/.rels": relations + `<Relationship Id="1" Type="` + relType + `officeDocument" Target="xl/workbook.bin"/></Relationships>`}
	sound, err := zip.NewReader(bytes.NewReader(fuzzedBook().zip(t)), int64(len(fuzzedBook().zip(t))))
	if err != nil {
		t.Fatal(err)
	}
	var flagged bytes.Buffer
	w := zip.NewWriter(&flagged)
	for _, part := range sound.File {
		header := part.FileHeader
		header.Flags |= 1 // encrypted
		from, err := part.OpenRaw()
		to, err2 := w.CreateRaw(&header)
		if err = errors.Join(err, err2); err == nil {
			_, err = io.Copy(to, from)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, want string
		kind       FileKind
		file       []byte
	}{
		{"old workbook", "(.xls)|save it as .xlsx", OldWorkbook, sample("old-workbook.xls")},
		{"older workbook", "(.xls)|save it as .xlsx", OldWorkbook, []byte("\x09\x08\x08\x00\x00\x05\x10\x00")},
		{"with a password", "password|without a password", Encrypted, locked.Bytes()},
		{"archive with a password", "archive with a password", Encrypted, flagged.Bytes()},
		{"document of the old kind", "not a workbook", OtherOffice, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("x", 2000))},
		{"LibreOffice's", "(.ods)|save it as .xlsx", OpenDocument, sample("libreoffice.ods")},
		{"binary", "(.xlsb)|save it as .xlsx", Binary, binary.zip(t)},
		{"binary without relationships", "(.xlsb)", Binary, archive("xl/workbook.bin")},
		{"document", "not a workbook", OtherOffice, word.zip(t)},
		{"Numbers", "Numbers|export it", OtherOffice, archive("Index/Document.iwa")},
		{"packed workbook", "unpack it", OtherFile, archive("phones.xlsx")},
		{"another archive", "not a workbook", OtherFile, archive("readme.txt")},
		{"empty archive", "not a workbook", OtherFile, archive()},
		{"nothing", "not a workbook", OtherFile, nil},
		{"text", "not a workbook", OtherFile, []byte("MAC,Server\n<html>,x\n")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			checkFormatError(t, test.file, test.kind, test.want)
			is := Sniff(test.file[:min(len(test.file), headSize)])
			if want := test.name != "nothing" && test.name != "text"; is != want {
				t.Errorf("it is for Open: %v", is)
			}
		})
	}
}

// A file that cannot be read is not called damaged.
func TestFailingFile(t *testing.T) {
	book := partsOf([]string{"<sheetData>" + strings.Repeat("<row/>", 1000) + "</sheetData>"}).pack(t, zip.Store)
	broken := errors.New("the disk is broken")
	for from := 0; from < len(book); from += 300 {
		b, err := Open(failing{book, int64(from), broken}, int64(len(book)))
		if err == nil {
			_, err = allRows(t.Context(), b, b.Sheets()[0])
		}
		if bad := (*FormatError)(nil); !errors.Is(err, broken) || errors.As(err, &bad) {
			t.Fatalf("failing behind byte %d: error %v", from, err)
		}
	}
}

// A failing file cannot be read at one place.
type failing struct {
	data []byte
	at   int64
	err  error
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off <= f.at && f.at < off+int64(len(p)) {
		return 0, f.err
	}
	return bytes.NewReader(f.data).ReadAt(p, off)
}
