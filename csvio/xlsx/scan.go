package xlsx

import (
	"bytes"
	"errors"
	"io"
)

const (
	maxToken = 1 << 20 // size of a tag or a run of text
	maxDepth = 128
	maxAttrs = 256
	maxTags  = 64 << 20 // in a part: a million rows of 20 to 30 columns
)

type token uint8

const (
	startTag token = iota + 1
	endTag
	textRun
)

// A syntaxError reports XML that is not well-formed.
type syntaxError string

func (e syntaxError) Error() string { return string(e) }

// A scanner is a pull parser for the XML of a part. It checks that tags are
// balanced. Prefixes of element names are ignored. Document type declarations, and
// with them custom entities, are refused.
//
// The fields of a token are valid until the next one is read.
type scanner struct {
	src      io.Reader
	err      error // from src, pending until buf is used up
	buf      []byte
	pos, end int // of the unused input in buf, which a zero byte follows

	open   []byte // names of the open elements, concatenated
	starts []int  // where each name begins
	tags   int
	rooted bool
	empty  bool // the start tag is self-closing
	again  bool // return the start tag once more

	name  []byte
	attrs []attribute
	text  []byte
	cdata bool

	struck bool // see appendRich
}

type attribute struct{ name, value []byte }

func newScanner(src io.Reader) *scanner {
	return &scanner{src: src, buf: make([]byte, 32<<10)}
}

func (s *scanner) depth() int { return len(s.starts) }

// is reports whether the current start tag has the name.
func (s *scanner) is(name string) bool { return string(s.name) == name }

// attr returns the raw value of an attribute, nil if there is none.
func (s *scanner) attr(name string) []byte {
	for i := range s.attrs {
		if string(s.attrs[i].name) == name {
			return s.attrs[i].value
		}
	}
	return nil
}

// attrText returns the value of an attribute with references resolved.
func (s *scanner) attrText(name string) (string, error) {
	text, err := appendText(nil, s.attr(name))
	return string(text), err
}

func (s *scanner) attrBool(name string) bool {
	value := string(s.attr(name))
	return value == "1" || value == "true"
}

// root reads the start tag of the root element, which must have the name.
func (s *scanner) root(name string) error {
	_, err := s.next()
	if err == nil && !s.is(name) {
		err = syntaxError("it does not begin with <" + name + ">")
	}
	return err
}

// child moves to the next child of the element at a depth, skipping the rest of the
// current one. It returns false at the end of the element.
func (s *scanner) child(depth int) (bool, error) {
	for {
		switch token, err := s.next(); {
		case err != nil:
			return false, err
		case token == startTag && len(s.starts) == depth+1:
			return true, nil
		case token == endTag && len(s.starts) < depth:
			return false, nil
		}
	}
}

// each calls f at the start tag of each child of the current element.
func (s *scanner) each(f func() error) error {
	for depth := s.depth(); ; {
		if more, err := s.child(depth); !more {
			return err
		}
		if err := f(); err != nil {
			return err
		}
	}
}

