package xlsx

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

const maxCode = 3 * 255 // bytes; Excel allows 255 characters

// A Format is the class of a number format.
type Format uint8

const (
	General    Format = iota
	Numeric           // with digits, such as 0000 and #,##0.00
	Date              // dates and times
	Scientific        // such as 0.00E+00
	AsText            // @
)

// A format is a compiled number format.
type format struct {
	sections []section
	text     *section // nil: text is shown unchanged
}

// A section of a format applies to some numbers, or to text.
type section struct {
	kind  Format
	items []item
	cond  condition

	// For numbers
	ints, fracs int // placeholders before and after the decimal point
	scale       int // power of ten: 2 for each percent sign, -3 for each comma after the digits
	grouped     bool
	fraction    bool
	// For dates
	parts    int  // digits of fractional seconds
	clock    bool // shows the time of day
	halfDays bool
}

// An item is one element of a format code. Its kind is the element's letter: a
// placeholder (0 # ?), the decimal point, E for the exponent, G for General, @, or
// a date letter. M stands for minutes, H N S for elapsed time, a for AM/PM, f for
// fractional seconds and L for literal text.
type item struct {
	kind byte
	n    int // number of digits or letters
	text string
}

// compile compiles a format code. No code is invalid: whatever has no meaning is
// literal text.
func compile(code string) *format {
	f := &format{}
	for more := true; more && len(f.sections) < 4; {
		var s section
		s, code = parseSection(code)
		f.sections = append(f.sections, s)
		if more = code != ""; more {
			code = code[1:]
		}
	}
	last := len(f.sections) - 1
	if last == 3 || f.sections[last].has('@') {
		text := f.sections[last]
		f.text = &text
		if f.sections = f.sections[:last]; last == 0 {
			f.sections = append(f.sections, section{kind: AsText, items: []item{{kind: 'G'}}})
		}
	}
	return f
}

func (s *section) has(kind byte) bool {
	for _, item := range s.items {
		if item.kind == kind {
			return true
		}
	}
	return false
}

func (s *section) add(kind byte, n int, text string) {
	s.items = append(s.items, item{kind, n, text})
}

// parseSection parses a section up to its semicolon.
func parseSection(code string) (s section, rest string) {
	for code != "" && code[0] != ';' {
		size := 1
		switch c := code[0]; {
		case c == '"':
			text, _, found := strings.Cut(code[1:], `"`)
			s.add('L', 0, text)
			if size = 1 + len(text); found {
				size++
			}
		case c == '\\' || c == '_' || c == '*':
			_, next := utf8.DecodeRuneInString(code[1:])
			size += next
			if c == '\\' {
				s.add('L', 0, code[1:size])
			} else if c == '_' { // a space as wide as the character
				s.add('L', 0, " ")
			}
		case c == '[':
			text, _, found := strings.Cut(code[1:], "]")
			s.bracket(text)
			if size = 1 + len(text); found {
				size++
			}
		case foldPrefix(code, "general"):
			s.add('G', 0, "")
			size = len("general")
		case foldPrefix(code, "am/pm"):
			s.add('a', 2, "")
			size = len("am/pm")
		case foldPrefix(code, "a/p"):
			s.add('a', 1, "")
			size = len("a/p")
		case foldPrefix(code, "e+") || foldPrefix(code, "e-"):
			for size = 2; size < len(code) && isPlaceholder(code[size]); size++ {
			}
			s.add('E', size-2, code[:size])
		case isPlaceholder(c) || strings.IndexByte(".,%@/", c) >= 0:
			s.add(c, 1, code[:1])
		case strings.IndexByte("ymdhse", c|0x20) >= 0:
			for size < len(code) && code[size]|0x20 == c|0x20 {
				size++
			}
			s.add(c|0x20, size, code[:size])
		default:
			_, size = utf8.DecodeRuneInString(code)
			s.add('L', 0, code[:size])
		}
		code = code[size:]
	}
	s.finish()
	return s, code
}

func isPlaceholder(c byte) bool { return c == '0' || c == '#' || c == '?' }

func foldPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// bracket parses a bracketed element: elapsed time, a condition or a currency.
// Colors and everything else show nothing.
func (s *section) bracket(text string) {
	if currency, found := strings.CutPrefix(text, "$"); found {
		currency, _, _ = strings.Cut(currency, "-")
		s.add('L', 0, currency)
		return
	}
	if letter := strings.ToLower(text); letter != "" && strings.Trim(letter, letter[:1]) == "" {
		if i := strings.Index("hms", letter[:1]); i >= 0 {
			s.add("HNS"[i], len(letter), "")
			return
		}
	}
	op := text[:len(text)-len(strings.TrimLeft(text, "<>="))]
	if limit, err := strconv.ParseFloat(text[len(op):], 64); err == nil && op != "" {
		s.cond = condition{op, limit}
	}
}

