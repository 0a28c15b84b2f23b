package rps

import (
	"encoding/xml"
	"slices"
	"strings"
	"testing"
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
			_, got := readAnswer(MethodRegisterDevices, []byte(document(no, form)))
			if got == nil || got.Kind != want.Kind || got.Text != want.Text || !slices.Equal(got.MACs, want.MACs) {
				t.Fatalf("%q is read as %#v, want %#v", form, got, want)
			}
		}
	})
}
