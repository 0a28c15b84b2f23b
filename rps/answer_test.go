package rps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// document returns an answer with these values.
func document(values ...string) string {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<methodResponse\nxmlns:ex=\"http://ws.apache.org/xmlrpc/namespaces/extensions\">\n" +
		"<params>\n <param>\n  <value>\n   <array>\n    <data>\n")
	for _, value := range values {
		b.WriteString("     <value>" + value + "</value>\n")
	}
	b.WriteString("    </data>\n   </array>\n  </value>\n </param>\n</params>\n</methodResponse>\n")
	return b.String()
}

// readText reads an answer that declares no encoding outside itself.
func readText(method, text string) (answer, *Error) {
	a, e := readAnswer(method, "", newBody(context.Background(), strings.NewReader(text), method))
	if e != nil {
		secrets{}.conceal(e)
	}
	return a, e
}

const (
	yes = "<boolean>1</boolean>"
	no  = "\n<boolean>0</boolean>\n"
)

func list(values ...string) string {
	return "<array><data><value>" + strings.Join(values, "</value><value>") + "</value></data></array>"
}

func TestReadAnswerGranted(t *testing.T) {
	const set, ext, all = MethodRegisterDevices, MethodCheckDeviceExt, MethodListDevices
	one := answer{macs: macs("001565000001")}
	two := answer{macs: macs("001565000001", "001565000002")}
	tests := []struct {
		name, method, body string
		want               answer
	}{
		{"plain", set, document(yes, "OK"), answer{}},
		{"padded", set, document("\n <boolean>1</boolean>\n", "\n  OK\n "), answer{}},
		{"typed", set, document(yes, "<string>\nok\n</string>"), answer{}},
		{"word", set, document("<boolean>true</boolean>", "OK"), answer{}},
		{"padded code", set, document("<boolean>\n 1 \n</boolean>", "OK"), answer{}},
		{"commented code", set, document("<boolean><!-- yes -->1</boolean>", "OK"), answer{}},
		{"integer code", set, document("<int>1</int>", "OK"), answer{}},
		{"i4 code", set, document("<i4> 1 </i4>", "OK"), answer{}},
		{"CDATA", set, document(yes, "\n<![CDATA[OK]]>\n"), answer{}},
		{"CDATA in a string", set, document(yes, "<string>\n<![CDATA[OK]]></string>"), answer{}},
		{"mark before", set, "\ufeff" + document(yes, "OK"), answer{}},
		{"lines before", set, "\r\n" + document(yes, "OK"), answer{}},
		{"tags lacking", set, strings.TrimSuffix(document(yes, "OK"), "</methodResponse>\n"), answer{}},
		{"tags too many", set, document(yes, "OK") + "</params></methodResponse>", answer{}},
		{"no prolog", set, "<methodResponse><params><param><value><array><data><value>" + yes + "</value><value>OK</value></data></array></value></param></params></methodResponse>", answer{}},

		{"unregistered", ext, document(yes, "unregistered"), answer{status: Unregistered}},
		{"elsewhere", ext, document(yes, "\nREGISTERED\n  Elsewhere "), answer{status: RegisteredElsewhere}},
		{"elsewhere, in other ways", ext, document(yes, "registered_elsewhere."), answer{status: RegisteredElsewhere}},
		{"elsewhere, as a word", ext, document(yes, "RegisteredElsewhere"), answer{status: RegisteredElsewhere}},
		{"unknown", MethodCheckDevice, document(yes, "Unknown"), answer{status: Unknown}},
		{"URL", ext, document(yes, "Registered", "\n http://x/?a=1&amp;b=2\n"), answer{status: Registered, url: "http://x/?a=1&b=2"}},
		{"URL in parts", ext, document(yes, "Registered", "<string>http://x/<![CDATA[?a=1&b]]>=2</string>"), answer{status: Registered, url: "http://x/?a=1&b=2"}},
		{"no URL", ext, document(yes, "Registered", ""), answer{status: Registered}},
		{"empty URL", ext, document(yes, "Registered", "<string/>"), answer{status: Registered}},
		{"name for a URL", ext, document(yes, "Registered", "Head office"), answer{status: Registered}},
		{"nil URL", ext, document(yes, "Registered", "<ex:nil/>"), answer{status: Registered}},

		{"one device", all, document(yes, list("\n00-15-65-00-00-01\n")), one},
		{"one device, no list", all, document(yes, "00-15-65-00-00-01"), one},
		{"two forms", all, document(yes, list("0015.6500.0001", "<string> 001565000002 </string>")), two},
		{"no MACs between", all, document(yes, list("001565000001", "", "junk", "<int>7</int>", "<nil/>", "001565000002")), two},
		{"empty values", all, document(yes, list("001565000001", "<string/>", " ", "001565000002")), two},
		{"CDATA list", all, document(yes, list(" <![CDATA[001565000001]]> ", "<![CDATA[001565000002]]>")), two},
		{"empty list", all, document(yes, "<array><data></data></array>"), answer{macs: []MAC{}}},
		{"empty list, no list", all, document(yes, "<string/>"), answer{}},
		{"empty list, none", all, document(yes), answer{}},
		{"empty list, in words", all, document(yes, "No device(s) exists"), answer{}},
		{"empty list, nil", all, document(yes, "<nil/>"), answer{}},
		{"empty list, short", all, document(yes, "\n<array>\n<data/>\n</array>\n"), answer{macs: []MAC{}}},
	}
	for _, test := range tests {
		got, err := readText(test.method, test.body)
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, %v; want %+v", test.name, got, err, test.want)
		}
	}
}

