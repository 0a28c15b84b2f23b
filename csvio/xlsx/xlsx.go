// Package xlsx reads the sheets of an Office Open XML workbook (.xlsx, .xlsm)
// as a person sees them: row by row in the order of their numbers, each cell
// as it is stored and as the spreadsheet program shows it.
//
// It reads what spreadsheet programs and libraries write, not only what the
// standard (ECMA-376) asks of them: parts are found by their relationships,
// wherever they stand; strict and transitional namespaces, with prefixes or
// without; rows and cells without references; workbooks without styles.
//
//   - Rows and cells count by their references, whatever their order in the
//     file. Two different values for one cell are damage, and so is a shared
//     string that is missing.
//   - Of a merged range only the first cell counts. Each row of the range that
//     has a value of its own has that cell's as well, see [Cell.Merged].
//   - Numbers are shown as in an American English Excel, whatever the locale.
//     Fractions (# ?/?) are shown as decimals, dates that no calendar of Excel
//     has as numbers. The width of columns does not matter.
//   - Formulas count by their stored results.
//   - Rows that are hidden, by the user or by a filter, are read and say so.
//     Hidden columns are read like others.
//   - Left out: phonetic guides, notes, tables, pictures, charts, macros.
//
// A sheet is read as it streams, in two passes: the first learns of merged
// ranges, which stand at its end, and of rows out of order. Nothing is written
// to disk. Memory stays below 250 MB whatever is in the file; a list of a
// million phones takes 10 to 110 MB. What is larger is refused, and so is what
// no sheet can hold (1,048,576 rows of 16,384 columns). What is not well-formed
// or fails its checksum is refused as well: no row is left out silently.
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

// Limits of a sheet, and of what is read of a workbook.
const (
	MaxRows    = 1 << 20
	MaxColumns = 1 << 14

	maxFile      = 512 << 20 // compressed
	maxDirectory = 8 << 20   // of the archive: 100,000 parts and more
	maxPart      = 768 << 20 // a million rows of fifteen columns
	maxWhole     = 2 << 30   // all parts that are read
	maxSmallPart = 32 << 20  // what is not rows or texts
	maxSheets    = 10_000
	maxText      = 512 << 10 // of a cell, in bytes
)

// A FileKind says what is wrong with a file.
type FileKind uint8

const (
	Damaged FileKind = iota + 1
	TooLarge
	Encrypted
	OldWorkbook  // .xls
	Binary       // .xlsb
	OpenDocument // .ods
	OtherOffice  // a document of another program
	WebPage      // called .xls
	XMLText      // called .xls
	LockFile     // of an open workbook
	OtherFile
)

// A FormatError says why a file cannot be read as a workbook, and what to do.
type FormatError struct {
	Kind   FileKind
	Part   string // where the damage is, if that is known
	Reason string
	Hint   string
}

func (e *FormatError) Error() string { return e.Reason + ": " + e.Hint }

const (
	saveAsXLSX  = "save it as .xlsx, or as 'CSV UTF-8'"
	giveAnother = "give a workbook (.xlsx) or a CSV file"
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
	return &FormatError{TooLarge, "", "the workbook is too large: " + what, "remove what is no device, or save the sheet as 'CSV UTF-8'"}
}

// A Book is an open workbook. It is not safe for concurrent use, but the rows
// of several sheets, or of one several times, may be read in turns.
type Book struct {
	src      *source
	parts    map[string][]*zip.File // by [partName]
	charged  map[*zip.File]bool     // those that count in read
	read     uint64
	sheets   []Sheet
	date1904 bool

	stringsPart, stylesPart string
	strings                 *table              // nil until it is needed
	styles                  *styles             // the same
	outlines                map[string]*outline // those that take little memory
	outlined                int
}

// A Sheet is one of a workbook's, in the order of its tabs.
type Sheet struct {
	Name   string
	State  State
	Cells  bool // a worksheet; charts and dialogs have no cells
	part   string
	relate string // the id of its relationship
}

// A State says whether a sheet can be seen.
type State uint8

const (
	Visible State = iota
	Hidden
	VeryHidden // only macros can show it
)

// Open reads what a workbook has: its sheets and where their parts are. The
// error is a *FormatError unless r fails.
func Open(r io.ReaderAt, size int64) (*Book, error) {
	if err := identify(r, size); err != nil {
		return nil, err
	}
	if size > maxFile {
		return nil, tooLarge(fmt.Sprintf("it is of more than %d MB", maxFile>>20))
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

// Sheets returns the workbook's sheets. The slice must not be changed.
func (b *Book) Sheets() []Sheet { return b.sheets }

// mainPart finds the workbook among the archive's parts.
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
			return damaged(main, fmt.Sprintf("sheet %q has the part of another", sheet.Name))
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

// A relationship leads from a part to another. Its kind is the last word of
// its type, which strict and transitional workbooks share.
type relationship struct{ id, kind, target string }

// relationships reads those of a part; "" is the whole package.
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
