package rpstest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// faultTests has each fault; a check of "closed" and the like is one of the
// functions below.
var faultTests = []struct {
	fault   Fault
	applied bool
	check   func(t *testing.T, status int, header http.Header, body string, err error)
}{
	{Fault{Name: "refused"}, false, refusedOrReset},
	{Fault{Name: "close"}, false, closed},
	{Fault{Name: "close-before"}, false, closed},
	{Fault{Name: "close-after"}, true, closed},
	{Fault{Name: "reset-before"}, false, wasReset},
	{Fault{Name: "reset-after"}, true, wasReset},
	{Fault{Name: "hang-before"}, false, isError(context.Canceled)},
	{Fault{Name: "hang-after"}, true, isError(context.Canceled)},
	{Fault{Name: "hang-after", Delay: time.Millisecond}, true, closed},
	{Fault{Name: "says", Text: "Error:Invalid MAC(s):00"}, false, answers("false", "Error:Invalid MAC(s):00")},
	{Fault{Name: "says-after", Text: "no"}, true, answers("false", "no")},
	{Fault{Name: "pretend"}, false, answers("true", "OK")},
	{Fault{Name: "replay"}, true, answers("true", "OK")},
	{Fault{Name: "replay-before"}, false, answers("true", "OK")},
	{Fault{Name: "crossed"}, true, answers("true", "OK")},
	{Fault{Name: "crossed-before"}, false, answers("true", "OK")},
	{Fault{Name: "slow", Delay: time.Millisecond}, true, answers("true", "OK")},
	{Fault{Name: "401"}, false, isPage(401, "Www-Authenticate", `Basic realm="XML-RPC"`)},
	{Fault{Name: "403"}, false, isPage(403, "", "")},
	{Fault{Name: "404"}, false, isPage(404, "", "")},
	{Fault{Name: "413"}, false, isPage(413, "", "")},
	{Fault{Name: "429", RetryAfter: "2"}, false, isPage(429, "Retry-After", "2")},
	{Fault{Name: "503"}, false, isPage(503, "Retry-After", "")},
	{Fault{Name: "503", RetryAfter: "-1"}, false, isPage(503, "Retry-After", "-1")},
	{Fault{Name: "503-after"}, true, isPage(503, "", "")},
	{Fault{Name: "500-before"}, false, isPage(500, "", "")},
	{Fault{Name: "500-after"}, true, isPage(500, "", "")},
	{Fault{Name: "502"}, false, isPage(502, "", "")},
	{Fault{Name: "502-after"}, true, isPage(502, "", "")},
	{Fault{Name: "504"}, false, isPage(504, "", "")},
	{Fault{Name: "504-after"}, true, isPage(504, "", "")},
	{Fault{Name: "redirect"}, false, isPage(302, "Location", "/login")},
	{Fault{Name: "truncated"}, true, truncated},
	{Fault{Name: "truncated", Keep: 20}, true, isBody(`<?xml version="1.0" `)},
	{Fault{Name: "truncated-before"}, false, truncated},
	{Fault{Name: "truncated-after", Keep: 1 << 20}, true, truncated},
	{Fault{Name: "cut"}, true, isError(io.ErrUnexpectedEOF)},
	{Fault{Name: "cut-before", Keep: 1}, false, isError(io.ErrUnexpectedEOF)},
	{Fault{Name: "empty"}, true, isBody("")},
	{Fault{Name: "empty-before"}, false, isBody("")},
	{Fault{Name: "html"}, true, isPage(200, "", "")},
	{Fault{Name: "html-before"}, false, isPage(200, "", "")},
	{Fault{Name: "foreign"}, true, contains("<status>")},
	{Fault{Name: "foreign-before"}, false, contains("<status>")},
	{Fault{Name: "fault"}, false, answers("fault", "Failed to invoke method registerDevice in class com.example.rps.RedirectHandler: java.lang.NullPointerException")},
	{Fault{Name: "fault-after"}, true, answers("fault", "Failed to invoke method registerDevice in class com.example.rps.RedirectHandler: java.lang.NullPointerException")},
	{Fault{Name: "fault", Text: "No such handler: {mac}"}, false, answers("fault", "No such handler: 001565000002")},
	{Fault{Name: "throws"}, false, answers("fault", "Failed to invoke method registerDevice in class com.example.rps.RedirectHandler: null")},
	{Fault{Name: "throws-after", Text: "duplicate key"}, true, answers("fault", "Failed to invoke method registerDevice in class com.example.rps.RedirectHandler: duplicate key")},
	{Fault{Name: "throws", Cause: "a serialised exception"}, false, contains("<name>faultCause</name>\n        <value><base64>YSBzZXJpYWxpc2VkIGV4Y2VwdGlvbg==</base64></value>")},
}

