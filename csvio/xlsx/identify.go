package xlsx

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

var (
	zipMagic  = []byte("PK\x03\x04")
	zipEmpty  = []byte("PK\x05\x06")
	oleMagic  = []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	biffMagic = []string{"\x09\x00\x04\x00", "\x09\x02\x06\x00", "\x09\x04\x06\x00", "\x09\x08\x08\x00", "\x09\x08\x10\x00"}
)

const (
	headSize = 4 << 10
	lockSize = 165 // of Excel's lock files
)

// Sniff reports whether a file is for [Open], by its first 4 KB, or all it
// has, and its size: a workbook, or what Open names in its error.
func Sniff(head []byte, size int64) bool {
	return isZip(head) || bytes.HasPrefix(head, oleMagic) || sniffText(head, size) != nil
}

func isZip(head []byte) bool {
	return bytes.HasPrefix(head, zipMagic) || bytes.HasPrefix(head, zipEmpty)
}

// identify says what a file is that is not an archive.
func identify(r io.ReaderAt, size int64) error {
	head := make([]byte, headSize)
	n, err := r.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	head = head[:n]
	if isZip(head) {
		return nil
	}
	if bytes.HasPrefix(head, oleMagic) {
		return oleKind(r, size)
	}
	if bad := sniffText(head, size); bad != nil {
		return bad
	}
	return other(OtherFile, "this is not a workbook", giveAnother)
}

// sniffText names what other programs save under the name of a workbook.
func sniffText(head []byte, size int64) *FormatError {
	for _, magic := range biffMagic {
		if bytes.HasPrefix(head, []byte(magic)) {
			return other(OldWorkbook, "this is a workbook of the old kind (.xls)", saveAsXLSX)
		}
	}
	if size == lockSize && len(head) >= 55 && head[0] > 0 && head[0] < 55 && len(bytes.Trim(head[1+head[0]:55], " \x00")) == 0 {
		return other(LockFile, "this is the lock file of an open workbook (its name begins with ~$)", "give the workbook itself")
	}
	head = bytes.ReplaceAll(head, []byte{0}, nil) // of UTF-16
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		head = bytes.TrimPrefix(head, []byte(mark))
	}
	text := strings.ToLower(string(bytes.TrimLeft(head, " \t\r\n")))
	has := func(words ...string) bool {
		for _, word := range words {
			if strings.Contains(text, word) {
				return true
			}
		}
		return false
	}
	begins := func(word string) bool { return strings.HasPrefix(text, word) }
	switch {
	case begins("<") && has("urn:schemas-microsoft-com:office:spreadsheet"), begins("<?xml") && has("<office:document", "<pkg:package"):
		return other(XMLText, "this is a workbook saved as XML", saveAsXLSX)
	case begins("<!doctype html"), begins("<html"), begins("<head"), begins("<table"), begins("<meta"), begins("<style"), begins("<body"), begins("<div"),
		begins("<?xml") && has("<html"), begins("<!--") && has("<html", "<table"), begins("mime-version:") && has("text/html", "multipart/related"):
		return other(WebPage, "this is a web page, not a workbook, whatever its name", "open it in the spreadsheet program and "+saveAsXLSX)
	}
	return nil
}

// oleKind names a compound file by the streams in its directory, whose
// entries, of 128 bytes, stand anywhere in the file.
func oleKind(r io.ReaderAt, size int64) error {
	const entry, most = 128, 64 << 20
	wide := func(name string) []byte {
		return append([]byte(strings.Join(strings.Split(name, ""), "\x00")), 0, 0, 0)
	}
	encrypted, workbook, book := wide("EncryptedPackage"), wide("Workbook"), wide("Book")
	found := other(OtherOffice, "this is a document of the old kind, not a workbook", giveAnother)
	buf := make([]byte, 64<<10)
	for at := int64(0); at < min(size, most); at += int64(len(buf)) {
		n, err := r.ReadAt(buf, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		for chunk := buf[:n]; len(chunk) >= entry; chunk = chunk[entry:] {
			switch {
			case bytes.HasPrefix(chunk, encrypted):
				return other(Encrypted, "this workbook is protected with a password", "open it in the spreadsheet program and save it without a password")
			case bytes.HasPrefix(chunk, workbook), bytes.HasPrefix(chunk, book):
				found = other(OldWorkbook, "this is a workbook of the old kind (.xls)", saveAsXLSX)
			}
		}
	}
	return found
}

// otherArchive names an archive that has no workbook's relationships.
func (b *Book) otherArchive() error {
	switch {
	case b.has("mimetype"):
		return other(OpenDocument, "this is a workbook of LibreOffice (.ods) or another document", saveAsXLSX)
	case b.has("Index/Document.iwa"), b.has("Index.zip"):
		return other(OtherOffice, "this is a document of Apple's Numbers or Pages", "export it as Excel (.xlsx) or CSV")
	case b.has("xl/workbook.bin"):
		return other(Binary, "this is a binary workbook (.xlsb)", saveAsXLSX)
	case b.has("xl/workbook.xml"):
		return damaged("_rels/.rels", "it does not lead to the workbook")
	}
	for name := range b.parts {
		if strings.HasSuffix(name, ".xlsx") || strings.HasSuffix(name, ".csv") {
			return other(OtherFile, "this is an archive with files in it", "unpack it and give the file")
		}
	}
	return other(OtherFile, "this is an archive, but no workbook", giveAnother)
}
