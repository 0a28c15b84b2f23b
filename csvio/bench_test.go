package csvio

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"rpsbatch/batch"
)

// sampleFile generates a file of about 110 bytes a row.
func sampleFile(rows int) []byte {
	var b bytes.Buffer
	b.WriteString("MAC Address,Server,URL,Site,Notes\r\n")
	for i := range rows {
		url := ""
		if i%4 == 0 {
			url = fmt.Sprintf("https://prov.example.com/u/%08x", i*2654435761%(1<<32))
		}
		fmt.Fprintf(&b, "00-15-65-%02X-%02X-%02X,server-%03d,%s,Branch office %06d of the north,", i>>16&255, i>>8&255, i&255, i%1000, url, i)
		if i%8 == 0 {
			b.WriteString("\"second floor, behind the big desk, left\"\r\n")
		} else {
			fmt.Fprintf(&b, "second floor %06d behind the big desk\r\n", i)
		}
	}
	return b.Bytes()
}

func readAll(data []byte) (rows int, err error) {
	r, err := NewReader(bytes.NewReader(data), Options{})
	if err != nil {
		return 0, err
	}
	var row batch.Row
	for {
		switch err := r.Read(&row); {
		case err == io.EOF:
			return rows, nil
		case err != nil:
			return rows, err
		case row.Problem != "":
			return rows, fmt.Errorf("line %d: %s", row.Line, row.Problem)
		}
		rows++
	}
}

// BenchmarkRead reads, finds the columns and judges; the metric "ratio" is its
// time to that of a bare encoding/csv loop over the same bytes.
func BenchmarkRead(b *testing.B) {
	const rows = 200_000
	data := sampleFile(rows)
	var ours, theirs time.Duration
	for b.Loop() {
		start := time.Now()
		n, err := readAll(data)
		if err != nil || n != rows {
			b.Fatal(n, err)
		}
		middle := time.Now()
		ours += middle.Sub(start)
		for r := csv.NewReader(bytes.NewReader(data)); ; {
			if _, err := r.Read(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
		theirs += time.Since(middle)
	}
	b.ReportMetric(float64(len(data))/rows, "bytes/row")
	b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N)/rows, "ns/row")
	b.ReportMetric(float64(theirs.Nanoseconds())/float64(b.N)/rows, "encoding/csv-ns/row")
	b.ReportMetric(float64(ours)/float64(theirs), "ratio")
}

func BenchmarkReadOnly(b *testing.B) {
	const rows = 200_000
	data := sampleFile(rows)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readAll(data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWrite writes rows that have been read.
func BenchmarkWrite(b *testing.B) {
	r, err := NewReader(bytes.NewReader(sampleFile(1)), Options{})
	if err != nil {
		b.Fatal(err)
	}
	var row batch.Row
	if err := r.Read(&row); err != nil {
		b.Fatal(err)
	}
	w, err := NewWriter(io.Discard, r.Format(), 5)
	if err != nil {
		b.Fatal(err)
	}
	verdict := batch.Verdict{Status: batch.Registered, Detail: "registered, at the first call", Calls: 1, Time: time.Unix(1e9, 0)}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Write(&row, verdict); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWorkbook reads and judges a workbook of a million rows with three
// columns of shared strings, as Excel writes them. The metric "peak-MB" is the
// most memory that the process held meanwhile. It takes a minute a turn.
func BenchmarkWorkbook(b *testing.B) {
	const rows = 1_000_000
	name := filepath.Join(b.TempDir(), "book.xlsx")
	writeBook(b, name, rows)
	debug.FreeOSMemory()

	stop, peak := make(chan bool), make(chan uint64)
	go func() {
		var most uint64
		for tick := time.NewTicker(50 * time.Millisecond); ; {
			select {
			case <-stop:
				peak <- most
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.Sys-m.HeapReleased)
			}
		}
	}()
	for b.Loop() {
		file, err := OpenFile(b.Context(), name, Options{})
		if err != nil {
			b.Fatal(err)
		}
		r, err := file.Rows(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		var row batch.Row
		for err = r.Read(&row); err == nil && row.Problem == ""; err = r.Read(&row) {
			n++
		}
		if err != io.EOF || n != rows {
			b.Fatalf("%d rows, then %+v, %v", n, row, err)
		}
		file.Close()
	}
	close(stop)
	b.ReportMetric(float64(<-peak)/1e6, "peak-MB")
}

func writeBook(b *testing.B, name string, rows int) {
	b.Helper()
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	archive := zip.NewWriter(f)
	part := func(name string) *bufio.Writer {
		w, err := archive.Create(name)
		if err != nil {
			b.Fatal(err)
		}
		return bufio.NewWriter(w)
	}
	for name, text := range bookParts {
		w := part(name)
		w.WriteString(strings.Replace(text, "</Relationships>", `<Relationship Id="rId9" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>`, 1))
		w.Flush()
	}
	w := part("xl/sharedStrings.xml")
	w.WriteString(`<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>mac</t></si><si><t>server</t></si><si><t>url</t></si>`)
	for i := range rows {
		fmt.Fprintf(w, "<si><t>00-15-65-%02X-%02X-%02X</t></si><si><t>https://prov.example.com/u/%08x</t></si>", i>>16&255, i>>8&255, i&255, i)
	}
	w.WriteString("</sst>")
	w.Flush()
	w = part("xl/worksheets/sheet1.xml")
	w.WriteString(worksheetStart + `<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="s"><v>2</v></c></row>`)
	for i := range rows {
		fmt.Fprintf(w, `<row r="%d"><c r="A%[1]d" t="s"><v>%[2]d</v></c><c r="B%[1]d" t="s"><v>1</v></c><c r="C%[1]d" t="s"><v>%[3]d</v></c></row>`, i+2, 2*i+3, 2*i+4)
	}
	w.WriteString(worksheetEnd)
	w.Flush()
	if err := archive.Close(); err != nil {
		b.Fatal(err)
	}
}
