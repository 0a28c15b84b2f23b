package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

func TestFirstLine(t *testing.T) {
	in16 := func(text string, low int) string {
		var b strings.Builder
		for _, unit := range utf16.Encode([]rune(text)) {
			pair := [2]byte{byte(unit >> 8), byte(unit)}
			b.WriteByte(pair[low])
			b.WriteByte(pair[1-low])
		}
		return b.String()
	}
	for name, test := range map[string]struct{ text, want string }{
		"plain":           {"pass word \nmore", "pass word "},
		"no line end":     {"p\u00e4ss", "p\u00e4ss"},
		"CRLF":            {"pass\r\n", "pass"},
		"mark":            {"\ufeffpass\n", "pass"},
		"UTF-16LE":        {in16("\ufeffp\u00e4ss\r\nmore", 1), "p\u00e4ss"},
		"UTF-16BE":        {in16("\ufeffp\u00e4ss", 0), "p\u00e4ss"},
		"other bytes":     {"p\xe4ss\n", "p\xe4ss"},
		"empty":           {"\nmore", ""},
		"mark alone":      {"\ufeff\n", ""},
		"UTF-16, no mark": {in16("pass", 1), ""},
	} {
		file := filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := firstLine(file, "--password-file")
		if got != test.want || (err == nil) != (test.want != "") || err != nil && (hintOf(err) == "" || strings.Contains(err.Error(), "pass\x00")) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