// finish works out what the items mean in combination.
func (s *section) finish() {
	for _, item := range s.items {
		switch {
		case strings.IndexByte("ymdhseaHNS", item.kind) >= 0:
			s.kind = Date
		case s.kind == Date:
		case item.kind == 'E' && s.kind == Numeric:
			s.kind = Scientific
		case isPlaceholder(item.kind) && s.kind != Scientific:
			s.kind = Numeric
		case item.kind == '@' && s.kind == General:
			s.kind = AsText
		}
	}
	switch {
	case s.kind == Date:
		s.finishDate()
	case s.kind == General && !s.has('G'):
		s.kind = Numeric // literal text only
		fallthrough
	default:
		s.finishNumber()
	}
}

func (s *section) finishNumber() {
	lastInt, point := -1, false
	for i, item := range s.items {
		switch {
		case item.kind == '.':
			point = true
		case item.kind == '/' && s.ints > 0:
			s.fraction = true
		case isPlaceholder(item.kind) && point:
			s.fracs++
		case isPlaceholder(item.kind):
			s.ints++
			lastInt = i
		}
	}
	near := false // right after a placeholder, commas aside
	for i := range s.items {
		item := &s.items[i]
		behind := near
		near = isPlaceholder(item.kind) || behind && item.kind == ','
		switch {
		case item.kind == ',' && behind && i < lastInt:
			s.grouped = true
			item.text = ""
		case item.kind == ',' && behind:
			s.scale -= 3
			item.text = ""
		case item.kind == '%':
			s.scale += 2
		}
	}
}

// item0 is an item that shows nothing.
var item0 = item{kind: 'L'}

// finishDate distinguishes minutes from months and turns whatever has no meaning in a date
// into literal text.
func (s *section) finishDate() {
	before := byte(0) // the previous element other than text
	var minutes *item // an m that means minutes if seconds follow
	for i := range s.items {
		item := &s.items[i]
		switch item.kind {
		case 'm':
			if item.n <= 2 && (before == 'h' || before == 'H') {
				item.kind = 'M'
			} else {
				minutes = item
			}
		case 's', 'S':
			if minutes != nil && minutes.n <= 2 && before == 'm' {
				minutes.kind = 'M'
			}
		case '.':
			n := 0
			for i+1+n < len(s.items) && s.items[i+1+n].kind == '0' {
				s.items[i+1+n] = item0
				n++
			}
			if n > 0 && (before == 's' || before == 'S') && s.parts == 0 {
				s.parts = min(n, 3)
				item.kind, item.n = 'f', s.parts
			} else {
				item.kind, item.text = 'L', "."+strings.Repeat("0", n)
			}
		case 'e':
			item.kind, item.n = 'y', 4
		case 'a':
			s.halfDays = true
		case 'y', 'd', 'h', 'H', 'N':
		case '@', 'G':
			*item = item0
		default:
			item.kind = 'L'
		}
		if item.kind != 'L' {
			before = item.kind
		}
		if strings.IndexByte("hMsaHNSf", item.kind) >= 0 {
			s.clock = true
		}
	}
}

type condition struct {
	op    string // "": none
	limit float64
}

func (c condition) holds(v float64) bool {
	return c.op == "" || strings.IndexByte(c.op, "<=>"[cmp.Compare(v, c.limit)+1]) >= 0
}

// pick returns the section for a number. unsigned reports that the section shows
// negative numbers without an automatic minus sign.
func (f *format) pick(v float64) (s *section, unsigned bool) {
	last := len(f.sections) - 1
	for i := range f.sections {
		c := f.sections[i].cond
		switch {
		case c.op != "":
		case i == 0 && last == 1:
			c = condition{">=", 0}
		case i == 0 && last > 1:
			c = condition{">", 0}
		case i == 1:
			c = condition{"<", 0}
		}
		if i == last || c.holds(v) {
			return &f.sections[i], i > 0 || c.op == "<" && c.limit <= 0
		}
	}
	panic("a format has a section at least")
}

// show appends a number as the format shows it.
func (f *format) show(dst []byte, v float64, date1904 bool) ([]byte, Format) {
	s, unsigned := f.pick(v)
	if s.kind == Date {
		if shown, ok := s.appendDate(dst, v, date1904); ok {
			return shown, Date
		}
		return appendGeneral(dst, v), Date
	}
	return s.appendNumber(dst, math.Abs(v), v < 0 && !unsigned), s.kind
}

// plainText reports whether text is shown unchanged.
func (f *format) plainText() bool {
	return f.text == nil || len(f.text.items) == 1 && f.text.items[0].kind == '@'
}

// showText appends text as the format shows it.
func (f *format) showText(dst []byte, text string) []byte {
	for _, item := range f.text.items {
		if item.kind == '@' {
			dst = append(dst, text...)
		} else {
			dst = append(dst, item.text...)
		}
	}
	return dst
}
