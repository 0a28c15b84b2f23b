package rpstest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// ParseFaults reads a script of faults, one a line:
//
//	METHOD [CALL] [KEY=VALUE ...] FAULT [KEY=VALUE ...]
//
//	# the third registerDevices is applied, but not answered
//	registerDevices 3 close-after
//	* every=10 503 retry-after=2
//	listDevices slow delay=3s times=-1
//	registerDevices 2 says text=Error:Repeated MAC(s):00000000000d
//
// METHOD is that of the API, with or without "redirect.", or * for any; CALL
// and FAULT are the fields Call and Name of [Fault]. The keys are the others:
// times, every and keep are numbers, delay and retry-after-date are durations
// such as 1m30s, and retry-after is a header without blanks. text comes last:
// all that follows it on the line is its value. A # at the beginning of a word
// before that begins a comment. An error names the line.
func ParseFaults(r io.Reader) ([]Fault, error) {
	var faults []Fault
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		line, text, hasText := strings.Cut(lines.Text(), " text=")
		words := strings.Fields(line)
		for i, word := range words {
			if strings.HasPrefix(word, "#") {
				words, hasText = words[:i], false
				break
			}
		}
		if len(words) == 0 {
			continue
		}
		if !hasText {
			text = ""
		}
		f, err := parseFault(words, strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("faults: line %d: %w", number, err)
		}
		faults = append(faults, f)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("faults: %w", err)
	}
	return faults, nil
}

func parseFault(words []string, text string) (f Fault, err error) {
	f.Text = text
	if words[0] != "*" {
		f.Method = strings.TrimPrefix(words[0], prefix)
		if !knownMethod(f.Method) {
			return Fault{}, fmt.Errorf("unknown method %q: a line begins with a method, or * for any", words[0])
		}
	}
	var plain []string
	given := make(map[string]bool)
	for _, word := range words[1:] {
		key, value, ok := strings.Cut(word, "=")
		if !ok {
			plain = append(plain, word)
			continue
		}
		if given[key] {
			return Fault{}, fmt.Errorf("%s is given twice", key)
		}
		given[key] = true
		if err := f.set(key, value); err != nil {
			return Fault{}, err
		}
	}
	// The name comes last: 503 in "* 503" is a fault, 3 in "* 3 503" a call.
	switch len(plain) {
	case 0:
		return Fault{}, errors.New("no fault is named")
	case 1:
	case 2:
		if f.Call, err = strconv.Atoi(plain[0]); err != nil || f.Call < 1 {
			return Fault{}, fmt.Errorf("%q is not the number of a call: they are counted from 1", plain[0])
		}
	default:
		return Fault{}, fmt.Errorf("%q is too much: a line is METHOD [CALL] FAULT [KEY=VALUE ...]", plain[2])
	}
	f.Name = plain[len(plain)-1]
	_, err = newScripted(f) // for its judgement alone
	return f, err
}

// set sets the field that a key stands for.
func (f *Fault) set(key, value string) (err error) {
	switch key {
	case "times":
		f.Times, err = strconv.Atoi(value)
	case "every":
		f.Every, err = strconv.Atoi(value)
	case "keep":
		f.Keep, err = strconv.Atoi(value)
	case "delay":
		f.Delay, err = time.ParseDuration(value)
	case "retry-after":
		f.RetryAfter = value
	case "retry-after-date":
		f.RetryAfterDate, err = time.ParseDuration(value)
	default:
		return fmt.Errorf("unknown key %q: it is one of times every keep delay retry-after retry-after-date text", key)
	}
	if err != nil {
		return fmt.Errorf("%s=%s: a number or a duration is wanted, such as times=2 or delay=1m30s", key, value)
	}
	return nil
}

// String gives the line that [ParseFaults] reads as the same Fault, if
// RetryAfter has no blanks.
func (f Fault) String() string {
	var b strings.Builder
	if f.Method == "" {
		b.WriteString("*")
	}
	b.WriteString(strings.TrimPrefix(f.Method, prefix))
	if f.Call != 0 {
		fmt.Fprintf(&b, " %d", f.Call)
	}
	b.WriteString(" " + f.Name)
	for _, number := range []struct {
		key   string
		value int
	}{{"times", f.Times}, {"every", f.Every}, {"keep", f.Keep}} {
		if number.value != 0 {
			fmt.Fprintf(&b, " %s=%d", number.key, number.value)
		}
	}
	if f.Delay != 0 {
		fmt.Fprintf(&b, " delay=%s", f.Delay)
	}
	if f.RetryAfter != "" {
		fmt.Fprintf(&b, " retry-after=%s", f.RetryAfter)
	}
	if f.RetryAfterDate != 0 {
		fmt.Fprintf(&b, " retry-after-date=%s", f.RetryAfterDate)
	}
	if f.Text != "" {
		fmt.Fprintf(&b, " text=%s", f.Text)
	}
	return b.String()
}
