package csvio

import (
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rpsbatch/batch"
)

// long reports whether the tests that take long run whole: RPSBATCH_TESTS=long asks
// for it. Asked in a test, the variable is one that a kept result depends on.
func long() bool { return os.Getenv("RPSBATCH_TESTS") == "long" }

// libreOffice returns what runs it, with a profile of the test's own, and skips the
// test where it is not installed: untested says what that leaves out.
func libreOffice(t *testing.T, untested string) func(args ...string) {
	t.Helper()
	if !long() {
		t.Skip("LibreOffice takes seconds to start: RPSBATCH_TESTS=long runs it")
	}
	program, err := exec.LookPath("soffice")
	if err != nil {
		t.Skipf("LibreOffice is not installed: %s (Debian's package is libreoffice-calc-nogui)", untested)
	}
	profile := "-env:UserInstallation=file://" + filepath.ToSlash(filepath.Join(t.TempDir(), "profile"))
	return func(args ...string) {
		t.Helper()
		args = append([]string{profile, "--headless"}, args...)
		if output, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
			t.Fatalf("soffice: %v\n%s", err, output)
		}
	}
}

// LibreOffice opens the result of each sample and finds the same cells in it,
// the user's and ours.
func TestLibreOfficeOpensResults(t *testing.T) {
	t.Parallel()
	convert := libreOffice(t, "whether it opens results was NOT tested")
	files, err := os.ReadDir(samplesDir)
	if err != nil {
		t.Fatal(err)
	}
	verdict := batch.Verdict{Status: batch.Refused, Detail: `=1+1; "all", of it | and` + "\tmore", URL: "https://h.example/u/1", Calls: 3, Time: time.Unix(1e9, 0)}
	dir := t.TempDir()
	want := map[byte]map[string][][]string{}
	for _, file := range files {
		name := file.Name()
		if ending := filepath.Ext(name); ending == ".xls" || ending == ".ods" {
			continue
		}
		opts := Options{}
		switch name {
		case "shift-jis.csv":
			opts.Encoding = "shift_jis"
		case "two-mac-columns.csv":
			opts.Columns = map[string]string{"mac": "MAC"}
		}
		text, opts := openSample(t, name, opts)
		rows, format := rowsOf(t, text, opts)
		result := written(t, rows, format, func(w *Writer, row *batch.Row) error { return w.Write(row, verdict) })
		name += ".csv"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(result), 0o600); err != nil {
			t.Fatal(err)
		}
		if want[format.Comma] == nil {
			want[format.Comma] = map[string][][]string{}
		}
		want[format.Comma][name] = cellsOf(result, format)
	}

	// LibreOffice is told the delimiter, as its import dialog shows it, and
	// that all columns are text, as rps_mac needs no telling but others do.
	var columns []string
	for i := 1; i <= 30; i++ {
		columns = append(columns, fmt.Sprintf("%d/2", i))
	}
	for comma, results := range want {
		out := t.TempDir()
		args := []string{fmt.Sprintf("--infilter=Text - txt - csv (StarCalc):%d,34,76,1,%s", comma, strings.Join(columns, "/")),
			"--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76,1", "--outdir", out}
		for name := range results {
			args = append(args, filepath.Join(dir, name))
		}
		convert(args...)
		for name, want := range results {
			t.Run(strings.TrimSuffix(name, ".csv"), func(t *testing.T) {
				data, err := os.ReadFile(filepath.Join(out, name))
				if err != nil {
					t.Fatal(err)
				}
				r := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(data), byteOrderMark)))
				r.FieldsPerRecord = -1
				got, err := r.ReadAll()
				if err != nil {
					t.Fatal(err)
				}
				got = withoutBlank(got)
				if len(got) > 0 && strings.HasPrefix(got[0][0], "sep=") {
					got = got[1:] // it writes the line again, with its own delimiter
				}
				if len(got) != len(want) {
					t.Fatalf("%d records, want %d: %q", len(got), len(want), got)
				}
				for i := range want {
					if !slices.Equal(got[i], want[i]) {
						t.Errorf("record %d\ngot  %q\nwant %q", i+1, got[i], want[i])
					}
				}
			})
		}
	}
}

// cellsOf splits a result. The line sep=; is none of a spreadsheet's rows.
func cellsOf(result string, format Format) (records [][]string) {
	s := newSplitter(strings.NewReader(strings.TrimPrefix(result, byteOrderMark)), format.Comma, DefaultMaxRecord)
	for {
		if err := s.next(); err != nil {
			break
		}
		text := string(s.raw)
		if text == format.SepLine {
			continue
		}
		var record []string
		for i := range s.ends {
			// Calc knows one kind of line break.
			record = append(record, strings.ReplaceAll(unquoted(cell(text, s.ends, i)), "\r\n", "\n"))
		}
		records = append(records, record)
	}
	return withoutBlank(records)
}

// withoutBlank leaves out empty cells at the end of records and empty records,
// which programs that read CSV make nothing of.
func withoutBlank(records [][]string) (kept [][]string) {
	for _, record := range records {
		for len(record) > 0 && record[len(record)-1] == "" {
			record = record[:len(record)-1]
		}
		if len(record) > 0 {
			kept = append(kept, record)
		}
	}
	return kept
}
