package xlsx

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// scanned writes the tokens of XML as short text.
func scanned(r io.Reader) (string, error) {
	var b strings.Builder
	for s := newScanner(r); ; {
		token, err := s.next()
		if errors.Is(err, io.EOF) {
			return b.String(), nil
		} else if err != nil {
			return b.String(), err
		}
		switch token {
		case startTag:
			fmt.Fprintf(&b, "<%s", s.name)
			for _, a := range s.attrs {
				value, err := appendText(nil, a.value)
				if err != nil {
					return b.String(), err
				}
				fmt.Fprintf(&b, " %s=%q", a.name, value)
			}
			b.WriteString(">")
		case endTag:
			b.WriteString("</>")
		case textRun:
			text := s.text
			if !s.cdata {
				text, err = appendText(nil, text)
			} else {
				text, err = appendChecked(nil, text)
			}
			if err != nil {
				return b.String(), err
			}
			fmt.Fprintf(&b, "%q", text)
		}
	}
}

func TestScanner(t *testing.T) {
	tests := []struct{ name, xml, want string }{
		{"tags", `<a><b/><c></c></a>`, `<a><b></><c></></>`},
		{"declaration and line breaks", "<?xml version='1.0'?>\r\n<a\n/>\n", `<a></>`},
		{"text", `<a>x<b>y</b> z</a>`, `<a>"x"<b>"y"</>" z"</>`},
		{"attributes", "<a b='1' c=\"2>'\" d\t=\n'\"'/>", `<a b="1" c="2>'" d="\"">` + "</>"},
		{"prefixes", `<x:a r:id="1" id="2"></x:a>`, `<a r:id="1" id="2"></>`},
		{"references", `<a b="&lt;&#65;">&amp;&gt;&quot;&apos;&#x1F600;</a>`, `<a b="<A">"&>\"'😀"</>`},
		{"text sections", `<a><![CDATA[<&]]>x<![CDATA[]]]></a>`, `<a>"<&""x""]"</>`},
		{"comments", `<!-- <b> --><a><!----><?x <b> ?>x</a><!---->`, `<a>"x"</>`},
		{"line ends of text", "<a>1\r\n2\r3\n4</a>", `<a>"1\n2\n3\n4"</>`},
		{"a space in an end tag", "<a></a >", `<a></>`},
		{"nested", strings.Repeat("<a>", maxDepth) + strings.Repeat("</a>", maxDepth), strings.Repeat("<a>", maxDepth) + strings.Repeat("</>", maxDepth)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := scanned(strings.NewReader(test.xml))
			if err != nil || got != test.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, test.want)
			}
			if got, err := scanned(iotest.OneByteReader(strings.NewReader(test.xml))); err != nil || got != test.want {
				t.Errorf("byte by byte: got %s, %v", got, err)
			}
			for cut := range len(test.xml) - 1 { // the last byte may be a line end
				if got, err := scanned(strings.NewReader(test.xml[:cut])); err == nil && got != test.want {
					t.Errorf("cut behind %q: %s", test.xml[:cut], got)
				}
			}
		})
	}
}

// Whatever the size of what stands between two tags, up to a limit.
func TestScannerSizes(t *testing.T) {
	sizes := []int{1, 200_000, maxToken - 100}
	for size := 32<<10 - 24; size <= 32<<10; size++ { // around the first buffer's
		sizes = append(sizes, size)
	}
	for _, size := range sizes {
		text := strings.Repeat("x", size)
		for _, form := range []string{"<a>%s</a>", "<a b='%s'></a>", "<a><!--%s--></a>", "<a><![CDATA[%s]]></a>"} {
			got, err := scanned(strings.NewReader(fmt.Sprintf(form, text)))
			if err != nil || !strings.Contains(form, "!--") && !strings.Contains(got, text) {
				t.Errorf("%s with %d bytes: %v", form, size, err)
			}
			if _, err := scanned(strings.NewReader(fmt.Sprintf(form, strings.Repeat("x", 2*maxToken)))); err == nil {
				t.Errorf("%s with more than %d bytes is taken", form, 2*maxToken)
			}
		}
	}
}

