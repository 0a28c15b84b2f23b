package csvio

import (
	"bytes"
	"fmt"
	"io"
	"math"
)

const (
	// The buffer is looked through once for each of three bytes, so it should
	// stay in the processor's cache.
	firstBuffer = 128 << 10

	// A row that is kept holds on to a block, so blocks are small.
	blockSize = 4 << 10

	// A reader that returns neither bytes nor an error so often never will.
	maxEmptyReads = 100
)

// A splitter finds the records of a CSV file and their cells, and holds no more
// than about one record of the maximum size.
type splitter struct {
	src    io.Reader
	comma  [1]byte
	max    int  // bytes of a record
	wanted int  // cells that must be split, from the first on
	rows   bool // line counts records

	buf  []byte
	pos  int   // where the next record starts in buf
	base int64 // offset in the file of buf[0]
	err  error // of src, io.EOF at its end
	line int   // physical line of the next record

	// Where the next of these bytes is, counting from what has been split:
	// most records have no quote, and need no look at each of their bytes.
	lf, cr, quote finder

	record // that was read last

	block   string // a copy of the buffer from a record's start on
	blockAt int64  // its offset in the file
}

// A record is one that has been split. Cell i ends at ends[i] and the next starts
// after the delimiter there. ends has all cells, or at least the wanted ones.
type record struct {
	raw     []byte // valid until the next call
	ends    []int
	cells   int    // the number of all
	start   int    // its physical line
	lineEnd string // "" for the last record of a file that ends without
	several bool   // it contains a line break, so it spans several lines
	open    bool   // its last cell starts with a quote that is never closed
	torn    int    // its first multi-line cell with text after the closing quote, or -1
	glued   int    // the same for one with a delimiter in quotes
}

// A finder remembers where a byte is found next in a buffer, so that looking for
// it at the start of each record costs one pass over the buffer in all.
type finder struct {
	c  byte
	at int // -1: not looked for yet
}

// next returns the index of the byte at or after from, or len(buf). from must
// not decrease while the buffer stays the same.
func (f *finder) next(buf []byte, from int) int {
	if f.at >= from {
		return f.at
	}
	return f.search(buf, from)
}

func (f *finder) search(buf []byte, from int) int {
	f.at = len(buf)
	if i := bytes.IndexByte(buf[from:], f.c); i >= 0 {
		f.at = from + i
	}
	return f.at
}

func newSplitter(src io.Reader, comma byte, limit int) *splitter {
	s := &splitter{src: src, comma: [1]byte{comma}, max: limit, wanted: math.MaxInt, line: 1, record: record{ends: make([]int, 0, 16)}}
	s.lf.c, s.cr.c, s.quote.c = '\n', '\r', '"'
	s.forget()
	return s
}

func (s *splitter) forget() { s.lf.at, s.cr.at, s.quote.at = -1, -1, -1 }

// fill reads until the buffer is full or the input ends, making room first.
// Reading that much each time keeps the work linear: an incomplete record is
// split again from its start after each fill.
func (s *splitter) fill() {
	rest := s.buf[s.pos:]
	if len(rest) > cap(s.buf)/2 || cap(s.buf) == 0 {
		grown := make([]byte, len(rest), max(firstBuffer, 2*cap(s.buf)))
		copy(grown, rest)
		s.buf = grown
	} else {
		s.buf = s.buf[:copy(s.buf, rest)]
	}
	s.base += int64(s.pos)
	s.pos = 0
	s.forget()
	for n, empty := 0, 0; s.err == nil && len(s.buf) < cap(s.buf); {
		n, s.err = s.src.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf = s.buf[:len(s.buf)+n]
		if empty++; n > 0 {
			empty = 0
		} else if empty == maxEmptyReads && s.err == nil {
			s.err = io.ErrNoProgress
		}
	}
}

// next reads one record. The error is io.EOF after the last, a *FileError for a
// record that is too large, or an error of the input.
func (s *splitter) next() error {
	s.start = s.line
	for !s.scan() {
		// Two bytes more than the largest record show whether it ends there.
		if len(s.buf)-s.pos > s.max+2 {
			return s.tooLong(s.buf[s.pos:])
		}
		if s.err != nil {
			return s.err
		}
		s.fill()
	}
	if len(s.raw) > s.max {
		return s.tooLong(s.raw)
	}
	return nil
}

// skip drops a first line whose text has so many bytes.
func (s *splitter) skip(size int) {
	s.pos, s.line = s.pos+size, s.line+1
	if s.pos < len(s.buf) && s.buf[s.pos] == '\r' {
		s.pos++
	}
	if s.pos < len(s.buf) && s.buf[s.pos] == '\n' {
		s.pos++
	}
}

