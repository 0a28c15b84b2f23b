package csvio

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/htmlindex"

	"rpsbatch/rps"
)

const (
	// A million rows of three columns are 320 MB of XML. What holds more is
	// no list of phones, or made to fill a disk.
	maxWorkbook = 2 << 30
	// What is not the cells' is held in memory.
	maxOtherParts = 64 << 20
	// Cells are, in parts up to this size.
	maxPartInMemory = 1 << 20
	// A sheet of few bytes can have cells far to the right in each row.
	maxConverted = 2 << 30
)

var (
	zipMagic  = []byte("PK\x03\x04")
	zipEmpty  = []byte("PK\x05\x06")
	olesMagic = []byte("\xd0\xcf\x11\xe0")
)

// IsWorkbook tells from a file's first bytes whether it is a workbook: of
// Excel, old or new, or of LibreOffice. [ConvertWorkbook] says what is wrong
// with those that it cannot read.
func IsWorkbook(head []byte) bool {
	return bytes.HasPrefix(head, zipMagic) || bytes.HasPrefix(head, zipEmpty) || bytes.HasPrefix(head, olesMagic)
}

// ConvertWorkbook writes a sheet of an .xlsx workbook as CSV in UTF-8, which
// is read with Options{Comma: ',', Encoding: "utf-8", Records: true}: record n
// is row n of the sheet, also for a row with nothing in it. sheet "" is the
// first that is not hidden. It gives the sheet's name, and those of the others
// that are not hidden. The error is a *FileError where the workbook is at fault.
//
// A number stands as it is stored, so that a MAC that was taken for one is
// exact; but as it is shown if that is a MAC, which a format such as
// 000000000000 makes of it, or a date. Under a scientific format it may have
// been an address with an E, and stands as 1.57E+09, which is refused. A formula
// stands as its last result.
//
// The workbook's parts are unpacked to temporary files that only the user can
// read, and that are removed.
func ConvertWorkbook(src *os.File, sheet string, dst io.Writer) (name string, others []string, err error) {
	// The library takes the bytes of other programs on trust in places.
	defer func() {
		if cause := recover(); cause != nil {
			err = damaged(fmt.Errorf("%v", cause))
		}
	}()
	numbers, err := checkWorkbook(src)
	if err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp("", "rpsbatch-*") // mode 0700
	if err != nil {
		return "", nil, fmt.Errorf("cannot unpack the workbook: %w", err)
	}
	defer os.RemoveAll(dir)
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return "", nil, err
	}
	book, err := excelize.OpenReader(src, excelize.Options{UnzipSizeLimit: maxWorkbook, UnzipXMLSizeLimit: maxPartInMemory, TmpDir: dir})
	if err != nil {
		return "", nil, damaged(err)
	}
	defer book.Close()
	if name, err = findSheet(book, sheet); err != nil {
		return "", nil, err
	}
	for _, other := range visibleSheets(book) {
		if other != name {
			others = append(others, other)
		}
	}
	return name, others, convert(book, name, numbers, dst)
}

func damaged(err error) error {
	return &FileError{Reason: fmt.Sprintf("the workbook is damaged (%v)", err), Hint: "open it in the spreadsheet program and save it again as .xlsx or as 'CSV UTF-8'"}
}

