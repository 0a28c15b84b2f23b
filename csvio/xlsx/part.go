package xlsx

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

// A source is the file. It remembers I/O errors, to tell them from damage.
type source struct {
	r      io.ReaderAt
	err    error
	budget int // bytes that may still be read; 0 is no limit
}

func (s *source) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, zip.ErrFormat
	}
	if s.budget != 0 {
		if s.budget -= len(p); s.budget <= 0 {
			return 0, tooLarge("it has too many parts")
		}
	}
	n, err := s.r.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// fault turns an error from reading a part into a *FormatError, unless it is one of
// the file or of the context.
func (b *Book) fault(part string, err error) error {
	if err == nil {
		return nil
	}
	var known *FormatError
	switch {
	case errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	case b.src.err != nil:
		return fmt.Errorf("cannot read the workbook: %w", b.src.err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("it is cut short")
	case errors.As(err, new(flate.CorruptInputError)):
		err = errors.New("it cannot be unpacked")
	case errors.Is(err, zip.ErrAlgorithm):
		err = errors.New("it uses an unsupported compression method")
	}
	return damaged(part, err)
}

// index indexes the parts of the archive.
func (b *Book) index(archive *zip.Reader) {
	for _, file := range archive.File {
		name := partName(file.Name)
		b.parts[name] = append(b.parts[name], file)
	}
}

// partName normalizes the name of a part, for lookup regardless of case.
func partName(name string) string {
	return strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(name, `\`, "/"), "/"))
}

func (b *Book) has(name string) bool { return b.parts[partName(name)] != nil }

// walk opens a part, calls f at its root element and reads on to the end, so that
// all of the part is checked.
func (b *Book) walk(ctx context.Context, name string, limit uint64, root string, f func(*scanner) error) error {
	s, err := b.open(ctx, name, limit, root)
	if err == nil {
		err = f(s)
	}
	if err == nil {
		err = s.drain()
	}
	return b.fault(name, err)
}

// open opens a part of at most limit bytes and reads the start tag of its root
// element.
func (b *Book) open(ctx context.Context, name string, limit uint64, root string) (*scanner, error) {
	files := b.parts[partName(name)]
	if len(files) == 0 {
		return nil, damaged(name, "it is missing")
	} else if len(files) > 1 {
		return nil, damaged(name, "it is in the archive twice")
	}
	file := files[0]
	if !b.charged[file] {
		b.charged[file] = true
		b.read += file.UncompressedSize64
	}
	switch {
	case file.Flags&1 != 0:
		return nil, other(Encrypted, "this is an archive with a password", "save the workbook without a password")
	case file.UncompressedSize64 > limit:
		return nil, tooLarge(fmt.Sprintf("%s is larger than %d MB", name, limit>>20))
	case b.read > maxWhole:
		return nil, tooLarge(fmt.Sprintf("its parts unpack to more than %d MB", maxWhole>>20))
	}
	r, err := file.Open()
	if err != nil {
		return nil, err
	}
	text, err := decoded(partReader{ctx, r})
	if err != nil {
		return nil, err
	}
	s := newScanner(text)
	return s, s.root(root)
}

// A partReader stops once ctx is done. The archive's reader itself stops at the
// declared size.
type partReader struct {
	ctx context.Context
	r   io.ReadCloser
}

func (r partReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p)
	if err != nil {
		r.r.Close()
	}
	return n, err
}

var declaredEncoding = regexp.MustCompile(`^<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9._-]+)["']`)

// decoded returns a reader of the part in UTF-8. The standard allows UTF-8 and
// UTF-16; other encodings are accepted if declared.
func decoded(r io.Reader) (io.Reader, error) {
	head := make([]byte, 128)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	text, isMark := bytes.CutPrefix(head[:n], []byte("\xef\xbb\xbf"))
	r = io.MultiReader(bytes.NewReader(text), r)
	switch {
	case isMark:
		return r, nil
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("<\x00")):
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Reader(r), nil
	case bytes.HasPrefix(text, []byte("\xfe\xff")), bytes.HasPrefix(text, []byte("\x00<")):
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder().Reader(r), nil
	}
	m := declaredEncoding.FindSubmatch(text)
	// UTF-16 cannot be true here: the declaration would not be readable.
	if m == nil || bytes.HasPrefix(bytes.ToLower(m[1]), []byte("utf-")) {
		return r, nil
	}
	encoding, err := htmlindex.Get(string(m[1]))
	if err != nil {
		return nil, fmt.Errorf("unknown encoding %s", m[1])
	}
	return encoding.NewDecoder().Reader(r), nil
}
