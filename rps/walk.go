package rps

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/kolo/xmlrpc"
)

// values are what is in an answer, in the words of the service.
type values struct {
	fault   *xmlrpc.FaultError // if not nil, there is nothing else
	granted bool               // the result code
	texts   [2]string          // what follows the code, trimmed
	n       int                // how many texts there are
	list    bool               // the first of them is a list, and "" stands for it
	macs    []MAC              // of the list; entries that are not MACs are left out
}

// parse reads an answer up to the end of its params or of its fault, and refuses
// what is not built like one:
//
//	methodResponse > params > param > value > array > data > value ...
//
// What follows params does not matter: the guide's own answers end in too few
// tags (4.6.5.2) or too many (4.15.5.1), and all values are known by then. An
// answer that is cut off before that is refused, whatever is in it.
//
// It reports whether there was anything but white space to read.
func parse(b io.Reader, contentType string) (v values, began bool, err error) {
	answer := bufio.NewReader(b)
	head, _ := answer.Peek(headSize)
	strange := foreign(head)
	text, err := inUTF8(answer, contentType)
	if err != nil {
		return values{}, len(bytes.TrimSpace(head)) > 0, err
	}
	w := walker{src: &source{Reader: bufio.NewReader(text)}}
	w.dec = xml.NewDecoder(w.src)
	w.dec.CharsetReader = func(_ string, utf8 io.Reader) (io.Reader, error) { return utf8, nil }
	v, err = w.answer()
	var syntax *xml.SyntaxError
	switch {
	case err == nil:
		return v, true, nil
	case !w.src.began:
		err = errEmpty
	case !w.inside:
		err = strange
	case errors.Is(err, io.EOF), errors.As(err, &syntax) && syntax.Msg == "unexpected EOF":
		err = errCutOff
	}
	return values{}, w.src.began, err
}

// foreign says what a body is that is not an answer.
func foreign(head []byte) error {
	head = bytes.ToLower(head)
	if bytes.Contains(head, []byte("<html")) || bytes.Contains(head, []byte("<!doctype html")) {
		return errHTML
	}
	return errForeign
}

// A walker goes through an answer tag by tag.
type walker struct {
	src    *source
	dec    *xml.Decoder
	inside bool   // a methodResponse
	text   []byte // of the value at hand
}

// A tag is the start or the end of an element.
type tag struct {
	name string
	end  bool
}

func (w *walker) answer() (v values, err error) {
	if err := w.tags("methodResponse"); err != nil {
		return v, err
	}
	w.inside = true
	t, err := w.tag(false)
	switch {
	case err != nil:
		return v, err
	case t == tag{"fault", false}:
		v.fault, err = w.fault()
		return v, err
	case t != tag{"params", false}:
		return v, errShape
	}
	if err := w.tags("param", "value", "array", "data", "value"); err != nil {
		return v, err
	}
	if v.granted, err = w.code(); err != nil {
		return v, err
	}
	for {
		t, err := w.tag(false)
		switch {
		case err != nil:
			return v, err
		case t == tag{"data", true}:
			return v, w.tags("/array", "/value", "/param", "/params")
		case t == tag{"value", false} && !v.granted && v.n == 1:
			// What a refusal says besides its words, such as addresses, adds to them.
			more, err := w.rest()
			if err != nil {
				return v, err
			}
			v.texts[0] += "\n" + more
			continue
		case t != tag{"value", false} || v.n == len(v.texts):
			return v, errShape
		}
		text, list, err := w.textOrList(v.n == 0)
		if err == nil && list {
			v.list = true
			v.macs, err = w.list()
		}
		if err != nil {
			return v, err
		}
		v.texts[v.n], v.n = string(text), v.n+1
	}
}

// rest reads what follows a start tag up to the end of its element, whatever is in
// it, and returns the texts there, each in a line.
func (w *walker) rest() (string, error) {
	var texts strings.Builder
	for depth := 1; depth > 0; {
		token, err := w.token()
		switch t := token.(type) {
		case xml.StartElement:
			depth++
			texts.WriteByte('\n')
		case xml.EndElement:
			depth--
			texts.WriteByte('\n')
		case xml.CharData:
			texts.Write(t)
		}
		if texts.Len() > maxAnswer {
			return "", errLong
		}
		if err != nil {
			return "", err
		}
	}
	return texts.String(), nil
}

// list reads what follows <value><array>. Text between the entries is ignored:
// the guide's own list has an ellipsis there (4.4.4.1), and no list is taken
// for complete anyway.
func (w *walker) list() ([]MAC, error) {
	if err := w.tags("data"); err != nil {
		return nil, err
	}
	macs := []MAC{}
	for {
		t, err := w.tag(true)
		switch {
		case err != nil:
			return nil, err
		case t == tag{"data", true}:
			return macs, w.tags("/array", "/value")
		case t != tag{"value", false}:
			return nil, errShape
		}
		text, _, err := w.textOrList(false)
		if err != nil {
			return nil, err
		}
		if len(text) > len("00-15-65-00-00-01") {
			continue
		}
		if mac, err := ParseMAC(string(text)); err == nil {
			macs = append(macs, mac)
		}
	}
}

