package xlsx

import (
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// LibreOffice's export of what it shows and our reading are the same, for
// workbooks with all kinds of cells. XLSX_BOOKS says how many.
func TestLibreOfficeShowsTheSame(t *testing.T) {
	t.Parallel()
	if !long() {
		t.Skip("LibreOffice takes seconds to start: RPSBATCH_TESTS=long runs it")
	}
	books := 5
	if n, err := strconv.Atoi(os.Getenv("XLSX_BOOKS")); err == nil {
		books = n
	}
	dir := t.TempDir()
	var files []string
	for seed := range books {
		name := filepath.Join(dir, fmt.Sprintf("book%d.xlsx", seed))
		if err := os.WriteFile(name, randomBook(uint64(seed)).zip(t), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, name)
	}
	out := exportedByLibreOffice(t, files)
	cells := 0
	for _, name := range files {
		book, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := filepath.Glob(filepath.Join(out, strings.TrimSuffix(filepath.Base(name), ".xlsx")+"-*.csv"))
		if err != nil || len(shown) == 0 {
			t.Fatalf("%s was not exported: %v", name, err)
		}
		for i := range shown {
			sheet := fmt.Sprintf("%s-Sheet%d.csv", strings.TrimSuffix(filepath.Base(name), ".xlsx"), i+1)
			rows, err := rowsOf(book, i)
			if err != nil {
				t.Fatalf("%s: %v", sheet, err)
			}
			cells += compareShown(t, filepath.Join(out, sheet), rows)
		}
	}
	t.Logf("%d workbooks, %d cells", books, cells)
}

// exportedByLibreOffice has it write all sheets of workbooks as CSV, with
// cells as shown, and returns the folder.
func exportedByLibreOffice(t *testing.T, files []string) string {
	t.Helper()
	office, err := exec.LookPath("soffice")
	if err != nil {
		t.Skip("LibreOffice is not installed: what it shows was NOT compared (Debian's package is libreoffice-calc-nogui)")
	}
	out := t.TempDir()
	for some := range slices.Chunk(files, 100) {
		args := append([]string{"-env:UserInstallation=file://" + filepath.ToSlash(filepath.Join(out, "profile")), "--headless",
			"--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76,1,,1033,false,true,true,false,false,-1", "--outdir", out}, some...)
		if output, err := exec.CommandContext(t.Context(), office, args...).CombinedOutput(); err != nil {
			t.Fatalf("soffice: %v\n%s", err, output)
		}
	}
	return out
}

func compareShown(t *testing.T, file string, rows []Row) (cells int) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = -1
	want := map[string]string{}
	more := 0 // lines in cells
	for {
		record, err := r.Read()
		if err != nil {
			break
		}
		line, _ := r.FieldPos(0)
		line -= more
		more += strings.Count(strings.Join(record, ""), "\n")
		for i, text := range record {
			if text != "" {
				want[cellName(line, i+1)] = text
			}
		}
	}
	for _, row := range rows {
		for _, cell := range row.Cells {
			if cell.Merged {
				continue // exported in the first row alone
			}
			name := cellName(row.Number, cell.Column)
			if !sameShown(cell, want[name]) {
				t.Errorf("%s %s: got %q, LibreOffice %q (stored %q)", filepath.Base(file), name, cell.Shown, want[name], cell.Stored)
			}
			delete(want, name)
			cells++
		}
	}
	for name, text := range want {
		t.Errorf("%s %s: LibreOffice has %q, and we nothing", filepath.Base(file), name, text)
	}
	return cells
}

// sameShown compares a cell with what LibreOffice shows, but for what it does
// otherwise than Excel.
func sameShown(cell Cell, office string) bool {
	got, want := strings.TrimSpace(cell.Shown), strings.TrimSpace(office)
	v, _ := strconv.ParseFloat(cell.Stored, 64)
	seconds := v * secondsADay
	switch {
	case want == "#FMT": // too many hours
		return cell.Format == Date
	case cell.Format == Date && (v < 61 || v > lastDay): // before the 29th of February 1900
		return true
	case cell.Format == Date && math.Abs(seconds-math.Round(seconds)) > 1e-3: // seconds are cut, not rounded
		return true
	case cell.Type == Number && (cell.Format == General || cell.Format == AsText): // up to 15 digits
		a, err1 := strconv.ParseFloat(got, 64)
		b, err2 := strconv.ParseFloat(want, 64)
		if err1 == nil && err2 == nil {
			return math.Abs(a-b) <= 1e-5*math.Abs(a)
		}
	case cell.Type == Number: // no point behind a whole number
		got, want = strings.TrimSuffix(got, "."), strings.TrimSuffix(want, ".")
	}
	return got == want
}

