package report

import (
	"regexp"
	"strings"

	"rpsbatch/rps"
)

// A masker masks unique URLs in a row. It masks the row's own URLs wherever they
// appear, whatever they look like, and everything else that looks like a URL: the
// service may quote any.
type masker struct {
	show    bool
	secrets [2]string // the row's URLs as they are in its cells
}

// Masked replaces what is masked.
const Masked = "\u2022\u2022\u2022"

// always returns one that masks even if URLs are to be shown, so that rows that
// differ in nothing else are counted together.
func (m masker) always() masker {
	m.show = false
	return m
}

// urlLike matches a URL up to a character that cannot be in one. The punctuation
// that ends a sentence is not part of it.
var urlLike = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)([^\s"<>]*[^\s"<>.,;:!?)\]'])`)

// tickets is where the service sends owners. It is the same for all, so not a
// secret, and needed to follow the advice.
const tickets = "https://ticket.yealink.com"

// text masks the URLs in a text. It keeps the scheme, so that it still reads as a
// URL.
func (m masker) text(text string) string {
	text = rps.Printable(text)
	if m.show || text == "" {
		return text
	}
	for _, secret := range m.secrets {
		// Whole, and as somebody may quote it without the scheme.
		secret = rps.Printable(secret)
		_, rest, _ := strings.Cut(secret, "://")
		for _, part := range []string{secret, rest} {
			// A cell like "none" is a slip, and masking it would spoil the text.
			if len(part) > 3 && strings.ContainsAny(part, "./:") {
				text = strings.ReplaceAll(text, part, scheme(part)+Masked)
			}
		}
	}
	if !strings.Contains(text, "://") {
		return text
	}
	return urlLike.ReplaceAllStringFunc(text, func(url string) string {
		if url == tickets {
			return url
		}
		return scheme(url) + Masked
	})
}

func scheme(url string) string {
	if at := urlLike.FindStringSubmatchIndex(url); at != nil && at[0] == 0 {
		return url[:at[3]]
	}
	return ""
}

// name masks what cannot be a name, and may be a URL in the wrong column: no
// server name, status or MAC has such a character.
func (m masker) name(text string) string {
	text = rps.Printable(text)
	if !m.show && strings.ContainsAny(text, "/@") {
		return maskedName
	}
	return clipped(text, longestName)
}

const maskedName = "(masked)"
