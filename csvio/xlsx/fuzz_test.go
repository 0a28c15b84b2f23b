package xlsx

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
)

const (
	sheet1Part  = "xl/worksheets/sheet1.xml"
	stringsPart = "xl/sharedStrings.xml"
)

var fuzzedParts = []string{sheet1Part, stringsPart, "xl/styles.xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "_rels/.rels"}

func fuzzedBook() bookParts {
	return partsOf([]string{`<sheetData><row r="2" hidden="1"><c r="A2" t="s"><v>1</v></c><c r="B2" s="1"><v>42</v></c></row><row><c t="str"><f>x</f><v> a&amp;b_x0041_</v></c></row>` +
		`<row r="1"><c r="C1" t="inlineStr"><is><r><t xml:space="preserve"> x</t></r></is></c><c r="A1" t="b"><v>1</v></c><c r="B1"><f>1</f></c></row></sheetData>` +
		`<mergeCells><mergeCell ref="B1:C3"/></mergeCells>`, "<sheetData/>"}, testFormats...).share("<t>a</t>", "<r><t>b</t></r><rPh><t>c</t></rPh>")
}

// Whatever is in a part, the workbook is read in order, twice alike, or refused
// with what to do about it.
func FuzzParts(f *testing.F) {
	for i, name := range fuzzedParts {
		f.Add(uint8(i), []byte(fuzzedBook()[name]))
	}
	for _, row := range []string{`<row r="3"><c r="B3"><v>1.5E9</v></c></row><row r="3"><c r="B3"><v>1.5E9</v></c></row>`, `<row/><row ht="0"/>`, `<row><c t="d" s="2"><v>2000-06-15</v></c><c t="e"><v>#N/A</v></c></row>`} {
		f.Add(uint8(0), []byte(`<worksheet><sheetData>`+row+`</sheetData></worksheet>`))
	}
	f.Add(uint8(3), bytes.Replace([]byte(fuzzedBook()["xl/workbook.xml"]), []byte("</workbook>"), []byte(`<calcPr fullCalcOnLoad="1"/></workbook>`), 1))
	f.Fuzz(func(t *testing.T, part uint8, text []byte) {
		p := fuzzedBook()
		p[fuzzedParts[int(part)%len(fuzzedParts)]] = string(text)
		checkRead(t, p.pack(t, zip.Store))
	})
}

// The same for files of any bytes.
func FuzzOpen(f *testing.F) {
	f.Add(fuzzedBook().zip(f))
	for _, name := range []string{"exceljs", "libreoffice", "sheetjs"} {
		data, err := os.ReadFile("testdata/" + name + ".xlsx")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"))
	f.Fuzz(func(t *testing.T, book []byte) { checkRead(t, book) })
}

func checkRead(t *testing.T, book []byte) {
	b, err := Open(bytes.NewReader(book), int64(len(book)))
	if err != nil {
		checkHint(t, err)
		return
	}
	for _, sheet := range b.Sheets() {
		first, err := readAll(t, b, sheet)
		again, err2 := readAll(t, b, sheet)
		if first != again || (err == nil) != (err2 == nil) {
			t.Fatalf("first\n%s%v, then\n%s%v", first, err, again, err2)
		}
	}
}

func readAll(t *testing.T, b *Book, sheet Sheet) (string, error) {
	rows, err := b.Rows(t.Context(), sheet)
	if err != nil {
		checkHint(t, err)
		return "", err
	}
	var all bytes.Buffer
	for number := 0; ; {
		var row Row
		if err := rows.Read(&row); errors.Is(err, io.EOF) {
			return all.String(), nil
		} else if err != nil {
			checkHint(t, err)
			return all.String(), err
		}
		if row.Number <= number || row.Number > MaxRows || len(row.Cells) == 0 {
			t.Fatalf("row %d with %d cells behind row %d", row.Number, len(row.Cells), number)
		}
		number = row.Number
		for i, cell := range row.Cells {
			if cell.Column < 1 || cell.Column > MaxColumns || i > 0 && cell.Column <= row.Cells[i-1].Column || cell.Type == 0 || (cell.Stored == "") != (cell.Type == Uncalculated) {
				t.Fatalf("row %d: %+v", row.Number, row.Cells)
			}
		}
		all.WriteString(written([]Row{row}))
	}
}

func checkHint(t *testing.T, err error) {
	var bad *FormatError
	if !errors.As(err, &bad) || bad.Kind == 0 || bad.Reason == "" || bad.Hint == "" {
		t.Fatalf("error %v", err)
	}
}
