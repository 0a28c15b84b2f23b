package rpstest

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
)

// A conversation is calls under a script, and what each is answered: its values
// after the first, unless that says more. rest is the state of the account at the
// end.
type conversation struct {
	script string
	calls  []string // request, answer, request, answer ...
	rest   string   // the devices of the account
}

const (
	listed2 = "00-15-65-00-00-01 00-15-65-00-00-0B"
)

// conversations has at least one for each trait.
var conversations = map[string]conversation{
	"partial": {"deRegisterDevices partial", []string{
		encode("registerDevices", l("x", free), "s1"), invalid + "x",
		encode("deRegisterDevices", l(own, free, own2)), invalid + free,
	}, ""},
	"partial for one call": {"* 2 partial times=1", []string{
		encode("registerDevices", l("x", free), "s1"), invalid + "x",
		encode("registerDevices", l("x", free2), "s1"), invalid + "x",
		encode("registerDevices", l("x", free3), "s1"), invalid + "x",
	}, own + " " + free2 + " " + own2},
	"partial-until": {"* partial-until", []string{
		encode("registerDevices", l(free, "x", free2), "s1"), invalid + "x",
		encode("registerDevices", l(free3, free3, free2), "s1"), "Error:Repeated MAC(s):001565000004",
		encode("deRegisterDevices", l(own, free3, own2)), invalid + free3,
		encode("registerDevices", l("x", free2), "s1"), invalid + "x",
		encode("registerDevices", l(free2, stock), "s1"), "OK",
	}, free + " " + free2 + " " + own2 + " " + stock},
	"removals in part, unnamed, the list cut": {"* partial\n* unnamed\n* list-first limit=1", []string{
		encode("listDevices"), "00-15-65-00-00-01",
		encode("deRegisterDevices", l(own, free)), "Error:Invalid MAC(s)",
		encode("listDevices"), "00-15-65-00-00-0B", // it came into sight
	}, own2},
	"removals in part, the missing named one at a time": {"* partial\n* name-one", []string{
		encode("deRegisterDevices", l(own, free, free2)), invalid + free,
		encode("deRegisterDevices", l(own, free2)), invalid + own,
	}, own2},
	"prompt": {"* prompt times=2 text=Existing MAC(s): {macs}", []string{
		encode("registerDevices", l(own, free, own2), "s1"), "Existing MAC(s): 001565000001, 00156500000b",
		encode("registerDevices", l(free), "s1"), "OK",
		encode("registerDevice", free, "s1"), prompt,
	}, own + " " + free + " " + own2},
	"prompt, one named": {"* prompt text=Error:Repeated MAC(s):{mac}\n* partial", []string{
		encode("registerDevices", l(own2, own, free), "s1"), "Error:Repeated MAC(s):00156500000b",
		encode("registerDevices", l(own, free), "s1", "0"), failed,
	}, own + " " + free + " " + own2},
	"prompt, none named": {"* prompt text=Existing MAC(s): {macs}\n* unnamed", []string{
		encode("registerDevices", l(own2, own), "s1"), "Existing MAC(s):",
	}, own + " " + own2},
	"prompt-elsewhere override-elsewhere": {"* prompt-elsewhere\n* 2 override-elsewhere", []string{
		encode("registerDevice", foreign, "s1"), prompt,
		encode("registerDevice", foreign, "s1", "1"), "OK",
	}, own + " " + own2 + " 0015650000FA"},
	"url-without-server live-url-text": {"* url-without-server\n* live-url-text", []string{
		encode("registerDeviceWithUniqueUrl", free, "", "http://u/"), "OK",
		encode("registerDeviceWithUniqueUrl", free2, "s1", "u"), invalidURLLive,
	}, own + " " + free + " " + own2},
	"max-batch": {"* max-batch limit=1", []string{
		encode("registerDevices", l(free, free2), "s1"), "Error:There are too many MAC(s) in one request, 1 at most",
		encode("registerDevices", l(free), "s1"), "OK",
	}, own + " " + free + " " + own2},
	"quota": {"* quota limit=3", []string{
		encode("registerDevices", l("x", own, free, free2), "s1"), "Error:Your account is limited to 3 devices",
		encode("registerDevices", l(free), "s1"), "Error:Your account is limited to 3 devices", // it is there by now
		encode("registerDevice", own, "s1", "1"), "Error:Your account is limited to 3 devices",
		encode("deRegisterDevice", own), "OK",
		encode("registerDevices", l(free2), "s1"), "OK",
	}, free + " " + free2 + " " + own2},
	"quota that reads like a batch too big": {"registerDevices quota limit=3 text=Too many devices in the list", []string{
		encode("registerDevices", l(free, free2), "none"), "Too many devices in the list",
		encode("registerDevices", l(free, free2), "s1"), "Too many devices in the list",
		encode("registerDevices", l(free2), "s1"), "Too many devices in the list",
	}, own + " " + free + " " + own2},
	"apache": {"* apache", []string{
		encode("checkDeviceExt", own), "Registered http://one.example/",
	}, own + " " + own2},
	"twice": {"registerDevices twice\ndeRegisterDevice 1 twice times=1", []string{
		encode("registerDevices", l(free), "s1"), prompt,
		encode("registerDevices", l(free2), "s1", "1"), "OK",
		encode("deRegisterDevice", free), invalid + free,
		encode("deRegisterDevice", free2), "OK",
	}, own + " " + own2},
	"twice and lost": {"* twice\n* 2 close", []string{
		encode("registerDevice", free, "s1"), prompt,
		encode("registerDevice", free2, "s1"), "EOF",
		encode("registerDevice", free2, "s1"), prompt,
	}, own + " " + free + " " + free2 + " " + own2},
	"a list that is short once": {"listDevices 2 list-first times=1 limit=1", []string{
		encode("listDevices"), listed2,
		encode("listDevices"), "00-15-65-00-00-01",
		encode("listDevices"), listed2,
	}, own + " " + own2},
	"a list that is empty once": {"listDevices list-first times=1\nlistDevices 3 says text=No device(s) exists", []string{
		encode("listDevices"), "",
		encode("listDevices"), listed2,
		encode("listDevices"), noDevices,
		encode("listDevices"), listed2,
	}, own + " " + own2},
	"list-hides": {"* list-hides mac=001565000001,001565000002\nlistDevices 2 list-first limit=1", []string{
		encode("listDevices"), "00-15-65-00-00-0B",
		encode("registerDevice", free2, "s1"), "OK",
		encode("listDevices"), "00-15-65-00-00-03",
		encode("checkDevice", own), "Registered",
	}, own + " " + free2 + " " + own2},
	"url-case": {"* 2 url-case", []string{
		encode("checkDeviceExt", own), "Registered http://one.example/",
		encode("checkDeviceExt", own), "Registered HTTP://ONE.EXAMPLE/",
	}, own + " " + own2},
	"url-port url-slash url-escape": {"* url-port\n* url-slash\n* url-escape", []string{
		encode("checkDeviceExt", own), "Registered http://one.example:80",
		encode("checkDeviceExt", own2), "Registered http://unique.example:80/b",
		encode("editDeviceWithUniqueUrl", own2, "s1", "https://u.example/a-b%2f~?c_d"), "OK",
		encode("checkDeviceExt", own2), "Registered https://u.example:443/a%2Db%2F%7E?c%5Fd",
	}, own + " " + own2},
	"a colleague": {"* 2 colleague text=device,user,001565000002,s1\n* 2 unnamed times=1\n" +
		"* 3 colleague text=stock,001565000001 \nregisterDevice colleague text=server,late,http://late.example/\n" +
		"* 3 colleague apply-after=1 text=device,other,00156500000b,theirs,\n* 3 close-after", []string{
		encode("checkDevice", free), "Unknown",
		encode("registerDevices", l(free, free3), "s1"), prompt,
		encode("registerDevice", free3, "late"), "EOF",
		encode("checkDevice", own2), "Registered", // not yet
		encode("checkDeviceExt", free3), "Registered http://late.example/",
		encode("deRegisterDevice", own2), invalid + own2,
		encode("deRegisterDevice", own), invalid + own,
	}, free + " " + free3},
	"an account that is locked": {"* 2 says times=2 text=The account has been locked", []string{
		encode("registerDevice", free, "s1"), "OK",
		encode("listDevices"), "The account has been locked",
		encode("registerDevice", free2, "s1"), "The account has been locked",
		encode("registerDevice", free2, "s1"), "OK",
	}, own + " " + free + " " + free2 + " " + own2},
	"a device on which the handler throws": {"* partial\n* throws-after times=-1 mac=001565000002 limit=1 text=duplicate key", []string{
		encode("registerDevices", l(free2, free), "s1"), "Failed to invoke method registerDevices in class com.example.rps.RedirectHandler: duplicate key",
		encode("registerDevices", l(own, free3), "s1"), prompt,
	}, own + " " + free2 + " " + free3 + " " + own2},
}

