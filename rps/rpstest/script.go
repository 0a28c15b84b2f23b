package rpstest

import (
	"fmt"
	"slices"
	"strings"
)

// login is the Method of faults for calls with wrong credentials.
const login = "login"

// scripted is a Fault and its progress.
type scripted struct {
	Fault
	entry *faultName
	after bool
	macs  []mac
	seen  int // calls that it could have hit
	hits  int
}

func newScripted(f Fault) (scripted, error) {
	f.Method = strings.TrimPrefix(f.Method, prefix)
	entry, applied, err := f.check()
	if err != nil {
		return scripted{}, err
	}
	if entry.method != "" {
		f.Method = entry.method
	}
	s := scripted{Fault: f, entry: entry, after: applied}
	for _, text := range f.MACs {
		m, ok := parseMAC(text)
		if !ok {
			return scripted{}, fmt.Errorf("%q is not a MAC in one of the four forms", text)
		}
		s.macs = append(s.macs, m)
	}
	return s, nil
}

// selects reports whether a call counts for the fault.
func (f *scripted) selects(method string, macs []string) bool {
	switch {
	case f.Method == "" && method == login:
		return false
	case f.Method != "" && f.Method != method:
		return false
	}
	return f.macs == nil || slices.ContainsFunc(macs, func(text string) bool {
		m, ok := parseMAC(text)
		return ok && slices.Contains(f.macs, m)
	})
}

// due reports whether the fault hits the call that was seen last.
func (f *scripted) due() bool {
	times := f.Times
	if times == 0 {
		times = 1
		if f.Every > 0 {
			times = -1
		}
	}
	if times >= 0 && f.hits >= times {
		return false
	}
	if f.Every == 0 {
		return f.seen >= f.Call
	}
	first := f.Call
	if first == 0 {
		first = f.Every
	}
	return f.seen >= first && (f.seen-first)%f.Every == 0
}

type script []scripted

func newScript(faults []Fault) (script, error) {
	s := make(script, 0, len(faults))
	for _, f := range faults {
		scripted, err := newScripted(f)
		if err != nil {
			return nil, err
		}
		s = append(s, scripted)
	}
	return s, nil
}

// hit returns the fault that hits a call, or nil, and notes it in the log.
func (s script) hit(call *Call, method string, macs []string) *scripted {
	f := s.next(method, macs)
	if f != nil {
		call.Outcome = "fault:" + f.Name
	}
	return f
}

// next returns the fault that hits a call, or nil.
func (s script) next(method string, macs []string) (hit *scripted) {
	method = strings.TrimPrefix(method, prefix)
	for i := range s {
		f := &s[i]
		if !f.selects(method, macs) {
			continue
		}
		f.seen++
		if hit == nil && f.due() {
			f.hits++
			hit = f
		}
	}
	return hit
}
