package cli

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

// An error about a sheet's header tells which sheet was read, and which others
// could be.
func TestErrorsNameSheets(t *testing.T) {
	for _, test := range []struct {
		name, cover   string
		sheets, hints []string // hints: parts of the message
		not           string
	}{
		{name: "cover", cover: "Our phones", sheets: []string{"Phones", "Old"}, not: "Secret",
			hints: []string{"row 1: no column is known to hold the MAC addresses", `this is sheet "Sheet1"; --sheet NAME reads another: "Phones", "Old"`}},
		{name: "empty sheet", sheets: []string{"Phones"}, hints: []string{"the sheet is empty", `--sheet NAME reads another: "Phones"`}},
		{name: "one sheet", cover: "Our phones", hints: []string{"row 1: no column is known"}, not: "--sheet"},
	} {
		t.Run(test.name, func(t *testing.T) {
			book := excelize.NewFile()
			defer book.Close()
			for _, name := range append(test.sheets, "Secret") {
				if _, err := book.NewSheet(name); err != nil {
					t.Fatal(err)
				}
			}
			if err := book.SetSheetVisible("Secret", false); err != nil {
				t.Fatal(err)
			}
			if test.cover != "" {
				if err := book.SetCellValue("Sheet1", "A1", test.cover); err != nil {
					t.Fatal(err)
				}
			}
			name := filepath.Join(t.TempDir(), "book.xlsx")
			if err := book.SaveAs(name); err != nil {
				t.Fatal(err)
			}
			stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
			if err != nil {
				t.Fatal(err)
			}
			defer stderr.Close()
			err = (&validate{streams: Streams{Out: io.Discard, Err: stderr}, onConflict: "refuse", command: "register", rate: 5, batchSize: 100}).run(t.Context(), name)
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range test.hints {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q lacks %q", err, part)
				}
			}
			if test.not != "" && strings.Contains(err.Error(), test.not) {
				t.Errorf("%q has %q", err, test.not)
			}
		})
	}
}
