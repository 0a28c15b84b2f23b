package xlsx

import (
	"bytes"
	"errors"
	"io"
)

const (
	maxToken = 1 << 20 // a tag or a run of text
	maxDepth = 128
	maxAttrs = 256
	maxTags  = 64 << 20 // in a part: a million rows of twenty columns
)

type token uint8

const (
	startTag token = iota + 1
	endTag
	textRun
)

// A syntaxError says where a part is not XML.
type syntaxError string

func (e syntaxError) Error() string { return string(e) }

// A scanner reads the XML of a part, tag by tag. It checks that tags are
// balanced and that text is text. Names of elements count without their
// prefix. Document type declarations, which can make entities, are refused.
//
// What belongs to a token is valid until the next one is read.
type scanner struct {
	src      io.Reader
	err      error // of src, once all that was read before it is used
	buf      []byte
	pos, end int // of what is read and not yet used; a zero stands behind it

	open   []byte // the names of the open elements, one after another
	starts []int  // where each of them begins
	tags   int
	rooted bool
	empty  bool // the start tag closes itself
	again  bool // the start tag counts as not yet read

	name  []byte
	attrs []attribute
	text  []byte
	cdata bool
}

type attribute struct{ name, value []byte }

func newScanner(src io.Reader) *scanner {
	return &scanner{src: src, buf: make([]byte, 32<<10)}
}

func (s *scanner) depth() int { return len(s.starts) }

// is reports whether the start tag just read has the name.
func (s *scanner) is(name string) bool { return string(s.name) == name }

// attr returns the value of an attribute as it stands, nil if there is none.
func (s *scanner) attr(name string) []byte {
	for i := range s.attrs {
		if string(s.attrs[i].name) == name {
			return s.attrs[i].value
		}
	}
	return nil
}

// attrText returns the value of an attribute with its references resolved.
func (s *scanner) attrText(name string) (string, error) {
	text, err := appendText(nil, s.attr(name))
	return string(text), err
}

func (s *scanner) attrBool(name string) bool {
	value := string(s.attr(name))
	return value == "1" || value == "true"
}

// root moves to the root element, which must have the name.
func (s *scanner) root(name string) error {
	_, err := s.next()
	if err == nil && !s.is(name) {
		err = syntaxError("it does not begin with <" + name + ">")
	}
	return err
}

// child moves to the next start tag right within the element at a depth, over
// what is left of the child before. It returns false at the element's end.
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

// each calls f at each child of the element just begun, at its start tag.
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

// drain reads to the end, so that all of the part is checked.
func (s *scanner) drain() (err error) {
	for err == nil {
		_, err = s.next()
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// appendContent adds the text of the element whose start tag was just read,
// and reads its end tag. Elements within are left out.
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

// next reads a token. Comments and instructions are left out. The end of the
// document is io.EOF.
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
			s.pos-- // to where a tag begins
			s.cdata = false
			return textRun, err
		case s.buf[s.pos] != '<':
			if !space[s.buf[s.pos]] {
				err = syntaxError("there is text outside of all tags")
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
			err = syntaxError("there is a declaration that no spreadsheet program writes")
		}
		if err != nil {
			return 0, err
		}
	}
}

// has reports whether text comes next.
func (s *scanner) has(text string) bool {
	for i := range len(text) {
		if s.pos+i == s.end && s.more() != nil || s.buf[s.pos+i] != text[i] {
			return false
		}
	}
	return true
}

// more reads on behind what is not yet used, which moves. It returns an error
// only if there is nothing more.
func (s *scanner) more() error {
	s.end = copy(s.buf, s.buf[s.pos:s.end])
	s.pos = 0
	had := s.end
	if last := len(s.buf) - 1; s.end == last {
		if last >= maxToken {
			return syntaxError("there is more than a megabyte without a tag")
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

// within is more for where the document cannot end.
func (s *scanner) within() error {
	err := s.more()
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// past moves behind the next end, and returns what stands before it, behind
// the start that comes next.
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
		return syntaxError("there is an end tag without its start tag")
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
		return syntaxError("there is a second root element")
	case len(s.starts) == maxDepth:
		return syntaxError("elements are nested too deep")
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

// parseTag reads the start tag that comes next. size is 0 if its end has not
// been read. The zero behind what was read ends names and spaces.
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

const errTag = syntaxError("there is a tag that is not XML")

// The bytes that stand between names, and all that end one.
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
