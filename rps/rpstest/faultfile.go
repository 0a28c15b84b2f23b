package rpstest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ParseFaults reads a script of faults, one a line:
//
//	METHOD [CALL] FAULT [KEY=VALUE ...] [text=WORDS]
//
//	# the third registerDevices is applied, but not answered
//	registerDevices 3 close-after
//	* every=10 503 retry-after=2
//	* 5 502 apply-after=8s
//	* throws mac=001565000009 times=-1 text=duplicate key
//	login fault times=-1 text=Not authorized
//	registerDevices quota limit=50
//	* 7 colleague text=device,user,001565000001,head office
//	* bucket rate=10 status=503 retry-after=1
//
// METHOD, CALL and FAULT are the fields Method, Call and Name of [Fault], the keys
// are the others; [FaultHelp] lists both. Durations look like 1m30s. Values have
// no blanks, but for text, which comes last: the rest of the line is its value. A
// # at the beginning of a word before that starts a comment. An error names the
// line.
func ParseFaults(r io.Reader) ([]Fault, error) {
	var faults []Fault
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		line, text := lines.Text(), ""
		if at := textKey.FindStringIndex(line); at != nil {
			line, text = line[:at[0]], strings.TrimSpace(line[at[1]:])
		}
		words := strings.Fields(line)
		for i, word := range words {
			if strings.HasPrefix(word, "#") {
				words, text = words[:i], ""
				break
			}
		}
		if len(words) == 0 {
			continue
		}
		f, err := parseFault(words, text)
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

var textKey = regexp.MustCompile(`\stext=`)

func parseFault(words []string, text string) (f Fault, err error) {
	f.Text = text
	if words[0] != "*" {
		f.Method = strings.TrimPrefix(words[0], prefix)
		if f.Method != login && !knownMethod(f.Method) {
			return Fault{}, fmt.Errorf("unknown method %q: a line begins with a method, or * for any", words[0])
		}
	}
	var plain []string
	given := make(map[string]bool)
	for _, word := range words[1:] {
		name, value, ok := strings.Cut(word, "=")
		if !ok {
			plain = append(plain, word)
			continue
		}
		if given[name] {
			return Fault{}, fmt.Errorf("%s is given twice", name)
		}
		given[name] = true
		if err := f.set(name, value); err != nil {
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
			return Fault{}, fmt.Errorf("%q is not the number of a call: they count from 1", plain[0])
		}
	default:
		return Fault{}, fmt.Errorf("unexpected %q: a line is METHOD [CALL] FAULT [KEY=VALUE ...]", plain[2])
	}
	f.Name = plain[len(plain)-1]
	_, err = newScripted(f) // only to check it
	return f, err
}

func (f *Fault) set(name, value string) error {
	var names []string
	for _, k := range keys {
		if k.name == name {
			if err := k.set(f, value); err != nil {
				return fmt.Errorf("%s=%s: want a number or a duration, such as times=2 or delay=1m30s", name, value)
			}
			return nil
		}
		names = append(names, k.name)
	}
	return fmt.Errorf("unknown key %q: use one of %s", name, strings.Join(names, " "))
}

// A key is a field of a Fault in a file.
type key struct {
	name, value, help string              // value is its form, for the help
	get               func(*Fault) string // "" if it is not set
	set               func(*Fault, string) error
}

// keys has all keys, in the order in which they are written.
var keys = []key{
	{"mac", "MAC,...", "hit only calls that carry one of these",
		func(f *Fault) string { return strings.Join(f.MACs, ",") },
		func(f *Fault, value string) error { f.MACs = strings.Split(value, ","); return nil }},
	number("times", "N", "hit N calls; -1: all", func(f *Fault) *int { return &f.Times }),
	number("every", "N", "hit each Nth call", func(f *Fault) *int { return &f.Every }),
	{"apply-after", "8s or 3", "apply the call 8 s, or 3 calls, after it arrived; for\nan event: make the change then",
		func(f *Fault) string { return show(f.ApplyAfter) + show(f.ApplyAfterCalls) },
		func(f *Fault, value string) (err error) {
			if f.ApplyAfterCalls, err = strconv.Atoi(value); err != nil {
				f.ApplyAfter, err = time.ParseDuration(value)
			}
			return err
		}},
	number("limit", "N", "with -after, apply only the first N devices; see below", func(f *Fault) *int { return &f.Limit }),
	{"rate", "N", "for a limit: calls per second",
		func(f *Fault) string { return show(f.Rate) },
		func(f *Fault, value string) (err error) { f.Rate, err = strconv.ParseFloat(value, 64); return err }},
	number("status", "429 or 503", "for a limit: HTTP status; 429 by default", func(f *Fault) *int { return &f.Status }),
	duration("delay", "5s", "for hang and slow", func(f *Fault) *time.Duration { return &f.Delay }),
	number("keep", "BYTES", "for truncated and cut", func(f *Fault) *int { return &f.Keep }),
	word("retry-after", "VALUE", "that header, for an HTTP status; for a limit, wait is\nthe seconds until it allows a call", func(f *Fault) *string { return &f.RetryAfter }),
	duration("retry-after-date", "5s", "that header as a date, 5 s from now", func(f *Fault) *time.Duration { return &f.RetryAfterDate }),
	word("cause", "BYTES", "member faultCause of an XML-RPC fault, sent as base64", func(f *Fault) *string { return &f.Cause }),
	word("text", "WORDS", "what the service says, up to the end of the line;\n{macs} stands for the MACs concerned, {mac} for the\nfirst of them", func(f *Fault) *string { return &f.Text }),
}

func number(name, value, help string, field func(*Fault) *int) key {
	return key{name, value, help,
		func(f *Fault) string { return show(*field(f)) },
		func(f *Fault, value string) (err error) { *field(f), err = strconv.Atoi(value); return err }}
}

func duration(name, value, help string, field func(*Fault) *time.Duration) key {
	return key{name, value, help,
		func(f *Fault) string { return show(*field(f)) },
		func(f *Fault, value string) (err error) { *field(f), err = time.ParseDuration(value); return err }}
}

func word(name, value, help string, field func(*Fault) *string) key {
	return key{name, value, help,
		func(f *Fault) string { return *field(f) },
		func(f *Fault, value string) error { *field(f) = value; return nil }}
}

// show returns a value as a file has it, or "" for 0.
func show[T int | float64 | time.Duration](value T) string {
	if value == 0 {
		return ""
	}
	return fmt.Sprint(value)
}

// String returns the line that [ParseFaults] reads as the same Fault, if no value
// but Text has blanks.
func (f Fault) String() string {
	line := "*"
	if f.Method != "" {
		line = strings.TrimPrefix(f.Method, prefix)
	}
	if f.Call != 0 {
		line += " " + strconv.Itoa(f.Call)
	}
	line += " " + f.Name
	for _, k := range keys {
		if value := k.get(&f); value != "" {
			line += " " + k.name + "=" + value
		}
	}
	return line
}
