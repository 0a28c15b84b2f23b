package xlsx

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// rowXML writes a row with text cells: "A=x B=y".
func rowXML(attrs, cells string) string {
	var b strings.Builder
	b.WriteString("<row" + strings.TrimRight(" "+attrs, " ") + ">")
	for _, cell := range strings.Fields(cells) {
		ref, text, _ := strings.Cut(cell, "=")
		b.WriteString(`<c r="` + ref + `" t="str"><v>` + text + `</v></c>`)
	}
	return b.String() + "</row>"
}

func TestRows(t *testing.T) {
	r := rowXML
	tests := []struct{ name, rows, after, want string }{
		{"in order", r("r='1'", "A1=a B1=b") + r("r='3'", "A3=c"), "", "1: A=a B=b\n3: A=c\n"},
		{"without any reference", "<row><c t='str'><v>a</v></c><c/><c t='str'><v>b</v></c></row><row/><row><c t='str'><v>c</v></c></row>", "", "1: A=a C=b\n3: A=c\n"},
		{"with references of rows alone", "<row r='2'><c t='str'><v>a</v></c></row><row><c t='str'><v>b</v></c></row>", "", "2: A=a\n3: A=b\n"},
		{"with references of cells alone", r("", "B7=a") + r("", "A9=b") + "<row><c t='str'><v>c</v></c></row>", "", "7: B=a\n9: A=b\n10: A=c\n"},
		{"last two swapped", r("r='1'", "A1=a") + r("r='3'", "A3=c") + r("r='2'", "A2=b"), "", "1: A=a\n2: A=b\n3: A=c\n"},
		{"backwards", r("r='4'", "A4=d") + r("r='3'", "A3=c") + r("r='2'", "A2=b") + r("", "A1=a"), "", "1: A=a\n2: A=b\n3: A=c\n4: A=d\n"},
		{"behind a late row without a reference", r("r='5'", "A5=e") + r("r='2'", "A2=b") + "<row><c t='str'><v>c</v></c></row>", "", "2: A=b\n3: A=c\n5: A=e\n"},
		{"a row in several places", r("r='2'", "A2=a") + r("r='1'", "A1=x") + r("r='2' hidden='1'", "C2=c") + r("r='2'", "B2=b"), "", "1: A=x\n2h: A=a B=b C=c\n"},
		{"the same cell in several places", r("r='2'", "A2=a") + r("r='1'", "A1=x") + r("r='2'", "A2=a B2=b"), "", "1: A=x\n2: A=a B=b\n"},
		{"cells out of order", r("r='1'", "C1=c A1=a B1=b A1=a"), "", "1: A=a B=b C=c\n"},
		{"two lists of rows", r("r='1'", "A1=a") + "</sheetData><sheetData>" + r("r='2'", "A2=b"), "", "1: A=a\n2: A=b\n"},
		{"hidden", r("r='1' hidden='1'", "A1=a") + r("r='2' hidden='true'", "A2=b") + r("r='3' hidden='0' ht='15'", "A3=c") + r("r='4' ht='0' customHeight='1'", "A4=d"), "", "1h: A=a\n2h: A=b\n3: A=c\n4h: A=d\n"},
		{"empty", "", "", ""},
		{"only empty cells", "<row r='1' hidden='1'><c r='A1' s='1'/></row>", "", ""},
		{"the last row and column", r("r='1048576'", "XFD1048576=z"), "", "1048576: XFD=z\n"},
		{"other elements", "<x/>" + r("r='1'", "A1=a") + "<extLst><row r='2'><c><v>1</v></c></row></extLst>", "", "1: A=a\n"},
		{"merged", r("r='1'", "A1=a B1=top") + r("r='2'", "A2=b") + r("r='3'", "A3=c") + r("r='4'", "A4=d"), "B1:B3", "1: A=a B=top\n2: A=b B^=top\n3: A=c B^=top\n4: A=d\n"},
		{"merged with rows that hold nothing else", r("r='1'", "A1=a B1=top") + "<row r='2'><c r='B2' s='1'/></row>" + r("r='4'", "A4=d"), "B1:B4", "1: A=a B=top\n4: A=d B^=top\n"},
		{"merged over several columns", r("r='1'", "A1=a B1=top D1=d") + r("r='2'", "A2=b D2=d"), "B1:C2", "1: A=a B=top D=d\n2: A=b B^=top D=d\n"},
		{"merged over what is covered", r("r='1'", "A1=top B1=gone") + r("r='2'", "A2=gone B2=gone C2=c") + r("r='3'", "A3=gone"), "A1:B3", "1: A=top\n2: A^=top C=c\n"},
		{"merged around nothing", r("r='1'", "A1=a") + r("r='2'", "A2=b B2=gone"), "B1:B2", "1: A=a\n2: A=b\n"},
		{"merged from a row that is missing", r("r='2'", "A2=b B2=gone"), "B1:B2", "2: A=b\n"},
		{"merged from a hidden row", r("r='1' hidden='1'", "A1=a B1=top") + r("r='2'", "A2=b"), "B1:B2", "1h: A=a B=top\n2: A=b B^=top\n"},
		{"merged side by side", r("r='1'", "A1=a B1=b C1=c") + r("r='2'", "B2=b2") + r("r='3'", "C3=c3"), "C1:C2 A1:A3", "1: A=a B=b C=c\n2: A^=a B=b2 C^=c\n3: A^=a C=c3\n"},
		{"merged one below the other", r("r='1'", "A1=a B1=x") + r("r='2'", "A2=b") + r("r='3'", "A3=c B3=y") + r("r='4'", "A4=d"), "B3:B4 B1:B2", "1: A=a B=x\n2: A=b B^=x\n3: A=c B=y\n4: A=d B^=y\n"},
		{"merged and out of order", r("r='3'", "A3=c") + r("r='1'", "A1=a B1=top") + r("r='2'", "A2=b"), "B1:B3", "1: A=a B=top\n2: A=b B^=top\n3: A=c B^=top\n"},
		{"merged one cell, and backwards", r("r='1'", "A1=a B1=top") + r("r='2'", "A2=b"), "A1 B2:B1", "1: A=a B=top\n2: A=b B^=top\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sheet := "<sheetData>" + test.rows + "</sheetData>"
			if test.after != "" {
				sheet += `<mergeCells><mergeCell ref="` + strings.Join(strings.Fields(test.after), `"/><mergeCell ref="`) + `"/></mergeCells>`
			}
			b := opened(t, partsOf([]string{sheet}).zip(t))
			for range 2 { // the second time without the first pass
				rows, err := allRows(t.Context(), b, b.Sheets()[0])
				if got := written(rows); err != nil || got != test.want {
					t.Fatalf("got\n%swant\n%s%v", got, test.want, err)
				}
			}
		})
	}
}

