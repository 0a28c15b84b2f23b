package csvio

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

var errUnknownEncoding = errors.New("unknown encoding")

const (
	headSize = 4096 // how much of a file is looked at before it is read

	nameUTF8 = "UTF-8"
	name1252 = "Windows-1252"
)

// A decoder returns a file's text as UTF-8, without its byte order mark.
//
// A mark decides the encoding, whatever the caller says, as in browsers: a result
// is UTF-8 with a mark, and can be read again with the --encoding of its input.
// Without a mark, a file with the zero bytes of UTF-16 is UTF-16. Any other
// counts as ASCII until the first byte that is not, and the characters there
// decide: UTF-8 if they are valid, else Windows-1252 if they make sense as that.
// One look is enough: a text in Windows-1252 is valid UTF-8 by accident only with
// pairs such as Ã¤.
//
// A file found to be UTF-8 is not checked again: invalid bytes pass, and are a
// problem if they are in a cell that is sent. The five bytes without a meaning in
// Windows-1252 become the control characters U+0081 to U+009D, one each, so that
// they are seen and not lost.
type decoder struct {
	from    *bufio.Reader // the file
	text    io.Reader     // its text, once that is decided; nil before
	head    []byte        // the first bytes of the file, without its mark
	name    string        // of the encoding, as a person names it
	mark    bool          // it begins with a byte order mark
	foreign bool          // it is not in UTF-8
	found   bool          // the encoding was detected, not given
	last    byte          // before the first that is not ASCII
}

// newDecoder reads the first bytes and detects their encoding. An error of the
// input comes from Read.
func newDecoder(src io.Reader, label string) (*decoder, error) {
	given, err := byLabel(label)
	if err != nil {
		return nil, err
	}
	d := &decoder{name: nameUTF8, found: given == nil, from: bufio.NewReaderSize(src, judgedText)}
	head, _ := d.from.Peek(headSize)
	head = bytes.Clone(head)
	if err := sniffBytes(head); err != nil {
		return nil, err
	}

	for _, m := range []struct {
		bytes string
		order binary.ByteOrder
	}{{byteOrderMark, nil}, {"\xff\xfe", binary.LittleEndian}, {"\xfe\xff", binary.BigEndian}} {
		if !bytes.HasPrefix(head, []byte(m.bytes)) {
			continue
		}
		d.from.Discard(len(m.bytes))
		d.head, d.mark, d.found = head[len(m.bytes):], true, true
		if m.order == nil {
			d.text = d.from
		} else {
			d.utf16(m.order)
		}
		return d, nil
	}
	d.head = head
	switch order := zeroBytes(head); {
	case given != nil && given.name == nameUTF8:
		d.text = d.from
	case given != nil:
		d.decode(given.Encoding, given.name)
	case order != nil:
		d.utf16(order)
	}
	return d, nil
}

func (d *decoder) utf16(order binary.ByteOrder) {
	if order == binary.BigEndian {
		d.decode(unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "UTF-16 BE")
	} else {
		d.decode(unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "UTF-16 LE")
	}
}

func (d *decoder) decode(e encoding.Encoding, name string) {
	d.name, d.foreign = name, true
	var t transform.Transformer = e.NewDecoder()
	if table, ok := e.(*charmap.Charmap); ok {
		t = newByteDecoder(table)
	}
	d.text = transform.NewReader(d.from, t)
}

// A byteDecoder decodes an encoding with one byte per character. For a byte from
// 80 to 9F without a character it returns the control character of its number.
type byteDecoder struct {
	transform.NopResetter
	runes [256]rune
}

func newByteDecoder(table *charmap.Charmap) *byteDecoder {
	d := new(byteDecoder)
	for i := range d.runes {
		d.runes[i] = table.DecodeByte(byte(i))
		if d.runes[i] == utf8.RuneError && i >= 0x80 && i < 0xa0 {
			d.runes[i] = rune(i)
		}
	}
	return d
}

func (d *byteDecoder) Transform(dst, src []byte, _ bool) (nDst, nSrc int, err error) {
	for i, c := range src {
		if nDst+utf8.UTFMax > len(dst) {
			return nDst, i, transform.ErrShortDst
		}
		nDst += utf8.EncodeRune(dst[nDst:], d.runes[c])
	}
	return nDst, len(src), nil
}

