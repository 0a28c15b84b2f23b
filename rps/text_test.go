package rps

import (
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func TestPrintable(t *testing.T) {
	for _, test := range []struct{ text, printable, line string }{
		{"", "", ""},
		{"a  b ", "a  b ", "a b"},
		{"  a\n\t b\r\n", "  a   b ", "a b"},
		{"a\x00\x1b[31mb\u0085c\u009b", "a\ufffd\ufffd[31mb c\ufffd", "a\ufffd\ufffd[31mb c\ufffd"},
		{"a\u202eb\u2066\u200b\ufeff", "a\ufffdb\ufffd\ufffd\ufffd", "a\ufffdb\ufffd\ufffd\ufffd"},
		{"a\u2028b\u2029\x7f", "a b \ufffd", "a b \ufffd"},
		{"a\xffb", "a\ufffdb", "a\ufffdb"},
		{"\u3000\u00a0", "  ", ""},
		{"größe 电话 \U0001F4DE", "größe 电话 \U0001F4DE", "größe 电话 \U0001F4DE"},
	} {
		if got := Printable(test.text); got != test.printable || Printable(got) != got {
			t.Errorf("%q becomes %q, want %q", test.text, got, test.printable)
		}
		if got := OneLine(test.text); got != test.line || OneLine(got) != got {
			t.Errorf("%q becomes the line %q, want %q", test.text, got, test.line)
		}
	}
	if got := cut(strings.Repeat("é", maxText)); len(got) > maxText+3 || !strings.HasSuffix(got, "é…") {
		t.Errorf("cut leaves %d bytes", len(got))
	}
}

// rewritings are forms in which a service may write a URL back.
var rewritings = map[string]func(string) string{
	"as it is":      func(s string) string { return s },
	"upper case":    strings.ToUpper,
	"lower case":    strings.ToLower,
	"no scheme":     func(s string) string { _, rest, _ := strings.Cut(s, "://"); return rest },
	"other scheme":  func(s string) string { _, rest, _ := strings.Cut(s, "://"); return "tftp://" + rest },
	"no login":      func(s string) string { return login.ReplaceAllString(s, "://") },
	"port":          func(s string) string { return host.ReplaceAllString(s, "$1:443/") },
	"no slash":      func(s string) string { return strings.TrimRight(s, "/") },
	"query escaped": func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") },
	"path escaped":  url.PathEscape,
	"HTML":          html.EscapeString,
	"references": func(s string) string {
		return strings.NewReplacer("/", "&#x2F;", ":", "&#58;", "3", "&#051;").Replace(s)
	},
	"JSON": func(s string) string {
		b, _ := json.Marshal(s)
		return strings.Trim(string(b), `"`)
	},
	"slashes":  func(s string) string { return strings.ReplaceAll(s, "/", `\/`) },
	"hex":      func(s string) string { return strings.NewReplacer("/", `\x2f`, "s", `\u0073`).Replace(s) },
	"new line": func(s string) string { return strings.ReplaceAll(s, " ", "\r\n\t") },
}

var (
	login = regexp.MustCompile(`://[^/@]*@`)
	host  = regexp.MustCompile(`(://[^/]*)/`)
)

func TestSecretsAreMasked(t *testing.T) {
	const before, after = "Error: the url ", " is not valid"
	for _, secret := range []string{"https://Conf.example.com/S3cret/é?a=1&b=<2>", "http://s3cret.example.com/", "ftp://10.0.0.1/%53%33cret x", "https://user:s3cret@conf.example.com/s3cret/x/y", "s3cret.example.com", "https://s3cret"} {
		for first, rewrite := range rewritings {
			for second, again := range rewritings {
				if strings.Contains(secret, "://") || first != "no scheme" && first != "other scheme" && second != "no scheme" && second != "other scheme" {
					text := again(rewrite(secret))
					if first == "no slash" && second == "no scheme" && text == "" {
						continue
					}
					got := secrets{secret}.clean(before + text + after)
					if strings.Contains(strings.ToLower(got), "cret") || !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) {
						t.Errorf("%s, %s of %s: %s", first, second, secret, got)
					}
				}
			}
		}
	}
}