// drain reads to the end of the document.
func (s *scanner) drain() (err error) {
	for err == nil {
		_, err = s.next()
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// appendContent appends the text of the current element, without that of its
// children, and reads its end tag.
func (s *scanner) appendContent(dst []byte) ([]byte, error) {
	depth, from := len(s.starts), len(dst)
	for {
		token, err := s.next()
		switch {
		case err != nil:
			return dst, err
		case token == endTag && len(s.starts) < depth:
			return dst, nil
		case token != textRun || len(s.starts) > depth:
			continue
		case s.cdata:
			dst, err = appendChecked(dst, s.text)
		default:
			dst, err = appendText(dst, s.text)
		}
		if err != nil {
			return dst, err
		}
		if len(dst)-from > maxText {
			return dst, tooLarge("a cell has more text than any program shows")
		}
	}
}

// next reads the next token, skipping comments and processing instructions. It
// returns io.EOF at the end of the document.
func (s *scanner) next() (token, error) {
	if s.again {
		s.again = false
		return startTag, nil
	}
	if s.empty {
		s.empty = false
		s.pop()
		return endTag, nil
	}
	for {
		var err error
		switch {
		case s.end-s.pos < 2 && s.err == nil:
			s.more()
		case s.pos == s.end:
			if err = s.err; errors.Is(err, io.EOF) && (len(s.starts) > 0 || !s.rooted) {
				err = io.ErrUnexpectedEOF
			}
		case s.buf[s.pos] != '<' && len(s.starts) > 0:
			s.text, err = s.past("", "<")
			s.pos-- // back to the tag
			s.cdata = false
			return textRun, err
		case s.buf[s.pos] != '<':
			if !space[s.buf[s.pos]] {
				err = syntaxError("text outside of the root element")
			}
			s.pos++
		case s.buf[s.pos+1] == '/':
			return endTag, s.endTag()
		case s.buf[s.pos+1] == '?':
			_, err = s.past("<?", "?>")
		case s.buf[s.pos+1] != '!':
			return startTag, s.startTag()
		case s.has("<!--"):
			_, err = s.past("<!--", "-->")
		case s.has("<![CDATA[") && len(s.starts) > 0:
			s.text, err = s.past("<![CDATA[", "]]>")
			s.cdata = true
			return textRun, err
		default:
			err = syntaxError("unexpected declaration (<!...)")
		}
		if err != nil {
			return 0, err
		}
	}
}

// has reports whether the input continues with text.
func (s *scanner) has(text string) bool {
	for i := range len(text) {
		if s.pos+i == s.end && s.more() != nil || s.buf[s.pos+i] != text[i] {
			return false
		}
	}
	return true
}

// more reads more input, and moves the unused one to the start of buf. It returns
// an error only if there is no more.
func (s *scanner) more() error {
	s.end = copy(s.buf, s.buf[s.pos:s.end])
	s.pos = 0
	had := s.end
	if last := len(s.buf) - 1; s.end == last {
		if last >= maxToken {
			return syntaxError("more than a megabyte without a tag")
		}
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	for s.end < len(s.buf)-1 && s.err == nil {
		var n int
		n, s.err = s.src.Read(s.buf[s.end : len(s.buf)-1])
		s.end += n
	}
	s.buf[s.end] = 0
	if s.end == had {
		return s.err
	}
	return nil
}

// within is like more, where the document must not end.
func (s *scanner) within() error {
	err := s.more()
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// past skips the start that comes next, moves past the next end, and returns what
// is between them.
func (s *scanner) past(start, end string) ([]byte, error) {
	for from := len(start); ; {
		rest := s.buf[s.pos+from : s.end]
		i := bytes.IndexByte(rest, end[0])
		if i >= 0 && len(end) > 1 {
			i = bytes.Index(rest, []byte(end))
		}
		if i >= 0 {
			text := s.buf[s.pos+len(start) : s.pos+from+i]
			s.pos += from + i + len(end)
			return text, nil
		}
		from = max(from, s.end-s.pos-len(end)+1)
		if err := s.within(); err != nil {
			return nil, err
		}
	}
}

func (s *scanner) endTag() error {
	name, err := s.past("</", ">")
	if err != nil {
		return err
	}
	for len(name) > 0 && space[name[len(name)-1]] {
		name = name[:len(name)-1]
	}
	if len(s.starts) == 0 || !bytes.Equal(name, s.open[s.starts[len(s.starts)-1]:]) {
		return syntaxError("an end tag does not match its start tag")
	}
	s.pop()
	return nil
}

func (s *scanner) pop() {
	last := len(s.starts) - 1
	s.open, s.starts = s.open[:s.starts[last]], s.starts[:last]
}

func (s *scanner) startTag() error {
	size, err := s.parseTag()
	for ; size == 0 && err == nil; size, err = s.parseTag() {
		if err := s.within(); err != nil {
			return err
		}
	}
	switch {
	case err != nil:
		return err
	case len(s.starts) == 0 && s.rooted:
		return syntaxError("a second root element")
	case len(s.starts) == maxDepth:
		return syntaxError("elements are nested too deeply")
	case s.tags == maxTags:
		return tooLarge("it has too many cells")
	}
	s.pos += size
	s.tags++
	s.rooted = true
	s.starts = append(s.starts, len(s.open))
	s.open = append(s.open, s.name...)
	if prefix, local, found := bytes.Cut(s.name, []byte(":")); found && len(prefix) > 0 && len(local) > 0 {
		s.name = local
	}
	return nil
}

// parseTag parses the start tag that comes next. size is 0 if the tag is not
// complete in buf. The zero byte after the input ends every name and space.
func (s *scanner) parseTag() (size int, err error) {
	b, i := s.buf[s.pos:s.end+1], 1
	skip := func(class *[256]bool, is bool) []byte {
		from := i
		for i < len(b)-1 && class[b[i]] == is {
			i++
		}
		return b[from:i]
	}
	s.attrs, s.empty = s.attrs[:0], false
	for s.name = skip(&delimiter, false); ; {
		gap := skip(&space, true)
		if s.empty = b[i] == '/'; s.empty {
			i++
		}
		if b[i] == '>' && len(s.name) > 0 {
			return i + 1, nil
		}
		name := skip(&delimiter, false)
		skip(&space, true)
		equals := b[i] == '='
		if equals {
			i++
		}
		skip(&space, true)
		if i == len(b)-1 {
			return 0, nil
		}
		quote := b[i]
		value, _, found := bytes.Cut(b[i+1:len(b)-1], b[i:i+1])
		switch {
		case s.empty, !equals, len(gap) == 0, len(name) == 0, quote != '"' && quote != '\'', len(s.attrs) == maxAttrs:
			return 0, errTag
		case !found:
			return 0, nil
		case bytes.IndexByte(value, '<') >= 0:
			return 0, errTag
		}
		s.attrs = append(s.attrs, attribute{name, value})
		i += len(value) + 2
	}
}

const errTag = syntaxError("malformed tag")

// The bytes between names, and all that end a name.
var (
	space     = bytesOf(" \t\r\n")
	delimiter = bytesOf(" \t\r\n/>=<\"'&")
)

func bytesOf(text string) (set [256]bool) {
	for i := range len(text) {
		set[text[i]] = true
	}
	return set
}
