package rpstest

import (
	"slices"
	"time"
)

// A pending is a change that is still to come.
type pending struct {
	timed bool // it comes with a timer, not with a call
	calls int  // that arrive before the one that it comes with
	do    func()
}

// later makes a change after a time or, if calls is not 0, after so many more
// calls.
func (s *Server) later(d time.Duration, calls int, do func()) {
	p := &pending{calls == 0, calls, do}
	s.callMu.Lock()
	s.pending = append(s.pending, p)
	s.callMu.Unlock()
	if calls == 0 {
		time.AfterFunc(d, func() { s.change(func(other *pending) bool { return other == p }) })
	}
}

// countPending counts a call and makes the changes that come with it.
func (s *Server) countPending() {
	s.change(func(p *pending) bool {
		if p.timed || p.calls == 0 {
			return !p.timed
		}
		p.calls--
		return false
	})
}

// change makes the pending changes that are due, in order, and returns their
// number.
func (s *Server) change(due func(*pending) bool) int {
	s.pendingMu.Lock()
	defer s.pendingMu.Unlock()
	var now []*pending
	s.callMu.Lock()
	s.pending = slices.DeleteFunc(s.pending, func(p *pending) bool {
		if !due(p) {
			return false
		}
		now = append(now, p)
		return true
	})
	s.callMu.Unlock()
	for _, p := range now {
		p.do()
	}
	return len(now)
}

// ApplyPending makes all changes at once that the script has put off, in the order
// of their calls, and returns their number. The state is final then.
func (s *Server) ApplyPending() int {
	return s.change(func(*pending) bool { return true })
}

func (f *Fault) late() bool { return f.ApplyAfter > 0 || f.ApplyAfterCalls > 0 }

// happen makes the change of an event, now or later. It panics if the change names
// a server that does not exist, which is a mistake in the script.
func (s *Server) happen(f *scripted) {
	do := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if err := f.event(s); err != nil {
			panic("rpstest: " + f.Name + ": " + err.Error())
		}
	}
	if f.late() {
		s.later(f.ApplyAfter, f.ApplyAfterCalls, do)
		return
	}
	do()
}

// respond applies a call as its fault says, now, later, in part or not at all, and
// returns the answer.
func (s *Server) respond(call *Call, c *invocation, f *scripted) answer {
	if f == nil {
		return s.apply(call, c, 0, true)
	}
	a, replayed := okAnswer(), s.recall(f, c)
	switch {
	case f.late():
		s.later(f.ApplyAfter, f.ApplyAfterCalls, func() { s.apply(call, c, f.Limit, false) })
	case f.after:
		a = s.apply(call, c, f.Limit, true)
	}
	if f.entry.name == "pretend" {
		dry := *c
		dry.dry = true
		a = dry.signature.run(s, &dry)
	}
	if replayed != nil {
		return *replayed
	}
	return a
}

// apply handles a call, or if limit is not 0 only so many of its MACs.
func (s *Server) apply(call *Call, c *invocation, limit int, answered bool) answer {
	part := *c
	if limit > 0 {
		part.macs = part.macs[:min(limit, len(part.macs))]
	}
	a := part.signature.run(s, &part)
	if c.twice {
		a = part.signature.run(s, &part)
	}
	s.settle(call, part.applied, a.outcome())
	if answered {
		s.remember(c.signature.method, a)
	}
	return a
}

// remembered is the last answer to a method.
type remembered struct {
	method string
	answer answer
}

func (s *Server) remember(method string, a answer) {
	s.callMu.Lock()
	defer s.callMu.Unlock()
	s.answers = slices.DeleteFunc(s.answers, func(r remembered) bool { return r.method == method })
	s.answers = append(s.answers, remembered{method, a})
}

// recall returns the earlier answer that replay or crossed hands out, nil if there
// is none.
func (s *Server) recall(f *scripted, c *invocation) *answer {
	crossed := f.entry.name == "crossed"
	if !crossed && f.entry.name != "replay" {
		return nil
	}
	s.callMu.Lock()
	defer s.callMu.Unlock()
	for _, r := range slices.Backward(s.answers) {
		if (r.method == c.signature.method) != crossed {
			return &r.answer
		}
	}
	return nil
}
