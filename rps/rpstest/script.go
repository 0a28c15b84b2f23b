package rpstest

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
)

// login is the Method of faults for calls with wrong credentials.
const login = "login"

// scripted is a Fault and its progress.
type scripted struct {
	Fault
	entry   *faultName
	after   bool
	macs    []mac
	event   func(*Server) error // or nil
	limiter limiter             // or nil
	seen    int                 // calls that it could have hit
	hits    int
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
	switch entry.class {
	case limit:
		s.limiter = newLimiter(&f)
	case event:
		records := csv.NewReader(strings.NewReader(f.Text))
		records.FieldsPerRecord = -1
		record, err := records.Read()
		if err == nil {
			s.event, err = parseRecord(record)
		}
		if err != nil {
			return scripted{}, fmt.Errorf("the fault %s: %w", f.Name, err)
		}
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
	return f.macs == nil || f.entry.needs == "mac" || slices.ContainsFunc(macs, func(text string) bool {
		m, ok := parseMAC(text)
		return ok && slices.Contains(f.macs, m)
	})
}

// due reports whether the fault hits the call that was seen last.
func (f *scripted) due() bool {
	times := f.Times
	if times == 0 {
		times = 1
		if f.Every > 0 || f.entry.class == trait {
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

// A plan is what the script has for one call.
type plan struct {
	fault  *scripted // of the answer; or nil
	traits []*scripted
	events []*scripted
}

// hit returns what hits a call, and notes the fault in the log.
func (s script) hit(call *Call, method string, macs []string) plan {
	p := s.next(method, macs)
	if p.fault != nil {
		call.Outcome = "fault:" + p.fault.Name
	}
	return p
}

// next returns what hits the next call, whose method is named without its prefix.
func (s script) next(method string, macs []string) (p plan) {
	for i := range s {
		f := &s[i]
		if !f.selects(method, macs) {
			continue
		}
		f.seen++
		if !f.due() || f.entry.class == ofAnswer && p.fault != nil {
			continue
		}
		f.hits++
		switch f.entry.class {
		case ofAnswer:
			p.fault = f
		case trait:
			p.traits = append(p.traits, f)
		case event:
			p.events = append(p.events, f)
		}
	}
	return p
}
