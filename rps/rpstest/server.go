package rpstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Options say which of the services that the guide leaves possible a [Server]
// is. The zero value is the mildest: refused batches change nothing, refusals
// name every MAC, there are no limits and no waiting.
type Options struct {
	// Accounts has user names and passwords. nil means the one account "user"
	// with the password "secret".
	Accounts map[string]string

	// Partial applies a refused batch to those of its devices that were not
	// the reason. A batch refused as a whole (server, isOverride, size) changes
	// nothing even so.
	Partial bool

	NameOne bool // the refusal of a batch names the first offending MAC alone
	Unnamed bool // the refusal of a batch names none: "Error:Invalid MAC(s)"

	// PromptElsewhere answers for a device of another account as for one's own:
	// with the prompt (sections 4.6, 4.12), or "overriding failed" if there is
	// an isOverride. Otherwise the answer is the refusal with the ticket system
	// (section 4.1, number 5).
	PromptElsewhere bool

	// OverrideElsewhere lets isOverride 1 take a device from another account.
	OverrideElsewhere bool

	// URLWithoutServer accepts a unique URL with an empty serverName.
	URLWithoutServer bool

	// LiveURLText words a bad unique URL as the live service does, "Error:The
	// url can only begin with ...", instead of "Invalid server url".
	LiveURLText bool

	// Latency is how long a call takes, half of it before anything is changed:
	// a client that goes away in the first half has changed nothing.
	Latency time.Duration

	ListLimit int   // listDevices is cut after so many devices; 0: it is whole
	MaxBatch  int   // a batch of more MACs is refused in words; 0: no limit
	MaxBody   int64 // bytes of a request, above which HTTP 413 is answered; 0: 64 MiB

	// RateLimit is a limit in calls a second that is not announced, above which
	// HTTP 429 is answered; 0: none. RateBurst calls may come at once, 1 if it
	// is 0. With RateRetryAfter the answer says how many seconds to wait.
	RateLimit      float64
	RateBurst      int
	RateRetryAfter bool

	Faults []Fault

	// LogMACs keeps the MACs of each call in the log; without it there is but
	// their number. LogLimit bounds the log to the latest calls; 0: it is whole.
	LogMACs  bool
	LogLimit int
}

const defaultMaxBody = 64 << 20

// A Server is a simulated RPS. It is an http.Handler, safe for concurrent use.
// Make one with [New].
type Server struct {
	options   Options
	passwords map[string]string

	mu    sync.RWMutex // guards state
	state state

	// One lock decides what happens to a call and puts it in the log, so that
	// the log has the order in which the script of faults was followed.
	callMu sync.Mutex
	script script
	limit  limiter
	log    []*Call
	total  int
}

// New makes a Server with nothing in it. It panics on a bad Fault.
func New(options Options) *Server {
	accounts := options.Accounts
	if accounts == nil {
		accounts = map[string]string{"user": "secret"}
	}
	s := &Server{
		options:   options,
		passwords: maps.Clone(accounts),
		state:     newState(),
		limit:     newLimiter(options.RateLimit, options.RateBurst),
	}
	for _, user := range slices.Sorted(maps.Keys(accounts)) {
		if user == "" {
			panic("rpstest: an account needs a name")
		}
		s.state.account(user)
	}
	s.SetFaults(options.Faults...)
	return s
}

// SetFaults replaces the script of faults; what the old one counted is
// forgotten. It panics on a bad Fault.
func (s *Server) SetFaults(faults ...Fault) {
	script, err := newScript(faults)
	if err != nil {
		panic("rpstest: " + err.Error())
	}
	s.callMu.Lock()
	defer s.callMu.Unlock()
	s.script = script
}

// Call is a call as it arrived and what became of it. The log has it from its
// arrival on: while it is being handled its Outcome is empty, or has the fault
// that is to befall it, and Applied may still be 0.
type Call struct {
	Time     time.Time
	User     string
	Method   string   // as it was sent: redirect.registerDevices; "" if unreadable
	N        int      // number of MACs sent
	MACs     []string // as they were sent; nil without Options.LogMACs
	Server   string
	URL      string
	Override string // "" in the forms without isOverride
	Applied  int    // devices that were bound or released by it

	// Outcome is "ok", the text of a refusal or of an XML-RPC fault, a status
	// such as "401", "fault:close-after" for a scripted one, or "gone" if the
	// client went away before anything was changed.
	Outcome string
}

// Calls gives the log, in order of arrival.
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

