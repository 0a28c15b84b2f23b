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
	lockSize = 165 // size of Excel's lock files
	oleMagic = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
)

// otherFiles lists what else is found under a workbook's name, by how it begins.
var otherFiles = []struct {
	begin *regexp.Regexp
	FormatError
}{
	{regexp.MustCompile(`^\x09[\x00\x02\x04\x08][\x04\x06\x08\x10]\x00`), FormatError{OldWorkbook, "", "this is an old Excel workbook (.xls)", saveAsXLSX}},
	{regexp.MustCompile(`(?s)^<.*(urn:schemas-microsoft-com:office:spreadsheet|<office:document|<pkg:package)`), FormatError{XMLText, "", "this is a workbook saved as XML", saveAsXLSX}},
	{regexp.MustCompile(`(?is)^(<(!doctype html|html|head|table|meta|style|body|div)|(<\?xml|<!--).*<(html|table)|mime-version:.*(text/html|multipart/related))`),
		FormatError{WebPage, "", "this is a web page saved as a workbook", "open it in the spreadsheet program and " + saveAsXLSX}},
}

// Sniff reports whether a file should be passed to [Open]: it is a workbook, or
// something that Open names in its error. head is the file's first 4 KB, or all of
// it.
func Sniff(head []byte, size int64) bool {
	return isZip(head) || bytes.HasPrefix(head, []byte(oleMagic)) || sniffOther(head, size) != nil
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
	if bad := sniffOther(head, size); bad != nil {
		return bad
	}
	return other(OtherFile, "this is not a workbook", giveAnother)
}

func sniffOther(head []byte, size int64) *FormatError {
	if size == lockSize && len(head) == lockSize && head[0] > 0 && head[0] < 55 && len(bytes.Trim(head[1+head[0]:55], " \x00")) == 0 {
		return other(LockFile, "this is the lock file of an open workbook (its name begins with ~$)", "give the workbook itself")
	}
	text := head
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		text = bytes.TrimPrefix(text, []byte(mark))
	}
	text = bytes.TrimLeft(bytes.ReplaceAll(text, []byte{0}, nil), " \t\r\n") // also of UTF-16
	for _, f := range otherFiles {
		if f.begin.Match(head) || f.begin.Match(text) {
			return &f.FormatError
		}
	}
	return nil
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
			return other(OtherFile, "this is an archive with files in it", "unpack it and give the file")
		}
	}
	return other(OtherFile, "this is an archive, not a workbook", giveAnother)
}
