package xlsx

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"
)

const (
	headSize = 4 << 10
	oleMagic = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
)

// biff matches the start of a bare .xls of before 1997.
var biff = regexp.MustCompile(`^\x09[\x00\x02\x04\x08][\x04\x06\x08\x10]\x00`)

// Sniff reports whether a file should be passed to [Open], by how it begins: it
// is a workbook, or an archive or an Office document that Open names in its error.
func Sniff(head []byte) bool {
	return isZip(head) || bytes.HasPrefix(head, []byte(oleMagic)) || biff.Match(head)
}

func isZip(head []byte) bool {
	return bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06"))
}

// identify returns an error if the file is not an archive, saying what it is.
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
	if bytes.HasPrefix(head, []byte(oleMagic)) {
		return oleKind(r, size)
	}
	if biff.Match(head) {
		return other(OldWorkbook, "this is an old Excel workbook (.xls)", saveAsXLSX)
	}
	return other(OtherFile, "this is not a workbook", giveAnother)
}

// oleKind identifies a compound file by the streams in its directory. The
// directory's entries are 128 bytes long and may be anywhere in the file.
func oleKind(r io.ReaderAt, size int64) error {
	const entry, most = 128, 64 << 20
	wide := func(name string) []byte {
		return append([]byte(strings.Join(strings.Split(name, ""), "\x00")), 0, 0, 0)
	}
	encrypted, workbook, book := wide("EncryptedPackage"), wide("Workbook"), wide("Book")
	found := other(OtherOffice, "this is an old Office document, not a workbook", giveAnother)
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
				found = other(OldWorkbook, "this is an old Excel workbook (.xls)", saveAsXLSX)
			}
		}
	}
	return found
}

// otherArchive identifies an archive that does not point to a workbook.
func (b *Book) otherArchive() error {
	switch {
	case b.has("mimetype"):
		return other(OpenDocument, "this is a LibreOffice workbook (.ods) or another document", saveAsXLSX)
	case b.has("Index/Document.iwa"), b.has("Index.zip"):
		return other(OtherOffice, "this is an Apple Numbers or Pages document", "export it as Excel (.xlsx) or CSV")
	case b.has("xl/workbook.bin"):
		return other(Binary, "this is a binary workbook (.xlsb)", saveAsXLSX)
	case b.has("xl/workbook.xml"):
		return damaged("_rels/.rels", "it does not point to a workbook")
	}
	for name := range b.parts {
		if strings.HasSuffix(name, ".xlsx") || strings.HasSuffix(name, ".csv") {
			return other(OtherFile, "this is an archive with files in it", "unpack it and use the file in it")
		}
	}
	return other(OtherFile, "this is an archive, not a workbook", giveAnother)
}
