package csvio

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"rpsbatch/batch"
)

// formulaTexts are what a service may say to have a program run a formula.
var formulaTexts = []string{
	"=1+1", "+1", "-1+1", "@SUM(1)", "'=1", "''=1", `"=1+1"`, "a;=1+1", "a;;=1+1", "a,=1+1", "a|=1+1", "a\t=1+1", "a\n=1+1",
	"a; =1+1", `a;"=1+1"`, `a;""=1+1`, `a;'=1+1`, `a"=1+1`, `";=1+1;"`, `a;";=1+1;";=1+1`, "＝1+1", "a;＋1", "\t=1+1", "\r=1+1",
	"a;-1+1,+1|@SUM(1)", "'", "", "=", ";=",
}

func TestGuardedCells(t *testing.T) {
	for text, want := range map[string]string{
		"":        "",
		"a-b = c": "a-b = c",
		"-":       "'-",
		"'=1":     "''=1",
		"a, -1":   "a, '-1",
		"＝1":      "'＝1",
		"\t=1":    "'\t'=1",
	} {
		if got := guarded(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	for _, text := range formulaTexts {
		for _, text := range []string{text, guarded(text)} {
			if got := unguarded(guarded(text)); got != text {
				t.Errorf("%q becomes %q, and then %q", text, guarded(text), got)
			}
		}
	}
	// What results had so far.
	if got := unguarded("'=1;=2"); got != "=1;=2" {
		t.Error(got)
	}
}

// However the delimiter of a result is taken, no cell of ours begins a formula.
func TestNoFormulaInAnyDelimiter(t *testing.T) {
	for _, text := range formulaTexts {
		for _, own := range []string{",", ";", "\t", "|"} {
			file := strings.ReplaceAll("mac,n\nx,\n", ",", own)
			result := resultOf(t, file, Options{Action: batch.Check, Comma: own[0]}, batch.Verdict{Detail: text, URL: text})
			for _, other := range ",;\t|" {
				r := csv.NewReader(strings.NewReader(result))
				r.Comma, r.LazyQuotes, r.FieldsPerRecord = other, true, -1
				records, err := r.ReadAll()
				if err != nil {
					t.Fatal(err)
				}
				for _, record := range records {
					for _, cell := range record {
						if cell = strings.TrimLeft(cell, "\" "+own); cell != "" && strings.ContainsAny(cell[:1], formulaStarts) {
							t.Errorf("%q, written with %q and read with %q: %q", text, own, other, cell)
						}
					}
				}
			}
		}
	}
}

// LibreOffice finds no formula in a result, whatever it is told to be between the
// cells.
func TestLibreOfficeFindsNoFormula(t *testing.T) {
	t.Parallel()
	convert := libreOffice(t, "whether it takes our cells for formulas was NOT tested")
	dir := t.TempDir()
	var result bytes.Buffer
	w, err := NewWriter(&result, Format{Comma: ',', LineEnd: "\n"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range formulaTexts {
		row := batch.Row{Raw: "x", Cells: 1, Line: i + 2, Sheet: text, Device: batch.Device{Server: text}}
		if err := w.Write(&row, batch.Verdict{Detail: text, URL: text}); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush()
	name := filepath.Join(dir, "r.csv")
	// The last says that LibreOffice would.
	if err := os.WriteFile(name, []byte(result.String()+"x,=1+1\nx;=1+1\nx\t=1+1\nx|=1+1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, comma := range []string{"44", "59", "9", "124", "44/59/9"} {
		convert("--infilter=Text - txt - csv (StarCalc):"+comma+",34,76,1,,0,false,true,false,false,false,0,true", "--convert-to", "xlsx", "--outdir", dir, name)
		book, err := excelize.OpenFile(filepath.Join(dir, "r.xlsx"))
		if err != nil {
			t.Fatal(err)
		}
		sheet := book.GetSheetName(0)
		rows, err := book.GetRows(sheet)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for y, row := range rows {
			for x := range row {
				at, _ := excelize.CoordinatesToCellName(x+1, y+1)
				formula, err := book.GetCellFormula(sheet, at)
				switch {
				case err != nil:
					t.Fatal(err)
				case formula != "" && y >= len(rows)-4:
					found++
				case formula != "":
					t.Errorf("delimiter %s: %s is the formula %q", comma, at, formula)
				}
			}
		}
		if found == 0 {
			t.Errorf("delimiter %s: LibreOffice found not even the formulas that are there", comma)
		}
		book.Close()
	}
}
