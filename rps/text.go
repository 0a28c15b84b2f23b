package rps

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText is how much of the service's words an Error keeps: enough for some
// hundreds of MACs, and less than the cell of a spreadsheet holds.
const maxText = 16 << 10

// oneLine folds white space and removes what is not to be printed: control
// characters, and those that change the direction of a line in a terminal.
func oneLine(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	space := false
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
		default:
			if space {
				b.WriteByte(' ')
				space = false
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// cut shortens what is too long, at the end of a character.
func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// secrets are texts that no error may show.
type secrets []string

func (s secrets) mask(text string) string {
	for _, secret := range s {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

// conceal masks the secrets in all that an error shows. The cause keeps its
// identity for errors.Is, and loses its words only if they hold a secret.
func (s secrets) conceal(e *Error) {
	lines := make(secrets, len(s)) // as they look in a text made one line
	for i, secret := range s {
		lines[i] = oneLine(secret)
	}
	e.Text = cut(lines.mask(s.mask(e.Text)))
	if e.Err != nil {
		text := e.Err.Error()
		if masked := lines.mask(s.mask(text)); masked != text {
			e.Err = concealed{masked, e.Err}
		}
	}
}

// concealed is an error whose own words hold a secret. It has no Unwrap, which
// would show them.
type concealed struct {
	text string
	err  error
}

func (c concealed) Error() string        { return c.text }
func (c concealed) Is(target error) bool { return errors.Is(c.err, target) }