func TestReadAnswerRefused(t *testing.T) {
	for _, code := range []string{no, "<boolean> false\n</boolean>", "<int>0</int>"} {
		for _, text := range []string{"Invalid server", "\n Error:\nInvalid   server\n", "<string>Invalid <![CDATA[server]]></string>"} {
			_, err := readText(MethodRegisterDevice, document(code, text))
			if err == nil || err.Kind != InvalidServer {
				t.Errorf("%q, %q: %v", code, text, err)
			}
		}
	}
	if _, err := readText(MethodListDevices, document(no, "<array><data/></array>")); err == nil || err.Kind != NoDevices {
		t.Errorf("an empty list that is refused: %v", err)
	}
	for _, more := range [][]string{{list("001565000001", "00:15:65:00:00:02")}, {"<struct><member><name>mac</name><value>001565000001</value></member><member><name>mac</name><value>001565000002</value></member></struct>"},
		{"<int>7</int>", "<nil/>", "001565000001,001565000002"}} {
		_, err := readText(MethodRegisterDevices, document(append([]string{no, "Invalid MAC(s)"}, more...)...))
		if err == nil || err.Kind != InvalidMAC || !slices.Equal(err.MACs, macs("001565000001", "001565000002")) {
			t.Errorf("%q: %v", more, err)
		}
	}
	for _, body := range []string{document(no), document(no, ""), document(no, "<string/>"), document(no, "<nil/>")} {
		_, err := readText(MethodRegisterDevice, body)
		if err == nil || err.Kind != Refusal || err.Text != "" {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestReadAnswerUnreadable(t *testing.T) {
	const set, ext, all = MethodRegisterDevices, MethodCheckDeviceExt, MethodListDevices
	ok := document(yes, "OK")
	fault := func(content string) string {
		return `<?xml version="1.0"?><methodResponse><fault><value><struct>` + content + `</struct></value></fault></methodResponse>`
	}
	tests := []struct{ name, method, body, text string }{
		{"empty", set, "", ""},
		{"blank", set, " \r\n", ""},
		{"text", set, "OK", ""},
		{"page", set, "<!DOCTYPE html>\n<html><body><value><boolean>1</boolean></value></body></html>", ""},
		{"other XML", set, strings.ReplaceAll(ok, "methodResponse", "response"), ""},
		{"a call", set, "<methodCall><methodName>x</methodName></methodCall>", ""},
		{"nested", set, "<x>" + ok + "</x>", ""},
		{"text before", set, "x" + ok, ""},
		{"no params", set, "<methodResponse></methodResponse>", ""},
		{"no value", set, "<methodResponse><params></params></methodResponse>", ""},
		{"two params", set, strings.Replace(ok, "</param>", "</param><param><value>x</value></param>", 1), ""},
		{"no array", set, "<methodResponse><params><param><value>" + yes + "</value></param></params></methodResponse>", ""},
		{"no values", set, document(), ""},
		{"code alone", set, document(yes), ""},
		{"text alone", set, document("OK"), ""},
		{"code as text", set, document("true", "OK"), ""},
		{"code is 2", set, document("<int>2</int>", "OK"), ""},
		{"code is yes", set, document("<boolean>yes</boolean>", "OK"), ""},
		{"code is empty", set, document("<boolean/>", "OK"), ""},
		{"code is empty value", set, document("", "OK"), ""},
		{"code last", set, document("OK", yes), ""},
		{"true, no text", set, document(yes, ""), ""},
		{"true, refusal", set, document(yes, "Error:Invalid server"), "Error:Invalid server"},
		{"true, other text", set, document(yes, "OK then"), "OK then"},
		{"true, URL", ext, document(yes, "http://secret/x"), "***"},
		{"true, list", set, document(yes, list("OK")), ""},
		{"true, three", set, document(yes, "OK", "OK"), ""},
		{"true, four", ext, document(yes, "Registered", "u", "x"), ""},
		{"true, struct", set, document(yes, "<struct/>"), ""},
		{"true, base64", set, document(yes, "<base64>T0s=</base64>"), ""},
		{"two types", set, document(yes, "<string>O</string><string>K</string>"), ""},
		{"text and type", set, document(yes, "O<string>K</string>"), ""},
		{"type and text", set, document(yes, "<string>OK</string>, not"), ""},
		{"stray text", set, strings.Replace(ok, "<data>", "<data>x", 1), ""},
		{"wrong end", set, strings.Replace(ok, "</array>", "</data>", 1), ""},
		{"false, list", all, document(no, list("001565000001")), ""},
		{"charset", set, strings.Replace(ok, "UTF-8", "KLINGON-8", 1), ""},
		{"not UTF-8", set, document(yes, "OK\xff"), ""},
		{"control character", set, document(yes, "OK\x01"), ""},
		{"entity", set, document(yes, "OK&foo;"), ""},

		{"status with more", ext, document(yes, "Registered, I think"), "Registered, I think"},
		{"status OK", ext, document(yes, "OK"), "OK"},
		{"long URL", ext, document(yes, "Registered", "http://"+strings.Repeat("x", maxURL)), ""},
		{"URL with a line break", ext, document(yes, "Registered", "http://x/\n001565000002,http://y/"), ""},
		{"URL like a formula", ext, document(yes, "Registered", "=http://x/"), ""},
		{"URL with a mark", ext, document(yes, "Registered", "http://x/\u202e"), ""},
		{"URL with a reference", ext, document(yes, "Registered", "http://x/&#x9b;"), ""},
		{"status list", ext, document(yes, list("Registered")), ""},
		{"list of lists", all, document(yes, list(list("001565000001"))), ""},
		{"list is OK", all, document(yes, "OK"), "OK"},
		{"list and more", all, document(yes, list("001565000001"), "x"), ""},

		{"code of a fault", set, fault("<member><name>faultCode</name><value>bad</value></member>"), ""},
		{"fault without members", set, "<methodResponse><fault><value>bad</value></fault></methodResponse>", ""},
		{"cut fault", set, "<methodResponse><fault><value>bad", ""},
		{"empty fault", set, "<methodResponse><fault/>", ""},
	}
	for _, test := range tests {
		got, err := readText(test.method, test.body)
		if err == nil || err.Kind != Unreadable || err.Text != test.text || !reflect.DeepEqual(got, answer{}) {
			t.Errorf("%s: %+v, %v", test.name, got, err)
		}
		if blank := strings.TrimSpace(test.body) == ""; err != nil && (err.MayStillApply() != blank || errors.Is(err, errEmpty) != blank) {
			t.Errorf("%s: %v, may still be applied: %v", test.name, err, !blank)
		}
	}
	if _, err := readText(set, ok); err != nil {
		t.Fatal(err) // what the answers above were made of
	}
}

// An answer cut off anywhere is granted only if all of params is there.
func TestReadAnswerTruncated(t *testing.T) {
	for method, body := range map[string]string{
		MethodRegisterDevices: document(yes, "\n OK\n"),
		MethodCheckDeviceExt:  document(yes, "Registered", "http://x/y"),
		MethodListDevices:     document(yes, list("001565000001", "001565000002")),
		MethodEditDevice:      document(no, "Invalid server"),
	} {
		whole := strings.Index(body, "</params>") + len("</params>")
		for n := range len(body) + 1 {
			_, err := readText(method, body[:n])
			readable := err == nil || err.Kind.Refused()
			if readable != (n >= whole) {
				t.Fatalf("%s cut after %d of %d bytes: %v", method, n, len(body), err)
			}
		}
	}
}

// longList is an answer with n devices, written as the guide does.
func longList(n int) string {
	var b bytes.Buffer
	b.WriteString("<methodResponse><params><param><value><array><data><value><boolean>1</boolean></value><value><array><data>\n")
	for i := range n {
		fmt.Fprintf(&b, "                <value>\n                  %v\n                </value>\n", MACFromUint64(0x001565000000+uint64(i)))
	}
	b.WriteString("</data></array></value></data></array></value></param></params></methodResponse>")
	return b.String()
}

func TestReadAnswerLongList(t *testing.T) {
	const n = 20_000
	a, err := readText(MethodListDevices, longList(n))
	if err != nil || len(a.macs) != n || a.macs[n-1].Uint64() != 0x001565000000+n-1 {
		t.Errorf("read %d devices, %v", len(a.macs), err)
	}
	if size := 1000 * (len(longList(2000)) - len(longList(1000))); size > maxList {
		t.Errorf("a million devices take %d bytes", size)
	}
}

func FuzzReadAnswer(f *testing.F) {
	for _, body := range guideBlocks(f, `<?xml version="1.0"`) {
		f.Add(body)
	}
	f.Add(document(yes, "<string>O<![CDATA[K]]></string>"))
	f.Add(document("<int> 1 </int>", list("001565000001", "", "<nil/>")))
	f.Add(document(yes, "Registered", "<ex:nil/>"))
	f.Add(document(yes, "Registered", "&#55348;&#xdd1e;&#65;\ufffd"))
	f.Add(strings.Replace(document(yes, "Registered", "http://\xe9"), "UTF-8", "ISO-8859-1", 1))
	f.Add(strings.Replace(document(yes, list("\xb5\xe7")), "UTF-8", "GBK", 1))
	f.Add("\ufeff" + document(yes, "OK"))
	f.Add("\xff\xfe<\x00m\x00")
	f.Add("<methodResponse><fault><value><struct/></value></fault></methodResponse>")
	f.Add("<methodResponse><fault><value><struct><member><name>faultCode</name><value>\n<i4>\n0\n</i4></value></member>" +
		"<member><name>faultString</name><value>No such handler: x</value></member></struct></value></fault></methodResponse>")
	f.Fuzz(func(t *testing.T, body string) {
		for _, method := range []string{MethodRegisterDevices, MethodCheckDeviceExt, MethodListDevices} {
			a, err := readText(method, body)
			if err != nil {
				if !slices.Contains([]Kind{Unreadable, HandlerFailed, Unauthorized, NotService}, err.Kind) && !err.Kind.Refused() || err.Method != method {
					t.Fatalf("%s: %#v", method, err)
				}
				if strings.ContainsAny(err.Error(), "\n\r\x00\x1b") {
					t.Fatalf("%s: %q", method, err)
				}
				continue
			}
			// Without these there was no yes to be read.
			for _, part := range []string{"<", "methodResponse", "params", "array", "data", "1"} {
				if !strings.Contains(body, part) && !(part == "1" && strings.Contains(strings.ToLower(body), "true")) && !strings.Contains(body, "&#") {
					t.Fatalf("%s: granted without %q: %q", method, part, body)
				}
			}
			// Only one of the three methods has such an answer.
			if method != MethodListDevices && a.macs != nil || method == MethodRegisterDevices && !reflect.DeepEqual(a, answer{}) {
				t.Fatalf("%s: %+v", method, a)
			}
			if method == MethodCheckDeviceExt && !slices.Contains([]DeviceStatus{Unregistered, Registered, RegisteredElsewhere, Unknown}, a.status) {
				t.Fatalf("%s: %+v", method, a)
			}
			// Half of it is no yes.
			if end := strings.Index(body, "</params"); end >= 0 {
				if _, err := readText(method, body[:end]); !errors.Is(err, Unreadable) {
					t.Fatalf("%s: granted when cut off: %q", method, body[:end])
				}
			}
		}
	})
}

func BenchmarkReadAnswer(b *testing.B) {
	body := document("\n<boolean>1</boolean>\n", "\nOK\n")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readText(MethodRegisterDevices, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadAnswerMillion(b *testing.B) {
	body := longList(1_000_000)
	for b.Loop() {
		if a, err := readText(MethodListDevices, body); err != nil || len(a.macs) != 1_000_000 {
			b.Fatal(len(a.macs), err)
		}
	}
}

func TestFaultsKeepURLsToThemselves(t *testing.T) {
	body := `<?xml version="1.0"?><methodResponse><fault><value><struct><member><name>faultCode</name><value><int>0</int></value></member><member><name>faultString</name><value>bad https://x.example.com/s3cret here</value></member></struct></value></fault></methodResponse>`
	_, err := readText(MethodListDevices, body)
	if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "here") {
		t.Error(err)
	}
}
