package rpstest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A request is a method call as it was parsed.
type request struct {
	method string
	params []value
}

// A value is one of the two types the guide uses, or something else, which no
// method takes.
type value struct {
	kind  kind
	text  string  // of a text, without the white space around it; of another type, its name
	items []value // of an array
}

type kind uint8

const (
	text  kind = iota // <string>, or no type at all
	array             // <array>
	other             // <int>, <boolean>, <struct> and so on; <nil/>
)

// maxDepth bounds the nesting of values: the methods need two levels.
const maxDepth = 8

// parseRequest parses a method call. It is strict about what XML-RPC prescribes
// (elements, their order and nesting) and lenient about the rest: white space,
// comments, attributes, CDATA.
//
// It reads raw tokens: xml.Decoder.Token checks nesting and namespaces, which
// costs a third of the time, and the parser checks them anyway.
func parseRequest(body []byte) (req request, err error) {
	p := &parser{decoder: xml.NewDecoder(bytes.NewReader(body))}
	if err := p.document(&req); err != nil {
		return request{}, err
	}
	return req, nil
}

type parser struct {
	decoder *xml.Decoder
	depth   int
}

func (p *parser) document(req *request) error {
	for _, name := range []string{"methodCall", "methodName"} {
		if err := p.start(name); err != nil {
			return err
		}
	}
	name, err := p.text("methodName")
	if err != nil {
		return err
	}
	if name == "" {
		return errors.New("the method has no name")
	}
	req.method = name
	element, end, err := p.tag()
	if err != nil {
		return err
	}
	if !end {
		if element != "params" {
			return unexpected(element, end)
		}
		if req.params, err = p.params(); err != nil {
			return err
		}
		if element, end, err = p.tag(); err != nil {
			return err
		}
	}
	if !end || element != "methodCall" {
		return unexpected(element, end)
	}
	switch element, end, err = p.tag(); {
	case err == nil:
		return unexpected(element, end)
	case !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	}
	return nil // the end of the input, after the end of the call
}

func (p *parser) params() (params []value, err error) {
	err = p.each("param", "params", func() error {
		v, err := p.valueIn("param")
		params = append(params, v)
		return err
	})
	return params, err
}

// each reads elements up to the end of the one that they are in, after their start
// tags by read.
func (p *parser) each(name, within string, read func() error) error {
	for {
		element, end, err := p.tag()
		switch {
		case err != nil:
			return err
		case end && element == within:
			return nil
		case end || element != name:
			return unexpected(element, end)
		}
		if err := read(); err != nil {
			return err
		}
	}
}

// valueIn reads a value and the end of the element that it is in.
func (p *parser) valueIn(name string) (v value, err error) {
	if err = p.start("value"); err == nil {
		v, err = p.value()
	}
	if err == nil {
		err = p.end(name)
	}
	return v, err
}

// value reads from after <value> to </value>.
func (p *parser) value() (v value, err error) {
	if p.depth++; p.depth > maxDepth {
		return v, errors.New("the values are nested too deep")
	}
	defer func() { p.depth-- }()

	content, element, end, err := p.content()
	if err != nil {
		return v, err
	}
	if end { // a value without a type is a string
		if element != "value" {
			return v, unexpected(element, end)
		}
		return value{text: content}, nil
	}
	if content != "" {
		return v, fmt.Errorf("text before <%s>", element)
	}
	switch element {
	case "string":
		v.text, err = p.text("string")
	case "array":
		v.kind = array
		v.items, err = p.array()
	case "int", "i4", "i8", "boolean", "double", "dateTime.iso8601", "base64", "nil":
		v.kind, v.text = other, element
		_, err = p.text(element)
	case "struct":
		v.kind, v.text = other, element
		err = p.members()
	default:
		err = unexpected(element, false)
	}
	if err != nil {
		return v, err
	}
	return v, p.end("value")
}

func (p *parser) array() (items []value, err error) {
	if err := p.start("data"); err != nil {
		return nil, err
	}
	err = p.each("value", "data", func() error {
		item, err := p.value()
		items = append(items, item)
		return err
	})
	if err != nil {
		return nil, err
	}
	return items, p.end("array")
}

// members checks a struct and drops it: no method of the guide takes one.
func (p *parser) members() error {
	return p.each("member", "struct", func() error {
		err := p.start("name")
		if err == nil {
			_, err = p.text("name")
		}
		if err == nil {
			_, err = p.valueIn("member")
		}
		return err
	})
}

// start reads the start tag of the named element, end its end tag.
func (p *parser) start(name string) error { return p.expect(name, false) }
func (p *parser) end(name string) error   { return p.expect(name, true) }

func (p *parser) expect(name string, wantEnd bool) error {
	element, end, err := p.tag()
	if err != nil {
		return err
	}
	if element != name || end != wantEnd {
		return unexpected(element, end)
	}
	return nil
}

// text reads the text up to the end of the named element.
func (p *parser) text(name string) (string, error) {
	content, element, end, err := p.content()
	if err != nil {
		return "", err
	}
	if !end || element != name {
		return "", unexpected(element, end)
	}
	return content, nil
}

// tag reads the next tag; only white space may come before it.
func (p *parser) tag() (element string, end bool, err error) {
	content, element, end, err := p.content()
	if err == nil && content != "" {
		return "", false, fmt.Errorf("text before <%s>", element)
	}
	return element, end, err
}

// content reads the text up to the next tag, and that tag.
func (p *parser) content() (content, element string, end bool, err error) {
	for {
		token, err := p.decoder.RawToken()
		if err == io.EOF {
			if strings.TrimSpace(content) != "" {
				return "", "", false, errors.New("text after the end")
			}
			return "", "", false, io.ErrUnexpectedEOF
		}
		if err != nil {
			return "", "", false, err
		}
		var name xml.Name
		switch token := token.(type) {
		case xml.CharData:
			// Nearly all of it is the indentation between two tags, which is
			// not worth an allocation.
			if content != "" || len(bytes.Trim(token, xmlSpace)) > 0 {
				content += string(token)
			}
			continue
		case xml.Comment, xml.ProcInst:
			continue
		case xml.StartElement:
			name = token.Name
		case xml.EndElement:
			name, end = token.Name, true
		default: // a DOCTYPE: Apache refuses it as well
			return "", "", false, errors.New("a document type is not allowed")
		}
		element = name.Local
		if name.Space != "" {
			element = name.Space + ":" + name.Local
		}
		return strings.Trim(content, xmlSpace), element, end, nil
	}
}

// xmlSpace is what XML calls white space.
const xmlSpace = " \t\r\n"

func unexpected(element string, end bool) error {
	if end {
		return fmt.Errorf("unexpected </%s>", element)
	}
	return fmt.Errorf("unexpected <%s>", element)
}