func TestConversations(t *testing.T) {
	tested := make(map[string]bool)
	for name, talk := range conversations {
		for _, f := range parsed(t, talk.script) {
			tested[f.Name] = true
		}
		t.Run(name, func(t *testing.T) {
			s := furnished(Options{Faults: parsed(t, talk.script)})
			for i := 0; i < len(talk.calls); i += 2 {
				got := answerTo(t, s, talk.calls[i])
				if got != talk.calls[i+1] {
					t.Errorf("call %d: got %q, want %q", i/2+1, got, talk.calls[i+1])
				}
			}
			var rest []string
			for _, d := range s.Devices("user") {
				rest = append(rest, d.MAC)
			}
			if got := strings.Join(rest, " "); got != talk.rest {
				t.Errorf("the account has %s, want %s", got, talk.rest)
			}
		})
	}
	for _, name := range names(func(n faultName) bool { return n.class == trait || n.class == event }) {
		if !tested[name] {
			t.Errorf("%s is not tested", name)
		}
	}
}

// answerTo returns the values of an answer after the first, or the error.
func answerTo(t *testing.T, s *Server, body string) string {
	t.Helper()
	status, _, answer, err := do(s.Transport(), newRequest(t, "http://rps/", body))
	switch {
	case err != nil:
		return err.Error()
	case status != 200:
		return fmt.Sprint("HTTP ", status)
	}
	return strings.Join(values(t, answer)[1:], " ")
}

