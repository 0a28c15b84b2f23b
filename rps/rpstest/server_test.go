package rpstest

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// encode writes a request. An argument is a string or a []string.
func encode(method string, args ...any) string {
	var b strings.Builder
	b.WriteString("<?xml version='1.0' encoding='UTF-8'?>\n<methodCall>\n<methodName>redirect." + method + "</methodName>\n<params>\n")
	for _, arg := range args {
		b.WriteString("<param>\n<value>")
		switch arg := arg.(type) {
		case string:
			b.WriteString("<string><![CDATA[" + arg + "]]></string>")
		case []string:
			b.WriteString("<array><data>\n")
			for _, item := range arg {
				b.WriteString("<value>\n<string><![CDATA[" + item + "]]></string>\n</value>\n")
			}
			b.WriteString("</data></array>")
		case int:
			fmt.Fprintf(&b, "<int>%d</int>", arg)
		}
		b.WriteString("</value>\n</param>\n")
	}
	b.WriteString("</params>\n</methodCall>")
	return b.String()
}

func newRequest(t testing.TB, url, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/xml")
	req.SetBasicAuth("user", "secret")
	return req
}

// do sends a request and reads all of the answer.
func do(rt http.RoundTripper, req *http.Request) (status int, header http.Header, body string, err error) {
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return 0, nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(b), err
}

// ask makes a call and returns the values of its answer, the first of them "true",
// "false" or "fault".
func ask(t testing.TB, s *Server, body string) []string {
	t.Helper()
	status, _, answer, err := do(s.Transport(), newRequest(t, "http://rps/xmlrpc", body))
	if err != nil || status != http.StatusOK {
		t.Fatalf("HTTP %d, %v", status, err)
	}
	return values(t, answer)
}

func values(t testing.TB, answer string) []string {
	t.Helper()
	var doc struct {
		Fault  *string `xml:"fault>value>struct>member>value"` // the last of two
		Values []struct {
			Boolean string   `xml:"boolean"`
			Text    string   `xml:",chardata"`
			List    []string `xml:"array>data>value"`
		} `xml:"params>param>value>array>data>value"`
	}
	if err := xml.Unmarshal([]byte(answer), &doc); err != nil {
		t.Fatalf("%v in the answer %s", err, answer)
	}
	if doc.Fault != nil {
		return []string{"fault", *doc.Fault}
	}
	if len(doc.Values) == 0 {
		t.Fatalf("no values in the answer %s", answer)
	}
	got := []string{map[string]string{"0": "false", "1": "true"}[doc.Values[0].Boolean]}
	for _, v := range doc.Values[1:] {
		if text := strings.TrimSpace(v.Text); text != "" || v.List == nil {
			got = append(got, text)
		}
		for _, item := range v.List {
			got = append(got, strings.TrimSpace(item))
		}
	}
	return got
}

const (
	own     = "001565000001" // bound to s1
	own2    = "00156500000B" // with a unique URL
	foreign = "0015650000Fa"
	free    = "001565000002"
	free2   = "001565000003"
	free3   = "001565000004"
	stock   = "0015650000CC"
)

// furnished has a device of each kind.
func furnished(options Options) *Server {
	s := New(options)
	s.AddServer("user", "s1", "http://one.example/")
	s.AddServer("user", "s 2", "https://two.example/?a=1&b=2")
	s.AddServer("other", "theirs", "http://other.example/")
	s.AddDevice("user", "00:15:65:00:00:01", "s1", "")
	s.AddDevice("user", own2, "s 2", "http://unique.example/b")
	s.AddDevice("other", "00 15 65 00 00 FA", "theirs", "")
	s.AddStock("00-15-65-00-00-cc")
	return s
}

func foreignText(macs string) string {
	return "Error: " + macs + `
Please check the MAC address you entered
If you need to continue adding this MAC, please create a ticket on https://ticket.yealink.com. We will review your complaint. You need to provide:
(1)Device MAC and SN
(2)Enterprise Name
(3)Firmware Version
(4)Login Account`
}

// TestGuideRequests sends the guide's own examples.
func TestGuideRequests(t *testing.T) {
	want := map[string]string{ // the others are OK
		"4.3":  invalid + "001122334401",
		"4.4":  "true",
		"4.5":  "Registered",
		"4.8":  "OK",
		"4.9":  "Error:The url can only begin with 'http://' or 'https://' or 'ftp://' or 'tftp://'",
		"4.7":  only01, // its isOverride is "0/1"
		"4.10": invalid + "00156500001",
		"4.11": invalid + "00156500001",
		"4.14": "Unknown",
	}
	file, err := os.ReadFile("testdata/guide-requests.txt")
	if err != nil {
		t.Fatal(err)
	}
	parts := regexp.MustCompile(`(?m)^-- (4\.\d+) --\n`).FindAllSubmatchIndex(file, -1)
	if len(parts) != len(signatures) {
		t.Fatalf("%d examples, want %d", len(parts), len(signatures))
	}
	for i, part := range parts {
		section, end := string(file[part[2]:part[3]]), len(file)
		if i+1 < len(parts) {
			end = parts[i+1][0]
		}
		request := string(file[part[1]:end])
		t.Run(section, func(t *testing.T) {
			s := New(Options{})
			s.AddServer("user", "serverName", "http://x/")
			switch section {
			case "4.4", "4.5", "4.8":
				s.AddDevice("user", "001565000001", "serverName", "")
				s.AddDevice("user", "001565000002", "serverName", "")
			case "4.13", "4.16":
				s.AddDevice("user", "1A-6F-65-4D-83-9B", "serverName", "")
			}
			got := ask(t, s, strings.ReplaceAll(request, "...", ""))
			want, ok := want[section]
			if !ok {
				want = "OK"
			}
			if got[1] != want && got[0] != want {
				t.Errorf("the answer is %q, want %q", got, want)
			}
		})
	}
}

// TestLayout holds an answer against the guide's, section 4.1.5.1.
func TestLayout(t *testing.T) {
	const want = `<?xml version="1.0" encoding="UTF-8"?>
<methodResponse
xmlns:ex="http://ws.apache.org/xmlrpc/namespaces/extensions">
<params>
  <param>
    <value>
      <array>
        <data>
          <value>
            <boolean>1</boolean>
          </value>
          <value>
            OK
          </value>
        </data>
      </array>
    </value>
  </param>
</params>
</methodResponse>`
	_, header, got, err := do(furnished(Options{}).Transport(), newRequest(t, "http://rps/", encode("registerDevice", free, "s1")))
	if err != nil || got != want || header.Get("Content-Type") != "text/xml" {
		t.Errorf("got %v %v\n%s", err, header, got)
	}
}
