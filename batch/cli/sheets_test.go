package cli

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

// An error about a sheet's header names the sheet that was read, and which others
// could be: hidden ones too.
func TestErrorsNameSheets(t *testing.T) {
	for _, test := range []struct {
		name, cover   string
		sheets, hints []string // hints: parts of the message
	}{
		{name: "cover", cover: "Our phones", sheets: []string{"Phones", "Old"},
			hints: []string{`row 1: sheet "Sheet1": no column was recognized as the MAC addresses`, `read another sheet with --sheet NAME: "Phones", "Old", "Secret"`}},
		{name: "empty sheet", sheets: []string{"Phones"}, hints: []string{"the sheet is empty", `with --sheet NAME: "Phones"`}},
		{name: "one sheet", cover: "Our phones", hints: []string{`row 1: sheet "Sheet1": no column was recognized`, `with --sheet NAME: "Secret"`}},
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
			text := err.Error() + "; " + hintOf(err)
			for _, part := range test.hints {
				if !strings.Contains(text, part) {
					t.Errorf("%q lacks %q", text, part)
				}
			}
		})
	}
}
