package csvio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"

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
		{"Windows-1252 stays that", "", "\xfcber \xe4 \xf6 \xfc \xdf \xc3\xa4", "über ä ö ü ß Ã¤", "Windows-1252", false, true},
		{"bytes without a meaning, as told", "windows-1252", "\xe4 \x81\x8d\x8f\x90\x9d", "ä \u0081\u008d\u008f\u0090\u009d", "Windows-1252", false, true},
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

// What is neither UTF-8 nor Windows-1252 is refused with its likely encodings,
// and read when that is named.
func TestOtherEncodings(t *testing.T) {
	const rest = "\n001565000002,hq,"
	for _, test := range []struct{ label, text, likely string }{
		{"gbk", "北京办公室" + rest + "上海", "gbk"},
		{"big5", "台北辦公室 二樓", "big5"},
		{"shift_jis", "東京本社 二階 会議室", ""},
		{"euc-jp", "東京本社のでんわ、二階です", "euc-jp"},
		{"euc-kr", "서울 본사 이층", "euc-kr"},
		{"windows-1251", "Офис Москва, второй этаж", "windows-1251"},
		{"koi8-r", "Офис Москва, второй этаж", "koi8-r"},
		{"windows-1253", "Αθήνα, δεύτερος όροφος", "iso-8859-7"},
		{"windows-1250", "Wałbrzych, piętro 2" + rest + "Łódź", ""},
		{"ibm850", "Büro Köln", ""}, // DOS
	} {
		t.Run(test.label, func(t *testing.T) {
			e, err := byLabel(test.label)
			if err != nil {
				t.Fatal(err)
			}
			text := "mac,server,note\n001565000001,hq," + test.text + "\n"
			file, err := e.NewEncoder().String(text)
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = tryRows(strings.NewReader(file), Options{})
			checkProblem(t, errorText(err), "neither UTF-8 nor Windows-1252; name its encoding with --encoding|"+test.likely)
			rows, format := rowsOf(t, file, Options{Encoding: test.label})
			if got := written(t, rows, format, (*Writer).Pass); !strings.Contains(got, ",hq,"+strings.Split(test.text, "\n")[0]) {
				t.Errorf("result %q", got)
			}
		})
	}
	for _, text := range []string{
		"Büro Köln, Größe, über", "déjà vu à l’école de l’été", "São Paulo, ação, João", "Ångström på Åland", "Þýska", "señor ¿qué? ¡sí! 5 €", "«Hôtel» n° 5 – “x”…",
		"ÄÖ", "½ Liter, 20 µm, 5 m², 10 °C", "L’Hospitalet col·legi", "Škoda Œuvre", "¿Él? ¡Último!",
	} {
		file, err := charmap.Windows1252.NewEncoder().String("mac,server,note\n001565000001,hq," + text + "\n")
		if err != nil {
			t.Fatal(err)
		}
		if rows, format := rowsOf(t, file, Options{}); format.Encoding != name1252 || !strings.Contains(rows[0].Raw, text) {
			t.Errorf("%q as %s: %q", text, format.Encoding, rows[0].Raw)
		}
	}
}

// A byte without a character in Windows-1252 shows that the file is not that.
func TestHoles(t *testing.T) {
	const words = "mac,n\n001565000001,\xfcber \xe4 \xf6 \xfc \xdf f\xfcr d\xe9j\xe0 caf\xe9"
	for _, hole := range []string{"\x81", "\x8d", "\x8f", "\x90", "\x9d"} {
		_, _, err := tryRows(strings.NewReader(words+" "+hole+"\n"), Options{Action: batch.Check})
		checkProblem(t, errorText(err), "neither UTF-8 nor Windows-1252")
	}
	rowsOf(t, words+"\n", Options{Action: batch.Check})
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
		if sniffBytes([]byte(data)[:min(len(data), headSize)]) != nil {
			return
		}
		all := func(wrap func(io.Reader) io.Reader) ([]byte, *decoder) {
			d, err := newDecoder(wrap(strings.NewReader(data)), label)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(wrap(d))
			if bad := (*FileError)(nil); err != nil && !errors.As(err, &bad) {
				t.Fatal(err)
			}
			return text, d
		}
		one, d1 := all(func(r io.Reader) io.Reader { return r })
		two, d2 := all(iotest.OneByteReader)
		if !bytes.Equal(one, two) || d1.name != d2.name || d1.foreign != d2.foreign {
			t.Fatalf("%q as %s, byte by byte %q as %s", one, d1.name, two, d2.name)
		}
		if _, refused := d1.text.(failing); !refused && !d1.foreign && string(one) != strings.TrimPrefix(data, byteOrderMark) {
			t.Fatalf("UTF-8 %q became %q", data, one)
		}
	})
}
