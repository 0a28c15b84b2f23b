package csvio

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"rpsbatch/batch"
)

func asUTF16(text string, order binary.AppendByteOrder, mark bool) string {
	var b []byte
	if mark {
		text = byteOrderMark + text
	}
	for _, unit := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

func TestDecode(t *testing.T) {
	const text = "mac,n\r\n001565000001,Büro €5 日本 😀\r\n"
	long := strings.Repeat("a", headSize-1) // the character lies across the head's end
	tests := []struct {
		name, label, file string
		want, encoding    string
		mark, foreign     bool
	}{
		{"ASCII", "", "mac\n", "mac\n", "UTF-8", false, false},
		{"UTF-8", "", text, text, "UTF-8", false, false},
		{"UTF-8 with mark", "", byteOrderMark + text, text, "UTF-8", true, false},
		{"second mark is text", "", byteOrderMark + byteOrderMark + "x", byteOrderMark + "x", "UTF-8", true, false},
		{"UTF-8 stays UTF-8", "", "ü\xfc", "ü\xfc", "UTF-8", false, false},
		{"UTF-8 behind the head", "", long + "ü", long + "ü", "UTF-8", false, false},
		{"UTF-16 LE with mark", "", asUTF16(text, binary.LittleEndian, true), text, "UTF-16 LE", true, true},
		{"UTF-16 BE with mark", "", asUTF16(text, binary.BigEndian, true), text, "UTF-16 BE", true, true},
		{"UTF-16 LE", "", asUTF16(text, binary.LittleEndian, false), text, "UTF-16 LE", false, true},
		{"UTF-16 BE", "", asUTF16(text, binary.BigEndian, false), text, "UTF-16 BE", false, true},
		{"half a surrogate", "", "\xff\xfe\x3d\xd8a\x00", "\ufffda", "UTF-16 LE", true, true},
		{"half a character", "", "\xff\xfea\x00b", "a\ufffd", "UTF-16 LE", true, true},
		{"Windows-1252", "", "B\xfcro \x80 \x93x\x94", "Büro € “x”", "Windows-1252", false, true},
		{"Windows-1252 behind the head", "", long + "\xfcro", long + "üro", "Windows-1252", false, true},
		{"half of UTF-8 at the end", "", "x\xe2\x82", "xâ‚", "Windows-1252", false, true},
		{"Windows-1252 stays that", "", "\xfc\xc3\xbc", "üÃ¼", "Windows-1252", false, true},
		{"bytes without a meaning", "", "\xe4 \x81\x8d\x8f\x90\x9d", "ä \u0081\u008d\u008f\u0090\u009d", "Windows-1252", false, true},
		{"first byte", "", "\xe4", "ä", "Windows-1252", false, true},
		{"given UTF-8", "UTF8", "B\xfcro", "B\xfcro", "UTF-8", false, false},
		{"given Windows-1252", "cp1252", "\xc3\xbc", "Ã¼", "Windows-1252", false, true},
		{"given ISO-8859-15", "iso8859-15", "\xa4", "€", "ISO-8859-15", false, true},
		{"given Windows-1251", "windows-1251", "\xcc\xc0\xd1", "МАС", "Windows-1251", false, true},
		{"given Shift JIS", " Shift_JIS ", "\x93\xfa", "日", "Shift_JIS", false, true},
		{"given UTF-16", "utf-16", "a\x00", "a", "UTF-16 LE", false, true},
		{"a mark wins", "windows-1252", byteOrderMark + "ü", "ü", "UTF-8", true, false},
		{"another mark wins", "utf-16le", "\xfe\xff\x00a", "a", "UTF-16 BE", true, true},
	}
	for _, test := range tests {
		for reader, wrap := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "eof": iotest.DataErrReader,
		} {
			t.Run(test.name+"/"+reader, func(t *testing.T) {
				label := test.label
				d, err := newDecoder(wrap(strings.NewReader(test.file)), label)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(iotest.OneByteReader(d))
				if reader == "whole" {
					d, _ = newDecoder(strings.NewReader(test.file), label)
					got, err = io.ReadAll(d)
				}
				if err != nil || string(got) != test.want {
					t.Fatalf("got %q, %v, want %q", got, err, test.want)
				}
				if d.name != test.encoding || d.mark != test.mark || d.foreign != test.foreign {
					t.Errorf("%q, mark %t, foreign %t", d.name, d.mark, d.foreign)
				}
			})
		}
	}
}

func TestUnknownEncoding(t *testing.T) {
	for _, label := range []string{"latin", "hz-gb-2312", "koi9"} {
		_, err := NewReader(strings.NewReader("mac\n"), Options{Action: batch.Check, Encoding: label})
		if err == nil || !strings.Contains(err.Error(), "--encoding") || !strings.Contains(err.Error(), "windows-1252") {
			t.Errorf("%s: %v", label, err)
		}
	}
}

// However a file is cut into reads, its text is the same.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"", "a\xe2\x82\xacb", "a\xe2\x82b\xfc", "\xff\xfea\x00", "\x00a\x00b\x00c", "a\xf0\x9f\x98\x80", byteOrderMark + "\xfc"} {
		f.Add(seed, "")
		f.Add(seed, "shift_jis")
	}
	f.Fuzz(func(t *testing.T, data, label string) {
		if _, err := byLabel(label); err != nil {
			label = ""
		}
		all := func(wrap func(io.Reader) io.Reader) ([]byte, *decoder) {
			d, err := newDecoder(wrap(strings.NewReader(data)), label)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(wrap(d))
			if err != nil {
				t.Fatal(err)
			}
			return text, d
		}
		one, d1 := all(func(r io.Reader) io.Reader { return r })
		two, d2 := all(iotest.OneByteReader)
		if !bytes.Equal(one, two) || d1.name != d2.name || d1.foreign != d2.foreign {
			t.Fatalf("%q as %s, byte by byte %q as %s", one, d1.name, two, d2.name)
		}
		if !d1.foreign && string(one) != strings.TrimPrefix(data, byteOrderMark) {
			t.Fatalf("UTF-8 %q became %q", data, one)
		}
	})
}
