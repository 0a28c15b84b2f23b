package rps

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// An answer is read in the encoding that it declares.
func TestEncodings(t *testing.T) {
	const url = "https://example.com/é"
	declared := func(name string) string {
		return strings.Replace(document(yes, "Registered", url), "UTF-8", name, 1)
	}
	bare := strings.Replace(document(yes, "Registered", url), ` encoding="UTF-8"`, "", 1)
	none := bare[strings.Index(bare, "<methodResponse"):]
	utf16 := func(order unicode.Endianness, mark unicode.BOMPolicy) encoding.Encoding {
		return unicode.UTF16(order, mark)
	}
	for _, test := range []struct {
		name, contentType, text string
		in                      encoding.Encoding
	}{
		{"nothing", "", none, encoding.Nop},
		{"UTF-8", "text/xml; charset=utf-8", declared("utf-8"), encoding.Nop},
		{"UTF-8 with a mark", "text/xml", "\ufeff" + bare, encoding.Nop},
		{"a mark against a declaration", "text/xml", "\ufeff" + declared("iso-8859-1"), encoding.Nop},
		{"ISO-8859-1", "text/xml", declared("ISO-8859-1"), charmap.ISO8859_1},
		{"single quotes", "", strings.ReplaceAll(declared("latin1"), `"`, "'"), charmap.ISO8859_1},
		{"lines before", "", "\r\n" + declared("latin1"), charmap.ISO8859_1},
		{"windows-1252", "", strings.ReplaceAll(declared("windows-1252"), "é", "€"), charmap.Windows1252},
		{"GBK", "", strings.ReplaceAll(declared("GBK"), "é", "电话"), simplifiedchinese.GBK},
		{"GB18030", "", strings.ReplaceAll(declared("gb18030"), "é", "电\U0001F4DE话"), simplifiedchinese.GB18030},
		{"UTF-16 with a mark", "", declared("UTF-16"), utf16(unicode.BigEndian, unicode.UseBOM)},
		{"UTF-16LE with a mark", "", declared("UTF-16"), utf16(unicode.LittleEndian, unicode.UseBOM)},
		{"UTF-16BE", "", declared("UTF-16BE"), utf16(unicode.BigEndian, unicode.IgnoreBOM)},
		{"UTF-16LE, undeclared", "", none, utf16(unicode.LittleEndian, unicode.IgnoreBOM)},
		{"UTF-16 declared, UTF-8 sent", "text/xml; charset=utf-16", declared("utf-16"), encoding.Nop},
		{"header alone", `text/xml; charset="iso-8859-1"`, bare, charmap.ISO8859_1},
		{"header against a declaration", "text/xml; charset=iso-8859-1", declared("UTF-8"), encoding.Nop},
		{"no type", "; charset=", bare, encoding.Nop},
	} {
		text, err := test.in.NewEncoder().String(test.text)
		if err != nil {
			t.Fatal(test.name, err)
		}
		a, e := readAnswer(MethodCheckDeviceExt, test.contentType, newBody(t.Context(), strings.NewReader(text), MethodCheckDeviceExt))
		want := test.text[strings.Index(test.text, "https://"):]
		want = want[:strings.Index(want, "<")]
		if e != nil || a.status != Registered || a.url != want {
			t.Errorf("%s: %+v, %v; want %q", test.name, a, e, want)
		}
	}
	for _, text := range []string{declared("klingon"), declared("iso-2022-kr"), declared("ISO-8859-1\"\nx=\""), "\xff\xfe" + bare, "\xff\xfe\x00\x00" + bare, "\x00<" + bare} {
		a, e := readText(MethodCheckDeviceExt, text)
		if e == nil && a.url == url || e != nil && e.Kind != Unreadable {
			t.Errorf("%q: %+v, %v", text, a, e)
		}
	}
	_, e := readAnswer(MethodCheckDeviceExt, "text/xml; charset=x-"+strings.Repeat("y", 500), newBody(t.Context(), strings.NewReader(bare), MethodCheckDeviceExt))
	if e == nil || len(e.Error()) > 200 || !strings.Contains(e.Error(), "unknown encoding") {
		t.Error(e)
	}
}

// The engine of the service refers to the halves of a surrogate pair.
func TestSurrogatePairs(t *testing.T) {
	for in, want := range map[string]string{
		"a&#55348;&#56606;b":                         "a\U0001D11Eb",
		"&#xD834;&#xDD1E;":                           "\U0001D11E",
		"&#xd834;&#56606;":                           "\U0001D11E",
		"&#0055348;&#x0dd1e;&#65;":                   "\U0001D11EA",
		"&#65;&#55357;&#56542;&#55357;&#56542;":      "A\U0001F4DE\U0001F4DE",
		"<string>&lt;&#55357;&#56542;&amp;</string>": "<\U0001F4DE&",
		"x<![CDATA[&#55348;&#56606;]]>":              "x&#55348;&#56606;",
		"<![CDATA[\ufffd&#55348;&#56606;]]>":         "\ufffd&#55348;&#56606;",
		"\ufffd&amp;#55348;&#38;#56606;":             "\ufffd&#55348;&#56606;",
		"&#55348;":                                   "\ufffd",
		"&#56606;&#55348;":                           "\ufffd\ufffd",
		"&#55348; &#56606;":                          "\ufffd \ufffd",
		"&#128222;":                                  "\U0001F4DE",
	} {
		v, _, err := parse(strings.NewReader(document(yes, "Registered", in)), "")
		if err != nil || v.texts[1] != want {
			t.Errorf("%s is read as %q, %v; want %q", in, v.texts[1], err, want)
		}
	}
	_, e := readText(MethodEditDevice, "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>0</int></value></member>"+
		"<member><name>faultString</name><value>&#55357;&#56542;</value></member></struct></value></fault></methodResponse>")
	if e == nil || e.Text != "fault 0: \U0001F4DE" {
		t.Error(e)
	}
}

