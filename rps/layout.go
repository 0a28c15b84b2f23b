package rps

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A layout is what must be known of an answer before the library can decode
// it, and a body that the library decodes rightly.
type layout struct {
	fault   bool
	values  int  // in the outer array: the code, and what follows; 1 to 3
	list    bool // the second value is a list
	entries int  // of the list
	body    []byte
}

// layoutOf walks through an answer up to the end of its params (or to its
// fault) and refuses what is not built like one:
//
//	methodResponse > params > param > value > array > data > value ...
//
// What comes after params is not looked at: the guide's own answers end in too
// few tags (4.6.5.2) or too many (4.15.5.1), and all values are known by then.
// An answer cut off before that is refused, whatever it holds.
//
// The library (kolo/xmlrpc) loses the rest of a list behind an empty value,
// the rest of a text behind a CDATA section or a comment, and does not take
// white space around a boolean; nor does it know Apache's <ex:nil/>. Such
// values are written anew in body; the guide's need none of that, and then
// body is the answer as it came.
func layoutOf(answer []byte) (layout, error) {
	answer = bytes.TrimPrefix(answer, []byte("\ufeff"))
	if len(bytes.TrimSpace(answer)) == 0 {
		return layout{}, errEmpty
	}
	w := walker{dec: xml.NewDecoder(bytes.NewReader(answer))}
	l, err := w.answer()
	if err != nil {
		var syntax *xml.SyntaxError
		switch {
		case !w.inside: // nothing of an answer has been seen yet
			return layout{}, foreign(answer)
		case errors.Is(err, io.EOF), errors.As(err, &syntax) && syntax.Msg == "unexpected EOF":
			return layout{}, errCutOff
		}
		return layout{}, err
	}
	l.body = w.mended(answer)
	return l, nil
}

// foreign says what sort of body it is that is no answer.
func foreign(body []byte) error {
	start := bytes.ToLower(body[:min(len(body), 1024)])
	if bytes.Contains(start, []byte("<html")) || bytes.Contains(start, []byte("<!doctype html")) {
		return errHTML
	}
	return errForeign
}

// A walker goes through an answer tag by tag.
type walker struct {
	dec    *xml.Decoder
	inside bool // of a methodResponse
	edits  []edit
	text   []byte // of the value at hand
}

// An edit puts a value in the place of the bytes from..to.
type edit struct {
	from, to int64
	value    string
}

// A tag is the start or the end of an element.
type tag struct {
	name string
	end  bool
	from int64 // where it begins
}

func (w *walker) answer() (layout, error) {
	if err := w.open("methodResponse"); err != nil {
		return layout{}, err
	}
	w.inside = true
	t, err := w.tag(false)
	switch {
	case err != nil:
		return layout{}, err
	case t.name == "fault" && !t.end:
		return layout{fault: true}, nil
	case t.name != "params" || t.end:
		return layout{}, errShape
	}
	if err := w.open("param", "value", "array", "data"); err != nil {
		return layout{}, err
	}
	var l layout
	for {
		t, err := w.tag(false)
		if err != nil {
			return layout{}, err
		}
		if t.end && t.name == "data" {
			break
		}
		l.values++
		if t.end || t.name != "value" || l.values > 3 {
			return layout{}, errShape
		}
		list, err := w.value(t.from, l.values == 1, l.values == 2)
		if err != nil {
			return layout{}, err
		}
		if list {
			l.list = true
			if l.entries, err = w.list(); err != nil {
				return layout{}, err
			}
		}
	}
	if l.values == 0 {
		return layout{}, errShape
	}
	return l, w.close("array", "value", "param", "params")
}

// list reads what follows <value><array>, and counts the entries. Text between
// them is passed over, as the library does: the guide's own list has an
// ellipsis there (4.4.4.1), and no list is taken for complete anyway.
func (w *walker) list() (entries int, err error) {
	if err := w.open("data"); err != nil {
		return 0, err
	}
	for {
		t, err := w.tag(true)
		if err != nil {
			return 0, err
		}
		if t.end && t.name == "data" {
			return entries, w.close("array", "value")
		}
		if t.end || t.name != "value" {
			return 0, errShape
		}
		entries++
		if _, err := w.value(t.from, false, false); err != nil {
			return 0, err
		}
	}
}

