package report

import (
	"regexp"
	"strings"

	"rpsbatch/rps"
)

// A masker takes unique URLs out of what a row says. It masks the row's own
// URLs wherever they stand, whatever they look like, and all else that looks
// like a URL: the service may quote any.
type masker struct {
	show    bool
	secrets [2]string // the row's URLs as they stand in its cells
}

// Masked stands in the place of what is masked.
const Masked = "\u2022\u2022\u2022"

// always returns one that masks even where URLs are to be shown: so that rows
// that differ in nothing else are counted together.
func (m masker) always() masker {
	m.show = false
	return m
}

// urlLike takes a URL up to what cannot stand in one. The end of the sentence
// that it stands in is no part of it.
var urlLike = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)([^\s"<>]*[^\s"<>.,;:!?)\]'])`)

// tickets is where the service tells owners to turn. It is the same for all, so
// no secret, and needed to do what it says.
const tickets = "https://ticket.yealink.com"

// text masks the URLs in a text. The scheme is left, so that it reads as one.
func (m masker) text(text string) string {
	text = rps.Printable(text)
	if m.show || text == "" {
		return text
	}
	for _, secret := range m.secrets {
		// Whole, and as somebody may quote it who leaves the scheme out.
		secret = rps.Printable(secret)
		_, rest, _ := strings.Cut(secret, "://")
		for _, part := range []string{secret, rest} {
			// A cell like "none" is a slip, and to mask it would spoil the text.
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
// name of a server or a status, and no MAC, holds such a character.
func (m masker) name(text string) string {
	text = rps.Printable(text)
	if !m.show && strings.ContainsAny(text, "/@") {
		return maskedName
	}
	return clipped(text, longestName)
}

const maskedName = "(masked)"
