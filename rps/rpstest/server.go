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

// Options choose among the services that the guide allows for. The zero value is
// the mildest one: a refused batch changes nothing, a refusal names every MAC,
// and there are no limits and no latency.
type Options struct {
	// Accounts maps user names to passwords. nil stands for one account, "user"
	// with the password "secret".
	Accounts map[string]string

	// Partial applies a refused batch to the devices that were not the reason.
	// A batch refused as a whole (server, isOverride, size) still changes
	// nothing.
	Partial bool

	NameOne bool // the refusal of a batch names the first offending MAC alone
	Unnamed bool // the refusal of a batch names none: "Error:Invalid MAC(s)"

	// PromptElsewhere answers for a device of another account as for the
	// caller's own: with the prompt (sections 4.6, 4.12), or "overriding failed"
	// if there is an isOverride. By default the answer is the refusal that
	// mentions the ticket system (section 4.1, number 5).
	PromptElsewhere bool

	// OverrideElsewhere lets isOverride 1 take a device from another account.
	OverrideElsewhere bool

	// URLWithoutServer accepts a unique URL with an empty serverName.
	URLWithoutServer bool

	// LiveURLText refuses a bad unique URL in the words of the live service,
	// "Error:The url can only begin with ...", not "Invalid server url".
	LiveURLText bool

	// Latency is how long a call takes. Half of it passes before anything
	// changes: a client that leaves in the first half has changed nothing.
	Latency time.Duration

	ListLimit int   // devices that listDevices shows at most; 0: all
	MaxBatch  int   // MACs in a batch, above which it is refused in words; 0: no limit
	MaxBody   int64 // bytes in a request, above which the answer is HTTP 413; 0: 64 MiB

	// RateLimit is a hidden limit in calls a second, above which the answer is
	// HTTP 429; 0: none. RateBurst calls may come at once; 0 is 1. With
	// RateRetryAfter the answer says how many seconds to wait.
	RateLimit      float64
	RateBurst      int
	RateRetryAfter bool

	Faults []Fault

	// LogMACs keeps the MACs of each call in the log, not just their number.
	// LogLimit bounds the log to the latest calls; 0: no bound.
	LogMACs  bool
	LogLimit int
}

const defaultMaxBody = 64 << 20

// A Server is a simulated RPS: an http.Handler, safe for concurrent use. [New]
// makes one.
type Server struct {
	options   Options
	passwords map[string]string

	mu    sync.RWMutex // guards state
	state state

	// One lock guards both the script and the log, so the log has the order in
	// which the script was followed.
	callMu sync.Mutex
	script script
	limit  limiter
	log    []*Call
	total  int
}

// New returns a Server without servers and devices. It panics on a bad Fault.
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

// SetFaults replaces the script of faults and starts counting anew. It panics on
// a bad Fault.
func (s *Server) SetFaults(faults ...Fault) {
	script, err := newScript(faults)
	if err != nil {
		panic("rpstest: " + err.Error())
	}
	s.callMu.Lock()
	defer s.callMu.Unlock()
	s.script = script
}

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

	scripted, pause := s.admit(call, invocation)
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
		s.perform(w, r, scripted, invocation, okAnswer())
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
		s.perform(w, r, scripted, invocation, answer)
		return
	}
	write(w, &answer)
}

// admit adds a call to the log and returns the fault that hits it, or, if the
// rate limit turns it away, how long it should have waited.
func (s *Server) admit(call *Call, c *invocation) (fault *scripted, pause time.Duration) {
	var macs []string
	if c != nil {
		macs = c.macs
	}
	s.callMu.Lock()
	defer s.callMu.Unlock()
	s.record(call)
	if pause = s.limit.take(call.Time); pause > 0 {
		call.Outcome = strconv.Itoa(http.StatusTooManyRequests)
		return nil, pause
	}
	return s.script.hit(call, call.Method, macs), 0
}

// refuseLogin adds a call with wrong credentials to the log and returns the fault
// that hits it, or nil.
func (s *Server) refuseLogin(call *Call) *scripted {
	s.callMu.Lock()
	defer s.callMu.Unlock()
	call.Outcome = strconv.Itoa(http.StatusUnauthorized)
	s.record(call)
	return s.script.hit(call, login, nil)
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

// A limiter is a token bucket, stored as the time at which it will be full. It
// counts whole nanoseconds, rounded in the caller's favour: a client that keeps
// exactly to the rate is never turned away.
type limiter struct {
	interval time.Duration // between two calls; 0: no limit
	slack    time.Duration // how far in the future full may be
	full     time.Time
}

func newLimiter(rate float64, burst int) limiter {
	if rate <= 0 {
		return limiter{}
	}
	interval := time.Duration(float64(time.Second) / rate)
	return limiter{interval: interval, slack: interval * time.Duration(max(burst, 1)-1)}
}

// take takes a token, or returns how long there will be none.
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
