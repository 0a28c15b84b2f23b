package xlsx

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// The styles of cells in tests, from 1.
var testFormats = []string{"0000", "yyyy-mm-dd", "0.00E+00", "@", ";;;", `"SIP-"@`}

func TestCells(t *testing.T) {
	tests := []struct {
		name, cell string
		want       Cell // of the first column
	}{
		{"text", `<c t="inlineStr"><is><t>001565000001</t></is></c>`, Cell{Type: Text, Stored: "001565000001", Shown: "001565000001"}},
		{"rich text without its pronunciation", `<c t="inlineStr"><is><r><rPr><b/></rPr><t>00</t></r><r><t>15</t></r><rPh sb="0" eb="1"><t>no</t></rPh><phoneticPr fontId="1"/></is></c>`, Cell{Type: Text, Stored: "0015", Shown: "0015"}},
		{"rich text, a run crossed out", `<c t="inlineStr"><is><r><rPr><strike/></rPr><t>a</t></r><r><rPr><strike val="0"/></rPr><t>b</t></r></is></c>`, Cell{Type: Text, Struck: true, Stored: "ab", Shown: "ab"}},
		{"rich text, nothing but a space crossed out", `<c t="inlineStr"><is><r><rPr><strike/></rPr><t xml:space="preserve"> </t></r><r><t>b</t></r></is></c>`, Cell{Type: Text, Stored: " b", Shown: " b"}},
		{"text and runs", `<c t="inlineStr"><is><t>a</t><r><t>b</t></r></is></c>`, Cell{Type: Text, Stored: "ab", Shown: "ab"}},
		{"shared text", `<c t="s"><v>0</v></c>`, Cell{Type: Text, Stored: "shared", Shown: "shared"}},
		{"shared rich text", `<c t="s"><v> 1 </v></c>`, Cell{Type: Text, Stored: "rich text", Shown: "rich text"}},
		{"shared empty text", `<c t="s"><v>2</v></c>`, Cell{}},
		{"last shared text", `<c t="s"><v>3</v></c>`, Cell{Type: Text, Stored: "last", Shown: "last"}},
		{"spaces that count", `<c t="inlineStr"><is><t xml:space="preserve"> a </t></is></c>`, Cell{Type: Text, Stored: " a ", Shown: " a "}},
		{"spaces that do not", "<c t='inlineStr'><is><t>\n  a b\n</t></is></c>", Cell{Type: Text, Stored: "a b", Shown: "a b"}},
		{"references and sections", `<c t="str"><v>&lt;a&amp;b<![CDATA[<c>]]>&#x1F600;</v></c>`, Cell{Type: Text, Stored: "<a&b<c>😀", Shown: "<a&b<c>😀"}},
		{"escapes", `<c t="str"><v>a_x000D_b_x005F_x0041_</v></c>`, Cell{Type: Text, Stored: "a\rb_x0041_", Shown: "a\rb_x0041_"}},
		{"text under a format", `<c t="str" s="6"><v>42</v></c>`, Cell{Type: Text, Stored: "42", Shown: "SIP-42"}},
		{"shared text under a format", `<c t="s" s="6"><v>0</v></c>`, Cell{Type: Text, Stored: "shared", Shown: "SIP-shared"}},
		{"text that is not shown", `<c t="str" s="5"><v>42</v></c>`, Cell{Type: Text, Stored: "42"}},
		{"number", `<c><v>1565000001</v></c>`, Cell{Type: Number, Stored: "1565000001", Shown: "1565000001"}},
		{"number with its type", `<c t="n"><v> 7 </v></c>`, Cell{Type: Number, Stored: "7", Shown: "7"}},
		{"long number", `<c><v>805000000012</v></c>`, Cell{Type: Number, Stored: "805000000012", Shown: "8.05E+11"}},
		{"number as Java stores it", `<c><v>1.565000001E9</v></c>`, Cell{Type: Number, Stored: "1.565000001E9", Shown: "1565000001"}},
		{"number as Python stores it", `<c><v>1565000001.0</v></c>`, Cell{Type: Number, Stored: "1565000001.0", Shown: "1565000001"}},
		{"number with zeros", `<c><v>0042</v></c>`, Cell{Type: Number, Stored: "0042", Shown: "42"}},
		{"number under a format", `<c s="1"><v>42</v></c>`, Cell{Type: Number, Format: Numeric, Stored: "42", Shown: "0042"}},
		{"number in scientific notation", `<c s="3"><v>1565100000</v></c>`, Cell{Type: Number, Format: Scientific, Stored: "1565100000", Shown: "1.57E+09"}},
		{"number as text", `<c s="4"><v>42</v></c>`, Cell{Type: Number, Format: AsText, Stored: "42", Shown: "42"}},
		{"number that is not shown", `<c s="5"><v>42</v></c>`, Cell{Type: Number, Format: Numeric, Stored: "42"}},
		{"number of a style that is missing", `<c s="99"><v>42</v></c>`, Cell{Type: Number, Stored: "42", Shown: "42"}},
		{"date", `<c s="2"><v>36692</v></c>`, Cell{Type: Number, Format: Date, Stored: "36692", Shown: "2000-06-15"}},
		{"date of a strict workbook", `<c t="d" s="2"><v>2000-06-15T12:00:00</v></c>`, Cell{Type: Number, Format: Date, Stored: "36692.5", Shown: "2000-06-15"}},
		{"date that is none", `<c t="d" s="2"><v>soon</v></c>`, Cell{Type: Text, Stored: "soon", Shown: "soon"}},
		{"yes", `<c t="b"><v>1</v></c>`, Cell{Type: Bool, Stored: "1", Shown: "TRUE"}},
		{"no", `<c t="b"><v>false</v></c>`, Cell{Type: Bool, Stored: "false", Shown: "FALSE"}},
		{"error", `<c t="e"><v>#NAME?</v></c>`, Cell{Type: Error, Stored: "#NAME?", Shown: "#NAME?"}},
		{"formula with a text", `<c t="str"><f>"0015"&amp;"65"</f><v>001565</v></c>`, Cell{Type: Text, Stored: "001565", Shown: "001565"}},
		{"formula with an empty text", `<c t="str"><f>""</f><v></v></c>`, Cell{}},
		{"formula with a number", `<c><f t="shared" ref="A1:A2" si="0">1+1</f><v>2</v></c>`, Cell{Type: Number, Stored: "2", Shown: "2"}},
		{"formula without a result", `<c><f>1+1</f></c>`, Cell{Type: Uncalculated}},
		{"formula with an empty result", `<c><f>1+1</f><v></v></c>`, Cell{Type: Uncalculated}},
		{"formula of a text without a result", `<c t="str"><f>B1</f></c>`, Cell{Type: Uncalculated}},
		{"nothing", `<c s="1"/>`, Cell{}},
		{"empty number", `<c><v/></c>`, Cell{}},
		{"empty text", `<c t="inlineStr"><is><t></t></is></c>`, Cell{}},
		{"unknown elements", `<c><x:ext xmlns:x="y"><v>1</v></x:ext><v>2<w/></v></c>`, Cell{Type: Number, Stored: "2", Shown: "2"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			book := partsOf([]string{`<sheetData><row>` + test.cell + `<c r="B1" t="str"><v>end</v></c></row></sheetData>`}, testFormats...).
				share("<t>shared</t>", "<r><t xml:space='preserve'>rich </t></r><r><rPr/><t xml:space='preserve'>text</t></r><rPh><t>no</t></rPh>", "<t/>", "<t>last</t>")
			// Cells that hold nothing leave no trace.
			want := []Cell{test.want, {Column: 2, Type: Text, Stored: "end", Shown: "end"}}
			if want[0].Column = 1; test.want.Type == 0 {
				want = want[1:]
			}
			rows, err := rowsOf(book.replace(t, "xl/workbook.xml", "<sheets>", `<bookViews/><sheets>`).zip(t), 0)
			if err != nil || len(rows) != 1 || fmt.Sprint(rows[0].Cells) != fmt.Sprint(want) {
				t.Errorf("got %+v, %v\nwant %+v", rows, err, want)
			}
		})
	}
}

