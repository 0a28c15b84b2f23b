package csvio

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rpsbatch/batch"
	"rpsbatch/csvio/xlsx"
)

const samplesDir = "../samples/spreadsheets"

// openSample returns a sample as CSV, a workbook converted, and the options that
// it is read with.
func openSample(t *testing.T, name string, opts Options) (string, Options) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(samplesDir, name))
	if err != nil {
		t.Fatal(err)
	}
	if !xlsx.Sniff(data) {
		return string(data), opts
	}
	text, _, err := converted(t, data, "")
	if err != nil {
		t.Fatal(err)
	}
	opts.Comma, opts.Encoding, opts.records = ',', "utf-8", true
	return text, opts
}

// What the samples give: for each row its line and its device, or the kinds of
// its faults. Those of LibreOffice are exports of one sheet by LibreOffice 7.4;
// those of Excel and Google Sheets are written byte for byte as they write.
func TestSamples(t *testing.T) {
	const three = "2 001565000001 hq|3 001565000002 https://prov.example.com/u/2|4 001565000003 branch"
	const text = three + "|6 blank|7 " + kindZeros + "|8 001565000007 hq|9 " + kindScientific + "|10 " + kindDate +
		"|11 001565000010 hq|12 " + kindError + "|13 " + kindBadMAC + "|14 " + kindLookAlike
	// Rows of the sheet, where a line break makes no line. Numbers are exact.
	const sheet = three + "|5 blank|6 " + kindZeros + "|7 001565000007 hq|8 " + kindOther + "|9 " + kindDate +
		"|10 001565000010 hq|11 " + kindError + "|12 " + kindBadMAC + "|13 " + kindLookAlike
	tests := []struct {
		file, format string // delimiter, encoding, line of the header
		opts         Options
		want         string // or "error: " and parts of it split by |
	}{
		{file: "libreoffice-comma.csv", format: ", UTF-8 1", want: text},
		{file: "libreoffice-semicolon-windows1252.csv", format: "; Windows-1252 1", want: text},
		{file: "libreoffice-tab-utf16.csv", format: "\t UTF-16 LE 1", want: text},
		{file: "libreoffice-pipe.csv", format: "| UTF-8 1", want: text},
		{file: "libreoffice.xlsx", format: ", UTF-8 1", want: sheet},
		{file: "excel-csv-utf8.csv", format: ", UTF-8 1", want: three},
		{file: "excel-csv-german.csv", format: "; Windows-1252 1", want: three},
		{file: "excel-unicode-text.txt", format: "\t UTF-16 LE 1", want: three},
		{file: "excel-utf16-big-endian.txt", format: "\t UTF-16 BE 1", want: three},
		{file: "excel-sep-line.csv", format: "; Windows-1252 2", want: "3 001565000001 hq|4 001565000002 https://prov.example.com/u/2|5 001565000003 branch"},
		{file: "excel-macintosh.csv", format: "; UTF-8 1", want: "2 001565000001 hq|3 001565000002 branch"},
		{file: "google-sheets.csv", format: ", UTF-8 1", want: "2 001565000001 hq|3 blank|4 001565000002 https://prov.example.com/u/2"},
		{file: "pipe.txt", format: "| UTF-8 1", want: "2 001565000001 hq|3 001565000002 tftp://192.0.2.1/u"},
		{file: "title-and-notes.csv", format: ", UTF-8 4", want: "5 001565000001 hq|6 001565000002 hq"},
		{file: "no-header.csv", format: "; UTF-8 0", want: "1 001565000001 hq|2 001565000002 https://prov.example.com/u/2|3 MAC without its leading zeros"},
		{file: "short-and-long-rows.csv", format: ", UTF-8 1", want: "2 001565000001 hq|3 001565000002 hq|4 neither a server nor a URL|5 blank|6 blank|7 blank"},
		{file: "leading-zeros.csv", format: ", UTF-8 1", want: "2 MAC without its leading zeros|3 001565000002 hq|4 MAC without its leading zeros|5 invalid MAC"},
		{file: "leading-zeros.csv", format: ", UTF-8 1", opts: Options{Repair: true}, want: "2 001565000001 hq|3 001565000002 hq|4 MAC without its leading zeros|5 invalid MAC"},
		{file: "scientific.csv", format: "; UTF-8 1", want: "2 MAC in scientific notation|3 MAC in scientific notation|4 MAC in scientific notation|5 805EC0000001 hq"},
		{file: "dates.csv", format: "; UTF-8 1", want: "2 " + kindDate + "|3 " + kindDate + "|4 " + kindDate + "|5 " + kindDate + "|6 " + kindDate + "|7 " + kindDate},
		{file: "formulas.csv", format: ", UTF-8 1", want: "2 001565000001 hq|3 001565000002 hq|4 MAC is a formula|5 MAC is a spreadsheet error|6 MAC is a spreadsheet error"},
		{file: "apostrophes.csv", format: ", UTF-8 1", want: "2 001565000001 hq|3 001565000002 https://prov.example.com/u/2"},
		{file: "invisible.csv", format: ", UTF-8 1", want: "2 001565000001 hq|3 001565000002 hq|4 001565000003 hq|5 invalid server name"},
		{file: "full-width.csv", format: ", UTF-8 1", want: "2 001565000001 hq|3 001565000002 hq|4 805EC0000001 hq"},
		{file: "look-alikes.csv", format: ", UTF-8 1", want: "2 " + kindLookAlike + "|3 " + kindLookAlike + "|4 " + kindLookAlike + "|5 " + kindLookAlike},
		{file: "actions.csv", format: ", UTF-8 1",
			want: "2 001565000001 hq|3 001565000002 deregister|4 001565000003 hq|5 001565000004 deregister|6 neither a server nor a URL|7 unknown action"},
		{file: "bad-targets.csv", format: ", UTF-8 1",
			want: "2 neither a server nor a URL|3 invalid server name|4 URL instead of a server name|5 invalid URL|6 invalid URL|7 invalid URL|8 001565000007 a-name-of-more-than-twenty-characters"},
		{file: "shift-jis.csv", format: ", Shift_JIS 1", opts: Options{Encoding: "shift_jis"}, want: "2 001565000001 hq"},
		{file: "iso-8859-15.csv", format: "; ISO-8859-15 1", opts: Options{Encoding: "iso-8859-15"}, want: "2 001565000001 hq"},
		{file: "two-mac-columns.csv", want: `error: both "MAC" (column 1) and "Mac Address" (column 3)`},
		{file: "two-mac-columns.csv", format: ", UTF-8 1", opts: Options{Columns: map[string]string{"mac": "Mac Address"}}, want: "2 001565000002 hq"},
	}
	tested := map[string]bool{"old-workbook.xls": true, "libreoffice.ods": true} // in TestUnreadableSamples
	for _, test := range tests {
		tested[test.file] = true
		t.Run(test.file, func(t *testing.T) {
			file, opts := openSample(t, test.file, test.opts)
			rows, format, err := tryRows(strings.NewReader(file), opts)
			if want, ok := strings.CutPrefix(test.want, "error: "); ok {
				checkProblem(t, errorText(err), want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, row := range rows {
				what := fmt.Sprintf("%d %s", row.Line, row.Device.MAC.Bare())
				switch d := row.Device; {
				case row.Blank:
					what = fmt.Sprintf("%d blank", row.Line)
				case row.Problem != "":
					what = fmt.Sprintf("%d %s", row.Line, row.Faults[0].Kind)
				case d.Action == batch.Deregister:
					what += " deregister"
				default:
					what += " " + strings.TrimSpace(d.Server+" "+d.URL)
				}
				got = append(got, what)
			}
			if got := strings.Join(got, "|"); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if got := fmt.Sprintf("%c %s %d", format.Comma, format.Encoding, format.HeaderLine); got != test.format {
				t.Errorf("format %q, want %q", got, test.format)
			}
		})
	}
	files, err := os.ReadDir(samplesDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !tested[file.Name()] {
			t.Errorf("%s is not tested", file.Name())
		}
	}
}

func TestUnreadableSamples(t *testing.T) {
	for name, want := range map[string]string{"old-workbook.xls": "an old Excel workbook (.xls)|save it as .xlsx", "libreoffice.ods": "LibreOffice workbook (.ods)|save it as .xlsx"} {
		data, err := os.ReadFile(filepath.Join(samplesDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !xlsx.Sniff(data) {
			t.Errorf("%s is not seen to be a workbook", name)
		}
		_, _, err = converted(t, data, "")
		checkProblem(t, errorText(err), want)
	}
}
