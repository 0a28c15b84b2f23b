package csvio

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// urlProblem judges a unique URL: its scheme must be one of the guide's four, it
// needs a host, and it must have no invisible characters, ones that XML cannot
// carry, or quotes, which a cell's own are after one of them was lost.
func urlProblem(url string) string {
	if len(url) > maxURL {
		return fmt.Sprintf("the URL is longer than %d characters", maxURL)
	}
	for i := 0; i < len(url); i++ {
		if c := url[i]; c <= ' ' || c >= 0x7f {
			if problem := unprintable(url[i:]); problem != "" {
				return problem
			}
			break
		}
	}
	if strings.IndexByte(url, '"') >= 0 {
		return "the URL contains a quote: remove it, or add the one that is missing around the cell"
	}
	start := afterScheme(url)
	if start < 0 {
		return "the URL must begin with http://, https://, ftp:// or tftp://"
	}
	end := start
	for ; end < len(url); end++ {
		switch url[end] {
		case '@': // before it are a name and a password
			start = end + 1
			continue
		case '/', '?', '#':
		default:
			continue
		}
		break
	}
	return hostProblem(url[start:end])
}

func unprintable(text string) string {
	for i, r := range text {
		switch {
		case r == utf8.RuneError: // includes U+FFFD, which another program left
			return "the URL has lost characters, or is not in UTF-8: save the file as 'CSV UTF-8'"
		case !unicode.IsPrint(r) || r == ' ':
			return fmt.Sprintf("the URL contains %s: remove it", described(text[i:]))
		}
	}
	return ""
}

// afterScheme returns the index after the scheme; -1 if it is not one of the
// four.
func afterScheme(url string) int {
	size := strings.IndexByte(url[:min(len(url), len("https:"))], ':')
	if size < 0 || !strings.HasPrefix(url[size:], "://") {
		return -1
	}
	for _, scheme := range [...]string{"https", "http", "ftp", "tftp"} {
		if len(scheme) == size && strings.EqualFold(url[:size], scheme) {
			return size + len("://")
		}
	}
	return -1
}

// isURL reports whether a text starts like a URL.
func isURL(text string) bool { return afterScheme(text) >= 0 }

// hostProblem judges what is between the scheme, or the user's name and password,
// and the path.
func hostProblem(host string) string {
	port, hasPort := "", false
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']')
		if end < 0 {
			return "the URL's IPv6 address lacks its closing bracket"
		}
		if address, err := netip.ParseAddr(host[1:end]); err != nil || !address.Is6() {
			return "the URL has brackets around something that is not an IPv6 address"
		}
		if port = host[end+1:]; port != "" {
			if port[0] != ':' {
				return "the URL has something other than a port after its IPv6 address"
			}
			port, hasPort = port[1:], true
		}
	} else {
		before := byte('.')
		for i := 0; i < len(host); i++ {
			c := host[i]
			if !inHost[c] {
				if c == ':' {
					host, port, hasPort = host[:i], host[i+1:], true
					break
				}
				return fmt.Sprintf("the URL's host contains %s", described(host[i:]))
			}
			if c == '.' && before == '.' {
				return "the URL's host has an extra dot"
			}
			before = c
		}
		if host == "" {
			return "the URL has no host"
		}
	}
	if hasPort {
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil || number == 0 {
			return "the URL's port is not a number from 1 to 65535 (an IPv6 address needs square brackets)"
		}
	}
	return ""
}

// inHost has the bytes of host names, international ones included.
var inHost = func() (set [256]bool) {
	set = byteSet("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
	for c := 0x80; c < len(set); c++ {
		set[c] = true
	}
	return set
}()
