package rps

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

const (
	// maxAnswer bounds an answer, decompressed, and each part of one. The
	// longest that make sense name each MAC of a batch.
	maxAnswer = 1 << 20
	// maxList bounds the answer to listDevices: a million devices take some 80
	// MB, written as in section 4.4.4.
	maxList = 128 << 20
	// maxURL bounds the URL of a device. A longer one is no use, and part of
	// one would be wrong.
	maxURL = 8 << 10
	// headSize is how much of an answer is looked at to see what it is.
	headSize = 1 << 10
)

// A body is the part of an answer that is read: at most so many bytes, and
// none after its context has ended.
type body struct {
	ctx         context.Context
	r           io.Reader
	limit, left int64
	err         error // what ended it, io.EOF included
}

func newBody(ctx context.Context, r io.Reader, method string) *body {
	limit := int64(maxAnswer)
	if method == MethodListDevices {
		limit = maxList
	}
	return &body{ctx: ctx, r: r, limit: limit, left: limit}
}

func (b *body) Read(p []byte) (n int, err error) {
	if b.err == nil {
		b.err = b.ctx.Err()
	}
	if b.err != nil {
		return 0, b.err
	}
	n, b.err = b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		b.err = b.tooBig()
	}
	return n, b.err
}

func (b *body) tooBig() error { return fmt.Errorf("the answer is larger than %d MiB", b.limit>>20) }

// broken returns what ended the body before its end, or nil.
func (b *body) broken() error {
	if errors.Is(b.err, io.EOF) {
		return nil
	}
	return b.err
}

// inUTF8 returns an answer in UTF-8 without a byte order mark. Its encoding is
// that of the mark, else of its XML declaration, else of its Content-Type.
// Servers guess the last more often than they know it.
func inUTF8(answer *bufio.Reader, contentType string) (io.Reader, error) {
	head, _ := answer.Peek(headSize)
	label := ""
	switch declared := declaration.FindSubmatch(head); {
	case bytes.HasPrefix(head, []byte("<\x00")):
		label = "utf-16le"
	case bytes.HasPrefix(head, []byte("\x00<")):
		label = "utf-16be"
	case declared == nil:
		_, params, _ := mime.ParseMediaType(contentType)
		label = params["charset"]
	// What could be read byte by byte is not UTF-16, whatever it declares.
	case !bytes.HasPrefix(bytes.ToLower(declared[1]), []byte("utf-16")):
		label = string(declared[1])
	}
	decoder := transform.Transformer(transform.Nop)
	if label != "" {
		encoding, err := htmlindex.Get(label)
		if err != nil {
			return nil, fmt.Errorf("the answer is in an unknown encoding: %.40q", label)
		}
		if encoding != unicode.UTF8 { // which would hide what is not valid
			decoder = encoding.NewDecoder()
		}
	}
	return transform.NewReader(answer, unicode.BOMOverride(decoder)), nil
}

var declaration = regexp.MustCompile(`^\s*<\?xml\s[^>]*?\bencoding\s*=\s*["']([^"'>]*)["']`)

// A source hands an answer to the XML decoder byte by byte. It keeps the token
// at hand, to bound it and to look at it again.
type source struct {
	*bufio.Reader
	token []byte
	read  int64 // bytes read so far
	began bool  // some of them were not white space
}

func (s *source) ReadByte() (byte, error) {
	if len(s.token) > maxAnswer {
		return 0, errLong
	}
	b, err := s.Reader.ReadByte()
	if err == nil {
		s.token = append(s.token, b)
		s.read++
		s.began = s.began || b > ' '
	}
	return b, err
}

// startToken forgets all but the bytes that the decoder has read beyond offset.
func (s *source) startToken(offset int64) {
	s.token = append(s.token[:0], s.token[len(s.token)-int(s.read-offset):]...)
}

// joinPairs writes characters beyond U+FFFF as one where the engine of the
// service, like much of Java, refers to the two halves of their UTF-16 form.
func joinPairs(text []byte) []byte {
	return pairs.ReplaceAllFunc(text, func(pair []byte) []byte {
		high, low, _ := strings.Cut(strings.Trim(string(pair), "&#;"), ";&#")
		if r := utf16.DecodeRune(reference(high), reference(low)); r != '\ufffd' {
			return []byte(string(r))
		}
		return pair
	})
}

var pairs = regexp.MustCompile(`&#(?:0*5[56]\d{3}|x0*[dD][89abAB][[:xdigit:]]{2});&#(?:0*5[67]\d{3}|x0*[dD][c-fC-F][[:xdigit:]]{2});`)

// reference returns the character that &#number; or &#xnumber; refers to.
func reference(number string) rune {
	base := 10
	if hex, ok := strings.CutPrefix(number, "x"); ok {
		number, base = hex, 16
	}
	n, _ := strconv.ParseInt(number, base, 32)
	return rune(n)
}
