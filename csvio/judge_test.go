package csvio

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"rpsbatch/batch"
)

func TestJudge(t *testing.T) {
	bind, remove := Options{}, Options{Action: batch.Check}
	tests := []struct {
		name, mac, server, url string
		opts                   Options
		want                   string // "" for a good row, or parts of the problem split by |
	}{
		{"server", goodMAC, "s1", "", bind, ""},
		{"url", goodMAC, "", "https://a.example/x", bind, ""},
		{"both", goodMAC, "s1", "https://a.example/x", bind, ""},
		{"all the guide's characters", goodMAC, "AZaz09-_. x", "", bind, ""},
		{"neither", goodMAC, "", "", bind, "neither a server nor a URL|--server"},
		{"default server", goodMAC, "", "", Options{Server: "d"}, ""},
		{"nothing needed", goodMAC, "", "", remove, ""},
		{"not judged if not needed", goodMAC, "b@d", "bad", remove, ""},
		{"MAC is judged though", "", "", "", remove, "the MAC is empty"},
		{"short MAC", "00156500001", "s1", "", bind, "not a valid MAC: it has 11"},
		{"all that is wrong", "x", "a:b", "gopher://x", bind, "not a valid MAC|; the server name contains \":\"|; the URL must begin"},
		{"range of the guide taken literally", goodMAC, "a[b", "", bind, `contains "["`},
		{"backtick", goodMAC, "a`b", "", bind, "contains \"`\""},
		{"umlaut", goodMAC, "Büro", "", bind, `contains "ü"`},
		{"not UTF-8 in a server", goodMAC, "B\xfcro", "", bind, "not UTF-8"},
		{"line break in a server", goodMAC, "a\nb", "", bind, "a line break"},
		{"tab in a server", goodMAC, "a\tb", "", bind, "a tab"},
		{"zero-width space in a server", goodMAC, "a\u200bb", "", bind, "an invisible character (U+200B)"},
		{"URL in the server column", goodMAC, "https://h/s3cret", "", bind, "--column url=NAME"},
		{"word for no URL", goodMAC, "s1", "nan", bind, "the URL cell says nan, which is not a URL"},
		{"dash for no URL", goodMAC, "s1", "-", bind, "the URL cell says -, which is not a URL"},
		{"dash for no server", goodMAC, "-", "", bind, "the server cell says -, which is not the name of a server"},
		{"longest server", goodMAC, strings.Repeat("a", maxServer), "", bind, ""},
		{"longer server", goodMAC, strings.Repeat("a", maxServer+1), "", bind, "longer than 255"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &Reader{opts: test.opts, task: test.opts.task(), macs: macReader{test.opts.Repair, Yealink}}
			device, _, faults := r.judge(&cells{roleMAC: test.mac, roleServer: test.server, roleURL: test.url})
			problem := ""
			for _, fault := range faults {
				problem = joined(problem, fault.text)
				if fault.kind == "" {
					t.Errorf("no kind of fault: %q", fault.text)
				}
			}
			problem = strings.TrimPrefix(problem, "; ")
			checkProblem(t, problem, test.want)
			if strings.Contains(problem, "s3cret") {
				t.Errorf("a URL in a problem: %q", problem)
			}
			if test.opts.Action == batch.Check && (device.Server != "" || device.URL != "") {
				t.Errorf("%+v", device)
			}
		})
	}
}

// errorText is an error with its hint.
func errorText(err error) string {
	text := fmt.Sprint(err)
	if bad := (*FileError)(nil); errors.As(err, &bad) {
		text += "; " + bad.Hint
	}
	return text
}

func checkProblem(t *testing.T, problem, want string) {
	t.Helper()
	if want == "" && problem != "" {
		t.Errorf("problem %q, want none", problem)
	}
	for part := range strings.SplitSeq(want, "|") {
		if !strings.Contains(problem, part) {
			t.Errorf("problem %q, want %q", problem, part)
		}
	}
}