type check = func(t *testing.T, status int, header http.Header, body string, err error)

func refusedOrReset(t *testing.T, _ int, _ http.Header, _ string, err error) {
	if !errors.Is(err, syscall.ECONNREFUSED) && !isReset(err) {
		t.Errorf("error %v", err)
	}
}

// isReset reports whether a connection was reset, in the words of either system.
func isReset(err error) bool {
	const windows = syscall.Errno(10054)
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, windows)
}

func wasReset(t *testing.T, _ int, _ http.Header, _ string, err error) {
	if !isReset(err) {
		t.Errorf("error %v, want a reset", err)
	}
}

func closed(t *testing.T, _ int, _ http.Header, _ string, err error) {
	if !errors.Is(err, io.EOF) {
		t.Errorf("error %v, want EOF", err)
	}
}

func isError(want error) check {
	return func(t *testing.T, _ int, _ http.Header, _ string, err error) {
		if !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
	}
}

func isPage(status int, key, value string) check {
	return func(t *testing.T, got int, header http.Header, body string, err error) {
		if err != nil || got != status || !strings.Contains(body, "<html>") || header.Get(key) != value {
			t.Errorf("HTTP %d, %v, %v: %s", got, err, header, body)
		}
	}
}

func isBody(want string) check {
	return func(t *testing.T, status int, _ http.Header, body string, err error) {
		if err != nil || status != 200 || body != want {
			t.Errorf("HTTP %d, %v: %q, want %q", status, err, body, want)
		}
	}
}

func contains(want string) check {
	return func(t *testing.T, status int, _ http.Header, body string, err error) {
		if err != nil || status != 200 || !strings.Contains(body, want) {
			t.Errorf("HTTP %d, %v: %q, want %q in it", status, err, body, want)
		}
	}
}

func truncated(t *testing.T, status int, _ http.Header, body string, err error) {
	if err != nil || status != 200 || body == "" {
		t.Errorf("HTTP %d, %v: %q", status, err, body)
	}
	if xml.Unmarshal([]byte(body), new(struct{})) == nil {
		t.Errorf("the answer is whole: %s", body)
	}
}

