package rpstest

import (
	"fmt"
	"strings"
)

// overQuota refuses a call with more devices than a quota leaves room for. The
// quota is checked before anything else, whether a device is new or not, and the
// devices that fit are registered; mu is held.
func (s *Server) overQuota(c *invocation) (refused string) {
	if c.quota == nil {
		return ""
	}
	room := max(c.quota.Limit-len(s.state.owned(c.account)), 0)
	if len(c.macs) <= room {
		return ""
	}
	server, bad := s.findServer(c)
	macs, _ := parseMACs(c.macs)
	for _, m := range macs {
		if bad == "" && room > 0 && s.state.devices[m].owner == 0 {
			s.bind(c, server, m)
			room--
		}
	}
	if c.quota.Text == "" {
		return fmt.Sprintf("Error:Your account is limited to %d devices", c.quota.Limit)
	}
	return expand(c.quota.Text, c.macs)
}

// The forms in which a service may return a URL. They all mean the same.

// urlCase changes the case of scheme and host.
func urlCase(url string) string {
	return onParts(url, func(scheme, host, path string) (string, string, string) {
		if upper := strings.ToUpper(host); upper != host {
			return strings.ToUpper(scheme), upper, path
		}
		return strings.ToLower(scheme), strings.ToLower(host), path
	})
}

// urlPort adds the port that the scheme implies, or drops it.
func urlPort(url string) string {
	return onParts(url, func(scheme, host, path string) (string, string, string) {
		port := map[string]string{"http": ":80", "https": ":443", "ftp": ":21", "tftp": ":69"}[strings.ToLower(scheme)]
		bare, found := strings.CutSuffix(host, port)
		switch {
		case found:
			host = bare
		case !strings.Contains(host[strings.LastIndex(host, "]")+1:], ":"): // but not that of IPv6
			host += port
		}
		return scheme, host, path
	})
}

// urlSlash adds the slash of an empty path, or drops it.
func urlSlash(url string) string {
	return onParts(url, func(scheme, host, path string) (string, string, string) {
		end := strings.IndexAny(path, "?#")
		if end < 0 {
			end = len(path)
		}
		switch path[:end] {
		case "":
			path = "/" + path
		case "/":
			path = path[1:]
		}
		return scheme, host, path
	})
}

// urlEscape escapes characters of the path that need not be, and changes the case
// of escapes that are there.
func urlEscape(url string) string {
	return onParts(url, func(scheme, host, path string) (string, string, string) {
		var b strings.Builder
		for i := 0; i < len(path); i++ {
			switch c := path[i]; {
			case c == '%' && i+2 < len(path):
				digits := path[i+1 : i+3]
				if lower := strings.ToLower(digits); lower != digits {
					digits = lower
				} else {
					digits = strings.ToUpper(digits)
				}
				b.WriteString("%" + digits)
				i += 2
			case c == '-' || c == '_' || c == '~':
				fmt.Fprintf(&b, "%%%02X", c)
			default:
				b.WriteByte(c)
			}
		}
		return scheme, host, b.String()
	})
}

// onParts changes the parts of a URL; path is all that follows the host.
func onParts(url string, change func(scheme, host, path string) (string, string, string)) string {
	scheme, rest, found := strings.Cut(url, "://")
	if !found {
		return url
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	scheme, host, path := change(scheme, rest[:end], rest[end:])
	return scheme + "://" + host + path
}
