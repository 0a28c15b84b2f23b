package csvio

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"rpsbatch/batch"
)

// What LibreOffice exports as it shows it, with merged cells filled in, and our
// reading of the workbook ask the same of the same devices. XLSX_BOOKS says of how
// many workbooks.
func TestLibreOfficeShowsTheSameDevices(t *testing.T) {
	t.Parallel()
	convert := libreOffice(t, "what it shows was NOT compared")
	books := 10
	if n, err := strconv.Atoi(os.Getenv("XLSX_BOOKS")); err == nil {
		books = n
	}
	dir, out := t.TempDir(), t.TempDir()
	var names []string
	var made []deviceBook
	for seed := range books {
		book := randomDevices(t, uint64(seed))
		name := filepath.Join(dir, fmt.Sprintf("book%d.xlsx", seed))
		if err := os.WriteFile(name, book.data, 0o600); err != nil {
			t.Fatal(err)
		}
		names, made = append(names, name), append(made, book)
	}
	for some := range slices.Chunk(names, 100) {
		convert(append([]string{"--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76,1,,1033,false,true,true,false,false,-1", "--outdir", out}, some...)...)
	}
	rows, sent := 0, 0
	for i, book := range made {
		base := strings.TrimSuffix(filepath.Base(names[i]), ".xlsx")
		for _, hidden := range []HiddenRows{HiddenSend, HiddenSkip} {
			var want []batch.Row
			for _, sheet := range book.sheets {
				text, err := os.ReadFile(filepath.Join(out, base+"-"+sheet.name+".csv"))
				if err != nil {
					t.Fatal(err)
				}
				some, _ := rowsOf(t, sheet.filled(string(text), hidden == HiddenSkip), Options{Comma: ',', Encoding: "utf-8"})
				want = append(want, some...)
			}
			f, err := OpenFile(t.Context(), names[i], Options{AllSheets: true, Hidden: hidden})
			if err != nil {
				t.Fatalf("%s: %v", base, err)
			}
			got := rowsOfFile(t, f)
			f.Close()
			got, want = withoutBlanks(got), withoutBlanks(want)
			if len(got) != len(want) {
				t.Errorf("%s, hidden rows %d: %d rows, LibreOffice has %d", base, hidden, len(got), len(want))
				continue
			}
			for j := range got {
				rows++
				if got[j].Problem == "" {
					sent++
				}
				if got[j].Device != want[j].Device || (got[j].Problem == "") != (want[j].Problem == "") {
					t.Errorf("%s, row %s: %+v %q\nLibreOffice: %+v %q (%s)", base, got[j].Place(), got[j].Device, got[j].Problem, want[j].Device, want[j].Problem, want[j].Raw)
				}
			}
		}
	}
	if sent < rows/5 {
		t.Errorf("only %d of %d rows can be sent", sent, rows)
	}
	t.Logf("%d workbooks, %d rows, of which %d can be sent", books, rows, sent)
}

func rowsOfFile(t *testing.T, f *File) (rows []batch.Row) {
	t.Helper()
	source, err := f.Rows(t.Context())
	for err == nil {
		var row batch.Row
		if err = source.Read(&row); err == nil {
			rows = append(rows, row)
		}
	}
	if err != io.EOF {
		t.Fatalf("%s: %v", f.Name(), err)
	}
	return rows
}

func withoutBlanks(rows []batch.Row) []batch.Row {
	return slices.DeleteFunc(rows, func(row batch.Row) bool { return row.Blank })
}

// A deviceBook is a workbook of devices as people make them.
type deviceBook struct {
	data   []byte
	sheets []deviceSheet
}

type deviceSheet struct {
	name   string
	merged [][4]int     // top, left, bottom, right, from 1
	hidden map[int]bool // rows
}

// filled gives the rows of merged ranges their value, which an export has in the
// first alone, and leaves out hidden rows.
func (d *deviceSheet) filled(text string, visible bool) string {
	s := newSplitter(strings.NewReader(text), ',', DefaultMaxRecord)
	s.rows = true
	var records [][]string
	for s.next() == nil {
		var record []string
		for i := range s.ends {
			record = append(record, cell(string(s.raw), s.ends, i))
		}
		records = append(records, record)
	}
	below := func(do func(first, cell *string)) {
		for _, m := range d.merged {
			for row := m[0] + 1; row <= min(m[2], len(records)); row++ {
				if records[row-1] != nil && records[m[0]-1] != nil {
					do(&records[m[0]-1][m[1]-1], &records[row-1][m[1]-1])
				}
			}
		}
	}
	below(func(first, cell *string) { *cell = "" }) // what the file has there nobody sees
	for i := range records {
		if i > 0 && trimmed(strings.Join(records[i], "")) == "" {
			records[i] = nil // a row of nothing but merged cells is none
		}
	}
	below(func(first, cell *string) { *cell = *first })
	var all strings.Builder
	for i, record := range records {
		if !visible || !d.hidden[i+1] {
			all.WriteString(strings.Join(record, ",") + "\n")
		}
	}
	return all.String()
}

var deviceFormats = []string{"General", "000000000000", `00\-00\-00\-00\-00\-00`, "0000", "0", "0.00", `"SIP-"0`, "0%", "0.00E+00", "@", "yyyy-mm-dd", "m/d/yyyy", "d-mmm-yy", "#,##0", "hh:mm"}

