package rps

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/kolo/xmlrpc"
)

// A phrase is words of the service that decide a kind.
type phrase struct {
	words string
	kind  Kind
}

// refusals are the words of the guide in lower case and in the singular (see
// plain), longer ones before those that begin like them. The first that a text
// begins with, as whole words, decides the kind; what follows varies.
var refusals = []phrase{
	{"invalid mac", InvalidMAC},
	{"invalid macs", InvalidMAC},
	{"repeated mac", RepeatedMAC},
	{"repeated macs", RepeatedMAC},
	{"are you sure you want to override", OverridePrompt},
	{"existing mac", OverridePrompt}, // of another vendor: registered by this account
	{"existing macs", OverridePrompt},
	{"mac address overriding failed", OverrideFailed},
	{"mac addresses overriding failed", OverrideFailed},
	{"only 0 or 1 can be used", BadOverride},
	{"invalid server url", InvalidURL},
	{"the url can only begin with", InvalidURL},
	{"invalid server", InvalidServer},
	{"the server name can only contain", BadServerName},
	{"the server name can not be empty", ServerNameEmpty},
	{"the server name cannot be empty", ServerNameEmpty},
	{"the server url can not be empty", ServerURLEmpty},
	{"the server url cannot be empty", ServerURLEmpty},
	{"the server name has been used", ServerNameUsed},
	{"the mac is unknown", UnknownMAC},
	{"no device exist", NoDevices},
	{"no device exists", NoDevices},
	{"no devices exist", NoDevices},
	{"no devices exists", NoDevices},
}

// faults are words of the engines behind the service, Apache's and PHP's, that
// come before any handler is called. They are written and found like refusals.
var faults = []phrase{
	{"not authorized", Unauthorized},
	{"no such handler", NotService},
	{"no method matching arguments", NotService},
	{"unknown method", NotService},
	{"this is not a known method", NotService},
}

// refusal turns the words with which the service refused a call into an error.
// It is the only place that looks at them. The guide spells one refusal in
// several ways ("Error:Invalid server", "Error: Invalid server", "Invalid
// server"), and so does the service.
func refusal(method, text string) *Error {
	words, lead := plain(lines(text))
	kind := refusalKind(words, lead)
	return &Error{Kind: kind, Method: method, Text: OneLine(text), MACs: namedMACs(ofKind(kind, words))}
}

// faultError turns a fault into an error. Words that do not show that no handler
// was called leave open whether the call was applied.
func faultError(method string, fault xmlrpc.FaultError) *Error {
	text := OneLine(fault.String)
	words, _ := plain(text)
	kind := kindOf(words, faults)
	if kind == 0 {
		kind = HandlerFailed
	}
	return &Error{Kind: kind, Method: method, Text: strings.TrimSpace(fmt.Sprintf("fault %d: %s", fault.Code, text)), MACs: namedMACs(text)}
}

// kindOf returns the kind of the first phrase that words begin with, or 0.
func kindOf(words string, phrases []phrase) Kind {
	for _, p := range phrases {
		if rest, ok := strings.CutPrefix(words, p.words); ok && !(rest != "" && 'a' <= rest[0] && rest[0] <= 'z') {
			return p.kind
		}
	}
	return 0
}

func refusalKind(words string, lead bool) Kind {
	line := flat(words)
	kind := kindOf(line, refusals)
	switch {
	case kind != 0:
		return kind
	case foreignOwner(words, lead):
		return Foreign
	case tooBig(line):
		return BatchTooBig
	}
	return Refusal
}

// foreignOwner reports whether words say that another account has devices. Only
// their addresses, after the word Error, and the advice that follows mark this
// refusal. The advice takes several lines, and is not the same everywhere. Other
// words beside the addresses say something else about them.
func foreignOwner(words string, lead bool) bool {
	end := 0 // of the addresses
	for i := 0; i < len(words); i++ {
		if _, next := macAt(words, i); next > 0 {
			end, i = next, next-1
		} else if isWord(words[i]) {
			break
		}
	}
	rest := strings.TrimLeft(strings.TrimPrefix(words[end:], "(mac address)"), " .,:;)]-")
	switch {
	case strings.HasPrefix(strings.TrimLeft(rest, "\n"), "please check the mac address"):
		return true
	case !lead || end == 0:
		return false
	case strings.HasPrefix(rest, "\n"), strings.HasPrefix(rest, "<br"):
		return true
	}
	return !strings.ContainsFunc(rest, func(r rune) bool { // the list may be cut off
		return unicode.IsLetter(r) && (r > 'f' || r < 'a')
	})
}

