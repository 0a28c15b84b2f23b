// Package xlsx reads the sheets of an Office Open XML workbook (.xlsx, .xlsm)
// as a person sees them: row by row in order of row number, each cell both as
// it is stored and as the spreadsheet program shows it.
//
// It reads what spreadsheet programs and libraries actually write, which is
// looser than the standard (ECMA-376). Parts are found through relationships,
// wherever they are. Strict and transitional namespaces, any prefix, rows and
// cells without references, and missing styles are all fine.
//
//   - References decide where rows and cells belong, not their order in the
//     file. Two different values for one cell make the workbook damaged, and so
//     does a missing shared string.
//   - In a merged range only the first cell counts. Every row of the range that
//     has a value of its own gets that cell's value too; see [Cell.Merged]. What the
//     range covers on its right is only counted; see [Cell.Across].
//   - Numbers are shown as an American English Excel shows them, whatever the
//     locale. Fractions (# ?/?) are shown as decimals, and dates outside Excel's
//     calendar as numbers. Column widths are ignored.
//   - Formulas are represented by their stored results. Zero and the empty text
//     are none if the workbook is to be calculated when it is opened: libraries
//     that cannot calculate write these.
//   - Rows hidden by the user or by a filter are returned and marked, and so are
//     hidden columns; see [Rows.Hides]. So are cells that somebody has crossed out,
//     but not those that a conditional format crosses out.
//   - Ignored: phonetic guides, comments, tables, pictures, charts and macros.
//
// A sheet is streamed in two passes. The first finds merged ranges, which are
// at the end of the part, and rows out of order. Nothing is written to disk.
// Memory stays below 300 MB whatever the file contains; a list of a million
// phones takes 10 to 110 MB. Anything larger is refused, as is anything beyond
// a sheet's limits. So is XML that is not well-formed or fails its checksum: no
// row is lost silently.
package xlsx

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"strings"
)

// Limits of a sheet, and of what is read from a workbook.
const (
	MaxRows    = 1 << 20
	MaxColumns = 1 << 14

	maxFile      = 512 << 20 // compressed
	maxDirectory = 4 << 20   // of the archive: some 50,000 parts
	maxPart      = 768 << 20 // a million rows of fifteen columns
	maxWhole     = 2 << 30   // all parts read
	maxSmallPart = 32 << 20  // parts other than sheets and strings
	maxSheets    = 10_000
	maxText      = 512 << 10 // of a cell, in bytes
)

// A FileKind is the reason why a file cannot be read.
type FileKind uint8

const (
	Damaged FileKind = iota + 1
	TooLarge
	Encrypted
	OldWorkbook  // .xls
	Binary       // .xlsb
	OpenDocument // .ods
	OtherOffice  // a document of another program
	OtherFile
)

// A FormatError says why a file cannot be read as a workbook and what to do about
// it.
type FormatError struct {
	Kind   FileKind
	Part   string // the damaged part, if known
	Reason string
	Hint   string
}

func (e *FormatError) Error() string { return e.Reason + ": " + e.Hint }

const (
	saveAsXLSX  = "save it as .xlsx, or as 'CSV UTF-8'"
	giveAnother = "use a workbook (.xlsx) or a CSV file"
)

func other(kind FileKind, reason, hint string) *FormatError {
	return &FormatError{Kind: kind, Reason: reason, Hint: hint}
}

func damaged(part string, reason any) error {
	if part != "" {
		reason = fmt.Sprintf("%s: %v", part, reason)
	}
	return &FormatError{Damaged, part, fmt.Sprintf("the workbook is damaged (%v)", reason),
		"open it in the spreadsheet program and save it again as .xlsx, or as 'CSV UTF-8'"}
}

func tooLarge(what string) error {
	return &FormatError{TooLarge, "", "the workbook is too large: " + what, "remove everything but the devices, or save the sheet as 'CSV UTF-8'"}
}

// A Book is an open workbook. It is not safe for concurrent use, but several
// [Rows] may be read in turn, of one sheet or of many.
type Book struct {
	src      *source
	parts    map[string][]*zip.File // by [partName]
	charged  map[*zip.File]bool     // already counted in read
	read     uint64
	sheets   []Sheet
	date1904 bool
	stale    bool // the results of its formulas may be

	stringsPart, stylesPart string
	strings                 *table              // nil until needed
	styles                  *styles             // nil until needed
	outlines                map[string]*outline // the small ones, by part
	outlined                int
}

// A Sheet is a sheet of a workbook.
type Sheet struct {
	Name   string
	State  State
	Cells  bool // it is a worksheet, not a chart or a dialog
	part   string
	relate string // relationship ID
}

// A State is the visibility of a sheet.
type State uint8

const (
	Visible State = iota
	Hidden
	VeryHidden // only a macro can show it
)

