package batch

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// sameURL compares two URLs as a phone would (RFC 3986, sections 6.2.2 and
// 6.2.3): scheme and host in either case, the default port of the scheme, no path
// for the root, and characters written as they are or as %7E.
func sameURL(a, b string) bool {
	return a == b || canonicalURL(a) == canonicalURL(b)
}

// alikeURL reports whether two URLs differ at most in case, in escapes and in slashes
// at their ends: a service may return what it was sent in such another form.
func alikeURL(a, b string) bool { return bareURL(a) == bareURL(b) }

func bareURL(text string) string {
	text = canonicalURL(text)
	if plain, err := url.PathUnescape(text); err == nil {
		text = plain
	}
	return strings.TrimRight(strings.ToLower(text), "/")
}

var defaultPorts = map[string]string{"http": "80", "https": "443", "ftp": "21", "tftp": "69"}

func canonicalURL(text string) string {
	text = strings.TrimSpace(text)
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return text
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	u.Host = strings.TrimSuffix(u.Host, ":"+defaultPorts[u.Scheme])
	if u.Path == "" {
		u.Path = "/"
	}
	return plainEscapes(u.String())
}

// plainEscapes writes %7E and the like as the characters that need no escape, and
// the others with capital digits.
func plainEscapes(text string) string {
	if !strings.Contains(text, "%") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if c, err := strconv.ParseUint(text[min(i+1, len(text)):min(i+3, len(text))], 16, 8); text[i] == '%' && i+3 <= len(text) && err == nil {
			if unreserved(byte(c)) {
				b.WriteByte(byte(c))
			} else {
				fmt.Fprintf(&b, "%%%02X", c)
			}
			i += 2
			continue
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func unreserved(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte("-._~", c) >= 0
}
