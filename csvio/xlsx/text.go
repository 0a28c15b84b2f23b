package xlsx

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// appendText appends XML text with references resolved.
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
			return dst, syntaxError("invalid character reference (&...)")
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

// appendChecked appends text that must be valid, with line ends normalized to \n.
func appendChecked(dst, text []byte) ([]byte, error) {
	plain := true
	for _, c := range text {
		plain = plain && c >= ' ' && c < utf8.RuneSelf
	}
	if plain {
		return append(dst, text...), nil
	}
	if !utf8.Valid(text) {
		return dst, syntaxError("text that is not valid UTF-8")
	}
	for i, c := range text {
		switch {
		case c == '\r' && i+1 < len(text) && text[i+1] == '\n':
		case c == '\r':
			dst = append(dst, '\n')
		case c < ' ' && c != '\t' && c != '\n':
			return dst, syntaxError("a control character in text")
		default:
			dst = append(dst, c)
		}
	}
	return dst, nil
}

// appendRich appends the text of the current shared or inline string: its own and
// that of its runs, without the phonetic guide. It sets s.struck if a run of it is
// crossed out.
func (s *scanner) appendRich(dst []byte) ([]byte, error) {
	from, struck := len(dst), false
	s.struck = false
	err := s.each(func() (err error) {
		switch {
		case s.is("t"):
			dst, err = s.appendT(dst)
		case s.is("r"):
			struck = false
			err = s.each(func() (err error) {
				switch begin := len(dst); {
				case s.is("rPr"):
					struck, err = s.strikes()
				case s.is("t"):
					dst, err = s.appendT(dst)
					s.struck = s.struck || struck && len(bytes.TrimSpace(dst[begin:])) > 0
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

// appendT appends the text of the current element, without surrounding space unless
// the element asks to preserve it.
func (s *scanner) appendT(dst []byte) ([]byte, error) {
	preserve := string(s.attr("xml:space")) == "preserve"
	from := len(dst)
	dst, err := s.appendContent(dst)
	if text := dst[from:]; !preserve && len(text) > 0 && (space[text[0]] || space[text[len(text)-1]]) {
		dst = append(dst[:from], bytes.Trim(text, " \t\r\n")...)
	}
	return unescape(dst, from), err
}

var escapes = regexp.MustCompile(`(?:_x[0-9A-Fa-f]{4}_)+`)

// unescape resolves escapes of characters that XML cannot represent, such as
// _x000D_, in b from the given offset.
func unescape(b []byte, from int) []byte {
	if !bytes.Contains(b[from:], []byte("_x")) {
		return b
	}
	return append(b[:from], escapes.ReplaceAllFunc(b[from:], func(run []byte) []byte {
		var units []uint16
		for ; len(run) > 0; run = run[len("_x0000_"):] {
			unit, _ := strconv.ParseUint(string(run[2:6]), 16, 16)
			units = append(units, uint16(unit))
		}
		return []byte(string(utf16.Decode(units)))
	})...)
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

// parseRef parses a cell reference. References beyond the limits of a sheet are
// invalid.
func parseRef(ref []byte) (row, column int, ok bool) {
	i := 0
	for ; i < min(len(ref), 4) && 'A' <= ref[i]&^0x20 && ref[i]&^0x20 <= 'Z'; i++ {
		column = column*26 + int(ref[i]&^0x20-'A') + 1
	}
	row, ok = parseInt(ref[i:])
	return row, column, ok && column > 0 && column <= MaxColumns && row > 0 && row <= MaxRows
}

// parseInt parses up to nine decimal digits.
func parseInt(digits []byte) (n int, ok bool) {
	for _, c := range digits {
		if c < '0' || c > '9' || n > 99999999 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, len(digits) > 0
}

// parseNumber parses a number as workbooks store it.
func parseNumber(text string) (v float64, ok bool) {
	if text == "" || strings.Trim(text, "0123456789+-.eE") != "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil
}
