package rpstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ServeHTTP answers a call. Behind a listener a connection fault ends in
// panic(http.ErrAbortHandler), which net/http expects.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	call := &Call{User: user}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		s.turnAway(w, call, http.StatusMethodNotAllowed)
		return
	}
	if want, ok := s.passwords[user]; !ok || password != want {
		if fault := s.refuseLogin(call); fault != nil {
			s.perform(w, r, fault, nil, okAnswer())
		} else {
			page(w, http.StatusUnauthorized)
		}
		return
	}
	body, err := s.readBody(w, r)
	if err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			s.turnAway(w, call, http.StatusRequestEntityTooLarge)
			return
		}
		s.callMu.Lock()
		call.Outcome = "gone"
		s.record(call)
		s.callMu.Unlock()
		breakOff(w, errClosed)
		return
	}
	s.serveCall(w, r, call, body)
}

func (s *Server) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limit := s.options.MaxBody
	if limit <= 0 {
		limit = defaultMaxBody
	}
	var body bytes.Buffer
	body.Grow(int(min(max(r.ContentLength, 0), limit, 1<<20)) + bytes.MinRead)
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	return body.Bytes(), err
}

// serveCall answers a call whose body has been read.
func (s *Server) serveCall(w http.ResponseWriter, r *http.Request, call *Call, body []byte) {
	req, err := parseRequest(body)
	var invocation *invocation
	var fault string
	if err != nil {
		fault = "Failed to parse XML-RPC request: " + err.Error()
	} else {
		call.Method = req.method
		invocation, fault = invoke(req)
	}
	if invocation != nil {
		invocation.account = s.accountOf(call.User)
		call.N, call.Server, call.URL = len(invocation.macs), invocation.server, invocation.url
		call.Override = invocation.override
		if s.options.LogMACs {
			call.MACs = invocation.macs
		}
	}

	plan, limit, pause := s.admit(call, invocation)
	if limit != nil {
		limit.turnAway(w, pause)
		return
	}
	scripted := plan.fault
	s.countPending()
	for _, f := range plan.events {
		s.happen(f)
	}
	if invocation != nil {
		invocation.options = s.options
		for _, f := range plan.traits {
			f.entry.hold(invocation, f)
		}
	}
	ctx := r.Context()
	if err := wait(ctx, s.options.Latency/2); err != nil {
		s.settle(call, 0, "gone")
		breakOff(w, errClosed)
		return
	}
	var answer answer
	if invocation == nil {
		answer = faultAnswer(fault)
		s.settle(call, 0, answer.outcome())
	} else {
		answer = s.respond(call, invocation, scripted)
		answer.apache = invocation.apache
	}
	if scripted == nil || scripted.after && !scripted.late() {
		if err := wait(ctx, s.options.Latency-s.options.Latency/2); err != nil {
			breakOff(w, errClosed)
			return
		}
	}
	if scripted == nil {
		write(w, &answer)
		return
	}
	s.perform(w, r, scripted, invocation, answer)
}

// admit adds a call to the log and returns what hits it, or the limit that turns
// it away and how long it should have waited.
func (s *Server) admit(call *Call, c *invocation) (p plan, limit *scripted, pause time.Duration) {
	var macs []string
	if c != nil {
		macs = c.macs
	}
	s.callMu.Lock()
	defer s.callMu.Unlock()
	s.record(call)
	method := strings.TrimPrefix(call.Method, prefix)
	if limit, pause = s.script.turnedAway(method, call.Time); limit != nil {
		call.Outcome = strconv.Itoa(limit.limitStatus())
		return plan{}, limit, pause
	}
	return s.script.hit(call, method, macs), nil, 0
}

// refuseLogin adds a call with wrong credentials to the log and returns the fault
// that hits it, or nil.
func (s *Server) refuseLogin(call *Call) *scripted {
	s.callMu.Lock()
	defer s.callMu.Unlock()
	call.Outcome = strconv.Itoa(http.StatusUnauthorized)
	s.record(call)
	return s.script.hit(call, login, nil).fault
}

func (s *Server) accountOf(user string) uint32 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.state.accountIDs[user] // New has added all that can log in
}

// turnAway refuses a request before it counts as a call.
func (s *Server) turnAway(w http.ResponseWriter, call *Call, status int) {
	s.callMu.Lock()
	call.Outcome = strconv.Itoa(status)
	s.record(call)
	s.callMu.Unlock()
	page(w, status)
}

// write answers with HTTP 200.
func write(w http.ResponseWriter, a *answer) {
	w.Header().Set("Content-Type", "text/xml")
	a.writeTo(w) // an error means that the client has gone
}

// page answers with an HTML page, as a servlet container or a proxy does.
func page(w http.ResponseWriter, status int) {
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="XML-RPC"`)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	io.WriteString(w, "<html>\n<head><title>"+title+"</title></head>\n<body><h1>"+title+"</h1></body>\n</html>\n")
}

// wait waits for d or until the context ends, whose error it then returns.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
