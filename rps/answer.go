package rps

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// An answer is what the service answered to a call that it granted.
type answer struct {
	status DeviceStatus // of checkDevice and checkDeviceExt
	url    string       // of checkDeviceExt, "" if there is none
	macs   []MAC        // of listDevices
}

// readAnswer reads the body of an answer with HTTP status 200. It alone decides
// what counts as granted: the code true, followed by what the guide has there
// for that method, in a body that is whole. Anything else is a refusal, a fault
// or Unreadable.
func readAnswer(method, contentType string, b *body) (answer, *Error) {
	v, began, err := parse(b, contentType)
	var a answer
	var e *Error
	if err == nil {
		a, e = judge(method, v)
		io.Copy(io.Discard, b)
	}
	if b.broken() != nil {
		err = b.broken()
	}
	if err != nil {
		return answer{}, &Error{Kind: Unreadable, Method: method, Began: began, Err: err}
	}
	return a, e
}

// judge decides what the values of an answer mean.
func judge(method string, v values) (answer, *Error) {
	unreadable := func(err error) (answer, *Error) {
		return answer{}, &Error{Kind: Unreadable, Method: method, Began: true, Err: err}
	}
	switch {
	case v.fault != nil:
		return answer{}, faultError(method, *v.fault)
	case !v.granted && v.list && len(v.macs) == 0 && method == MethodListDevices:
		return answer{}, &Error{Kind: NoDevices, Method: method}
	case !v.granted && v.list:
		return unreadable(errors.New("the answer refuses the call, but has a list"))
	case !v.granted:
		return answer{}, refusal(method, v.texts[0])
	case (v.n == 0 || v.list) && method != MethodListDevices:
		return unreadable(errShape)
	}
	text := v.texts[0]

	unknown := func(words string) (answer, *Error) {
		return answer{}, &Error{Kind: Unreadable, Method: method, Text: OneLine(text), Began: true, Err: errors.New(words)}
	}
	switch method {
	case MethodListDevices:
		if v.n > 1 {
			return unreadable(errShape)
		}
		if !v.list { // one entry or none, not written as a list
			mac, err := ParseMAC(text)
			switch {
			case err == nil:
				v.macs = []MAC{mac}
			case text != "" && refusal(method, text).Kind != NoDevices:
				return unknown("this is not a list of devices")
			}
		}
		return answer{macs: v.macs}, nil
	case MethodCheckDevice, MethodCheckDeviceExt:
		status, ok := parseStatus(text)
		if !ok {
			return unknown("this is not one of the four states of a device")
		}
		switch url := v.texts[1]; {
		case len(url) > maxURL:
			return unreadable(errLong)
		// Lists of devices and files that put them back have it as it is, and
		// must not get more lines or a formula from it.
		case url != Printable(url), strings.IndexAny(url, "=+-@") == 0:
			return unreadable(errURL)
		}
		if !strings.Contains(v.texts[1], "://") { // a name of the server, perhaps, or a word for nothing
			v.texts[1] = ""
		}
		return answer{status: status, url: v.texts[1]}, nil
	}
	switch {
	case v.n != 1:
		return unreadable(errShape)
	case !strings.EqualFold(text, "OK"):
		return unknown("the result code is true, but the text is not OK")
	}
	return answer{}, nil
}

var (
	errEmpty   = errors.New("the answer is empty")
	errHTML    = errors.New("the answer is a web page, not XML-RPC")
	errForeign = errors.New("the answer is not XML-RPC")
	errLong    = errors.New("a part of the answer is too long")
	errURL     = errors.New("the answer has an invalid URL")
	errFault   = errors.New("the answer is a fault that cannot be read")
	errShape   = errors.New("unexpected answer format")
	errCutOff  = fmt.Errorf("the answer is cut off: %w", io.ErrUnexpectedEOF)
)