// ofKind returns the part of a refusal's words that is of its kind: a service may
// have several to tell, each with addresses of its own. Unknown words stay together.
func ofKind(kind Kind, words string) string {
	if kind == Refusal || kind == BatchTooBig {
		return words
	}
	var parts strings.Builder
	line, begin := flat(words), 0
	for end := 1; end <= len(words); end++ {
		if end < len(words) && (isWord(line[end-1]) || !begins.MatchString(line[end:]) && kindOf(line[end:], refusals) == 0) {
			continue
		}
		if part, lead := plain(words[begin:end]); begin == 0 || refusalKind(part, lead) == kind {
			parts.WriteString(part)
		}
		begin = end
	}
	return parts.String()
}

var begins = regexp.MustCompile(`^error ?:`)

// lines returns a text with each of its lines as OneLine returns it, without the
// empty ones.
func lines(text string) string {
	var all []string
	for line := range strings.Lines(text) {
		if line = OneLine(line); line != "" {
			all = append(all, line)
		}
	}
	return strings.Join(all, "\n")
}

// flat returns lines as one, of the same length.
func flat(lines string) string { return strings.ReplaceAll(lines, "\n", " ") }

// plain returns the words in lower case, without the Error that may precede them,
// the plurals in brackets, and unprintable characters. It reports whether there
// was such an Error, with its colon.
func plain(text string) (words string, lead bool) {
	words = strings.ReplaceAll(strings.ToLower(text), "\ufffd", "")
	if rest, ok := strings.CutPrefix(words, "error"); ok {
		rest = strings.TrimLeft(rest, " \n")
		switch {
		case strings.HasPrefix(rest, ":"):
			words, lead = strings.TrimLeft(rest[1:], " \n"), true
		case len(rest) < len(words)-len("error"):
			words = rest
		}
	}
	return brackets.Replace(words), lead
}

var brackets = strings.NewReplacer("(s)", "", "(es)", "")

// tooBig reports whether words say that one call carries too many MACs. Nobody
// has seen the service say so, so they are a guess: a limit, and that it is one
// of a list or of a call. A limit on calls, on names, or on what an account may
// have is another matter: smaller batches do not help there.
func tooBig(words string) bool {
	return containsAny(words, "too many", "too large", "too big", "too long", "exceed", "maximum",
		"at most", "more than", "limit", "reduce") &&
		containsAny(words, "too many mac", "number of mac", "list", "batch", "array", "entries", "items", "at a time", "at once",
			"one call", "a call", "per call", "each call", "single call",
			"one request", "a request", "per request", "each request", "single request") &&
		!containsAny(words, "requests", "calls", "rate", "frequen", "often", "second", "minute", "hour", "today",
			"name", "url", "quota", "licen", "account", "character", "login", "attempt", "reached", "enterprise", "company", "total")
}

func containsAny(text string, words ...string) bool {
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// namedMACs returns the addresses in a text, each once.
func namedMACs(text string) []MAC {
	var macs []MAC
	var seen map[MAC]bool
	for i := 0; i < len(text); {
		mac, end := macAt(text, i)
		if end == 0 {
			i++
			continue
		}
		i = end
		if !seen[mac] {
			if seen == nil {
				seen = make(map[MAC]bool)
			}
			seen[mac] = true
			macs = append(macs, mac)
		}
	}
	return macs
}

// macAt reads an address, in any of the forms of ParseMAC, that starts at i and
// is not part of a longer word or of a longer run of groups. If there is none,
// end is 0. Addresses with spaces inside are read from the left: the words
// before a list of them show where it begins.
func macAt(text string, i int) (mac MAC, end int) {
	if !isHex(text[i:]) || i > 0 && isWord(text[i-1]) {
		return MAC{}, 0
	}
	run := 1
	for run <= 12 && isHex(text[i+run:]) {
		run++
	}
	var separator byte
	if i+run < len(text) {
		separator = text[i+run]
	}
	switch {
	case run == 12:
		separator, end = 0, i+12
	case run == 2 && (separator == '-' || separator == ':' || separator == ' '):
		end = i + 17
	case run == 4 && separator == '.':
		end = i + 14
	}
	if end == 0 || end > len(text) || end < len(text) && isWord(text[end]) {
		return MAC{}, 0
	}
	if separator != 0 && separator != ' ' {
		after := end < len(text) && text[end] == separator && isHex(text[end+1:])
		before := i > run && text[i-1] == separator && isHex(text[i-2:]) && isHex(text[i-1-run:]) &&
			(i-1-run == 0 || !isWord(text[i-2-run]))
		if after || before {
			return MAC{}, 0
		}
	}
	mac, reason := parseMAC(text[i:end])
	if reason != "" {
		return MAC{}, 0
	}
	return mac, end
}

// isHex reports whether a text begins with a hexadecimal digit.
func isHex(text string) bool { return text != "" && hexValue[text[0]] < 16 }

func isWord(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_'
}
