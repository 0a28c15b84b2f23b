package xlsx

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// appendText adds text of XML with its references resolved.
func appendText(dst, text []byte) ([]byte, error) {
	for {
		i := bytes.IndexByte(text, '&')
		if i < 0 {
			return appendChecked(dst, text)
		}
		var err error
		if dst, err = appendChecked(dst, text[:i]); err != nil {
			return dst, err
		}
		text = text[i+1:]
		const longest = 12
		size := bytes.IndexByte(text[:min(len(text), longest)], ';')
		char, ok := reference(string(text[:max(size, 0)]))
		if !ok {
			return dst, syntaxError("there is an & that stands for no character")
		}
		dst = utf8.AppendRune(dst, char)
		text = text[size+1:]
	}
}

var entities = map[string]rune{"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\''}

func reference(name string) (char rune, ok bool) {
	digits, found := strings.CutPrefix(name, "#")
	if !found {
		char, ok = entities[name]
		return char, ok
	}
	base := 10
	if hex, found := strings.CutPrefix(digits, "x"); found {
		digits, base = hex, 16
	}
	code, err := strconv.ParseUint(digits, base, 31)
	char = rune(code)
	return char, err == nil && utf8.ValidRune(char) && (char >= ' ' || char == '\t' || char == '\n' || char == '\r')
}

// appendChecked adds text as it stands, but for its line ends: those of XML
// are \n.
func appendChecked(dst, text []byte) ([]byte, error) {
	plain := true
	for _, c := range text {
		plain = plain && c >= ' ' && c < utf8.RuneSelf
	}
	if plain {
		return append(dst, text...), nil
	}
	if !utf8.Valid(text) {
		return dst, syntaxError("there is text that is not valid UTF-8")
	}
	for i, c := range text {
		switch {
		case c == '\r' && i+1 < len(text) && text[i+1] == '\n':
		case c == '\r':
			dst = append(dst, '\n')
		case c < ' ' && c != '\t' && c != '\n':
			return dst, syntaxError("there is a control character in a text")
		default:
			dst = append(dst, c)
		}
	}
	return dst, nil
}

// appendRich adds the text of a shared or inline string, whose start tag was
// just read: that of its own and of its runs, and not how it is pronounced.
func (s *scanner) appendRich(dst []byte) ([]byte, error) {
	from := len(dst)
	err := s.each(func() (err error) {
		switch {
		case s.is("t"):
			dst, err = s.appendT(dst)
		case s.is("r"):
			err = s.each(func() (err error) {
				if s.is("t") {
					dst, err = s.appendT(dst)
				}
				return err
			})
		}
		if len(dst)-from > maxText {
			return tooLarge("a cell has more text than any program shows")
		}
		return err
	})
	return dst, err
}

// appendT adds the text of an element. Spaces around it count only if the
// element says so.
func (s *scanner) appendT(dst []byte) ([]byte, error) {
	preserve := string(s.attr("xml:space")) == "preserve"
	from := len(dst)
	dst, err := s.appendContent(dst)
	if text := dst[from:]; !preserve && len(text) > 0 && (space[text[0]] || space[text[len(text)-1]]) {
		dst = append(dst[:from], bytes.Trim(text, " \t\r\n")...)
	}
	return unescape(dst, from), err
}

// unescape resolves the escapes of characters that XML cannot carry, such as
// _x000D_, in what stands from a place.
func unescape(b []byte, from int) []byte {
	i := bytes.Index(b[from:], []byte("_x"))
	if i < 0 {
		return b
	}
	out := from + i
	for in := out; in < len(b); {
		char, ok := escape(b[in:])
		if !ok {
			b[out] = b[in]
			in, out = in+1, out+1
			continue
		}
		in += escapeSize
		if low, ok := escape(b[in:]); ok && utf16.DecodeRune(char, low) != utf8.RuneError {
			char = utf16.DecodeRune(char, low)
			in += escapeSize
		}
		out += utf8.EncodeRune(b[out:], char) // fewer bytes than its escape
	}
	return b[:out]
}

const escapeSize = len("_x0000_")

// escape reads an escape that b begins with.
func escape(b []byte) (unit rune, ok bool) {
	if len(b) < escapeSize || b[0] != '_' || b[1] != 'x' || b[escapeSize-1] != '_' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[2:escapeSize-1]), 16, 16)
	return rune(n), err == nil
}

// cellName returns the reference of a cell, such as B3.
func cellName(row, column int) string {
	return fmt.Sprintf("%s%d", columnName(column), row)
}

func columnName(column int) (letters string) {
	for ; column > 0; column = (column - 1) / 26 {
		letters = string(rune('A'+(column-1)%26)) + letters
	}
	return letters
}

// parseRef reads the reference of a cell. What is beyond a sheet's limits is
// none.
func parseRef(ref []byte) (row, column int, ok bool) {
	i := 0
	for ; i < min(len(ref), 4) && 'A' <= ref[i]&^0x20 && ref[i]&^0x20 <= 'Z'; i++ {
		column = column*26 + int(ref[i]&^0x20-'A') + 1
	}
	row, ok = parseInt(ref[i:])
	return row, column, ok && column > 0 && column <= MaxColumns && row > 0 && row <= MaxRows
}

// parseInt reads up to nine decimal digits.
func parseInt(digits []byte) (n int, ok bool) {
	for _, c := range digits {
		if c < '0' || c > '9' || n > 99999999 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, len(digits) > 0
}