func TestScannerRefuses(t *testing.T) {
	for _, text := range []string{
		"", "  ", "x", "<a>", "<a><b></a>", "<a></b>", "</a>", "<a></a><b/>", "<a/>x", "<>", "<a", "<a b>", "<a b=c>", "<a b='1' b", "<a b='1'c='2'/>", "<a b='<'/>", `<a b"1"/>`, "<a 'b'/>", "<a / b='1'/>", "<a /b='1'/>",
		"<a>x < y</a>", "<a>&</a>", "<a>&nbsp;</a>", "<a>&#0;</a>", "<a>&#x1;</a>", "<a>&#xD800;</a>", "<a>&#x110000;</a>", "<a>&amp</a>", "<a>\x01</a>", "<a>\xff</a>",
		`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, "<!DOCTYPE a><a/>", "<![CDATA[x]]><a/>", "<a><![CDATA[x]></a>", "<a><!-- </a>", "<a><?x </a>",
		strings.Repeat("<a>", maxDepth+1) + strings.Repeat("</a>", maxDepth+1),
		"<a " + strings.Repeat("b='1' ", maxAttrs+1) + "/>",
	} {
		if got, err := scanned(strings.NewReader(text)); err == nil {
			t.Errorf("%.40q is taken: %.80s", text, got)
		}
	}
	broken := errors.New("broken")
	if _, err := scanned(io.MultiReader(strings.NewReader("<a>"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

// What the scanner takes, encoding/xml reads as the same tokens.
func FuzzScanner(f *testing.F) {
	for _, text := range []string{`<?xml version="1.0"?><a b="1" x:c='&lt;'>t&amp;<b/><![CDATA[<]]><!-- --></a>`, "<a>\r\n</a >", `<x:a>é</x:a>`, `<a b="]]>"/>`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := scanned(bytes.NewReader(text))
		if other, err2 := scanned(iotest.OneByteReader(bytes.NewReader(text))); other != got || (err == nil) != (err2 == nil) {
			t.Fatalf("byte by byte %s, %v; else %s, %v", other, err2, got, err)
		}
		if err != nil {
			return
		}
		want, err := byStandardLibrary(text)
		if err != nil {
			t.Skip(err) // it knows of names and of what may stand in comments
		}
		// It joins texts, and so do we.
		if got = strings.ReplaceAll(got, `""`, ""); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}

func byStandardLibrary(text []byte) (string, error) {
	var b strings.Builder
	d := xml.NewDecoder(bytes.NewReader(text))
	name := func(n xml.Name) string {
		if n.Space != "" {
			return n.Space + ":" + n.Local
		}
		return n.Local
	}
	for depth := 0; ; {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return strings.ReplaceAll(b.String(), `""`, ""), nil
		}
		switch token := token.(type) {
		case nil:
			return "", err
		case xml.StartElement:
			depth++
			fmt.Fprintf(&b, "<%s", token.Name.Local)
			for _, a := range token.Attr {
				fmt.Fprintf(&b, " %s=%q", name(a.Name), a.Value)
			}
			b.WriteString(">")
		case xml.EndElement:
			depth--
			b.WriteString("</>")
		case xml.CharData:
			if depth > 0 {
				fmt.Fprintf(&b, "%q", token)
			}
		}
	}
}

func TestUnescape(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "_x": "_x", "a_x0041_b": "aAb", "_x000D_\n": "\r\n", "_x005F_x0041_": "_x0041_", "_x004_": "_x004_", "_x00g1_": "_x00g1_",
		"_xD83D__xDE00_": "😀", "_xD83D_x": "\ufffdx", "_x0041__x0042": "A_x0042", "_X0041_": "_X0041_", "server_x": "server_x",
	} {
		if got := string(unescape([]byte("_x0041_"+text), len("_x0041_"))); got != "_x0041_"+want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestReferences(t *testing.T) {
	for ref, want := range map[string][2]int{"A1": {1, 1}, "XFD1048576": {MaxRows, MaxColumns}, "b7": {7, 2}, "AA10": {10, 27}} {
		row, column, ok := parseRef([]byte(ref))
		if !ok || [2]int{row, column} != want {
			t.Errorf("%s: %d %d %v", ref, row, column, ok)
		}
		if name := cellName(row, column); name != strings.ToUpper(ref) {
			t.Errorf("%s is named %s", ref, name)
		}
	}
	for _, ref := range []string{"", "A", "1", "A0", "XFE1", "A1048577", "A1:B2", "$A$1", "AAAA1", "A99999999999999999999", "R1C1", "A-1", "Ä1"} {
		if row, column, ok := parseRef([]byte(ref)); ok {
			t.Errorf("%q: %d %d", ref, row, column)
		}
	}
}
