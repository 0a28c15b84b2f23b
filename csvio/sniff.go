package csvio

import (
	"bytes"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	needed  = "it needs a header such as mac,server,url and a line for each device"
	asTable = "write its devices as a table, with columns such as mac and server"
	saveAs  = "open it in the spreadsheet program and save it as .xlsx or as 'CSV UTF-8'"
)

// lockFile refuses what a spreadsheet program leaves beside an open workbook,
// which wildcards and file dialogs offer like the workbook itself.
func lockFile(name string) error {
	base := filepath.Base(name)
	of, ok := strings.CutPrefix(base, "~$")
	if !ok {
		if of, ok = strings.CutPrefix(base, ".~lock."); ok {
			of = strings.TrimSuffix(of, "#")
		}
	}
	if !ok {
		return nil
	}
	return &FileError{Reason: "this is the lock file of a workbook that is open, not the workbook", Hint: "close the workbook and use " + of}
}

// signatures are the first bytes of files that people take for a CSV file or a
// workbook. Package xlsx names what may be a workbook.
var signatures = []struct{ magic, what, hint string }{
	{"\x1f\x8b", "a file compressed by gzip", "unpack it first, for example with gunzip"},
	{"BZh91AY&SY", "a file compressed by bzip2", "unpack it first, for example with bunzip2"},
	{"\xfd7zXZ\x00", "a file compressed by xz", "unpack it first, for example with unxz"},
	{"\x28\xb5\x2f\xfd", "a file compressed by zstd", "unpack it first, for example with unzstd"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"},
	{"Rar!\x1a", "a RAR archive", "unpack it first"},
	{"%PDF-", "a PDF file", "export the table from the program that made it, as .xlsx or as 'CSV UTF-8'"},
	{"[{", "a JSON file", asTable}, {"[\n", "a JSON file", asTable}, {"[\r\n", "a JSON file", asTable}, {"{\"", "a JSON file", asTable},
	{"{\\rtf", "a text document (RTF)", "export the table from the program that made it, as .xlsx or as 'CSV UTF-8'"},
	{"\xff\xfe\x00\x00", "a file in UTF-32", "save it in UTF-8, as 'CSV UTF-8'"},
	{"\x00\x00\xfe\xff", "a file in UTF-32", "save it in UTF-8, as 'CSV UTF-8'"},
}

// sniffBytes names a file that is not text by its first bytes.
func sniffBytes(head []byte) error {
	for _, s := range signatures {
		if bytes.HasPrefix(head, []byte(s.magic)) {
			return &FileError{Reason: "this is " + s.what, Hint: s.hint}
		}
	}
	if len(head) >= 16 && isUTF32(head[:len(head)/4*4]) {
		return &FileError{Reason: "this is a file in UTF-32", Hint: "save it in UTF-8, as 'CSV UTF-8'"}
	}
	return nil
}

// isUTF32 reports whether two or more of each four bytes are zero, at one end.
func isUTF32(head []byte) bool {
	little, big := 0, 0
	for i := 0; i+4 <= len(head); i += 4 {
		if head[i+2] == 0 && head[i+3] == 0 && head[i] != 0 {
			little++
		}
		if head[i] == 0 && head[i+1] == 0 && head[i+3] != 0 {
			big++
		}
	}
	return max(little, big) > len(head)/4*9/10
}

// markup is how a web page or an XML file begins.
var markup = regexp.MustCompile(`(?i)^<([!?]|(html|head|body|meta|style|table|tr|div|center|font|workbook)\b)|^mime-version:`)

// sniff refuses text that is not CSV, and files that are not text, judging by
// their start: text has hardly any control characters.
func sniff(head []byte) error {
	if start := bytes.TrimSpace(head); markup.Match(start) {
		what := "a web page (HTML)"
		if page := bytes.ToLower(start[:min(len(start), 1024)]); bytes.HasPrefix(page, []byte("<?xml")) && !bytes.Contains(page, []byte("<html")) {
			what = "an XML file"
		}
		return &FileError{Reason: "this is " + what + " with the name of a spreadsheet", Hint: saveAs}
	}
	head = head[:min(len(head), headSize)]
	start, odd, size := head, 0, len(head)
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		switch {
		case r == 0:
			return &FileError{Line: 1 + lineBreaks(start[:size-len(head)]), Reason: "this is not a text file: it contains a NUL byte",
				Hint: "remove that, or " + saveAs}
		case r < ' ' && !unicode.IsSpace(r):
			odd++
		}
		head = head[n:]
	}
	if odd > size/20 {
		return &FileError{Reason: "this is not a text file", Hint: saveAs}
	}
	return nil
}