// Open opens a workbook and reads its list of sheets. The error is a *FormatError
// unless r fails.
func Open(r io.ReaderAt, size int64) (*Book, error) {
	if err := identify(r, size); err != nil {
		return nil, err
	}
	if size > maxFile {
		return nil, tooLarge(fmt.Sprintf("it is larger than %d MB", maxFile>>20))
	}
	b := &Book{src: &source{r: r, budget: maxDirectory}, parts: map[string][]*zip.File{}, charged: map[*zip.File]bool{}, outlines: map[string]*outline{}}
	archive, err := zip.NewReader(b.src, size)
	if err != nil {
		return nil, b.fault("", err)
	}
	b.src.budget = 0
	b.index(archive)
	main, err := b.mainPart()
	if err != nil {
		return nil, err
	}
	if err := b.readWorkbook(main); err != nil {
		return nil, err
	}
	return b, nil
}

// Sheets returns the workbook's sheets in the order of their tabs. The caller must
// not modify the slice.
func (b *Book) Sheets() []Sheet { return b.sheets }

// mainPart returns the name of the workbook part.
func (b *Book) mainPart() (string, error) {
	roots, err := b.relationships("")
	if err != nil {
		return "", err
	}
	for _, r := range roots {
		if r.kind != "officeDocument" {
			continue
		}
		switch name := strings.ToLower(r.target); {
		case strings.HasSuffix(name, ".bin"):
			return "", other(Binary, "this is a binary workbook (.xlsb)", saveAsXLSX)
		case strings.HasPrefix(name, "word/"), strings.HasPrefix(name, "ppt/"), strings.HasPrefix(name, "visio/"):
			return "", other(OtherOffice, "this is a document or a presentation, not a workbook", giveAnother)
		}
		return r.target, nil
	}
	return "", b.otherArchive()
}

func (b *Book) readWorkbook(main string) error {
	err := b.walk(context.Background(), main, maxSmallPart, "workbook", func(s *scanner) error {
		return s.each(func() error {
			switch {
			case s.is("workbookPr"):
				b.date1904 = s.attrBool("date1904")
			case s.is("calcPr"):
				b.stale = s.attrBool("fullCalcOnLoad")
			case s.is("sheets"):
				return s.each(func() error { return b.addSheet(s) })
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	related, err := b.relationships(main)
	if err != nil {
		return err
	}
	targets := map[string]relationship{}
	for _, r := range related {
		targets[r.id] = r
		switch r.kind {
		case "sharedStrings":
			b.stringsPart = r.target
		case "styles":
			b.stylesPart = r.target
		}
	}
	names, used := map[string]bool{}, map[string]bool{}
	for i := range b.sheets {
		sheet := &b.sheets[i]
		target := targets[sheet.relate]
		sheet.part, sheet.Cells = target.target, target.kind == "worksheet"
		if name := strings.ToLower(sheet.Name); names[name] {
			return damaged(main, fmt.Sprintf("two sheets are called %q", sheet.Name))
		} else if sheet.part == "" {
			return damaged(main, fmt.Sprintf("sheet %q has no part", sheet.Name))
		} else if used[sheet.part] {
			return damaged(main, fmt.Sprintf("sheet %q shares its part with another", sheet.Name))
		} else {
			names[name], used[sheet.part] = true, true
		}
	}
	if len(b.sheets) == 0 {
		return damaged(main, "it has no sheet")
	}
	return nil
}

var states = map[string]State{"hidden": Hidden, "veryHidden": VeryHidden}

func (b *Book) addSheet(s *scanner) error {
	name, err := s.attrText("name")
	sheet := Sheet{Name: name, State: states[string(s.attr("state"))]}
	for _, a := range s.attrs {
		if bytes.HasSuffix(a.name, []byte(":id")) {
			sheet.relate = string(a.value)
		}
	}
	if b.sheets = append(b.sheets, sheet); len(b.sheets) > maxSheets {
		return tooLarge(fmt.Sprintf("it has more than %d sheets", maxSheets))
	}
	return err
}

// A relationship points from one part to another. Its kind is the last element of
// its type, which strict and transitional workbooks share.
type relationship struct{ id, kind, target string }

// relationships returns the relationships of a part; "" is the package itself.
func (b *Book) relationships(from string) (found []relationship, err error) {
	folder, file := path.Split(from)
	name := folder + "_rels/" + file + ".rels"
	if !b.has(name) {
		return nil, nil
	}
	err = b.walk(context.Background(), name, maxSmallPart, "Relationships", func(s *scanner) error {
		return s.each(func() error {
			target, err := s.attrText("Target")
			if err != nil || string(s.attr("TargetMode")) == "External" {
				return err
			}
			if target = strings.ReplaceAll(target, `\`, "/"); !strings.HasPrefix(target, "/") {
				target = "/" + folder + target
			}
			target = strings.TrimPrefix(path.Clean(target), "/")
			found = append(found, relationship{string(s.attr("Id")), path.Base(string(s.attr("Type"))), target})
			if len(found) > 2*maxSheets {
				return tooLarge("it has too many parts")
			}
			return nil
		})
	})
	return found, err
}
