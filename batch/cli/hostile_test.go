package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// Long reports whether the tests that take long run whole: RPSBATCH_TESTS=long asks
// for it. Asked in a test, the variable is one that a kept result depends on.
func Long() bool { return os.Getenv("RPSBATCH_TESTS") == "long" }

// unprintable returns what of a text a terminal or a program could obey, "" if
// there is nothing.
func unprintable(text string) string {
	at := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) })
	if at < 0 {
		return ""
	}
	return text[max(0, at-40):min(len(text), at+40)]
}

// evilAnswer returns an answer with these values as they stand in XML.
func evilAnswer(code string, values ...string) string {
	var b strings.Builder
	b.WriteString(`<methodResponse><params><param><value><array><data><value><boolean>` + code + `</boolean></value>`)
	for _, value := range values {
		b.WriteString("<value>" + value + "</value>")
	}
	return b.String() + "</data></array></value></param></params></methodResponse>"
}

// Whatever a service answers, it is printed, logged and written as plain text, and
// no more of it than anybody would read.
func TestHostileAnswers(t *testing.T) {
	// C1, bidi, line ends, a tag, a mark, what is no character; HTML and a formula.
	const evil = "&#x9b;31m\u202e&#x2066;&#x2028;\u2029&#x85;&#x7f;\u200f\U000e0041\ufeff&#10;rpsbatch: all is well&#13;=1+1;=2,\"=3&lt;script>"
	size := 100 << 10
	if Long() {
		size = 900 << 10
	}
	huge := strings.Repeat(evil, size/len(evil))
	fault := func(text string) string {
		return "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>0</int></value></member>" +
			"<member><name>faultString</name><value>" + text + "</value></member></struct></value></fault></methodResponse>"
	}
	bodies := map[string]string{
		"refusal":     evilAnswer("0", evil),
		"long":        evilAnswer("0", huge),
		"foreign":     evilAnswer("0", "Error: 001565000001 "+huge),
		"granted":     evilAnswer("1", evil),
		"bound":       evilAnswer("1", "Registered", "https://x.example.com/"+evil),
		"bound long":  evilAnswer("1", "Registered", huge),
		"bound to =":  evilAnswer("1", "Registered", "=HYPERLINK(1);=2"),
		"list":        evilAnswer("1", "<array><data><value>001565000001</value><value>"+evil+"</value></data></array>"),
		"fault":       fault(evil),
		"long fault":  fault(huge),
		"unknown":     "<methodResponse><" + strings.Repeat("x\u0085", 1000) + ">",
		"raw":         evilAnswer("0", "\x1b]0;owned\a"),
		"not XML":     "\x1b[2J" + evil,
		"page":        "<html>\x1b[2J" + huge,
		"encoding":    "<?xml version='1.0' encoding='\u202e\u009b" + strings.Repeat("y", 1000) + "'?>",
		"302":         "",
		"not UTF-8":   evilAnswer("0", "\xff\xfe\x9b"),
		"latin 1":     strings.Replace(evilAnswer("0", "\x9b31m"), "<", "<?xml version='1.0' encoding='iso-8859-1'?><", 1),
		"entity":      evilAnswer("0", "&\u202e;"),
		"bad element": evilAnswer("0", "<\u202e/>"),
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if call, _ := io.ReadAll(r.Body); name[0] == 'b' && bytes.Contains(call, []byte("listDevices")) {
					io.WriteString(w, evilAnswer("1", "<array><data><value>001565000001</value></data></array>"))
					return
				}
				if name == "302" {
					w.Header().Set("Location", "https://x\u202e\u009b.example.com/")
					w.WriteHeader(http.StatusFound)
				}
				io.WriteString(w, body)
			}))
			defer service.Close()
			t.Chdir(t.TempDir())
			t.Setenv("RPSBATCH_PASSWORD", "secret")
			if err := os.WriteFile("d.csv", []byte("mac,server\n001565000001,hq\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			run := []string{"--max-attempts", "1", "--rate", "1000", "--timeout", "300ms", "--restart", "--summary-json"}
			for _, args := range [][]string{
				{"call", "checkDeviceExt", "001565000001"},
				{"call", "registerDevice", "001565000001", "hq"},
				{"call", "listDevices"},
				{"server", "add", "hq", "https://y.example.com/", "--max-attempts", "1"},
				append(append([]string{"check", "d.csv"}, run...), "sum1.json"),
				append(append([]string{"register", "d.csv", "--log-level", "debug"}, run...), "sum2.json"),
				append(append([]string{"register", "d.csv", "--override", "own", "--max-moves", "100%", "--log-format", "json", "--save-before", "before.csv"}, run...), "sum3.json"),
				append(append([]string{"list", "--urls", "-o", "list.csv"}, run...), "sum4.json"),
				{"report", "d.result.csv"},
				{"report", "d.check.csv", "--html", "page.html"},
			} {
				if args[0] != "report" {
					args = append(args, "--url", service.URL, "--username", "us\u202eer\x1b[2J")
				}
				var out bytes.Buffer
				Execute(context.Background(), args, Streams{Out: &out, Err: &out})
				if bad := unprintable(out.String()); bad != "" {
					t.Errorf("%q prints %q", args, bad)
				}
				if strings.Contains(out.String(), "\nrpsbatch: all is well") || out.Len() > 200<<10 {
					t.Errorf("%q prints %d bytes: %.2000s", args, out.Len(), &out)
				}
			}
			files, _ := filepath.Glob("*")
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil || strings.HasSuffix(file, ".journal") {
					continue
				}
				if bad := unprintable(string(text)); bad != "" {
					t.Errorf("%s has %q", file, bad)
				}
				if strings.Contains(string(text), "\n=") || strings.Contains(string(text), ",=HYP") {
					t.Errorf("%s has a formula: %s", file, text)
				}
				if filepath.Ext(file) != ".json" {
					continue
				}
				var sum map[string]any
				if err := json.Unmarshal(text, &sum); err != nil {
					t.Error(err)
				}
				for key, value := range sum {
					if text, ok := value.(string); ok && (unprintable(text) != "" || strings.Contains(text, "\n")) {
						t.Errorf("%s is %q", key, text)
					}
				}
			}
		})
	}
}