// tag gives the next tag. Text before it must be blank, unless stray.
func (w *walker) tag(stray bool) (tag, error) {
	for {
		from := w.dec.InputOffset()
		token, err := w.dec.RawToken()
		if err != nil {
			return tag{}, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			return tag{t.Name.Local, false, from}, nil
		case xml.EndElement:
			return tag{t.Name.Local, true, from}, nil
		case xml.CharData:
			if !stray && len(bytes.TrimSpace(t)) > 0 {
				return tag{}, errShape
			}
		}
	}
}

func (w *walker) open(names ...string) error {
	for _, name := range names {
		if t, err := w.tag(false); err != nil {
			return err
		} else if t.end || t.name != name {
			return errShape
		}
	}
	return nil
}

func (w *walker) close(names ...string) error {
	for _, name := range names {
		if t, err := w.tag(false); err != nil {
			return err
		} else if !t.end || t.name != name {
			return errShape
		}
	}
	return nil
}

// value reads what follows a <value> that begins at from, to its end; or, if
// it is an array and may be one, to the start of that.
func (w *walker) value(from int64, code, mayBeList bool) (list bool, err error) {
	kind := "" // the element in the value, "" if there is none
	within := false
	plain := true // there is nothing but one run of text
	runs := 0
	w.text = w.text[:0]
	for {
		token, err := w.dec.RawToken()
		if err != nil {
			return false, err
		}
		switch t := token.(type) {
		case xml.CharData:
			if kind != "" && !within {
				if len(bytes.TrimSpace(t)) > 0 {
					return false, errShape
				}
				continue
			}
			w.text = append(w.text, t...)
			runs++
		case xml.StartElement:
			if kind != "" || len(bytes.TrimSpace(w.text)) > 0 {
				return false, errShape
			}
			kind, within = t.Name.Local, true
			if kind == "array" && mayBeList {
				return true, nil
			}
			w.text, runs = w.text[:0], 0
		case xml.EndElement:
			if within {
				if t.Name.Local != kind {
					return false, errShape
				}
				within = false
				continue
			}
			if t.Name.Local != "value" {
				return false, errShape
			}
			plain = plain && runs == 1
			if code {
				return false, w.code(from, kind, plain)
			}
			return false, w.scalar(from, kind, plain)
		default:
			plain = false
		}
	}
}

// code judges the text at hand as a result code. The guide's is a boolean; an
// integer is the same to many a service.
func (w *walker) code(from int64, kind string, plain bool) error {
	text := string(bytes.TrimSpace(w.text))
	digit := ""
	switch {
	case kind != "boolean" && kind != "int" && kind != "i4":
	case text == "1" || kind == "boolean" && strings.EqualFold(text, "true"):
		digit = "1"
	case text == "0" || kind == "boolean" && strings.EqualFold(text, "false"):
		digit = "0"
	}
	if digit == "" {
		return errors.New("the answer does not begin with a result code")
	}
	if kind != "boolean" || !plain || string(w.text) != digit {
		w.rewrite(from, "<boolean>"+digit+"</boolean>")
	}
	return nil
}

// scalar judges the text at hand as one of the texts of an answer.
func (w *walker) scalar(from int64, kind string, plain bool) error {
	text := bytes.TrimSpace(w.text)
	switch kind {
	case "", "string":
		if plain && len(text) > 0 {
			return nil
		}
	case "int", "i4", "i8", "boolean", "double", "dateTime.iso8601":
	case "nil":
		if len(text) > 0 {
			return errShape
		}
	default:
		return fmt.Errorf("%w: there is a %.20q in it", errShape, kind)
	}
	var b strings.Builder
	b.WriteString("<string>")
	if err := xml.EscapeText(&b, text); err != nil {
		return err
	}
	b.WriteString("</string>")
	w.rewrite(from, b.String())
	return nil
}

// rewrite notes that the value from there to here is to be written anew.
func (w *walker) rewrite(from int64, content string) {
	w.edits = append(w.edits, edit{from, w.dec.InputOffset(), "<value>" + content + "</value>"})
}

// mended gives the answer with the edits done.
func (w *walker) mended(answer []byte) []byte {
	if len(w.edits) == 0 {
		return answer
	}
	var b bytes.Buffer
	b.Grow(len(answer))
	done := int64(0)
	for _, e := range w.edits {
		b.Write(answer[done:e.from])
		b.WriteString(e.value)
		done = e.to
	}
	b.Write(answer[done:])
	return b.Bytes()
}