// checkWorkbook refuses what is no .xlsx workbook, what is too large, and what
// is damaged: the library reads up to what is no XML and takes that for the
// end, and rows must not be lost. numbers is set if a sheet has cells that are
// not text.
func checkWorkbook(src *os.File) (numbers bool, err error) {
	info, err := src.Stat()
	if err != nil {
		return false, err
	}
	head := make([]byte, len(olesMagic))
	if n, _ := src.ReadAt(head, 0); bytes.Equal(head[:n], olesMagic) {
		return false, &FileError{Reason: "this is a workbook of the old kind (.xls), or one with a password", Hint: "save it as .xlsx without a password, or as 'CSV UTF-8'"}
	}
	archive, err := zip.NewReader(src, info.Size())
	if err != nil {
		return false, damaged(err)
	}
	isBook := false
	var whole, other uint64
	for _, part := range archive.File {
		whole += part.UncompressedSize64
		if !unpacked(partName(part)) {
			other += part.UncompressedSize64
		}
		if part.UncompressedSize64 > maxWorkbook || whole > maxWorkbook || other > maxOtherParts {
			return false, &FileError{Reason: "the workbook is too large", Hint: "remove pictures and other sheets from it, or save the sheet as 'CSV UTF-8'"}
		}
		switch partName(part) {
		case "mimetype":
			return false, &FileError{Reason: "this is a workbook of LibreOffice (.ods) or another document", Hint: "save it as .xlsx or as 'CSV UTF-8'"}
		case "xl/workbook.xml":
			isBook = true
		case "xl/workbook.bin":
			return false, &FileError{Reason: "this is a binary workbook (.xlsb)", Hint: "save it as .xlsx or as 'CSV UTF-8'"}
		}
	}
	if !isBook {
		return false, &FileError{Reason: "this is an archive, but no workbook", Hint: "give a workbook (.xlsx) or a CSV file"}
	}
	for _, part := range archive.File {
		has, err := checkPart(part)
		if bad := (*FileError)(nil); errors.As(err, &bad) {
			return false, bad
		}
		if err != nil {
			return false, damaged(fmt.Errorf("%s: %w", part.Name, err))
		}
		numbers = numbers || has
	}
	return numbers, nil
}

func partName(part *zip.File) string {
	return strings.ToLower(strings.ReplaceAll(part.Name, "\\", "/"))
}

// unpacked reports the parts that the library unpacks to files.
func unpacked(name string) bool {
	return strings.HasPrefix(name, "xl/worksheets/sheet") || name == "xl/sharedstrings.xml"
}

// checkPart reads a part to its end, against its checksum and, if it can hold
// cells or their meaning, as XML.
func checkPart(part *zip.File) (numbers bool, err error) {
	r, err := part.Open()
	if err != nil {
		return false, err
	}
	defer r.Close()
	name := partName(part)
	if !strings.HasPrefix(name, "xl/") || !strings.HasSuffix(name, ".xml") {
		_, err = io.Copy(io.Discard, r)
		return false, err
	}
	depth, number := 0, false // number: in a cell of one
	place, formula, result := "", false, false
	text := &textLimit{src: r}
	d := xml.NewDecoder(bufio.NewReader(text))
	d.CharsetReader = func(label string, text io.Reader) (io.Reader, error) {
		e, err := htmlindex.Get(label)
		if err != nil {
			return nil, err
		}
		return e.NewDecoder().Reader(text), nil
	}
	for {
		switch token, err := d.RawToken(); token := token.(type) {
		case xml.StartElement:
			depth++
			text.size = 0
			switch token.Name.Local {
			case "c":
				number = !isText(token.Attr)
				place, formula, result = attr(token.Attr, "r"), false, false
			case "f":
				formula = true
			case "v":
				numbers = numbers || number
				result = true
			}
		case xml.EndElement:
			depth--
			text.size = 0
			if token.Name.Local == "c" && formula && !result && strings.HasPrefix(name, "xl/worksheets/") {
				return false, &FileError{Reason: fmt.Sprintf("cell %s of a sheet has a formula that was never calculated", place),
					Hint: "open the workbook in the spreadsheet program and save it, which calculates it"}
			}
		case nil:
			if errors.Is(err, io.EOF) && depth != 0 {
				err = io.ErrUnexpectedEOF
			}
			if errors.Is(err, io.EOF) {
				_, err = io.Copy(io.Discard, r)
			}
			return numbers, err
		}
	}
}

// maxText is how much may stand between two tags, in bytes. A cell holds no more
// than 32,767 characters; a text is held in memory several times over.
const maxText = 4 << 20

// A textLimit fails where there is more text between two tags, whose reader
// sets size back, than any program writes.
type textLimit struct {
	src  io.Reader
	size int
}

func (l *textLimit) Read(p []byte) (int, error) {
	if l.size > maxText {
		return 0, fmt.Errorf("more than %d bytes of text without a tag", maxText)
	}
	n, err := l.src.Read(p)
	l.size += n
	return n, err
}

// isText reports a cell whose type makes it text, which has no format.
func isText(attrs []xml.Attr) bool {
	switch attr(attrs, "t") {
	case "s", "str", "inlineStr":
		return true
	}
	return false
}