func TestURLsAreMasked(t *testing.T) {
	for text, want := range map[string]string{
		"see https://x.example.com/s3cret, and go":                         "see *** and go",
		`bad "https:\/\/x.example.com\/s3cret" here`:                       `bad "***" here`,
		"https%3A%2F%2Fx.example.com%2Fs3cret":                             masked,
		"HTTP://10.0.0.1/x TFTP://[::1]/y":                                 "*** ***",
		"only begin with 'http://' or 'https://' or http://":               "only begin with 'http://' or 'https://' or http://",
		"a ticket on https://ticket.yealink.com. We will":                  "a ticket on https://ticket.yealink.com. We will",
		"https://ticket.yealink.com/s3cret https://ticket.yealink.com.x/":  "*** ***",
		"no scheme: x.example.com/s3cret 10.0.0.1:80/s3cret":               "no scheme: *** ***",
		`&#x68;ttps://x.example.com/s3cret \u0068ttp:\u002f\u002fx/s3cret`: "*** ***",
		"https%253A%252F%252Fx.example.com%252Fa%2520s3cret, and go":       "*** and go",
		"HTTP/1.1 of 0015.6500.0001/0015.6500.0002, 26.11.2026/a and/or":   "HTTP/1.1 of 0015.6500.0001/0015.6500.0002, 26.11.2026/a and/or",
	} {
		if got := (secrets{}).clean(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	// Nor is the part of a secret at which a text is cut.
	const secret = "https://conf.example.com/s3cret/and/more"
	for n := 0; n < len(secret); n += 7 {
		text := strings.Repeat("x", n) + " " + strings.Repeat(secret+" ", 8*maxText/len(secret))
		if got := (secrets{"pass", secret}).clean(strings.ReplaceAll(text, "https://", "")); strings.Contains(got, "conf.") || !strings.Contains(got, "*** *** ***") {
			t.Errorf("%d: %.30s ... %s", n, got, got[max(0, len(got)-50):])
		}
	}
	e := &Error{Kind: Unreadable, Err: errors.Join(errors.New("no s3cret\x1b[0m"), io.ErrUnexpectedEOF)}
	secrets{"", "s3cret"}.conceal(e)
	if e.Error() != "no readable answer: no ***\ufffd[0m unexpected EOF" || !errors.Is(e, io.ErrUnexpectedEOF) {
		t.Error(e)
	}
	// What is not changed keeps its type.
	e = &Error{Kind: Unreadable, Err: &MACError{"x", "y"}}
	secrets{"s3cret"}.conceal(e)
	if mac := (*MACError)(nil); !errors.As(e, &mac) {
		t.Error(e)
	}
}

// Each part of an answer may be long, and none of an error is.
func TestLongParts(t *testing.T) {
	long := strings.Repeat("https://example.com/s3cret x ", 900<<10/29)
	fault := "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>0</int></value></member>" +
		"<member><name>faultString</name><value>" + long + "</value></member></struct></value></fault></methodResponse>"
	bodies := map[string]string{
		"refusal":   document(no, long),
		"named":     document(no, "Invalid MAC(s):"+long),
		"granted":   document(yes, long),
		"status":    document(yes, long, long),
		"URL":       document(yes, "Registered", long),
		"code":      document("<boolean>"+long+"</boolean>", "OK"),
		"type":      document(yes, "<x"+strings.Repeat("y", 900<<10)+"/>"),
		"entity":    document(yes, "&"+strings.Repeat("y", 900<<10)+";"),
		"attribute": document(yes, "<string x='"+long+"'>OK</string"),
		"page":      "<html>" + long,
		"encoding":  `<?xml version="1.0" encoding="` + strings.Repeat("y", 900<<10) + `"?>`,
		"version":   `<?xml version="` + strings.Repeat("y", 900<<10) + `"?>`,
		"fault":     fault,
	}
	for name, text := range bodies {
		for _, method := range []string{MethodCheckDeviceExt, MethodListDevices} {
			a, e := readText(method, text)
			if e == nil {
				t.Errorf("%s, %s: %+.100v", method, name, a)
				continue
			}
			if len(e.Text) > maxText+len("…") || len(e.Error()) > 4*maxText || strings.Contains(e.Error(), "s3cret") && name != "refusal" && name != "named" {
				t.Errorf("%s, %s: %d bytes, %d in all: %.100s", method, name, len(e.Text), len(e.Error()), e)
			}
		}
	}
}
