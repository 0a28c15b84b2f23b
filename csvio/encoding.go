package csvio

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/wlynxg/chardet"
	"golang.org/x/text/encoding/htmlindex"
)

// judgedText is how many bytes of text, starting with the first that is not
// ASCII, decide the encoding.
const judgedText = 16 << 10

// errEncoding says that a text is neither UTF-8 nor Windows-1252. Its likely
// encodings are only a hint: reading server names by a guess would bind phones to
// wrong servers.
func errEncoding(text []byte) error {
	hint := "name its encoding with " + flagEncoding
	if likely := likelyEncodings(text); likely != nil {
		hint += ": it is likely " + strings.Join(likely, " or ")
	} else {
		hint += ", such as gbk, shift_jis, windows-1250 or windows-1251"
	}
	return &FileError{Reason: "the file is neither UTF-8 nor Windows-1252", Hint: hint + "; or save it as 'CSV UTF-8' in the spreadsheet program"}
}

// likelyEncodings returns the labels of the likely encodings of a text.
func likelyEncodings(text []byte) (labels []string) {
	const most = 3
	for _, result := range chardet.DetectAll(text) {
		e, err := htmlindex.Get(result.Encoding)
		if err != nil || len(labels) == most {
			continue
		}
		label, err := htmlindex.Name(e)
		if err != nil || label == "windows-1252" || label == "utf-8" || slices.Contains(labels, label) {
			continue
		}
		labels = append(labels, label)
	}
	return labels
}

// makesSense1252 reports whether bytes that are not UTF-8 can be Windows-1252, as
// Excel writes "CSV" in Western Europe and America. It has no characters for five
// bytes. And in those languages accented letters come one at a time between plain
// ones, hardly ever three in a row, and no symbols stand inside words: other
// encodings have their letters there, for Cyrillic or Chinese nearly all, for
// Polish some. before is the byte before the text, 0 if there is none.
func makesSense1252(text []byte, before byte) bool {
	runs, odd := 0, 0
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			before = text[i]
			i++
			continue
		}
		start := i
		for i < len(text) && text[i] >= utf8.RuneSelf {
			if strings.IndexByte("\x81\x8d\x8f\x90\x9d", text[i]) >= 0 {
				return false
			}
			i++
		}
		after := byte(0)
		if i < len(text) {
			after = text[i]
		}
		runs++
		if isOdd1252(before, text[start:i], after) {
			odd++
		}
	}
	return odd*5 < max(runs, 1)
}

// isOdd1252 reports whether bytes that are not ASCII, between two that are, do
// not look like part of a word in Windows-1252.
func isOdd1252(before byte, run []byte, after byte) bool {
	letters := 0
	for i, c := range run {
		if isLetter1252(c) {
			if letters++; letters == 3 {
				return true
			}
			continue
		}
		letters = 0
		if strings.IndexByte("\x85\x91\x92\x93\x94\x96\x97\xa0\xab\xad\xb4\xb7\xbb", c) >= 0 {
			continue // quotes, dashes and spaces appear between letters
		}
		left, right := before, after
		if i > 0 {
			left = run[i-1]
		}
		if i+1 < len(run) {
			right = run[i+1]
		}
		if (c == 0xa1 || c == 0xbf) && left < utf8.RuneSelf && !isLetter1252(left) {
			continue // ¡ and ¿ begin a word
		}
		if isLetter1252(right) && (isLetter1252(left) || left >= utf8.RuneSelf || right >= utf8.RuneSelf) || left >= utf8.RuneSelf && isLetter1252(left) {
			return true
		}
	}
	return false
}

// isLetter1252 reports whether a byte is a letter in Windows-1252, other than the
// ordinals, which follow letters and are followed by none.
func isLetter1252(c byte) bool {
	switch {
	case c < utf8.RuneSelf:
		return 'a' <= c|0x20 && c|0x20 <= 'z'
	case c < 0xc0:
		return strings.IndexByte("\x8a\x8c\x8e\x9a\x9c\x9e\x9f", c) >= 0
	}
	return c != 0xd7 && c != 0xf7
}