func attr(attrs []xml.Attr, name string) string {
	for _, a := range attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func findSheet(book *excelize.File, wanted string) (string, error) {
	names := book.GetSheetList()
	if len(names) == 0 {
		return "", &FileError{Reason: "the workbook has no sheet", Hint: "give another file"}
	}
	if wanted == "" {
		return append(visibleSheets(book), names...)[0], nil
	}
	for _, same := range []func(name string) bool{
		func(name string) bool { return name == wanted },
		func(name string) bool { return strings.EqualFold(trimmed(name), trimmed(wanted)) },
	} {
		if i := slices.IndexFunc(names, same); i >= 0 {
			return names[i], nil
		}
	}
	return "", &FileError{Reason: fmt.Sprintf("the workbook has no sheet %q", wanted), Hint: "give one of these with " + flagSheet + ": " + listed(names)}
}

func visibleSheets(book *excelize.File) (names []string) {
	for _, name := range book.GetSheetList() {
		if visible, err := book.GetSheetVisible(name); err == nil && visible {
			names = append(names, name)
		}
	}
	return names
}

// convert writes the rows of a sheet. They are read twice side by side, as
// stored and as shown, unless all is text.
func convert(book *excelize.File, name string, numbers bool, dst io.Writer) error {
	stored, err := book.Rows(name)
	if err != nil {
		return damaged(err)
	}
	defer stored.Close()
	shown := stored
	if numbers {
		markScientific(book)
		if shown, err = book.Rows(name); err != nil {
			return damaged(err)
		}
		defer shown.Close()
	}

	w := bufio.NewWriter(dst)
	w.WriteString(byteOrderMark)
	var line []byte
	written := 0
	for stored.Next() {
		values, err := stored.Columns(excelize.Options{RawCellValue: true})
		if err != nil {
			return damaged(err)
		}
		if numbers {
			if !shown.Next() {
				break
			}
			display, err := shown.Columns()
			if err != nil {
				return damaged(err)
			}
			for i := range min(len(values), len(display)) {
				values[i] = cellText(values[i], display[i])
			}
		}
		line = appendRecord(line[:0], values)
		if written += len(line); written > maxConverted {
			return &FileError{Reason: "the sheet is too large", Hint: "remove what is no device from it, or save it as 'CSV UTF-8'"}
		}
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	if err := errors.Join(stored.Error(), shown.Error()); err != nil {
		return damaged(err)
	}
	return w.Flush()
}

// cellText gives the text of a cell from what is stored and what is shown.
// What is the same in both is text, or needs no thought.
func cellText(stored, shown string) string {
	if stored == shown {
		return stored
	}
	if strings.HasPrefix(strings.TrimPrefix(shown, "-"), scientificMark) {
		if text, ok := scientificText(stored); ok {
			return text
		}
		shown = stored
	}
	switch {
	case shown == "TRUE" || shown == "FALSE":
		return shown
	case isDate(shown):
		return shown
	}
	if mac := tidy(shown); len(mac) >= 12 {
		if _, err := rps.ParseMAC(mac); err == nil {
			return shown
		}
	}
	// Java's programs store 1.565000001E9. A spreadsheet shows 1.565E+09, and
	// if somebody has made that a text, its digits are gone: it is let alone.
	if strings.Contains(stored, "+") {
		return stored
	}
	if number, err := strconv.ParseFloat(stored, 64); err == nil && number == math.Trunc(number) && math.Abs(number) < 1<<53 {
		return strconv.FormatFloat(number, 'f', -1, 64)
	}
	return stored
}

// appendRecord writes a record without the empty cells at its end.
func appendRecord(line []byte, values []string) []byte {
	for len(values) > 0 && values[len(values)-1] == "" {
		values = values[:len(values)-1]
	}
	for i, value := range values {
		if i > 0 {
			line = append(line, ',')
		}
		if !utf8.ValidString(value) {
			value = strings.ToValidUTF8(value, "\ufffd")
		}
		if !strings.ContainsAny(value, ",\"\r\n") && value == strings.TrimSpace(value) {
			line = append(line, value...)
			continue
		}
		line = append(line, '"')
		line = append(line, strings.ReplaceAll(value, `"`, `""`)...)
		line = append(line, '"')
	}
	return append(line, "\r\n"...)
}