// TestColleagueNeedsServer holds that a mistake in a script does not go unnoticed,
// and leaves no lock behind.
func TestColleagueNeedsServer(t *testing.T) {
	s := furnished(Options{Faults: parsed(t, "* colleague text=device,user,001565000002,none")})
	func() {
		defer func() {
			if got, want := fmt.Sprint(recover()), `rpstest: colleague: account "user" has no server "none": add it first`; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}()
		s.ServeHTTP(httptest.NewRecorder(), newRequest(t, "http://rps/", encode("listDevices")))
	}()
	if got := answerTo(t, s, encode("checkDevice", free)); got != "Unknown" {
		t.Errorf("got %q", got)
	}
}

func TestApacheLayout(t *testing.T) {
	s := furnished(Options{Faults: parsed(t, "* apache\n* 2 says text=no, not \U0001F4DE <now>\n* 4 fault text=no")})
	const head = `<?xml version="1.0" encoding="UTF-8"?><methodResponse
xmlns:ex="http://ws.apache.org/xmlrpc/namespaces/extensions">`
	result := func(values string) string {
		return head + "<params><param><value><array><data>" + values + "</data></array></value></param></params></methodResponse>"
	}
	for _, call := range []struct{ body, want string }{
		{encode("listDevices"), result("<value><boolean>1</boolean></value><value><array><data><value>00-15-65-00-00-01</value><value>00-15-65-00-00-0B</value></data></array></value>")},
		{encode("listDevices"), result("<value><boolean>0</boolean></value><value>no, not &#55357;&#56542; &lt;now&gt;</value>")},
		{encode("registerDevice", foreign, "s1"), result("<value><boolean>0</boolean></value><value>" + foreignText("0015650000fa") + "</value>")},
		{encode("listDevices"), head + "<fault><value><struct><member><name>faultCode</name><value><i4>0</i4></value></member><member><name>faultString</name><value>no</value></member></struct></value></fault></methodResponse>"},
	} {
		_, _, got, err := do(s.Transport(), newRequest(t, "http://rps/", call.body))
		if err != nil || got != call.want {
			t.Errorf("%v: got\n%s\nwant\n%s", err, got, call.want)
		}
	}
}

func TestURLForms(t *testing.T) {
	tests := []struct {
		form      func(string) string
		url, want string
	}{
		{urlCase, "http://a.example/B", "HTTP://A.EXAMPLE/B"},
		{urlCase, "HTTP://A.EXAMPLE", "http://a.example"},
		{urlCase, "nonsense", "nonsense"},
		{urlPort, "https://a.example?b", "https://a.example:443?b"},
		{urlPort, "HTTPS://a.example:443/", "HTTPS://a.example/"},
		{urlPort, "ftp://a.example/", "ftp://a.example:21/"},
		{urlPort, "tftp://a.example/", "tftp://a.example:69/"},
		{urlPort, "http://a.example:8080/", "http://a.example:8080/"},
		{urlPort, "http://[::1]/", "http://[::1]:80/"},
		{urlPort, "http://[::1]:81/", "http://[::1]:81/"},
		{urlSlash, "http://a.example", "http://a.example/"},
		{urlSlash, "http://a.example/", "http://a.example"},
		{urlSlash, "http://a.example?b", "http://a.example/?b"},
		{urlSlash, "http://a.example/b", "http://a.example/b"},
		{urlEscape, "http://a-b.example/-_~%7E%2f", "http://a-b.example/%2D%5F%7E%7e%2F"},
		{urlEscape, "http://a.example/%", "http://a.example/%"},
	}
	for _, test := range tests {
		if got := test.form(test.url); got != test.want {
			t.Errorf("%s became %s, want %s", test.url, got, test.want)
		}
	}
}
