package rps

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/kolo/xmlrpc"
)

// An answer is what the service said to a call that it granted.
type answer struct {
	status DeviceStatus // of checkDevice and checkDeviceExt
	url    string       // of checkDeviceExt, "" if there is none
	macs   []MAC        // of listDevices
}

// readAnswer reads the body of an answer with HTTP status 200. It is the only
// judge of what counts as granted: the code true, with what the guide puts
// behind it for that method. Anything else is a refusal or is Unreadable.
func readAnswer(method string, body []byte) (answer, *Error) {
	unreadable := func(err error) (answer, *Error) {
		return answer{}, &Error{Kind: Unreadable, Method: method, Err: err}
	}
	l, err := layoutOf(body)
	if err != nil {
		return unreadable(err)
	}
	if l.fault {
		return answer{}, &Error{Kind: Unreadable, Method: method, Text: withoutURLs(faultText(body))}
	}
	granted, texts, list, err := decode(l)
	switch {
	case err != nil:
		return unreadable(err)
	case !granted && l.list:
		return unreadable(errors.New("the answer refuses, and holds a list"))
	case !granted:
		return answer{}, refusal(method, texts[0])
	case l.values < 2, l.list && method != MethodListDevices:
		return unreadable(errShape)
	}

	// A text is shown only if it is none of the guide's; one that is a URL may
	// be somebody's unique one.
	unknown := func(words string) (answer, *Error) {
		e := &Error{Kind: Unreadable, Method: method, Text: withoutURLs(oneLine(texts[0])), Err: errors.New(words)}
		return answer{}, e
	}
	switch method {
	case MethodListDevices:
		if l.values != 2 {
			return unreadable(errShape)
		}
		if !l.list {
			list = texts[:1] // a list of one that is not written as one
			if _, err := ParseMAC(texts[0]); err != nil {
				return unknown("that is no list of devices")
			}
		}
		macs := make([]MAC, 0, len(list))
		for _, text := range list {
			if mac, err := ParseMAC(strings.TrimSpace(text)); err == nil {
				macs = append(macs, mac)
			}
		}
		return answer{macs: macs}, nil
	case MethodCheckDevice, MethodCheckDeviceExt:
		status, ok := parseStatus(texts[0])
		if !ok {
			return unknown("that is none of the four states of a device")
		}
		return answer{status: status, url: texts[1]}, nil
	}
	switch {
	case l.values != 2:
		return unreadable(errShape)
	case !strings.EqualFold(texts[0], "OK"):
		return unknown("the code says true, and the text does not say OK")
	}
	return answer{}, nil
}

// decode reads the values of an answer. The destinations have to fit them in
// number and type, which is why the layout comes first.
func decode(l layout) (granted bool, texts [2]string, list []string, err error) {
	into := []any{&granted, &texts[0], &texts[1]}[:l.values]
	if l.list {
		into[1] = &list
	}
	// The library sets what it has read before it stumbles: no value counts
	// if there is an error.
	if err := xmlrpc.Response(l.body).Unmarshal(&into); err != nil {
		return false, texts, nil, fmt.Errorf("the answer cannot be read: %w", err)
	}
	if len(into) != l.values || len(list) != l.entries {
		return false, texts, nil, errShape
	}
	for i := range texts {
		texts[i] = strings.TrimSpace(texts[i])
	}
	return granted, texts, list, nil
}

// faultText gives the code and the words of a fault. A fault too odd for the
// library, or cut off, is told by whatever text is in it.
func faultText(body []byte) string {
	body = body[:min(len(body), maxAnswer)]
	var fault xmlrpc.FaultError
	if errors.As(xmlrpc.Response(body).Err(), &fault) && strings.TrimSpace(fault.String) != "" {
		return oneLine(fmt.Sprintf("fault %d: %s", fault.Code, fault.String))
	}
	var text strings.Builder
	text.WriteString("fault:")
	for dec := xml.NewDecoder(bytes.NewReader(body)); ; {
		token, err := dec.RawToken()
		if err != nil {
			return oneLine(text.String())
		}
		if words, ok := token.(xml.CharData); ok {
			text.WriteByte(' ')
			text.Write(words)
		}
	}
}

// withoutURLs masks each word that is a URL.
func withoutURLs(line string) string {
	words := strings.Split(line, " ")
	for i, word := range words {
		if strings.Contains(word, "://") {
			words[i] = "***"
		}
	}
	return strings.Join(words, " ")
}

var (
	errEmpty   = errors.New("the answer is empty")
	errHTML    = errors.New("the answer is a web page, not XML-RPC")
	errForeign = errors.New("the answer is not XML-RPC")
	errShape   = errors.New("the answer has not the form that the guide gives it")
	errCutOff  = fmt.Errorf("the answer is cut off: %w", io.ErrUnexpectedEOF)
)