// Read returns text. Until the first byte that is not ASCII, it only checks each
// byte.
func (d *decoder) Read(p []byte) (int, error) {
	if d.text == nil {
		if _, err := d.from.Peek(1); err != nil {
			return 0, err
		}
		read, _ := d.from.Peek(d.from.Buffered())
		if first := notASCII(read[:min(len(p), len(read))]); first > 0 {
			d.last = read[first-1]
			return d.from.Read(p[:first])
		}
		d.decide()
	}
	return d.text.Read(p)
}

// decide decides the encoding by what comes next, which is not ASCII.
func (d *decoder) decide() {
	judged, _ := d.from.Peek(judgedText)
	if r, size := utf8.DecodeRune(judged); r != utf8.RuneError || size > 1 {
		d.text = d.from
		return
	}
	if makesSense1252(judged, d.last) {
		d.decode(charmap.Windows1252, name1252)
		return
	}
	err := sniff(d.head)
	if err == nil {
		err = errEncoding(judged)
	}
	d.text = failing{err}
}

// failing is a text that cannot be read.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// notASCII returns the index of the first byte that is not ASCII, or the length.
func notASCII(text []byte) int {
	const high = 0x8080808080808080
	i := 0
	for ; i+32 <= len(text); i += 32 {
		chunk := text[i : i+32 : i+32]
		if (binary.NativeEndian.Uint64(chunk)|binary.NativeEndian.Uint64(chunk[8:])|
			binary.NativeEndian.Uint64(chunk[16:])|binary.NativeEndian.Uint64(chunk[24:]))&high != 0 {
			break
		}
	}
	for ; i < len(text) && text[i] < utf8.RuneSelf; i++ {
	}
	return i
}

// zeroBytes returns the byte order of a file without a mark that is plainly
// UTF-16, judging by its first bytes: most of its characters are ASCII, whose
// upper bytes are zero, and hardly any lower byte is. It is nil for any other
// file.
func zeroBytes(head []byte) binary.ByteOrder {
	var zeros [2]int // at even and odd places
	for i, c := range head {
		if c == 0 {
			zeros[i&1]++
		}
	}
	even, odd := zeros[0], zeros[1]
	switch half := len(head) / 4; {
	case len(head) < 4:
	case odd > half && even <= odd/8:
		return binary.LittleEndian
	case even > half && odd <= even/8:
		return binary.BigEndian
	}
	return nil
}

type namedEncoding struct {
	encoding.Encoding
	name string
}

// byLabel returns the encoding that a user names; nil for "".
func byLabel(label string) (*namedEncoding, error) {
	label = strings.TrimSpace(label)
	if label == "" {
		return nil, nil
	}
	e, err := htmlindex.Get(label)
	if err != nil {
		// DOS encodings are not encodings of the web.
		if e, err = ianaindex.IANA.Encoding(label); err == nil && e != nil {
			return &namedEncoding{e, label}, nil
		}
		err = errUnknownEncoding
	}
	if err == nil && e == encoding.Replacement {
		err = errUnknownEncoding
	}
	if err != nil {
		return nil, optionError(flagEncoding, "%q is not a known encoding; use one such as utf-8, utf-16le, windows-1252, iso-8859-15, windows-1251, shift_jis, gbk or big5, or omit it", label)
	}
	name, err := htmlindex.Name(e)
	if err != nil {
		name = label
	}
	return &namedEncoding{e, encodingName(name)}, nil
}

// encodingName writes a label the way a person does.
func encodingName(label string) string {
	switch {
	case label == "utf-16le":
		return "UTF-16 LE"
	case label == "utf-16be":
		return "UTF-16 BE"
	case label == "shift_jis":
		return "Shift_JIS"
	case strings.HasPrefix(label, "windows"), strings.HasPrefix(label, "big5"), strings.HasPrefix(label, "mac"):
		return strings.ToUpper(label[:1]) + label[1:]
	default:
		return strings.ToUpper(label)
	}
}
