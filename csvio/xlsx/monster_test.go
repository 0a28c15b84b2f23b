package xlsx

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A hugePart is a part that repeats a block a great many times.
type hugePart struct {
	start, block, end string
	times             int
}

// add packs the part without packing each block anew.
func (p hugePart) add(t testing.TB, w *zip.Writer, name string) {
	t.Helper()
	per := max(1<<20/len(p.block), 1)
	units := p.times / per
	head, many := p.start+strings.Repeat(p.block, p.times-units*per), strings.Repeat(p.block, per)
	sum := crc32.NewIEEE()
	var data bytes.Buffer
	pack := func(text string, times int, last bool) {
		from := data.Len()
		d, err := flate.NewWriter(&data, flate.BestSpeed)
		if err == nil {
			_, err = io.WriteString(d, text)
		}
		if last {
			err = errors.Join(err, d.Close())
		} else {
			err = errors.Join(err, d.Flush())
		}
		if err != nil {
			t.Fatal(err)
		}
		packed := bytes.Clone(data.Bytes()[from:])
		io.WriteString(sum, text)
		for range times - 1 {
			data.Write(packed)
			io.WriteString(sum, text)
		}
	}
	pack(head, 1, false)
	if units > 0 {
		pack(many, units, false)
	}
	pack(p.end, 1, true)
	part, err := w.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Deflate, CRC32: sum.Sum32(),
		CompressedSize64: uint64(data.Len()), UncompressedSize64: uint64(len(head) + units*len(many) + len(p.end))})
	if err == nil {
		_, err = part.Write(data.Bytes())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// with packs a workbook with a huge part in place of its own.
func (p bookParts) with(t testing.TB, name string, huge hugePart) []byte {
	t.Helper()
	delete(p, name)
	var b bytes.Buffer
	b.Write(p.zip(t))
	// Go on where its parts end.
	r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, part := range r.File {
		if err := w.Copy(part); err != nil {
			t.Fatal(err)
		}
	}
	huge.add(t, w, name)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type monster struct {
	name, want string // "": it is read
	slow       bool
	book       func(t testing.TB) []byte
}

func monsters() []monster {
	sheet := func(start, block, end string, times int) func(t testing.TB) []byte {
		return func(t testing.TB) []byte {
			return partsOf([]string{""}).share("<t>x</t>").with(t, sheet1Part, hugePart{"<worksheet " + sheetML + ">" + start, block, end + "</worksheet>", times})
		}
	}
	rows := func(block string, times int) func(t testing.TB) []byte {
		return sheet("<sheetData>", block, "</sheetData>", times)
	}
	part := func(name, start, block, end string, times int) func(t testing.TB) []byte {
		return func(t testing.TB) []byte {
			return partsOf([]string{`<sheetData><row><c t="s"><v>5</v></c></row></sheetData>`}).share("").with(t, name, hugePart{start, block, end, times})
		}
	}
	var tall strings.Builder
	for column := 1; column <= MaxColumns; column++ {
		tall.WriteString(`<mergeCell ref="` + cellName(1, column) + ":" + cellName(MaxRows, column) + `"/>`)
	}
	wide := "<row>" + strings.Repeat("<c><v>1</v></c>", MaxColumns) + "</row>"
	const large, sst = "the workbook is too large", "<sst " + sheetML + ">"
	return []monster{
		{"12 million empty shared strings", "", false, part(stringsPart, sst, "<si><t/></si>", "</sst>", 12_000_000)},
		{"50 million empty shared strings", large, true, part(stringsPart, sst, "<si/>", "</sst>", 50_000_000)},
		{"600 MB of shared strings", large, false, part(stringsPart, sst, "<si><t>"+strings.Repeat("x", 600)+"</t></si>", "</sst>", 1_000_000)},
		{"130 million empty rows", large, false, rows("<row/>", 130_000_000)},
		{"100 million empty rows", large, false, rows("<row/>", 100_000_000)},
		{"the same row 60 million times", large, false, rows(`<row r="1"/>`, 60_000_000)},
		{"the same row with a cell a million times", "out of order: open it", false, rows(`<row r="1"><c r="XFD1" t="s"><v>0</v></c></row>`, MaxRows)},
		{"3,000 rows as wide as a sheet", large, true, rows(wide, 3000)},
		{"100 rows as wide as a sheet", "", false, rows(wide, 100)},
		{"a million rows, all merged", large, false, sheet("<sheetData>", `<row><c t="s"><v>0</v></c></row>`, "</sheetData><mergeCells>"+tall.String()+"</mergeCells>", MaxRows)},
		{"50 million empty cells", large, true, sheet("<sheetData><row>", "<c/>", "</row></sheetData>", 50_000_000)},
		{"the same cell 30 million times", large, true, sheet("<sheetData><row r='1'>", `<c r="A1"><v>1</v></c>`, "</row></sheetData>", 30_000_000)},
		{"700 MB of comments", "", true, sheet("", "<!-- -->", "", 90_000_000)},
		{"70 million unknown elements", large, false, sheet("", "<a/>", "", 70_000_000)},
		{"700 MB of text", "more than a megabyte without a tag", false, sheet("<sheetData><row><c t='str'><v>", "xxxxxxxxxx", "</v></c></row></sheetData>", 70_000_000)},
		{"700 MB of text between comments", "more text than any program shows", true, sheet("<sheetData><row><c t='str'><v>", "xxxxxxxxxx<!---->", "</v></c></row></sheetData>", 40_000_000)},
		{"a tag of 700 MB", "malformed tag", false, sheet("<a ", "b='cccccccc' ", "/>", 50_000_000)},
		{"10 million nested elements", "nested too deeply", false, sheet("", "<a>", "", 10_000_000)},
		{"20 million merged ranges", large, false, sheet("<sheetData/><mergeCells>", `<mergeCell ref="A1:A2"/>`, "</mergeCells>", 20_000_000)},
		{"10 million cell styles", large, false, part("xl/styles.xml", "<styleSheet "+sheetML+"><cellXfs>", "<xf/>", "</cellXfs></styleSheet>", 5_000_000)},
		{"a million sheets in the list", large, false, part("xl/workbook.xml", "<workbook "+sheetML+"><sheets>", `<sheet name="x"/>`, "</sheets></workbook>", 1_000_000)},
		{"4,000 sheets", "", false, func(t testing.TB) []byte {
			sheets := make([]string, 4000)
			for i := range sheets {
				sheets[i] = "<sheetData><row><c><v>1</v></c></row></sheetData>"
			}
			return partsOf(sheets).zip(t)
		}},
		{"200,000 parts", large, false, func(t testing.TB) []byte {
			var b bytes.Buffer
			w := zip.NewWriter(&b)
			for i := range 200_000 {
				if _, err := w.CreateRaw(&zip.FileHeader{Name: fmt.Sprint(i)}); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}},
		{"a part that lies about its size", "the workbook is damaged", false, func(t testing.TB) []byte {
			book := rows("<row/>", 1000)(t)
			i := bytes.LastIndex(book, []byte(sheet1Part)) // in the directory, behind 22 bytes of the sizes
			copy(book[i-22:], []byte{200, 0, 0, 0})
			return book
		}},
	}
}

// long reports whether the tests that take long run whole: RPSBATCH_TESTS=long asks
// for it. Asked in a test, the variable is one that a kept result depends on.
func long() bool { return os.Getenv("RPSBATCH_TESTS") == "long" }

// What is made to fill memory or time is read, or refused. XLSX_MONSTERS names
// a folder for all of them, to be tried in other ways.
func TestMonsters(t *testing.T) {
	if !long() {
		t.Skip("takes seconds: RPSBATCH_TESTS=long runs it")
	}
	t.Parallel()
	dir := os.Getenv("XLSX_MONSTERS")
	for _, m := range monsters() {
		if m.slow && dir == "" {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			book := m.book(t)
			if dir != "" {
				if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(m.name, " ", "-")+".xlsx"), book, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			b, err := Open(bytes.NewReader(book), int64(len(book)))
			for i := 0; err == nil && i < len(b.Sheets()); i++ {
				_, err = countRows(t.Context(), b, b.Sheets()[i])
			}
			var bad *FormatError
			if m.want == "" && err != nil || m.want != "" && (!errors.As(err, &bad) || !strings.Contains(err.Error(), m.want)) {
				t.Errorf("error %v, want %q", err, m.want)
			}
		})
	}
}

func countRows(ctx context.Context, b *Book, sheet Sheet) (n int, err error) {
	rows, err := b.Rows(ctx, sheet)
	for row := (Row{}); err == nil; n++ {
		err = rows.Read(&row)
	}
	if errors.Is(err, io.EOF) {
		return n - 1, nil
	}
	return n, err
}

// A shortContext is done once it has been asked so many times.
type shortContext struct {
	context.Context
	left *int
}

func (c shortContext) Err() error {
	if *c.left--; *c.left < 0 {
		return context.Canceled
	}
	return nil
}

// Wherever reading stands, it ends with its context.
func TestCanceled(t *testing.T) {
	book := fuzzedBook().with(t, stringsPart, hugePart{"<sst " + sheetML + ">", "<si><t>x</t></si>", "</sst>", 20_000})
	done := 0
	for asked := 0; done == 0; asked++ {
		b := opened(t, book)
		left := asked
		_, err := countRows(shortContext{t.Context(), &left}, b, b.Sheets()[0])
		switch {
		case err == nil:
			done = asked
		case !errors.Is(err, context.Canceled) || left != -1:
			t.Fatalf("asked %d times, and %d more: error %v", asked, -1-left, err)
		}
	}
	if done < 15 { // 320 KB of strings, the styles and the sheet twice
		t.Errorf("the context was asked %d times", done)
	}
}

func BenchmarkRows(b *testing.B) {
	var sheet strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&sheet, `<row r="%d" spans="1:3"><c r="A%d" t="s"><v>0</v></c><c r="B%d" t="s"><v>1</v></c><c r="C%d" s="1"><v>%d</v></c></row>`, i+1, i+1, i+1, i+1, i)
	}
	book := partsOf([]string{"<sheetData>" + sheet.String() + "</sheetData>"}, "0000").share("<t>001565000001</t>", "<t>hq</t>").zip(b)
	b.SetBytes(int64(sheet.Len()))
	b.ReportAllocs()
	for b.Loop() {
		book := opened(b, book)
		if n, err := countRows(b.Context(), book, book.Sheets()[0]); n != 10_000 || err != nil {
			b.Fatal(n, err)
		}
	}
}
