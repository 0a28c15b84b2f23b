package csvio

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"rpsbatch/rps"
)

// lookAlike maps a character to the hexadecimal digit that it looks like.
var lookAlike = map[rune]rune{
	'O': '0', 'o': '0', 'Q': '0', 'I': '1', 'i': '1', 'l': '1', 'L': '1', '|': '1',
	'S': '5', 's': '5', 'Z': '2', 'z': '2', 'G': '6',
	// Cyrillic
	'А': 'A', 'а': 'A', 'В': 'B', 'в': 'B', 'Ь': 'B', 'ь': 'B', 'С': 'C', 'с': 'C', 'Е': 'E', 'е': 'E', 'О': '0', 'о': '0', 'З': '3', 'з': '3', 'І': '1', 'б': '6',
	// Greek
	'Α': 'A', 'α': 'A', 'Β': 'B', 'β': 'B', 'Ε': 'E', 'Ο': '0', 'ο': '0', 'Ι': '1', 'Ϲ': 'C',
}

// lookAlikes names the characters of a text that would be a MAC with the digits
// that they look like; "" if it would not. They are not corrected: whoever wrote
// an l for a 1 may have got another digit wrong.
func lookAlikes(cell string) string {
	var found []string
	place := 0
	corrected := strings.Map(func(r rune) rune {
		place++
		digit, ok := lookAlike[r]
		if !ok {
			return r
		}
		found = append(found, fmt.Sprintf("character %d is %s where %c was probably meant", place, letterName(r), digit))
		return digit
	}, cell)
	if len(found) == 0 {
		return ""
	}
	if _, err := rps.ParseMAC(corrected); err != nil {
		return ""
	}
	const most = 3
	if n := len(found) - most; n > 0 {
		found = append(found[:most], fmt.Sprintf("and %d more", n))
	}
	return "the MAC has letters that only look like digits: " + strings.Join(found, ", ") + "; type it again"
}

func letterName(r rune) string {
	switch {
	case r < utf8.RuneSelf && unicode.IsLetter(r):
		return fmt.Sprintf("the letter %c", r)
	case unicode.Is(unicode.Cyrillic, r):
		return fmt.Sprintf("the Cyrillic letter %c (%U)", r, r)
	case unicode.Is(unicode.Greek, r):
		return fmt.Sprintf("the Greek letter %c (%U)", r, r)
	}
	return strconv.QuoteRune(r)
}
