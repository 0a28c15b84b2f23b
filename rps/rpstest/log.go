package rpstest

import (
	"slices"
	"time"
)

// Call is a call as it arrived and what happened to it. It is in the log from its
// arrival on: while it is handled, Outcome is empty or names its fault, and
// Applied may still be 0.
type Call struct {
	Time     time.Time
	User     string
	Method   string   // as sent: redirect.registerDevices; "" if unreadable
	N        int      // number of MACs sent
	MACs     []string // as sent; nil without Options.LogMACs
	Server   string
	URL      string
	Override string // "" in the forms without isOverride
	Applied  int    // devices that it bound or released

	// Outcome is "ok", the text of a refusal or of an XML-RPC fault, a status
	// such as "401", "fault:close-after" for a scripted fault, or "gone" if the
	// client left before anything changed.
	Outcome string
}

// Calls returns the log, in order of arrival.
func (s *Server) Calls() []Call {
	s.callMu.Lock()
	defer s.callMu.Unlock()
	calls := make([]Call, len(s.log))
	for i, call := range s.log {
		calls[i] = *call
		calls[i].MACs = slices.Clone(call.MACs)
	}
	if limit := s.options.LogLimit; limit > 0 && len(calls) > limit {
		calls = calls[len(calls)-limit:]
	}
	return calls
}

// Total returns the number of calls since the last reset, including those that
// Options.LogLimit has dropped.
func (s *Server) Total() int {
	s.callMu.Lock()
	defer s.callMu.Unlock()
	return s.total
}

// ResetCalls empties the log. The script of faults continues where it is.
func (s *Server) ResetCalls() {
	s.callMu.Lock()
	defer s.callMu.Unlock()
	s.log, s.total = nil, 0
}

// record adds a call to the log; callMu is held.
func (s *Server) record(call *Call) {
	call.Time = time.Now()
	s.total++
	s.log = append(s.log, call)
	// The log may grow to twice the limit, which makes moving it cheap on
	// average.
	if limit := s.options.LogLimit; limit > 0 && len(s.log) >= 2*limit {
		n := copy(s.log, s.log[len(s.log)-limit:])
		clear(s.log[n:])
		s.log = s.log[:n]
	}
}

// settle writes to the log what happened to a call.
func (s *Server) settle(call *Call, applied int, outcome string) {
	s.callMu.Lock()
	defer s.callMu.Unlock()
	call.Applied = applied
	if call.Outcome == "" { // otherwise a fault, which hides the answer
		call.Outcome = outcome
	}
}