// token returns the next token.
func (w *walker) token() (xml.Token, error) {
	w.src.startToken(w.dec.InputOffset())
	token, err := w.dec.RawToken()
	if text, ok := token.(xml.CharData); ok && bytes.Contains(text, []byte("\ufffd")) {
		// The decoder makes that of references that it cannot follow.
		raw := w.src.token[:len(w.src.token)-int(w.src.read-w.dec.InputOffset())]
		if !bytes.HasPrefix(raw, []byte("<![CDATA[")) {
			return xml.NewDecoder(bytes.NewReader(joinPairs(raw))).RawToken()
		}
	}
	return token, err
}

// fault reads what follows <fault>, up to the end of that. What is there besides a
// code and words, such as a serialised exception, is dropped.
func (w *walker) fault() (*xmlrpc.FaultError, error) {
	if err := w.tags("value", "struct"); err != nil {
		return nil, err
	}
	var fault xmlrpc.FaultError
	var name string
	found := false
	for {
		t, err := w.tag(false)
		if err != nil {
			return nil, err
		}
		switch t {
		case tag{"member", false}, tag{"member", true}:
			continue
		case tag{"struct", true}:
			if !found {
				return nil, errFault
			}
			return &fault, w.tags("/value", "/fault")
		case tag{"name", false}, tag{"value", false}:
		default:
			return nil, errFault
		}
		text, err := w.rest()
		text = strings.TrimSpace(text)
		switch {
		case err != nil:
			return nil, err
		case t.name == "name":
			name = text
		case name == "faultString":
			fault.String, found = text, true
		case name == "faultCode":
			if code, err := strconv.Atoi(text); err == nil { // of whatever type
				fault.Code, found = code, true
			}
		}
	}
}

// tag returns the next tag. Text before it must be blank, unless stray.
func (w *walker) tag(stray bool) (tag, error) {
	for {
		token, err := w.token()
		if err != nil {
			return tag{}, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			return tag{t.Name.Local, false}, nil
		case xml.EndElement:
			return tag{t.Name.Local, true}, nil
		case xml.CharData:
			if !stray && len(bytes.TrimSpace(t)) > 0 {
				return tag{}, errShape
			}
		}
	}
}

// tags reads the tags of these names, one after the other.
func (w *walker) tags(names ...string) error {
	for _, name := range names {
		name, end := strings.CutPrefix(name, "/")
		if t, err := w.tag(false); err != nil {
			return err
		} else if t != (tag{name, end}) {
			return errShape
		}
	}
	return nil
}

// code reads a result code. The guide's is a boolean; an integer is the same
// to many a service.
func (w *walker) code() (granted bool, err error) {
	kind, text, err := w.value(false)
	if err != nil {
		return false, err
	}
	word := kind == "boolean"
	switch {
	case !word && kind != "int" && kind != "i4":
	case string(text) == "1", word && strings.EqualFold(string(text), "true"):
		return true, nil
	case string(text) == "0", word && strings.EqualFold(string(text), "false"):
		return false, nil
	}
	return false, errors.New("the answer does not begin with a result code")
}

// textOrList reads one of the texts of an answer, of whatever simple type. If
// a list may stand in its place, it reports whether one begins here.
func (w *walker) textOrList(mayBeList bool) (text []byte, list bool, err error) {
	kind, text, err := w.value(mayBeList)
	if err != nil {
		return nil, false, err
	}
	switch kind {
	case "", "string", "int", "i4", "i8", "boolean", "double", "dateTime.iso8601":
		return text, false, nil
	case "nil": // Apache's <ex:nil/>
		if len(text) == 0 {
			return nil, false, nil
		}
	case "array":
		if mayBeList {
			return nil, true, nil
		}
	}
	return nil, false, fmt.Errorf("%w: there is a %.20q in it", errShape, kind)
}

// value reads what follows <value> up to the end of that, and returns the name
// of the element in it ("" if there is none) and its text, which is valid until
// the next call. If an array may stand there, value stops behind <array>.
func (w *walker) value(mayBeArray bool) (kind string, text []byte, err error) {
	within := false // the element
	w.text = w.text[:0]
	for {
		token, err := w.token()
		if err != nil {
			return "", nil, err
		}
		switch t := token.(type) {
		case xml.CharData:
			if kind == "" || within {
				if len(w.text)+len(t) > maxAnswer {
					return "", nil, errLong
				}
				w.text = append(w.text, t...)
			} else if len(bytes.TrimSpace(t)) > 0 {
				return "", nil, errShape
			}
		case xml.StartElement:
			if kind != "" || len(bytes.TrimSpace(w.text)) > 0 {
				return "", nil, errShape
			}
			kind, within, w.text = t.Name.Local, true, w.text[:0]
			if mayBeArray && kind == "array" {
				return kind, nil, nil
			}
		case xml.EndElement:
			switch {
			case within && t.Name.Local == kind:
				within = false
			case within || t.Name.Local != "value":
				return "", nil, errShape
			default:
				return kind, bytes.TrimSpace(w.text), nil
			}
		}
	}
}
