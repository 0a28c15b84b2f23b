package rps

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/encoding/htmlindex"
)

// However a text is written, it is the same text, refused for the same reason.
func FuzzRefusalText(f *testing.F) {
	for _, text := range []string{"Error: Invalid server", "Error:001565000001,\n00-15-65-00-00-02" + ticket,
		"", " ", "]]>", "a&b<c>", "00 15 65 00 00 01 00 15 65 00 00 02", "\u00a0Error:\u202e", "Too many MACs"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if encodable([]any{text}) != nil || strings.Contains(text, "\ufffd") {
			return
		}
		want := refusal(MethodRegisterDevices, text)
		secrets{}.conceal(want)
		for _, mac := range want.MACs {
			if digits := strings.NewReplacer("-", "", ":", "", ".", "", " ", "").Replace(strings.ToUpper(text)); !strings.Contains(digits, mac.Bare()) &&
				strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) < 0 {
				t.Fatalf("%q names %v?", text, mac)
			}
		}
		var escaped strings.Builder
		xml.EscapeText(&escaped, []byte(text))
		half := len(text) / 2
		for half > 0 && text[half]&0xc0 == 0x80 {
			half--
		}
		cdata := func(s string) string {
			return "<![CDATA[" + strings.ReplaceAll(s, "]]>", "]]]]><![CDATA[>") + "]]>"
		}
		forms := []string{escaped.String(), "<string>" + escaped.String() + "</string>"}
		if !strings.Contains(text, "\r") { // which XML reads as a line break here
			forms = append(forms, cdata(text), "<string>"+cdata(text[:half])+cdata(text[half:])+"</string>",
				"\n<!-- x -->"+cdata(text[:half])+"<!-- y -->"+cdata(text[half:])+"\n")
		}
		for _, form := range forms {
			_, got := readText(MethodRegisterDevices, document(no, form))
			if got == nil || got.Kind != want.Kind || got.Text != want.Text || !slices.Equal(got.MACs, want.MACs) {
				t.Fatalf("%q is read as %#v, want %#v", form, got, want)
			}
		}
	})
}

// Whatever the encoding of an answer, it says the same.
func FuzzEncodings(f *testing.F) {
	for _, text := range []string{"Invalid server", "é", "电话 001565000001", "\U0001D11E\ufeff", "a&b]]>\n"} {
		for i := range encodings {
			f.Add(text, uint(i), true)
		}
	}
	f.Fuzz(func(t *testing.T, text string, n uint, mark bool) {
		if encodable([]any{text}) != nil || strings.ContainsAny(text, "\ufffd\r") {
			return
		}
		name := encodings[n%uint(len(encodings))]
		in, err := htmlindex.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		var escaped strings.Builder
		xml.EscapeText(&escaped, []byte(text))
		body := strings.Replace(document(no, escaped.String()), "UTF-8", name, 1)
		if mark && strings.HasPrefix(name, "utf-16") {
			body = "\ufeff" + body
		}
		encoded, err := in.NewEncoder().String(body)
		if err != nil {
			return // it cannot be said in that encoding
		}
		if plain, err := in.NewDecoder().String(encoded); err != nil || plain != body {
			return
		}
		want := refusal(MethodEditDevice, text)
		secrets{}.conceal(want)
		_, got := readText(MethodEditDevice, encoded)
		if got == nil || got.Kind != want.Kind || got.Text != want.Text || !slices.Equal(got.MACs, want.MACs) {
			t.Fatalf("%q in %s is read as %#v, want %#v", text, name, got, want)
		}
		// The halves of a character are one.
		halves := utf16.Encode([]rune(text))
		escaped.Reset()
		for _, half := range halves {
			fmt.Fprintf(&escaped, "&#%d;", half)
		}
		if _, got := readText(MethodEditDevice, document(no, escaped.String())); got == nil || got.Text != want.Text {
			t.Fatalf("%s is read as %#v, want %#v", escaped.String(), got, want)
		}
	})
}

var encodings = []string{"utf-8", "utf-16le", "utf-16be", "windows-1252", "gbk", "gb18030", "shift_jis", "koi8-r"}

// No secret is left in a text, however it was escaped on the way.
func FuzzMask(f *testing.F) {
	f.Add("https://conf.example.com/u1?a=1&b=2", "Error: ", ": bad", "query escaped", "HTML")
	f.Add("http://h/%2f%252f", "%", "25", "JSON", "slashes")
	f.Add("a", "", "", "no scheme", "upper case")
	f.Fuzz(func(t *testing.T, secret, before, after, first, second string) {
		rewrite, again := rewritings[first], rewritings[second]
		if rewrite == nil || again == nil || OneLine(secret) != secret || strings.ContainsAny(secret, "%&\\\ufffd") {
			return
		}
		_, rest, _ := strings.Cut(strings.TrimRight(secret, "/"), "://")
		text := OneLine(before + again(rewrite(secret)) + after)
		got := secrets{secret}.clean(text)
		plain, origin := unescaped(got)
		if len(origin) != len(plain)+1 || origin[len(plain)] != len(got) {
			t.Fatalf("%q: %d origins of %d bytes", got, len(origin), len(plain))
		}
		if rest = strings.ToLower(rest); len(rest) > 3 && !strings.Contains(rest, "*") && strings.Contains(strings.ToLower(got), rest) {
			t.Fatalf("%q in %q is left as %q", secret, text, got)
		}
	})
}