func TestURLProblem(t *testing.T) {
	const scheme = "must begin with"
	const port = "port is not a number"
	tests := []struct{ url, want string }{
		{"http://h", ""},
		{"HTTPS://H/", ""},
		{"ftp://h/x", ""},
		{"tFtp://h/x", ""},
		{"http://user:p%40ss@h.example:8080/a/b?c=d&e=/@:#f", ""},
		{"http://u@v@h/", ""},
		{"https://h?x", ""},
		{"https://h#x", ""},
		{"https://192.0.2.1:1/", ""},
		{"https://[2001:db8::1]/", ""},
		{"https://[2001:db8::1]:65535/", ""},
		{"https://u:p@[::1]:80", ""},
		{"https://my_host.example./", ""},
		{"https://müller.example/ä", ""},
		{"https://h/{id}|^`<>\\", ""},
		{`https://h/1"`, "contains a quote"},
		{"https://h/" + strings.Repeat("x", maxURL-10), ""},
		{"https://h/" + strings.Repeat("x", maxURL-9), "longer than 2048"},
		{"h.example/x", scheme},
		{"gopher://h", scheme},
		{"http:/h", scheme},
		{"http:\\\\h", scheme},
		{"httpx://h", scheme},
		{"xhttp://h", scheme},
		{"://h", scheme},
		{"//h", scheme},
		{":", scheme},
		{"http://", "no host"},
		{"http:///path", "no host"},
		{"http://?q", "no host"},
		{"http://user@/", "no host"},
		{"http://:80/", "no host"},
		{"http://.h/", "an extra dot"},
		{"http://h..x/", "an extra dot"},
		{"http://./", "an extra dot"},
		{"http://$host/", `contains "$"`},
		{"http://h\\x/", `contains "\\"`},
		{"http://h:/", port},
		{"http://h:0/", port},
		{"http://h:65536/", port},
		{"http://h:80a/", port},
		{"http://h:+80/", port},
		{"http://2001:db8::1/", port},
		{"http://[2001:db8::1/", "closing bracket"},
		{"http://[192.0.2.1]/", "not an IPv6"},
		{"http://[x]/", "not an IPv6"},
		{"http://[::1]x/", "something other than a port"},
		{"http://h/a b", "a space"},
		{"http://h/a\tb", "a tab"},
		{"http://h/a\nb", "a line break"},
		{"http://h/\x00", "invisible character (U+0000)"},
		{"http://h/\x7f", "invisible character (U+007F)"},
		{"http://h/\u00a0", "invisible character (U+00A0)"},
		{"http://h/\u0085", "invisible character (U+0085)"},
		{"http://h/ü\ufffe", "invisible character (U+FFFE)"},
		{"http://h/\xff", "not in UTF-8"},
		{"http://h/\ufffd", "lost characters"},
	}
	for _, test := range tests {
		t.Run(test.url[:min(len(test.url), 40)], func(t *testing.T) {
			checkProblem(t, urlProblem(test.url), test.want)
		})
	}
}

// An action is the word itself. What somebody has put a question mark or a dash to
// is not done, and nothing else is asked of such a row.
func TestAction(t *testing.T) {
	rows := "mac,server,action\n"
	good := []string{"deregister", "Deregister", " DEREGISTER ", "\u200bderegister\u00ad", "'deregister", "Unregister", "De-Register"}
	bad := []string{"Deregister?", "(deregister)", "-deregister", "deregister!", "de--register", "dere gister", "remove", "Delete", "add", "abmelden", "-"}
	for _, word := range append(good, bad...) {
		rows += "001565000001,,\"" + word + "\"\n"
	}
	for _, action := range []batch.Action{batch.Register, batch.Deregister} {
		got, _ := rowsOf(t, rows, Options{Action: action})
		for i, row := range got {
			switch {
			case i < len(good) && (row.Problem != "" || row.Device.Action != batch.Deregister):
				t.Errorf("%q: %+v", good[i], row)
			case i >= len(good) && (len(row.Faults) != 1 || row.Faults[0].Kind != kindBadAction):
				t.Errorf("%q: %q, action %v", bad[i-len(good)], row.Problem, row.Device.Action)
			}
		}
	}
}
