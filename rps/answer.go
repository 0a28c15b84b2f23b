package rps

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/kolo/xmlrpc"
)

// An answer is what the service answered to a call that it granted.
type answer struct {
	status DeviceStatus // of checkDevice and checkDeviceExt
	url    string       // of checkDeviceExt, "" if there is none
	macs   []MAC        // of listDevices
}

// readAnswer reads the body of an answer with HTTP status 200. It alone decides
// what counts as granted: the code true, followed by what the guide has there
// for that method. Anything else is a refusal or Unreadable.
func readAnswer(method string, body []byte) (answer, *Error) {
	unreadable := func(err error) (answer, *Error) {
		return answer{}, &Error{Kind: Unreadable, Method: method, Err: err}
	}
	v, err := parse(body)
	switch {
	case err != nil:
		return unreadable(err)
	case v.fault:
		fault, err := readFault(body)
		if err != nil {
			return unreadable(err)
		}
		return answer{}, faultError(method, fault)
	case !v.granted && v.list:
		return unreadable(errors.New("the answer refuses the call and holds a list"))
	case !v.granted:
		return answer{}, refusal(method, v.texts[0])
	case v.n == 0, v.list && method != MethodListDevices:
		return unreadable(errShape)
	}
	text := v.texts[0]

	// A text is shown only if it is not one of the guide's; a URL may be
	// somebody's unique one.
	unknown := func(words string) (answer, *Error) {
		e := &Error{Kind: Unreadable, Method: method, Text: withoutURLs(oneLine(text)), Err: errors.New(words)}
		return answer{}, e
	}
	switch method {
	case MethodListDevices:
		if v.n != 1 {
			return unreadable(errShape)
		}
		if !v.list { // a list of one that is not written as one
			mac, err := ParseMAC(text)
			if err != nil {
				return unknown("this is not a list of devices")
			}
			v.macs = []MAC{mac}
		}
		return answer{macs: v.macs}, nil
	case MethodCheckDevice, MethodCheckDeviceExt:
		status, ok := parseStatus(text)
		if !ok {
			return unknown("this is not one of the four states of a device")
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

// readFault reads an answer that is a fault. What else is in it than a code and
// words, such as a serialised exception, is dropped.
func readFault(body []byte) (fault xmlrpc.FaultError, err error) {
	// The library does not take the padding that the guide's answers have.
	body = padding.ReplaceAll(body, []byte(">$1<"))
	if !errors.As(xmlrpc.Response(body).Err(), &fault) {
		return fault, errFault
	}
	return fault, nil
}

var padding = regexp.MustCompile(`>\s*(-?\d+|faultCode|faultString)\s*<`)

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
	errFault   = errors.New("the answer is a fault that cannot be read")
	errShape   = errors.New("unexpected answer format")
	errCutOff  = fmt.Errorf("the answer is cut off: %w", io.ErrUnexpectedEOF)
)