func TestDamagedCells(t *testing.T) {
	for cell, want := range map[string]string{
		`<c t="s"><v>1</v></c>`:                                        "cell A1 refers to a shared string that is missing",
		`<c t="s"><v>-1</v></c>`:                                       "cell A1 refers to a shared string that is missing",
		`<c t="s"><v>x</v></c>`:                                        "cell A1 refers to a shared string that is missing",
		`<c t="s"><v>4294967296</v></c>`:                               "cell A1 refers to a shared string that is missing",
		`<c r="B1"><v>1,5</v></c>`:                                     "cell B1 does not hold a number",
		`<c><v>0x10</v></c>`:                                           "cell A1 does not hold a number",
		`<c><v>NaN</v></c>`:                                            "cell A1 does not hold a number",
		`<c><v>1e999</v></c>`:                                          "cell A1 does not hold a number",
		`<c t="b"><v>2</v></c>`:                                        "cell A1 is neither true nor false",
		`<c t="x"><v>2</v></c>`:                                        "cell A1 has an unknown type",
		`<c><v>1</v><v>2</v></c>`:                                      "cell A1 has two values",
		`<c t="inlineStr"><v>1</v><is><t>2</t></is></c>`:               "cell A1 has two values",
		`<c r="A2"><v>1</v></c><c r="A1"><v>1</v></c>`:                 `cell "A1" is in row 2`,
		`<c r="A"><v>1</v></c>`:                                        `cell "A" is in row 1`,
		`<c r="XFE1"><v>1</v></c>`:                                     `cell "XFE1" is in row 1`,
		`<c r="XFD1"/><c/>`:                                            "more than 16384 columns",
		`<c r="B1"><v>1</v></c><c r="B1"><v>2</v></c>`:                 "cell B1 has two values",
		`<c r="B1"><v>1</v></c><c r="B1" t="b"><v>1</v></c>`:           "cell B1 has two values",
		`<c t="str"><v>` + strings.Repeat("x", maxText+1) + `</v></c>`: "more text than any program shows",
	} {
		_, err := rowsOf(partsOf([]string{"<sheetData><row>" + cell + "</row></sheetData>"}).share("<t>x</t>").zip(t), 0)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v, want %s", cell, err, want)
		}
	}
}