// scan splits the record at pos. It reports false if the buffer ends before the
// record does, or there is none.
func (s *splitter) scan() bool {
	s.open, s.torn, s.glued = false, -1, -1
	if s.pos == len(s.buf) {
		return false
	}
	end := min(s.lf.next(s.buf, s.pos), s.cr.next(s.buf, s.pos))
	lineBreak := end
	quoted := s.quote.next(s.buf, s.pos) < end
	if quoted {
		if end = s.quotedCells(); end < 0 {
			return false
		}
	}

	lineEnd := ""
	switch {
	case end == len(s.buf):
		if s.err != io.EOF {
			return false
		}
	case s.buf[end] == '\n':
		lineEnd = "\n"
	case end+1 == len(s.buf):
		if s.err != io.EOF {
			return false // an LF may follow
		}
		lineEnd = "\r"
	case s.buf[end+1] == '\n':
		lineEnd = "\r\n"
	default:
		lineEnd = "\r"
	}

	s.raw = s.buf[s.pos:end]
	s.lineEnd = lineEnd
	s.line++
	s.several = lineBreak < end
	if quoted {
		if s.several && !s.rows {
			s.line += lineBreaks(s.raw)
		}
		s.cells = len(s.ends)
	} else {
		s.plainCells(s.wanted)
	}
	s.pos = end + len(lineEnd)
	return true
}

// plainCells splits a record without quotes, at least as far as wanted; the rest
// of its cells are only counted.
func (s *splitter) plainCells(wanted int) {
	s.ends = s.ends[:0]
	at := 0
	for len(s.ends) < wanted {
		if at < len(s.raw) && s.raw[at] == s.comma[0] {
			s.ends = append(s.ends, at)
			at++
			continue
		}
		i := bytes.IndexByte(s.raw[at:], s.comma[0])
		if i < 0 {
			s.ends = append(s.ends, len(s.raw))
			s.cells = len(s.ends)
			return
		}
		s.ends = append(s.ends, at+i)
		at += i + 1
	}
	s.cells = len(s.ends) + 1 + bytes.Count(s.raw[at:], s.comma[:])
}

// splitAll completes ends.
func (s *splitter) splitAll() {
	if len(s.ends) < s.cells {
		s.plainCells(s.cells)
	}
}

// quotedCells splits the record at pos if it has quotes, and returns where it
// ends in the buffer; -1 if it ends beyond it.
func (s *splitter) quotedCells() int {
	s.ends = s.ends[:0]
	at, size := s.pos, len(s.buf)
	for {
		start, closed := at, at // closed: after the closing quote
		if at < size && s.buf[at] == '"' {
			for at++; ; at++ {
				i := bytes.IndexByte(s.buf[at:], '"')
				if i < 0 {
					return s.openEnd()
				}
				at += i + 1
				if at == size || s.buf[at] != '"' {
					// At the buffer's end the second of two may follow; scan
					// asks for more there.
					closed = at
					break
				}
			}
		}
		end := min(s.lf.next(s.buf, at), s.cr.next(s.buf, at))
		cellEnd := end
		i := bytes.IndexByte(s.buf[at:end], s.comma[0])
		if i >= 0 {
			cellEnd = at + i
		}
		// White space there is a habit, not damage.
		if closed > start && closed < cellEnd && trimmed(string(s.buf[closed:cellEnd])) != "" {
			if s.torn < 0 && bytes.ContainsAny(s.buf[start:closed], "\r\n") {
				s.torn = len(s.ends)
			}
			if s.glued < 0 && bytes.IndexByte(s.buf[start:closed], s.comma[0]) >= 0 {
				s.glued = len(s.ends)
			}
		}
		if i < 0 {
			s.ends = append(s.ends, end-s.pos)
			return end
		}
		at += i
		s.ends = append(s.ends, at-s.pos)
		at++
	}
}

// openEnd ends a record whose last cell is never closed: at the end of the file,
// whose last line end is the record's.
func (s *splitter) openEnd() int {
	if s.err != io.EOF {
		return -1
	}
	end := len(s.buf)
	if s.buf[end-1] == '\n' {
		end--
	}
	if s.buf[end-1] == '\r' {
		end--
	}
	s.ends = append(s.ends, end-s.pos)
	s.open = true
	return end
}

func (s *splitter) tooLong(record []byte) error {
	hint := "is this a CSV file?"
	if bytes.IndexByte(record, '"') >= 0 {
		hint = "look there for a quote that is never closed"
	}
	return &FileError{
		Line:   s.start,
		Reason: fmt.Sprintf("the record that starts here is larger than %d bytes", s.max),
		Hint:   hint,
	}
}

// text returns the record as a string that may be kept. Adjacent records share
// one copy of the buffer, because copying each would cost as much as splitting
// it.
func (s *splitter) text() string {
	end := s.pos - len(s.lineEnd)
	start := end - len(s.raw)
	from := s.base + int64(start) - s.blockAt
	if from+int64(len(s.raw)) > int64(len(s.block)) {
		s.block = string(s.buf[start:min(len(s.buf), start+max(blockSize, len(s.raw)))])
		s.blockAt, from = s.base+int64(start), 0
	}
	return s.block[from:][:len(s.raw)]
}

// offset returns the place in the file after the record read last.
func (s *splitter) offset() int64 { return s.base + int64(s.pos) }

// lineBreaks counts the line ends in a text, CR LF as one.
func lineBreaks(text []byte) int {
	return bytes.Count(text, []byte{'\n'}) + bytes.Count(text, []byte{'\r'}) -
		bytes.Count(text, []byte{'\r', '\n'})
}