// randomDevices makes a workbook of one to three sheets.
func randomDevices(t *testing.T, seed uint64) deviceBook {
	r := rand.New(rand.NewPCG(seed, 11))
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	text := func(text string) string {
		text = strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(text)
		if r.IntN(8) == 0 && !strings.ContainsAny(text, "\r\n") && strings.TrimSpace(text) != "" {
			return `<c t="str"><f>"` + strings.ReplaceAll(text, `"`, `""`) + `"</f><v>` + text + `</v></c>`
		}
		return fmt.Sprintf(`<c t="inlineStr" s="%d"><is><t xml:space="preserve">%s</t></is></c>`, 9*r.IntN(2), text)
	}
	number := func(value any, formats ...int) string {
		return fmt.Sprintf(`<c s="%d"><v>%v</v></c>`, formats[r.IntN(len(formats))], value)
	}
	odd := func() string {
		return one("", `<c t="b"><v>1</v></c>`, `<c t="e"><v>#N/A</v></c>`, `<c t="e"><v>#REF!</v></c>`, text("-"), text("NULL"), text("  "), number(36692, 10, 11, 12), number(0.5, 0, 7, 14))
	}
	mac := func() string {
		last := fmt.Sprintf("%06x", r.IntN(1<<24))
		digits := fmt.Sprintf("%06d", r.IntN(1000000))
		switch r.IntN(12) {
		case 0, 1, 2, 3:
			return text("001565" + last)
		case 4:
			return text(strings.ToUpper("00:15:65:" + last[:2] + ":" + last[2:4] + ":" + last[4:]))
		case 5:
			return text(one(" ", "\u00a0", "'", "") + "80-5E-0C-" + last[:2] + "-" + last[2:4] + "-" + last[4:] + one(" ", "\u200b", ""))
		case 6, 7:
			return number("1565"+digits, 1, 2)
		case 8:
			return number("1565"+digits, 0, 4, 5, 8, 13)
		case 9:
			return number("8050"+digits+"12", 0, 1, 2)
		case 10:
			return text(one("0015650000O1", "Total", "001565", "001565000001, 001565000002"))
		}
		return odd()
	}
	server := func() string {
		switch r.IntN(8) {
		case 0, 1, 2:
			return text(one("hq", "Branch 2", " hq ", "0042", "Straße", "a,b", `"q"`, "x\ny"))
		case 3, 4:
			return number(r.IntN(10000), 0, 3, 4, 5, 6, 7, 8, 13)
		case 5:
			return number(36600+r.IntN(5000), 10, 11, 12)
		case 6:
			return one("", number(r.Int64N(1e12), 3, 4, 6, 13), number(fmt.Sprintf("%d.25", r.IntN(1e8)), 4, 5, 6))
		}
		return odd()
	}
	url := func() string {
		switch r.IntN(6) {
		case 0, 1:
			return text(fmt.Sprintf("https://u%d.example.com/?a=1&b=%d,x", r.IntN(99), r.IntN(99)))
		case 2:
			return odd()
		}
		return ""
	}
	action := func() string {
		return one("", "", "", text("Register"), text("deregister "), text("x"), odd())
	}
	note := func() string {
		return one("", text("a, \"b\"\nc"), text("line\r\nline"), number(r.IntN(99999), 0, 5, 10, 13), odd())
	}
	columns := []struct {
		name string
		cell func() string
	}{
		{one("MAC", "MAC address", "* Mac [required]", "Geräte-MAC"), mac}, {one("Server", "RPS server", "Serveur"), server},
		{one("URL", "Unique URL"), url}, {one("Action", "Aktion"), action}, {"Note", note},
	}
	r.Shuffle(len(columns), func(i, j int) { columns[i], columns[j] = columns[j], columns[i] })
	var book deviceBook
	var pages []page
	for n := range 1 + r.IntN(3) {
		sheet := deviceSheet{name: fmt.Sprintf("S%d", n+1), hidden: map[int]bool{}}
		var rows []string
		top := 1
		for ; r.IntN(3) == 0; top++ {
			rows = append(rows, cellsOfRow(top, "", one("", text("Phones of 2026"))))
		}
		var names []string
		for _, c := range columns {
			names = append(names, c.name)
		}
		rows = append(rows, cellsOfRow(top, "", names...))
		last := top + 3 + r.IntN(20)
		covered := map[[2]int]bool{}
		for column := range columns {
			for row := top + 1; row < last; row++ {
				if bottom := min(row+1+r.IntN(3), last); r.IntN(8) == 0 {
					sheet.merged = append(sheet.merged, [4]int{row, column + 1, bottom, column + 1})
					for ; row < bottom; row++ {
						covered[[2]int{row + 1, column}] = true
					}
				}
			}
		}
		for row := top + 1; row <= last; row++ {
			attrs := ""
			if r.IntN(7) == 0 {
				attrs, sheet.hidden[row] = `hidden="1"`, true
			}
			var cells []string
			for column, c := range columns {
				text := c.cell()
				if covered[[2]int{row, column}] {
					text = one("", "", text)
				}
				cells = append(cells, text)
			}
			rows = append(rows, cellsOfRow(row, attrs, cells...))
		}
		if r.IntN(3) == 0 {
			i, j := r.IntN(len(rows)), r.IntN(len(rows))
			rows[i], rows[j] = rows[j], rows[i]
		}
		after := ""
		for _, m := range sheet.merged {
			after += fmt.Sprintf(`<mergeCell ref="%c%d:%c%d"/>`, 'A'+m[1]-1, m[0], 'A'+m[3]-1, m[2])
		}
		if after != "" {
			after = "<mergeCells>" + after + "</mergeCells>"
		}
		pages = append(pages, page{name: sheet.name, cells: strings.Join(rows, ""), after: after})
		book.sheets = append(book.sheets, sheet)
	}
	book.data = bookWithFormats(t, deviceFormats, pages...)
	return book
}