func TestDamagedRows(t *testing.T) {
	r := rowXML
	tests := []struct{ name, sheet, want string }{
		{"no number", r("r='x'", ""), `a row is numbered "x"`},
		{"number 0", r("r='0'", ""), `a row is numbered "0"`},
		{"too far down", r("r='1048577'", ""), "more than 1048576 rows"},
		{"a cell of another row", r("r='1'", "A2=x"), `cell "A2" is in row 1`},
		{"two values in two places", r("r='2'", "A2=a") + r("r='1'", "A1=x") + r("r='2'", "A2=b"), "cell A2 has two values"},
		{"a merge without a place", "</sheetData><mergeCells><mergeCell ref='A1:B'/></mergeCells><sheetData>", "a merged range has an invalid reference"},
		{"merges that overlap", r("r='1'", "A1=x") + r("r='2'", "A2=x") + "</sheetData><mergeCells><mergeCell ref='A1:B2'/><mergeCell ref='B2:C3'/></mergeCells><sheetData>", "merged ranges overlap at cell B2"},
		{"cut short", "<row><c>", "end tag does not match"},
		{"no XML", "<row>a < b</row>", "malformed tag"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := rowsOf(partsOf([]string{"<sheetData>" + test.sheet + "</sheetData>"}).zip(t), 0)
			if bad := (*FormatError)(nil); !errors.As(err, &bad) || bad.Hint == "" || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// A context that is done ends the first pass, and the second.
func TestRowsCanceled(t *testing.T) {
	var sheet strings.Builder
	for range 50_000 {
		sheet.WriteString("<row><c t='str'><v>001565000001</v></c></row>")
	}
	b := opened(t, partsOf([]string{"<sheetData>" + sheet.String() + "</sheetData>"}).zip(t))
	ctx, cancel := context.WithCancel(t.Context())
	rows, err := b.Rows(ctx, b.Sheets()[0])
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	read := 0
	for row := (Row{}); err == nil; err = rows.Read(&row) {
		read++
	}
	if !errors.Is(err, context.Canceled) || read > 10_000 {
		t.Errorf("%d rows, error %v", read, err)
	}
	if _, err := b.Rows(ctx, b.Sheets()[0]); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if rows, err := allRows(t.Context(), b, b.Sheets()[0]); len(rows) != 50_000 || err != nil {
		t.Errorf("%d rows, error %v", len(rows), err)
	}
}
