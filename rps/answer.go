package rps

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/kolo/xmlrpc"
)

// reply is what an answer says: a result code, and behind it a text, a text
// and a URL, or the list of the account's devices.
type reply struct {
	ok   bool
	text string
	url  string
	list []string
}

// decode reads an answer. Its error says why the answer cannot be read, a
// fault included; nothing of the answer is to be believed then.
func decode(body []byte) (reply, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return reply{}, errors.New("the answer is empty")
	}
	body = plainText(body)
	s, err := shapeOf(body)
	if err != nil {
		return reply{}, err
	}
	response := xmlrpc.Response(body)
	if s.fault {
		if err := response.Err(); err != nil {
			return reply{}, err
		}
		return reply{}, errors.New("the answer is a fault that cannot be read")
	}
	var r reply
	// The destinations must fit the values in number and type.
	into := []any{&r.ok, &r.text}
	switch {
	case s.list && s.values == 2:
		into[1] = &r.list
	case s.list || s.values < 2 || s.values > 3:
		return reply{}, fmt.Errorf("the answer is an array of %d values in an order that the guide does not have", s.values)
	case s.values == 3:
		into = append(into, &r.url)
	}
	// A truncated answer sets values and then is an error.
	if err := response.Unmarshal(&into); err != nil {
		return reply{}, fmt.Errorf("the answer is not whole, or of another form: %w", err)
	}
	r.text, r.url = strings.TrimSpace(r.text), strings.TrimSpace(r.url)
	return r, nil
}

// A shape is what must be known of an answer before it is decoded.
type shape struct {
	fault  bool
	values int  // in the outer array
	list   bool // the second of them is an array
}

// shapeOf walks through an answer as far as it must. It refuses what is no
// methodResponse.
func shapeOf(body []byte) (shape, error) {
	foreign := errors.New("the answer is no XML-RPC")
	d := xml.NewDecoder(bytes.NewReader(body))
	d.CharsetReader = xmlrpc.CharsetReader
	var s shape
	var path []string
	// Where the values of the outer array are.
	const values = "methodResponse/params/param/value/array/data"
	for {
		token, err := d.Token()
		if err != nil {
			if errors.Is(err, io.EOF) || len(path) == 0 {
				return s, foreign
			}
			return s, fmt.Errorf("the answer is not whole: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			path = append(path, t.Name.Local)
			switch {
			case len(path) == 1 && t.Name.Local != "methodResponse":
				return s, foreign
			case len(path) == 2 && t.Name.Local == "fault":
				s.fault = true
				return s, nil
			case len(path) == 7 && strings.Join(path, "/") == values+"/value":
				s.values++
			case len(path) == 8 && s.values == 2 && t.Name.Local == "array":
				// The rest of a long list is read once, by the decoder.
				s.list = true
				return s, nil
			case len(path) <= 6 && !strings.HasPrefix(values, strings.Join(path, "/")):
				return s, foreign
			}
		case xml.EndElement:
			if len(path) == 6 {
				return s, nil // the end of data
			}
			path = path[:len(path)-1]
		case xml.CharData:
			if len(path) == 0 && len(bytes.TrimSpace(t)) > 0 {
				return s, foreign
			}
		}
	}
}

var booleanRx = regexp.MustCompile(`<boolean>\s*([01a-z]+)\s*</boolean>`)

// plainText writes what the decoder would misread in a form that it reads:
// CDATA sections as escaped text, since it takes no more of a value than what
// stands before or in the first of them; the result code without white space.
func plainText(body []byte) []byte {
	const open, end = "<![CDATA[", "]]>"
	if bytes.Contains(body, []byte(open)) {
		var b bytes.Buffer
		rest := body
		for {
			before, after, found := bytes.Cut(rest, []byte(open))
			b.Write(before)
			if !found {
				break
			}
			data, behind, closed := bytes.Cut(after, []byte(end))
			if !closed {
				return body // truncated, as the decoder will find
			}
			xml.EscapeText(&b, data)
			rest = behind
		}
		body = b.Bytes()
	}
	if at := booleanRx.FindSubmatchIndex(body); at != nil && at[1]-at[0] > at[3]-at[2]+len("<boolean></boolean>") {
		clean := append([]byte(nil), body[:at[0]]...)
		clean = append(clean, "<boolean>"...)
		clean = append(clean, body[at[2]:at[3]]...)
		clean = append(clean, "</boolean>"...)
		body = append(clean, body[at[1]:]...)
	}
	return body
}
