package csvio

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
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
	r, err := NewReader(bytes.NewReader(data), Options{NeedServer: true})
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
	r, err := NewReader(bytes.NewReader(sampleFile(1)), Options{NeedServer: true})
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