func answers(want ...string) check {
	return func(t *testing.T, status int, _ http.Header, body string, err error) {
		if err != nil || status != 200 {
			t.Fatalf("HTTP %d, %v", status, err)
		}
		if got := values(t, body); !reflect.DeepEqual(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestFaults(t *testing.T) {
	tested := make(map[string]bool)
	for _, test := range faultTests {
		name := test.fault.Name
		tested[name] = true
		for _, way := range []string{"transport", "listener", "TLS"} {
			t.Run(test.fault.String()+"/"+way, func(t *testing.T) {
				s := furnished(Options{Faults: []Fault{test.fault}})
				rt, url := s.Transport(), "http://rps/xmlrpc"
				switch way {
				case "listener":
					server := httptest.NewServer(s)
					defer server.Close()
					rt, url = server.Client().Transport, server.URL
				case "TLS":
					server := httptest.NewTLSServer(s)
					defer server.Close()
					rt, url = server.Client().Transport, server.URL
				}
				req := newRequest(t, url, encode("registerDevice", free, "s1"))
				if strings.HasPrefix(name, "hang") && test.fault.Delay == 0 {
					// The client gives up once the call is where it hangs.
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					req = req.WithContext(ctx)
					go func() {
						for calls := s.Calls(); len(calls) == 0 || calls[0].Applied == 1 != test.applied; calls = s.Calls() {
							time.Sleep(time.Millisecond)
						}
						cancel()
					}()
				}
				status, header, body, err := do(rt, req)
				test.check(t, status, header, body, err)
				if way == "transport" && name == "refused" {
					if op := (*net.OpError)(nil); !errors.As(err, &op) || op.Op != "dial" || !errors.Is(err, syscall.ECONNREFUSED) {
						t.Errorf("error %v, want a refused dial", err)
					}
				}
				if _, applied := s.Device(free); applied != test.applied {
					t.Errorf("applied: %v, want %v", applied, test.applied)
				}
				call := s.Calls()[0]
				if call.Outcome != "fault:"+name || call.Applied == 1 != test.applied {
					t.Errorf("the log has %+v", call)
				}
				// It was there for one call alone.
				status, _, body, err = do(rt, newRequest(t, url, encode("checkDevice", own)))
				answers("true", "Registered")(t, status, nil, body, err)
			})
		}
	}
	for _, name := range names(func(n faultName) bool { return n.class == ofAnswer }) {
		if plain, ok := strings.CutSuffix(name, "-before"); ok && tested[plain] {
			continue
		}
		if plain, ok := strings.CutSuffix(name, "-after"); ok && tested[plain] {
			continue
		}
		if !tested[name] && name != "bad-list" {
			t.Errorf("the fault %s is not tested", name)
		}
	}
}

func TestBadList(t *testing.T) {
	s := furnished(Options{Faults: []Fault{{Name: "bad-list"}}})
	if got := ask(t, s, encode("checkDevice", own)); got[1] != "Registered" {
		t.Errorf("it befell another method: %q", got)
	}
	want := []string{"true", "00-15-65-00-00-01", "00-15-65-00-00-0B", "", "00-15-65-00-00", "N/A"}
	if got := ask(t, s, encode("listDevices")); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}

// outcomes makes calls, with the right password if there is no other, and returns
// the log: a line each.
func outcomes(t *testing.T, s *Server, password string, bodies ...string) string {
	t.Helper()
	for _, body := range bodies {
		req := newRequest(t, "http://rps/", body)
		req.SetBasicAuth("user", password)
		do(s.Transport(), req)
	}
	var got []string
	for _, call := range s.Calls() {
		got = append(got, fmt.Sprintf("%s %d", call.Outcome, call.Applied))
	}
	return strings.Join(got, "\n")
}

func parsed(t *testing.T, text string) []Fault {
	t.Helper()
	faults, err := ParseFaults(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return faults
}

func TestFaultOfOneMAC(t *testing.T) {
	s := furnished(Options{Faults: parsed(t, "* throws mac=00-15-65-00-00-02 times=-1\nregisterDevices 2 says mac=001565000003,0015650000cc text={macs}")})
	got := outcomes(t, s, "secret",
		encode("registerDevices", l(free3, free), "s1"),
		encode("registerDevice", "00:15:65:00:00:02", "s1"),
		encode("registerDevices", l(free3, free2), "s1"),
		encode("registerDevice", stock, "s1"),
		encode("registerDevices", l(free2, "x"), "s1"),
		encode("checkDevice", free))
	want := `fault:throws 0
fault:throws 0
ok 2
ok 1
fault:says 0
fault:throws 0`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestLoginFault(t *testing.T) {
	s := furnished(Options{Faults: parsed(t, "* 404\nlogin 2 fault times=2 text=Not authorized")})
	list := encode("listDevices")
	if got, want := outcomes(t, s, "wrong", list, list, list, list), "401 0\nfault:fault 0\nfault:fault 0\n401 0"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	s.SetFaults(parsed(t, "login fault text=Not authorized")...)
	req := newRequest(t, "http://rps/", list)
	req.SetBasicAuth("user", "wrong")
	status, header, body, err := do(s.Transport(), req)
	answers("fault", "Not authorized")(t, status, header, body, err)
}

func TestRetryAfterDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Faults: []Fault{{Name: "503", RetryAfterDate: 90 * time.Second}}})
		_, header, _, _ := do(s.Transport(), newRequest(t, "http://rps/", encode("listDevices")))
		if got, want := header.Get("Retry-After"), "Sat, 01 Jan 2000 00:01:30 GMT"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestScript(t *testing.T) {
	const a, b = "registerDevices", "listDevices"
	tests := []struct {
		name   string
		faults string
		calls  []string
		want   string // for each call the last letters of what hits it, or -
	}{
		{"the next", "* 503", []string{a, a}, "3-"},
		{"in order", "* 503 times=2\n* 404", []string{a, a, a, a}, "334-"},
		{"put off", "* 2 503\n* 2 404", []string{a, a, a, a}, "-34-"},
		{"n-th", "* 3 503 times=2", []string{a, a, a, a, a}, "--33-"},
		{"n-th of a method", "listDevices 2 503", []string{a, b, a, b, b}, "---3-"},
		{"always", "listDevices 503 times=-1", []string{a, b, a, b}, "-3-3"},
		{"each second", "* every=2 503", []string{a, a, a, a, a}, "-3-3-"},
		{"each second from the first", "* 1 every=2 503", []string{a, a, a, a, a}, "3-3-3"},
		{"each second, twice", "* every=2 503 times=2", []string{a, a, a, a, a, a}, "-3-3--"},
		{"a trait holds beside faults", "* 2 partial\n* 503\n* 404\n* unnamed times=1", []string{a, a, a}, "3d4ll"},
		{"unreadable", "* 503\nlistDevices 404", []string{"", b}, "34"},
		{"wrong passwords", "* 503\nlogin 404", []string{login, login, a}, "4-3"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			script, err := newScript(parsed(t, test.faults))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, method := range test.calls {
				p := script.next(method, nil)
				if p.fault != nil {
					p.traits = append([]*scripted{p.fault}, p.traits...)
				}
				letters := ""
				for _, f := range p.traits {
					letters += f.Name[len(f.Name)-1:]
				}
				got = append(got, cmp.Or(letters, "-"))
			}
			if got := strings.Join(got, ""); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestParseFaults(t *testing.T) {
	const text = `# comment
registerDevices 3 close-after  # the third

* every=10 times=-1 503 retry-after=2
redirect.listDevices slow delay=1m30s
	* truncated keep=7
* 429 retry-after-date=2m0s
registerDevices says times=2 text=Error:Repeated MAC(s):00000000000d # text=x 
* reset # says text=x
	* throws	mac=001565000009,00-15-65-00-00-0a  cause=x	text=a  b
login fault text=Not authorized
* 5 502 apply-after=8s limit=2
* close-after apply-after=3
* bucket rate=2.5 limit=10 status=503 retry-after=wait
`
	want := []Fault{
		{Name: "close-after", Method: "registerDevices", Call: 3},
		{Name: "503", Every: 10, Times: -1, RetryAfter: "2"},
		{Name: "slow", Method: "listDevices", Delay: 90 * time.Second},
		{Name: "truncated", Keep: 7},
		{Name: "429", RetryAfterDate: 2 * time.Minute},
		{Name: "says", Method: "registerDevices", Times: 2, Text: "Error:Repeated MAC(s):00000000000d # text=x"},
		{Name: "reset"},
		{Name: "throws", MACs: []string{"001565000009", "00-15-65-00-00-0a"}, Cause: "x", Text: "a  b"},
		{Name: "fault", Method: "login", Text: "Not authorized"},
		{Name: "502", Call: 5, ApplyAfter: 8 * time.Second, Limit: 2},
		{Name: "close-after", ApplyAfterCalls: 3},
		{Name: "bucket", Rate: 2.5, Limit: 10, Status: 503, RetryAfter: "wait"},
	}
	got, err := ParseFaults(strings.NewReader(text))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, test := range []struct{ text, want string }{
		{"*", "line 1: no fault is named"},
		{"\n\nclose", `line 3: unknown method "close"`},
		{"* 3", `unknown fault "3"`},
		{"* 0 503", `"0" is not the number of a call: they count from 1`},
		{"* x 503", `"x" is not the number of a call`},
		{"* 1 2 503", `unexpected "503"`},
		{"* 503 often=1", `unknown key "often"`},
		{"* 503 times=x", "times=x: want a number or a duration"},
		{"* 503 times=1 times=2", "times is given twice"},
		{"* 503 times=-2", "is negative"},
		{"* slow", "the fault slow needs delay"},
		{"* says", "the fault says needs text"},
		{"* says text= ", "the fault says needs text"},
		{"* slow delay=1s text=x", "the fault slow does not take text"},
		{"checkDevice bad-list", "only for listDevices"},
		{"* 401-after", `unknown fault "401-after"`},
		{"* close-before apply-after=1s", "close-before is never applied: drop apply-after, or use close-after"},
		{"* colleague", "colleague needs text"},
		{"* colleague text=phone,1", `the fault colleague: unknown record "phone"`},
		{"* colleague text=device,user,1", `"1" is not a MAC`},
		{"login colleague text=stock,001565000001", "not for login"},
		{"* bucket", "bucket needs rate"},
		{"* bucket rate=nan", "above 0"},
		{"* bucket rate=-1", "above 0"},
		{"* bucket rate=inf", "above 0"},
		{"* 2 bucket rate=1", "drop the number of the call"},
		{"* bucket rate=1 times=2", "does not take times"},
		{"* bucket rate=1 status=500", "must be 429 or 503"},
		{"* fixed-window rate=1.5", "must be a whole number"},
		{"login bucket rate=1", "not for login"},
		{"* replay-before apply-after=1s", "replay-before is never applied"},
		{"* replay-before limit=1", "replay-before is never applied"},
		{"* close limit=3", "drop limit, or use close-after"},
		{"* close apply-after=x", "apply-after=x: want"},
		{"* close apply-after=-1s", "is negative"},
		{"login close apply-after=1s", "not for login"},
		{"* 401 mac=", `"" is not a MAC`},
		{"* 401 cause=x", "401 does not take cause"},
		{"login close-after", "not for login"},
		{"login 401 mac=001565000001", "not for login"},
		{"* 503 retry-after=1 retry-after-date=1s", "retry-after or retry-after-date, not both"},
		{"* " + strings.Repeat("x", 1<<17), "token too long"},
	} {
		if _, err := ParseFaults(strings.NewReader(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.20q: error %v, want %q in it", test.text, err, test.want)
		}
	}
}

// FuzzParseFaults holds that what is read is a script a Server takes, and that
// it can be written and read again.
func FuzzParseFaults(f *testing.F) {
	f.Add([]byte("registerDevices 3 close-after\n* every=10 times=-1 503 retry-after=2 # why"))
	f.Add([]byte("* 503\nlistDevices bad-list\n* slow delay=1h2m keep=1"))
	f.Add([]byte("* says text=Error:Invalid MAC(s):00s1122334400 # text=\n* says  text=x"))
	f.Add([]byte("* 7 429 retry-after-date=1.5s"))
	f.Add([]byte("login fault text=x\n* throws mac=001565000001,00-15-65-00-00-02 cause=x\n* bucket rate=1e-3 limit=2 status=503 retry-after=wait\n* close limit=1 apply-after=1m\n* 2 pretend apply-after=2"))
	f.Fuzz(func(t *testing.T, text []byte) {
		faults, err := ParseFaults(bytes.NewReader(text))
		if err != nil {
			return
		}
		if _, err := newScript(faults); err != nil {
			t.Fatalf("read and refused: %v", err)
		}
		var again bytes.Buffer
		for _, fault := range faults {
			again.WriteString(fault.String() + "\n")
		}
		got, err := ParseFaults(&again)
		if err != nil || !reflect.DeepEqual(got, faults) {
			t.Errorf("%v was written and read as %v, %v", faults, got, err)
		}
	})
}

func TestBadFaultPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("New took an unknown fault")
		}
	}()
	New(Options{Faults: []Fault{{Name: "rain"}}})
}