// Libraries that cannot calculate write zero or nothing for a result, and that the
// workbook is to be calculated when it is opened.
func TestResultsToBeCalculated(t *testing.T) {
	p := partsOf([]string{`<sheetData><row><c><f>B9</f><v>0</v></c><c><f>B9</f><v>0.0</v></c><c t="str"><f>B9</f><v></v></c><c><v>0</v></c>` +
		`<c><f>B9</f><v>7</v></c><c t="str"><f>B9</f><v>hq</v></c><c t="b"><f>B9</f><v>0</v></c></row></sheetData>`})
	const main = "xl/workbook.xml"
	plain := p[main]
	for calculation, want := range map[string]string{"": "A0 B0 D0 E7 Fhq GFALSE", "<calcPr/>": "A0 B0 D0 E7 Fhq GFALSE", `<calcPr fullCalcOnLoad="1"/>`: "A B C D0 E7 Fhq GFALSE"} {
		p[main] = strings.Replace(plain, "</workbook>", calculation+"</workbook>", 1)
		book := p.zip(t)
		b, err := Open(bytes.NewReader(book), int64(len(book)))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := b.Rows(t.Context(), b.Sheets()[0])
		var row Row
		if err == nil {
			err = rows.Read(&row)
		}
		var got []string
		for _, c := range row.Cells {
			got = append(got, columnName(c.Column)+c.Shown)
			if (c.Type == Uncalculated) != (c.Shown == "") {
				t.Errorf("%s: %+v", calculation, c)
			}
		}
		if got := strings.Join(got, " "); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", calculation, got, err, want)
		}
	}
}

// Texts of all lengths, and as many as fill several chunks.
func TestSharedStrings(t *testing.T) {
	table := &table{filling: make([]byte, 1)}
	text := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), i*i%3000) }
	for i := range 3000 {
		if err := table.add([]byte(text(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.add([]byte(strings.Repeat("x", maxText))); err != nil {
		t.Fatal(err)
	}
	table.close()
	for i := range 3000 {
		if got, ok := table.get(i); !ok || got != text(i) {
			t.Fatalf("text %d has %d bytes, want %d", i, len(got), len(text(i)))
		}
	}
	if got, ok := table.get(3000); !ok || len(got) != maxText {
		t.Errorf("the longest text has %d bytes", len(got))
	}
	if _, ok := table.get(3001); ok || len(table.chunks) < 3 {
		t.Errorf("%d chunks, and one text more", len(table.chunks))
	}
}
