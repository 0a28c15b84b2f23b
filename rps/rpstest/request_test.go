package rpstest

import (
	"encoding/xml"
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestParseRequest(t *testing.T) {
	const head = "<methodCall><methodName>m</methodName>"
	param := func(v string) string {
		return head + "<params><param>" + v + "</param></params></methodCall>"
	}
	str := func(s string) []value { return []value{{text: s}} }
	good := []struct {
		name, body string
		want       []value
	}{
		{"no params", head + "</methodCall>", nil},
		{"empty params", head + "<params/></methodCall>", nil},
		{"comments", "<?xml version='1.0'?><!-- a -->" + head + "<!-- b --></methodCall><!-- c -->\n", nil},
		{"string", param("<value><string>a</string></value>"), str("a")},
		{"untyped", param("<value> a b </value>"), str("a b")},
		{"empty untyped", param("<value/>"), str("")},
		{"blanks", param("<value> <string> <![CDATA[a]]> </string> </value>"), str("a")},
		{"CDATA in text", param("<value><string>a<![CDATA[<b>]]>c</string></value>"), str("a<b>c")},
		{"references", param("<value><string>&lt;&#65;&amp;</string></value>"), str("<A&")},
		{"int", param("<value><int>1</int></value>"), []value{{kind: other, text: "int"}}},
		{"nil", param("<value><nil/></value>"), []value{{kind: other, text: "nil"}}},
		{"struct", param("<value><struct><member><name>a</name><value>1</value></member></struct></value>"), []value{{kind: other, text: "struct"}}},
		{"array", param("<value><array><data><value>a</value><value><string>b</string></value></data></array></value>"),
			[]value{{kind: array, items: []value{{text: "a"}, {text: "b"}}}}},
	}
	for _, test := range good {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseRequest([]byte(test.body))
			if err != nil || got.method != "m" || !reflect.DeepEqual(got.params, test.want) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	bad := []struct{ name, body, want string }{
		{"nothing", "", "unexpected EOF"},
		{"text", "hello", "text after the end"},
		{"another element", "<methodResponse/>", "unexpected <methodResponse>"},
		{"no name", "<methodCall><methodName> </methodName></methodCall>", "the method has no name"},
		{"name missing", "<methodCall><params/></methodCall>", "unexpected <params>"},
		{"no end", head, "unexpected EOF"},
		{"wrong end", head + "</methodName>", "unexpected </methodName>"},
		{"crossed", param("<value><string>a</value></string>"), "unexpected </value>"},
		{"two roots", head + "</methodCall><methodCall/>", "unexpected <methodCall>"},
		{"text after", head + "</methodCall>x", "text after the end"},
		{"text between", head + "x<params/></methodCall>", "text before <params>"},
		{"text before type", param("<value>x<string>a</string></value>"), "text before <string>"},
		{"two types", param("<value><string>a</string><string>a</string></value>"), "unexpected <string>"},
		{"unknown type", param("<value><text>a</text></value>"), "unexpected <text>"},
		{"namespace", param("<value><ex:nil/></value>"), "unexpected <ex:nil>"},
		{"array without data", param("<value><array></array></value>"), "unexpected </array>"},
		{"entity", param("<value>&eacute;</value>"), "invalid character entity"},
		{"document type", "<!DOCTYPE x>" + head + "</methodCall>", "a document type is not allowed"},
		{"charset", "<?xml version='1.0' encoding='UTF-16'?>" + head + "</methodCall>", "encoding"},
		{"deep", head + "<params><param>" + strings.Repeat("<value><array><data>", 9), "nested too deep"},
	}
	for _, test := range bad {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseRequest([]byte(test.body))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q in it", err, test.want)
			}
		})
	}
}

// FuzzParseRequest holds that a request that was read can be written and read
// again as the same, and that the service answers it, whatever it is.
func FuzzParseRequest(f *testing.F) {
	examples, err := os.ReadFile("testdata/guide-requests.txt")
	if err != nil {
		f.Fatal(err)
	}
	for example := range strings.SplitSeq(string(examples), "\n-- ") {
		_, example, _ = strings.Cut(example, "--\n")
		f.Add([]byte(strings.ReplaceAll(example, "...", "")))
	}
	f.Add([]byte(encode("registerDevices", l(own, "<&>]]&gt;", free), "s1", 1)))
	s := furnished(Options{Partial: true})
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := parseRequest(body)
		if err == nil {
			again, err := parseRequest([]byte(req.xml()))
			if err != nil || !reflect.DeepEqual(again, req) {
				t.Errorf("%+v was written and read as %+v, %v", req, again, err)
			}
		}
		if got := ask(t, s, string(body)); err != nil && got[0] != "fault" {
			t.Errorf("a request that cannot be read was answered with %q", got)
		}
	})
}

// xml writes a request for the fuzz target.
func (r request) xml() string {
	var b strings.Builder
	b.WriteString("<methodCall><methodName>")
	xml.EscapeText(&b, []byte(r.method))
	b.WriteString("</methodName><params>")
	for _, param := range r.params {
		b.WriteString("<param>" + param.xml() + "</param>")
	}
	return b.String() + "</params></methodCall>"
}

func (v value) xml() string {
	var b strings.Builder
	switch v.kind {
	case text:
		xml.EscapeText(&b, []byte(v.text))
	case array:
		b.WriteString("<array><data>")
		for _, item := range v.items {
			b.WriteString(item.xml())
		}
		b.WriteString("</data></array>")
	case other:
		b.WriteString("<" + v.text + "/>")
	}
	return "<value>" + b.String() + "</value>"
}

func TestParseMAC(t *testing.T) {
	want := mac{0x00, 0x1a, 0xb2, 0xfe, 0x00, 0x09}
	for _, text := range []string{"001ab2fe0009", "001AB2FE0009", "00-1a-b2-FE-00-09", "00:1a:b2:fe:00:09", "00 1A B2 FE 00 09"} {
		if got, ok := parseMAC(text); !ok || got != want {
			t.Errorf("%q: %v %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "001ab2fe000", "001ab2fe00090", "001ab2fe000g", "00-1a-b2-fe-00:09",
		"00.1a.b2.fe.00.09", "001a.b2fe.0009", "00-1a-b2-fe-0-009", " 001ab2fe0009", "001-ab-2fe-00-09x"} {
		if got, ok := parseMAC(text); ok {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}