// endless repeats a text, a few bytes more or less than limit, and then runs
// atEnd and ends with tail.
type endless struct {
	text  string
	limit int
	atEnd func()
	tail  string
	have  string
}

func (r *endless) Read(p []byte) (n int, err error) {
	if r.have == "" && r.limit > 0 {
		r.have = strings.Repeat(r.text, max(1, len(p)/len(r.text)))
		r.limit -= len(r.have)
	}
	if r.have == "" {
		if r.atEnd == nil {
			return 0, io.EOF
		}
		r.atEnd()
		r.have, r.atEnd = r.tail, nil
	}
	n = copy(p, r.have)
	r.have = r.have[n:]
	return n, nil
}

func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// An answer takes the memory of its MACs, whatever markup is around them, and
// nothing in it is read beyond the bounds.
func TestAnswersTakeLittleMemory(t *testing.T) {
	const size = 3 << 20
	head := document(yes, "@")
	head, tail, _ := strings.Cut(head, "@")
	for _, test := range []struct {
		name, method, head, text, tail string
		read                           bool // it is an answer that can be read
	}{
		{"entries of nothing", MethodListDevices, head + "<array><data>", "<value/>", "</data></array>" + tail, true},
		{"entries of blanks", MethodListDevices, head + "<array><data>", "<value>\n\n\n<string>  </string></value>", "</data></array>" + tail, true},
		{"text between entries", MethodListDevices, head + "<array><data>", "<value>x</value>...", "</data></array>" + tail, true},
		{"comments", MethodListDevices, head + "<array><data>", "<!-- x -->", "</data></array>" + tail, true},
		{"instructions", MethodListDevices, "", "<?x y?>", head + "001565000001" + tail, true},
		{"one long entry", MethodListDevices, head + "<array><data><value>", "x", "</value></data></array>" + tail, false},
		{"one entry in parts", MethodListDevices, head + "<array><data><value>", "xxxxxxxxxxxxxxxxxxxxxxxx<![CDATA[yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy]]>", "</value></data></array>" + tail, false},
		{"a text", MethodListDevices, head, "x", tail, false},
		{"blanks in a text", MethodListDevices, head, " ", "001565000001" + tail, false},
		{"nested", MethodListDevices, head, "<array><data><value>", tail, false},
		{"nested elsewhere", MethodListDevices, "", "<methodResponse>", "", false},
		{"attributes", MethodListDevices, head + "<array><data><value ", `a="b" `, "></value></data></array>" + tail, false},
		{"a long name", MethodListDevices, head + "<array><data><value><", "x", ">", false},
		{"a long comment", MethodListDevices, head + "<!--", "x", "-->OK" + tail, false},
		{"a fault", MethodListDevices, "<methodResponse><fault><value><struct><member><name>faultString</name><value>", "x", "</value></member></struct></value></fault></methodResponse>", false},
		{"nesting in a fault", MethodListDevices, "<methodResponse><fault>", "<value><array><data>", "</fault></methodResponse>", false},
		{"nesting in a short fault", MethodEditDevice, "<methodResponse><fault>", "<value><array><data>", "</fault></methodResponse>", false},
		{"trailing junk", MethodListDevices, head + "001565000001" + tail, "junk", "", true},
		{"blanks", MethodListDevices, "", " ", "", false},
		{"a foreign page", MethodListDevices, "<html>", "<p>x</p>", "", false},
	} {
		before, most := liveHeap(), int64(0)
		r := &endless{have: test.head, text: test.text, limit: size, tail: test.tail, atEnd: func() { most = liveHeap() - before }}
		_, e := readAnswer(test.method, "", newBody(t.Context(), r, test.method))
		if read := e == nil; read != test.read || e != nil && e.Kind != Unreadable {
			t.Errorf("%s: %v", test.name, e)
		}
		if most > 6<<20 || liveHeap()-before > 6<<20 {
			t.Errorf("%s: it took %d MiB, and keeps %d", test.name, most>>20, (liveHeap()-before)>>20)
		}
		if e != nil && len(e.Error()) > 2*maxText {
			t.Errorf("%s: the error has %d bytes", test.name, len(e.Error()))
		}
	}
}

// A call ends soon after its context, even in the midst of an answer that has
// come already.
func TestCancelledWhileDecoding(t *testing.T) {
	for _, text := range []string{"<value>001565000001</value>", "<value/>", " ", "x"} {
		ctx, cancel := context.WithCancel(t.Context())
		head, _, _ := strings.Cut(document(yes, "<array><data>@"), "@")
		after := &endless{text: text, limit: 100 << 20}
		r := io.MultiReader(strings.NewReader(head), &endless{text: text, limit: 1 << 19, atEnd: cancel}, after)
		_, e := readAnswer(MethodListDevices, "", newBody(ctx, r, MethodListDevices))
		if e == nil || e.Kind != Unreadable || !errors.Is(e, context.Canceled) {
			t.Errorf("%q: %v", text, e)
		}
		if taken := 100<<20 - after.limit; taken > 64<<10 {
			t.Errorf("%q: %d bytes were read after the end", text, taken)
		}
	}
}
