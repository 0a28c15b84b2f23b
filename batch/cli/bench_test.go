package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kolo/xmlrpc"

	"rpsbatch/batch"
	"rpsbatch/csvio"
	"rpsbatch/rps"
	"rpsbatch/rps/rpstest"
)

// writeDevices writes a file of n devices of all blocks over so many servers, 108
// bytes a row.
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
		block := csvio.Yealink[i%len(csvio.Yealink)]
		fmt.Fprintf(w, "%X%06X,srv-%04d,,Site number %06d in the north,some notes that make the row longer until it has 110\n",
			block[:], i/len(csvio.Yealink), i%servers, i)
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
		in, err := openInput(context.Background(), Streams{}, name, csvio.Options{})
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

// BenchmarkSecondPass registers 200,000 devices, from the reading of the rows
// to the result file, and reports its calls a second as a ratio to a bare loop
// that encodes as many calls with kolo/xmlrpc and posts them to the same
// handler.
func BenchmarkSecondPass(b *testing.B) {
	name := writeDevices(b, benchRows, 20)
	var ours, bare time.Duration
	for b.Loop() {
		ours += secondPass(b, name, false)

		service := benchService(b)
		start := time.Now()
		bareLoop(b, service.URL, benchRows, benchBatch)
		bare += time.Since(start)
		service.Close()
	}
	b.ReportMetric(bare.Seconds()/ours.Seconds(), "x/bare")
}

// BenchmarkJournal reports the calls a second of a run with a journal as a
// ratio to those of one without.
func BenchmarkJournal(b *testing.B) {
	name := writeDevices(b, benchRows, 20)
	var with, without time.Duration
	for b.Loop() {
		with += secondPass(b, name, true)
		without += secondPass(b, name, false)
	}
	b.ReportMetric(without.Seconds()/with.Seconds(), "x/without")
}

const benchRows, benchBatch = 200_000, 100

// secondPass returns the time of one run over the file.
func secondPass(b *testing.B, name string, journaled bool) time.Duration {
	b.Helper()
	in, err := openInput(context.Background(), Streams{}, name, csvio.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	survey, err := batch.TakeSurvey(in.Open, batch.ConflictRefuse, nil)
	if err != nil {
		b.Fatal(err)
	}
	service := benchService(b)
	defer service.Close()
	client, err := rps.NewClient(rps.Config{URL: service.URL, Username: "user", Password: "secret"})
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	out, err := createResult(Streams{}, name+".result.csv", in.Format(), survey.Width, false)
	if err != nil {
		b.Fatal(err)
	}
	config := batch.Config{BatchSize: benchBatch, Workers: 4, Rate: 1e6, Burst: 1e6, MaxAttempts: 5, Timeout: time.Minute, GiveUpAfter: time.Minute}
	run := &batch.Run{Config: config, Survey: survey, Open: in.Open, Caller: batch.NewCaller(config, client, nil), Results: out}
	if journaled {
		header := batch.Header{Command: "register", Rows: survey.Rows}
		if run.Journal, _, err = batch.OpenJournal(name+".journal", header, false, true); err != nil {
			b.Fatal(err)
		}
	}
	account, err := run.Caller.ReadAccount(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	summary, err := run.Do(context.Background(), account)
	if err != nil || summary.Succeeded != benchRows || summary.TotalCalls() != benchRows/benchBatch+1 {
		b.Fatal(summary, err)
	}
	if err := out.finish(); err != nil {
		b.Fatal(err)
	}
	if journaled {
		if err := run.Journal.Finish(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(start)
}

func benchService(b *testing.B) *httptest.Server {
	b.Helper()
	sim := rpstest.New(rpstest.Options{LogLimit: 10})
	for i := range 20 {
		sim.AddServer("user", fmt.Sprintf("srv-%04d", i), "https://prov.example.com/")
	}
	return httptest.NewServer(sim)
}

func bareLoop(b *testing.B, url string, rows, perCall int) {
	b.Helper()
	for at := 0; at < rows; at += perCall {
		macs := make([]string, perCall)
		for i := range macs {
			macs[i] = fmt.Sprintf("%012X", 0x001565000000+at+i)
		}
		body, err := xmlrpc.EncodeMethodCall("redirect.registerDevices", macs, "srv-0000")
		if err != nil {
			b.Fatal(err)
		}
		request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		request.SetBasicAuth("user", "secret")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			b.Fatal(err)
		}
		answer, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || !bytes.Contains(answer, []byte("OK")) {
			b.Fatal(string(answer), err)
		}
	}
}

// BenchmarkValidate validates a million rows of five columns, one of them quoted
// and with a comma in it, and reports its time as a ratio to a bare loop of
// encoding/csv with ReuseRecord over the same file.
func BenchmarkValidate(b *testing.B) {
	name := filepath.Join(b.TempDir(), "devices.csv")
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "mac,server,url,site,notes")
	for i := range 1_000_000 {
		fmt.Fprintf(w, "%012X,srv-%03d,,Site number %07d,\"second floor, desk %06d right\"\n", 0x001565000000+i, i%200, i, i%900_000)
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		b.Fatal(err)
	}
	var ours, bare time.Duration
	for b.Loop() {
		start := time.Now()
		if code := Execute(context.Background(), []string{"validate", name}, Streams{Out: io.Discard, Err: io.Discard}); code != ExitOK {
			b.Fatal(code)
		}
		ours += time.Since(start)

		start = time.Now()
		f, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		r := csv.NewReader(f)
		r.ReuseRecord = true
		for err == nil {
			_, err = r.Read()
		}
		if f.Close(); !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
		bare += time.Since(start)
	}
	b.ReportMetric(ours.Seconds()/bare.Seconds(), "x/csv")
}
