package rpstest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// An answer is what a method returns: a fault, or true or false with a text
// and perhaps more.
type answer struct {
	fault string // of XML-RPC; if set, only cause is used
	cause string // a serialised exception, of a fault

	ok     bool
	text   string // in place of it a list, if listed is set
	url    string // a third value, if hasURL is set: it may be empty
	hasURL bool

	apache bool // see asApache

	listed bool
	list   []mac
	junk   []string // entries of the list that are not MACs
}

func okAnswer() answer                { return answer{ok: true, text: "OK"} }
func refusal(text string) answer      { return answer{text: text} }
func faultAnswer(fault string) answer { return answer{fault: fault} }

// outcome returns the answer as it stands in the log of calls.
func (a *answer) outcome() string {
	switch {
	case a.fault != "":
		return a.fault
	case a.ok:
		return "ok"
	}
	return a.text
}

// The layout is that of the guide, down to the indentation.
const (
	answerHead = `<?xml version="1.0" encoding="UTF-8"?>
<methodResponse
xmlns:ex="http://ws.apache.org/xmlrpc/namespaces/extensions">
`
	resultHead = answerHead + `<params>
  <param>
    <value>
      <array>
        <data>
          <value>
            <boolean>`
	resultMiddle = `</boolean>
          </value>
`
	resultTail = `        </data>
      </array>
    </value>
  </param>
</params>
</methodResponse>`
	listHead = `          <value>
            <array>
              <data>
`
	listTail = `              </data>
            </array>
          </value>
`
	faultHead = answerHead + `<fault>
  <value>
    <struct>
      <member>
        <name>faultCode</name>
        <value><i4>0</i4></value>
      </member>
      <member>
        <name>faultString</name>
        <value>`
	faultCause = `</value>
      </member>
      <member>
        <name>faultCause</name>
        <value><base64>`
	faultCauseTail = `</base64>`
	faultTail      = `</value>
      </member>
    </struct>
  </value>
</fault>
</methodResponse>`
)

// writeTo writes the answer as XML. A list of a million devices is about 80 MB
// of it, so the answer is streamed.
func (a *answer) writeTo(w io.Writer) error {
	if a.apache {
		plain, text := *a, bytes.Buffer{}
		plain.apache = false
		plain.writeTo(&text)
		_, err := io.WriteString(w, asApache(text.String()))
		return err
	}
	b := bufio.NewWriter(w)
	if a.fault != "" {
		b.WriteString(faultHead)
		b.WriteString(escape(a.fault))
		if a.cause != "" {
			b.WriteString(faultCause)
			b.WriteString(base64.StdEncoding.EncodeToString([]byte(a.cause)))
			b.WriteString(faultCauseTail)
		}
		b.WriteString(faultTail)
		return b.Flush()
	}
	b.WriteString(resultHead)
	if a.ok {
		b.WriteByte('1')
	} else {
		b.WriteByte('0')
	}
	b.WriteString(resultMiddle)
	if a.listed {
		b.WriteString(listHead)
		var form [17]byte
		for _, m := range a.list {
			b.WriteString("                <value>\n                  ")
			b.Write(m.append(form[:0], upperDigits, '-'))
			if _, err := b.WriteString("\n                </value>\n"); err != nil {
				return err // the client has gone: skip the rest
			}
		}
		for _, text := range a.junk {
			writeValue(b, "                ", text)
		}
		b.WriteString(listTail)
	} else {
		writeValue(b, "          ", a.text)
	}
	if a.hasURL {
		writeValue(b, "          ", a.url)
	}
	b.WriteString(resultTail)
	return b.Flush()
}

// asApache returns an answer as the engine behind the service writes it: without
// white space around values, and characters beyond U+FFFF as two references.
func asApache(text string) string {
	var b strings.Builder
	for _, r := range betweenTags.ReplaceAllString(text, "$1") {
		if r <= 0xFFFF {
			b.WriteRune(r)
			continue
		}
		high, low := utf16.EncodeRune(r)
		fmt.Fprintf(&b, "&#%d;&#%d;", high, low)
	}
	return b.String()
}

var betweenTags = regexp.MustCompile(`\s*([<>])\s*`)

// writeValue writes an untyped value, padded as in the guide.
func writeValue(b *bufio.Writer, indent, text string) {
	b.WriteString(indent + "<value>\n" + indent + "  ")
	b.WriteString(escape(text))
	b.WriteString("\n" + indent + "</value>\n")
}

// escape returns text as XML. Characters that XML cannot carry become U+FFFD:
// they come from unreadable requests, which are quoted in the fault, and from
// the set-up of tests.
func escape(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0xFFFE, r == 0xFFFF:
			return utf8.RuneError
		}
		return r // RuneError for bytes that are not valid UTF-8
	}, text)
	return xmlEscaper.Replace(text)
}

var xmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;")
