package rps

import (
	"errors"
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText is how much of the service's words an Error keeps: enough for some
// hundreds of MACs, and less than the cell of a spreadsheet holds.
const maxText = 16 << 10

// Printable returns a text as it may be shown anywhere, a terminal included, in
// one line: a line end, like any other white space, is a space, and U+FFFD
// stands for what cannot be printed, such as control characters and those that
// change the direction of a line. Text that can be printed stays as it is.
func Printable(text string) string {
	plain := true
	for i := 0; i < len(text) && plain; i++ {
		plain = ' ' <= text[i] && text[i] < 0x7f
	}
	if plain {
		return text
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return utf8.RuneError
		}
		return r
	}, strings.ReplaceAll(text, "\r\n", "\n"))
}

// OneLine is Printable with no more than one space between words, and none at
// the ends. It is for what the service says, which is indented over several
// lines; names of files and cells need their spaces.
func OneLine(text string) string {
	return strings.Join(strings.Fields(Printable(text)), " ")
}

// cut shortens what is too long, at the end of a character.
func cut(text string) string {
	if len(text) <= maxText {
		return strings.ToValidUTF8(text, "")
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}

// secrets are texts that no error may show.
type secrets []string

// conceal cleans all that an error shows, and masks the secrets in it. The
// cause keeps its identity for errors.Is, and loses its words only if they
// need that.
func (s secrets) conceal(e *Error) {
	e.Text = s.clean(e.Text)
	if e.Err != nil {
		text := e.Err.Error()
		if clean := s.clean(text); clean != text {
			e.Err = concealed{clean, e.Err}
		}
	}
}

func (s secrets) clean(text string) string {
	text = OneLine(text)
	long, slack := len(text) > 4*maxText, 0
	if long { // to look through all of it would take a second
		text = text[:4*maxText]
	}
	for _, secret := range s {
		slack = max(slack, 12*len(secret))
		for _, part := range telling(strings.TrimRight(OneLine(secret), "/")) {
			text = mask(text, part)
		}
	}
	text = maskURLs(text)
	if long { // its end may be the beginning of a secret, escaped
		text = text[:max(0, len(text)-slack)]
	}
	return cut(text)
}

// telling returns a secret and, for a URL, the parts that give it away: the
// service may leave out the scheme, the user, or everything up to the path. Parts
// as short as a word are left out, since masking them would mask too much.
func telling(secret string) []string {
	parts := []string{secret}
	_, rest, isURL := strings.Cut(secret, "://")
	if isURL && len(rest) > 3 {
		parts = append(parts, rest)
	}
	end := max(strings.IndexByte(rest, '/'), 0)
	if at := strings.LastIndexByte(rest[:end], '@'); at >= 0 {
		parts = append(parts, rest[:at+1], rest[at+1:])
	}
	if path := rest[end:]; end > 0 && len(path) > len("/phones/") {
		parts = append(parts, path)
	}
	return parts
}

const masked = "***"

// mask masks a secret in a text, whatever its case, and however it is escaped.
func mask(text, secret string) string {
	want, _ := unescaped(secret)
	if want == "" {
		return text
	}
	return hide(text, regexp.MustCompile(regexp.QuoteMeta(want)), func(_, _ string) int { return 0 })
}

// hide masks what the expression finds in a text in lower case and without
// escapes. more returns how much of the text behind that goes with it, or -1 to
// leave it as it is.
func hide(text string, what *regexp.Regexp, more func(found, rest string) int) string {
	plain, origin := unescaped(text)
	var b strings.Builder
	done := 0 // of the text
	for _, at := range what.FindAllStringIndex(plain, -1) {
		from, to := origin[at[0]], origin[at[1]]
		n := more(plain[at[0]:at[1]], text[to:])
		if n < 0 || from < done {
			continue
		}
		b.WriteString(text[done:from])
		b.WriteString(masked)
		done = to + n
	}
	b.WriteString(text[done:])
	return b.String()
}

// unescaped returns a text in lower case and without the escapes of URLs, JSON
// and XML, and the offset in the text of each of its bytes and of its end.
func unescaped(text string) (plain string, origin []int) {
	origin = make([]int, len(text)+1)
	for i := range origin {
		origin[i] = i
	}
	// What is escaped may have been escaped before.
	for range 3 {
		found := escapes.FindAllStringIndex(text, -1)
		if found == nil {
			break
		}
		var b strings.Builder
		var from []int
		done := 0
		for _, at := range append(found, []int{len(text), len(text)}) {
			b.WriteString(text[done:at[0]])
			from = append(from, origin[done:at[0]]...)
			char := unescape(text[at[0]:at[1]])
			b.WriteString(char)
			for range len(char) {
				from = append(from, origin[at[0]])
			}
			done = at[1]
		}
		text, origin = b.String(), append(from, origin[done])
	}
	var lower strings.Builder
	var from []int
	for i, r := range text {
		n, _ := lower.WriteRune(unicode.ToLower(r))
		for range n {
			from = append(from, origin[i])
		}
	}
	return lower.String(), append(from, origin[len(text)])
}

var escapes = regexp.MustCompile(`(?i)%[0-9a-f]{2}|\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|\\[^ux]|&(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-f]{1,6});`)

// unescape returns what an escape stands for, "" for "".
func unescape(escape string) string {
	switch {
	case escape == "":
		return ""
	case escape[0] == '&':
		return html.UnescapeString(strings.ToLower(escape))
	case escape[0] == '\\' && len(escape) < 4:
		return escape[1:]
	}
	code, _ := strconv.ParseUint(strings.TrimLeft(escape, `%\uUxX`), 16, 16)
	if escape[0] == '%' {
		return string([]byte{byte(code)})
	}
	return string(rune(code))
}

// maskURLs masks whatever looks like a URL, up to its end: it may be somebody's
// unique one. The address to which the service sends owners of a device is none.
func maskURLs(text string) string {
	return hide(text, urls, func(url, rest string) int {
		if strings.TrimRight(url, "/.,;)") == "https://ticket.yealink.com" {
			return -1
		}
		if end := strings.IndexAny(rest, ` "'<>`); end >= 0 {
			return end
		}
		return len(rest)
	})
}

// urls finds URLs, and hosts with a path where the scheme is missing.
var urls = regexp.MustCompile(`[a-z][a-z0-9+.-]*://[\pL\pN\[%][^\s"'<>]*|(?:(?:[\pL\pN_-]+\.)+\pL{2,}|(?:\d+\.){3}\d+)(?::\d+)?/[^\s"'<>]+`)

// concealed is an error whose own words cannot be shown. It has no Unwrap, which
// would show them.
type concealed struct {
	text string
	err  error
}

func (c concealed) Error() string        { return c.text }
func (c concealed) Is(target error) bool { return errors.Is(c.err, target) }
