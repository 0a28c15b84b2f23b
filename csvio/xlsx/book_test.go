package xlsx

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
)

const (
	sheetML   = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"`
	relations = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`
	relType   = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
)

// bookParts are the parts of a workbook that a test writes, by name.
type bookParts map[string]string

// partsOf returns the parts of a workbook with these sheets, each the inside
// of its worksheet element, and cell styles with these number formats.
func partsOf(sheets []string, formats ...string) bookParts {
	parts := bookParts{"_rels/.rels": relations + `<Relationship Id="rId1" Type="` + relType + `officeDocument" Target="xl/workbook.xml"/></Relationships>`}
	var list, rels, content, codes, styles strings.Builder
	for i, sheet := range sheets {
		n := i + 1
		parts[fmt.Sprintf("xl/worksheets/sheet%d.xml", n)] = `<worksheet ` + sheetML + `>` + sheet + `</worksheet>`
		fmt.Fprintf(&list, `<sheet name="Sheet%d" sheetId="%d" r:id="rId%d"/>`, n, n, n)
		fmt.Fprintf(&rels, `<Relationship Id="rId%d" Type="%sworksheet" Target="worksheets/sheet%d.xml"/>`, n, relType, n)
		fmt.Fprintf(&content, `<Override PartName="/xl/worksheets/sheet%d.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>`, n)
	}
	for i, code := range formats {
		fmt.Fprintf(&codes, `<numFmt numFmtId="%d" formatCode="%s"/>`, 164+i, escaped(code))
		fmt.Fprintf(&styles, `<xf numFmtId="%d" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>`, 164+i)
	}
	parts["xl/workbook.xml"] = `<workbook ` + sheetML + `><sheets>` + list.String() + `</sheets></workbook>`
	parts["xl/_rels/workbook.xml.rels"] = relations + rels.String() + `<Relationship Id="styles" Type="` + relType + `styles" Target="styles.xml"/></Relationships>`
	parts["xl/styles.xml"] = `<styleSheet ` + sheetML + `><numFmts>` + codes.String() + `</numFmts><fonts count="1"><font/></fonts><fills count="1"><fill/></fills><borders count="1"><border/></borders>` +
		`<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>` + styles.String() + `</cellXfs></styleSheet>`
	parts["[Content_Types].xml"] = `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/>` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>` +
		`<Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>` +
		`<Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>` + content.String() + `</Types>`
	return parts
}

// share adds to a workbook shared strings, each the inside of its si element.
func (p bookParts) share(texts ...string) bookParts {
	p["xl/sharedStrings.xml"] = `<sst ` + sheetML + `><si>` + strings.Join(texts, "</si><si>") + `</si></sst>`
	const rels = "xl/_rels/workbook.xml.rels"
	p[rels] = strings.Replace(p[rels], "</Relationships>", `<Relationship Id="strings" Type="`+relType+`sharedStrings" Target="sharedStrings.xml"/></Relationships>`, 1)
	return p
}

// replace replaces a text that stands in a part.
func (p bookParts) replace(t testing.TB, part, old, new string) bookParts {
	t.Helper()
	if !strings.Contains(p[part], old) {
		t.Fatalf("%s has no %q", part, old)
	}
	p[part] = strings.Replace(p[part], old, new, 1)
	return p
}

func escaped(text string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(text))
	return b.String()
}

// zip packs the parts, those in twice a second time.
func (p bookParts) zip(t testing.TB, twice ...string) []byte {
	return p.pack(t, zip.Deflate, twice...)
}

func (p bookParts) pack(t testing.TB, method uint16, twice ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range append(slices.Sorted(maps.Keys(p)), twice...) {
		part, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err == nil {
			_, err = io.WriteString(part, p[name])
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

func opened(t testing.TB, book []byte) *Book {
	t.Helper()
	b, err := Open(bytes.NewReader(book), int64(len(book)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// rowsOf reads all rows of the sheet with a number, from 0.
func rowsOf(book []byte, sheet int) (rows []Row, err error) {
	b, err := Open(bytes.NewReader(book), int64(len(book)))
	if err != nil {
		return nil, err
	}
	return allRows(context.Background(), b, b.Sheets()[sheet])
}

func allRows(ctx context.Context, b *Book, sheet Sheet) (all []Row, err error) {
	rows, err := b.Rows(ctx, sheet)
	if err != nil {
		return nil, err
	}
	for {
		var row Row
		if err := rows.Read(&row); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return all, err
		}
		all = append(all, row)
	}
}

// written returns rows as short text: "2h: A=shown B^=merged".
func written(rows []Row) string {
	var b strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&b, "%d", row.Number)
		if row.Hidden {
			b.WriteString("h")
		}
		b.WriteString(":")
		for _, cell := range row.Cells {
			b.WriteString(" " + columnName(cell.Column))
			if cell.Merged {
				b.WriteString("^")
			}
			b.WriteString("=" + cell.Shown)
		}
		b.WriteString("\n")
	}
	return b.String()
}