var officeFormats = []string{
	"General", "0", "0.00", "0000", "000000000000", "00\\-00\\-00\\-00\\-00\\-00", `00":"00":"00`, "#,##0", "#,##0.00", "0%", "0.0%",
	"0.00E+00", "0E+0", "##0.0E+0", "#", "0.##", "#,##0;[Red]-#,##0", "0;(0);\"none\"", "[>=1000]#,##0;0", "\"SIP-\"0000", "0\" units\"", "0,", "$#,##0.00",
	"[$€-407] #,##0.00", "@", "[<100]0;0.0", "[>50]0.0;[<-50]0.00;0", "[<0]\"neg\"0;0", "[<=10]0;[<=100]0.0;0.00", "[=0]\"z\";0", "#,##0.0_);(#,##0.0)",
	"yyyy-mm-dd", "m/d/yyyy", "dd/mm/yy", "d-mmm-yy", "mmmm d, yyyy", "dddd, dd. mmm", "hh:mm", "h:mm:ss AM/PM", "hh:mm:ss", "mm:ss.0", "[h]:mm:ss", "[mm]:ss", "yyyy-mm-dd hh:mm", "yyyymmdd",
}

// randomBook makes a workbook whose cells LibreOffice and Excel show alike.
func randomBook(seed uint64) bookParts {
	r := rand.New(rand.NewPCG(seed, 7))
	var texts []string
	text := func() string {
		return []string{"001565", "00-15-65-", "hq", "Straße ", "a,b", `say "x"`, " two\nlines", "", "1.5", "TRUE", "=1+1"}[r.IntN(11)] + strconv.Itoa(r.IntN(1000))
	}
	number := func() string {
		switch r.IntN(8) {
		case 0:
			return strconv.Itoa(r.IntN(20) - 5)
		case 1:
			return strconv.Itoa(1565000000 + r.IntN(100000))
		case 2:
			return strconv.FormatFloat(float64(r.IntN(1000000))/1000, 'f', -1, 64)
		case 3:
			return strconv.FormatFloat(61+float64(r.IntN(60000))+float64(r.IntN(86400))/86400, 'g', 17, 64)
		case 4:
			return strconv.FormatInt(r.Int64N(99999999999), 10)
		case 5:
			return strconv.FormatFloat(-r.Float64()*1000, 'f', 3, 64)
		case 6:
			return strconv.FormatFloat(float64(1565000000+r.IntN(10)), 'E', 9, 64)
		}
		return strconv.Itoa(r.IntN(100000))
	}
	cell := func(ref string) string {
		style := fmt.Sprintf(` s="%d"`, r.IntN(len(officeFormats)+1))
		switch r.IntN(9) {
		case 0, 1:
			texts = append(texts, "<t xml:space=\"preserve\">"+escaped(text())+"</t>")
			return fmt.Sprintf(`<c r="%s" t="s"%s><v>%d</v></c>`, ref, style, len(texts)-1)
		case 2:
			return fmt.Sprintf(`<c r="%s" t="inlineStr"%s><is><r><t xml:space="preserve">%s</t></r><r><rPr><b/></rPr><t>x</t></r></is></c>`, ref, style, escaped(text()))
		case 3:
			return fmt.Sprintf(`<c r="%s" t="str"><f>"a"&amp;"b"</f><v>ab</v></c>`, ref)
		case 4:
			n := r.IntN(1000)
			return fmt.Sprintf(`<c r="%s"%s><f>%d+1</f><v>%d</v></c>`, ref, style, n, n+1)
		case 5:
			return [...]string{`<c r="` + ref + `" t="b"><v>1</v></c>`, `<c r="` + ref + `" t="b"><v>0</v></c>`, `<c r="` + ref + `" t="e"><v>#N/A</v></c>`, `<c r="` + ref + `"/>`}[r.IntN(4)]
		}
		return fmt.Sprintf(`<c r="%s"%s><v>%s</v></c>`, ref, style, number())
	}
	var sheets []string
	for range 1 + r.IntN(3) {
		covered := map[string]bool{}
		var merges []string
		for top := 2; r.IntN(4) > 0 && top < 30; {
			bottom, left, right := top+r.IntN(4), 1+r.IntN(4), 0
			right = left + r.IntN(2)
			for row := top; row <= bottom; row++ {
				for column := left; column <= right; column++ {
					covered[cellName(row, column)] = row > top || column > left
				}
			}
			if bottom > top || right > left {
				merges = append(merges, `<mergeCell ref="`+cellName(top, left)+":"+cellName(bottom, right)+`"/>`)
			}
			top = bottom + 1 + r.IntN(3)
		}
		var rows []string
		for n := 1; n <= 40; n++ {
			if r.IntN(10) == 0 {
				continue
			}
			var b strings.Builder
			fmt.Fprintf(&b, `<row r="%d"`, n)
			if r.IntN(8) == 0 {
				b.WriteString(` hidden="1"`)
			}
			b.WriteString(">")
			for column := 1; column <= 5; column++ {
				if name := cellName(n, column); r.IntN(5) > 0 && !covered[name] {
					b.WriteString(cell(name))
				}
			}
			rows = append(rows, b.String()+"</row>")
		}
		if r.IntN(3) == 0 {
			i, j := r.IntN(len(rows)), r.IntN(len(rows))
			rows[i], rows[j] = rows[j], rows[i]
		}
		sheet := "<sheetData>" + strings.Join(rows, "") + "</sheetData>"
		if len(merges) > 0 {
			sheet += "<mergeCells>" + strings.Join(merges, "") + "</mergeCells>"
		}
		sheets = append(sheets, sheet)
	}
	p := partsOf(sheets, officeFormats...)
	if len(texts) > 0 {
		p.share(texts...)
	}
	return p
}
