package csvio

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

// The number that is left of an address with an E is not taken for another
// address, whichever program wrote the workbook; one without that format is
// exact, however long it is.
func TestScientificCells(t *testing.T) {
	usual, bold, own, other, quoted, zeros := "0.00E+00", "", "0E+00", "##0.0E+0", `0" E+0"`, "000000000000"
	cells := []struct {
		number int
		format *string
		want   string
	}{
		{1565100000, &usual, "1.57E+09"},     // 0015651E0005
		{1565000100, &usual, "1.57E+09"},     // 0015650001E2
		{1565100000, &own, "2E+09"},          // the same under formats of the user's
		{1565100000, &other, "1.6E+9"},       //
		{80500000000, &usual, "8.05E+10"},    // 00000805E008
		{805000000000, &usual, "8.05E+11"},   //
		{1565000001, &usual, "1565000001"},   // 1565000001E0 is a multicast address
		{15650000012, &usual, "15650000012"}, // one digit too many
		{805000000012, &usual, "805000000012"},
		{1565100000, &bold, "1565100000"},
		{15651000000, &bold, "15651000000"},
		{805000000000, &bold, "805000000000"},
		{8050000000000, &bold, "8050000000000"},
		{1565100000, nil, "1565100000"},
		{805000000000, nil, "805000000000"},
		{1565100000, &quoted, "1565100000E+0"},
		{1565100000, &zeros, "001565100000"},
	}
	book := excelize.NewFile()
	defer book.Close()
	var want []string
	for i, c := range cells {
		place, _ := excelize.CoordinatesToCellName(1, i+1)
		style := 0
		err := book.SetCellValue("Sheet1", place, c.number)
		if err == nil && c.format == &bold {
			style, err = book.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
		} else if err == nil && c.format == &usual {
			style, err = book.NewStyle(&excelize.Style{NumFmt: 11})
		} else if err == nil && c.format != nil {
			style, err = book.NewStyle(&excelize.Style{CustomNumFmt: c.format})
		}
		if err == nil {
			err = book.SetCellStyle("Sheet1", place, place, style)
		}
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, c.want)
	}
	var b bytes.Buffer
	if err := book.Write(&b); err != nil {
		t.Fatal(err)
	}
	check := func(t *testing.T, data []byte) {
		text, _, err := converted(t, data, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Fields(strings.ReplaceAll(strings.TrimPrefix(text, byteOrderMark), " ", "")); !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	t.Run("excelize", func(t *testing.T) { check(t, b.Bytes()) })
	t.Run("LibreOffice", func(t *testing.T) { check(t, byLibreOffice(t, b.Bytes())) })

	rows, _ := rowsOf(t, "mac,server\r\n1.57E+09,hq\r\n", Options{Comma: ',', Encoding: "utf-8", records: true, Repair: true})
	checkProblem(t, rows[0].Problem, "may have been an address with an E|enter it again")
}

// byLibreOffice has it save a workbook anew.
func byLibreOffice(t *testing.T, book []byte) []byte {
	t.Helper()
	convert := libreOffice(t, "its workbooks were NOT tested")
	dir := t.TempDir()
	name := filepath.Join(dir, "book.xlsx")
	if err := os.WriteFile(name, book, 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	convert("--convert-to", "xlsx", "--outdir", out, name)
	data, err := os.ReadFile(filepath.Join(out, "book.xlsx"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
