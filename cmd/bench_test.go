package cmd

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rpsbatch/batch"
	"rpsbatch/csvio"
)

// writeDevices writes a file of n devices of ten vendor prefixes over so many
// servers, 108 bytes a row.
func writeDevices(tb testing.TB, n, servers int) string {
	tb.Helper()
	name := filepath.Join(tb.TempDir(), "devices.csv")
	f, err := os.Create(name)
	if err != nil {
		tb.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "mac,server,url,site,notes")
	for i := range n {
		fmt.Fprintf(w, "%04X%02d%06X,srv-%04d,,Site number %06d in the north,some notes that make the row longer until it has 110\n",
			0x0015, 65+i%10, i/10, i%servers, i)
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		tb.Fatal(err)
	}
	return name
}

// BenchmarkFirstPass reads, judges and finds duplicates in a million rows, and
// reports its time as a ratio to a bare loop of encoding/csv over the same file.
func BenchmarkFirstPass(b *testing.B) {
	name := writeDevices(b, 1_000_000, 20)
	var ours, bare time.Duration
	for b.Loop() {
		start := time.Now()
		in, err := openInput(context.Background(), Streams{}, name, csvio.Options{NeedServer: true})
		if err != nil {
			b.Fatal(err)
		}
		survey, err := batch.TakeSurvey(in.Open, batch.ConflictRefuse, nil)
		if err != nil || survey.Rows != 1_000_000 || survey.Invalid != 0 {
			b.Fatal(survey, err)
		}
		in.Close()
		ours += time.Since(start)

		start = time.Now()
		f, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		r := csv.NewReader(f)
		for {
			if _, err := r.Read(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
		f.Close()
		bare += time.Since(start)
	}
	b.ReportMetric(ours.Seconds()/bare.Seconds(), "x/csv")
}