// Total counts the calls since the last reset, also those that
// Options.LogLimit has dropped.
func (s *Server) Total() int {
	s.callMu.Lock()
	defer s.callMu.Unlock()
	return s.total
}

// ResetCalls empties the log. The script of faults goes on where it is.
func (s *Server) ResetCalls() {
	s.callMu.Lock()
	defer s.callMu.Unlock()
	s.log, s.total = nil, 0
}

// record puts a call in the log; callMu is held.
func (s *Server) record(call *Call) {
	call.Time = time.Now()
	s.total++
	s.log = append(s.log, call)
	// The log may grow to twice the limit, so that moving it costs nothing in
	// the mean.
	if limit := s.options.LogLimit; limit > 0 && len(s.log) >= 2*limit {
		n := copy(s.log, s.log[len(s.log)-limit:])
		clear(s.log[n:])
		s.log = s.log[:n]
	}
}

// settle writes into the log what became of a call.
func (s *Server) settle(call *Call, applied int, outcome string) {
	s.callMu.Lock()
	defer s.callMu.Unlock()
	call.Applied = applied
	if call.Outcome == "" { // else a fault, which hides the answer
		call.Outcome = outcome
	}
}

// ServeHTTP answers a call. A connection fault behind a listener ends in
// panic(http.ErrAbortHandler), which net/http knows.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	call := &Call{User: user}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		s.turnAway(w, call, http.StatusMethodNotAllowed)
		return
	}
	if want, ok := s.passwords[user]; !ok || password != want {
		s.turnAway(w, call, http.StatusUnauthorized)
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

// serveCall answers a call that was read to its end.
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

	scripted, pause := s.admit(call)
	if pause > 0 {
		if s.options.RateRetryAfter {
			seconds := (pause + time.Second - 1) / time.Second
			w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
		}
		page(w, http.StatusTooManyRequests)
		return
	}

	ctx := r.Context()
	if err := wait(ctx, s.options.Latency/2); err != nil {
		s.settle(call, 0, "gone")
		breakOff(w, errClosed)
		return
	}
	if scripted != nil && !scripted.after {
		s.perform(w, r, scripted, okAnswer())
		return
	}
	answer, applied := faultAnswer(fault), 0
	if invocation != nil {
		answer = invocation.signature.run(s, invocation)
		applied = invocation.applied
	}
	s.settle(call, applied, answer.outcome())
	if err := wait(ctx, s.options.Latency-s.options.Latency/2); err != nil {
		breakOff(w, errClosed)
		return
	}
	if scripted != nil {
		s.perform(w, r, scripted, answer)
		return
	}
	write(w, &answer)
}

// admit puts a call in the log and decides whether the rate limit turns it away
// (pause is how long it should have waited) or a fault befalls it.
func (s *Server) admit(call *Call) (fault *scripted, pause time.Duration) {
	s.callMu.Lock()
	defer s.callMu.Unlock()
	s.record(call)
	if pause = s.limit.take(call.Time); pause > 0 {
		call.Outcome = strconv.Itoa(http.StatusTooManyRequests)
		return nil, pause
	}
	if fault = s.script.next(call.Method); fault != nil {
		call.Outcome = "fault:" + fault.Name
	}
	return fault, 0
}

func (s *Server) accountOf(user string) uint32 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.state.accountIDs[user] // all that can log in are there since New
}

// turnAway refuses a request before it is a call.
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
	a.writeTo(w) // an error means that the client is gone
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

// wait waits unless the context ends first.
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

// A limiter is a token bucket, kept as the time at which it will be full. It
// counts in whole nanoseconds, rounded in the caller's favour: a client that
// keeps exactly to the rate is never turned away.
type limiter struct {
	interval time.Duration // between two calls; 0: there is no limit
	slack    time.Duration // how far ahead of full the bucket may be
	full     time.Time
}

func newLimiter(rate float64, burst int) limiter {
	if rate <= 0 {
		return limiter{}
	}
	interval := time.Duration(float64(time.Second) / rate)
	return limiter{interval: interval, slack: interval * time.Duration(max(burst, 1)-1)}
}

// take takes a token, or says how long there will be none.
func (l *limiter) take(now time.Time) (pause time.Duration) {
	if l.interval == 0 {
		return 0
	}
	if l.full.Before(now) {
		l.full = now
	}
	if ahead := l.full.Sub(now); ahead > l.slack {
		return ahead - l.slack
	}
	l.full = l.full.Add(l.interval)
	return 0
}
