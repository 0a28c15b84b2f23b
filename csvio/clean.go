package csvio

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tidy returns the value of a cell without what programs put around it and nobody
// means: white space of all kinds, a leading apostrophe, which marks text in a
// spreadsheet, and ="...", which keeps a number text in an export. The cell in
// the file stays as it is.
func tidy(text string) string {
	if text == "" || plainStart[text[0]] && notSpace[text[len(text)-1]] {
		return text
	}
	for {
		text = strings.TrimFunc(text, isInvisible)
		if rest, ok := cutApostrophe(text); ok {
			text = rest
			continue
		}
		rest, ok := cutFormulaText(text)
		if !ok {
			return text
		}
		text = rest
	}
}

func filled(text string) bool { return text != "" }

func cutApostrophe(text string) (string, bool) {
	for _, mark := range [...]string{"'", "\u2019", "\u2018"} {
		if rest, ok := strings.CutPrefix(text, mark); ok {
			return rest, true
		}
	}
	return text, false
}

// cutFormulaText returns the text in ="...".
func cutFormulaText(text string) (string, bool) {
	if len(text) < len(`=""`) || !strings.HasPrefix(text, `="`) || !strings.HasSuffix(text, `"`) {
		return text, false
	}
	inner := text[2 : len(text)-1]
	if strings.Contains(strings.ReplaceAll(inner, `""`, ""), `"`) {
		return text, false // a formula that begins and ends with a text
	}
	return strings.ReplaceAll(inner, `""`, `"`), true
}

// trimmed returns a text without surrounding white space of any kind.
func trimmed(text string) string {
	if text == "" || notSpace[text[0]] && notSpace[text[len(text)-1]] {
		return text
	}
	return strings.TrimFunc(text, isInvisible)
}

// notSpace has the bytes that are not white space, whatever is next to them.
var notSpace = func() (set [256]bool) {
	for c := '!'; c < 0x7f; c++ {
		set[c] = true
	}
	return set
}()

// plainStart has those of them that tidy keeps at the start of a text.
var plainStart = func() [256]bool {
	set := notSpace
	set['\''], set['='] = false, false
	return set
}()

// isInvisible reports whether a character is white space or takes no room:
// zero-width spaces, soft hyphens, and the marks of writing direction that are copied with text
// from Windows dialogs.
func isInvisible(r rune) bool {
	if r < utf8.RuneSelf {
		return r == ' ' || '\t' <= r && r <= '\r' || r == '\x1a' // which ends a file of DOS
	}
	switch {
	case unicode.IsSpace(r):
		return true
	case r == '\u00ad', '\u200b' <= r && r <= '\u200f', '\u202a' <= r && r <= '\u202e',
		'\u2060' <= r && r <= '\u2064', '\u2066' <= r && r <= '\u2069', r == '\ufeff':
		return true
	}
	return false
}

// cleanMAC returns a MAC in ASCII where that is safe: full-width characters
// become narrow, every hyphen becomes a hyphen, any kind of space a space, and
// zero-width characters are dropped.
func cleanMAC(text string) string {
	return tidy(strings.Map(func(r rune) rune {
		switch {
		case r < utf8.RuneSelf:
			return r
		case unicode.IsSpace(r):
			return ' '
		case isInvisible(r):
			return -1
		case '\u2010' <= r && r <= '\u2015', r == '\u2212':
			return '-'
		case '\uff01' <= r && r <= '\uff5e':
			return r - '\uff01' + '!'
		}
		return r
	}, text))
}
