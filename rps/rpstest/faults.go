package rpstest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Fault is something that goes wrong with a call. For each call the script is
// read in order, and the first fault that is due hits it. Another that was due as
// well is put off to the next call, so two faults for "the next call" hit the
// next two.
//
// With -before the call is not applied, with -after it is; the client cannot see
// which.
//
//	refused                  no connection; behind a listener: as reset-before
//	close-before -after      the connection is closed without an answer
//	reset-before -after      it is reset
//	hang-before -after       there is no answer until the client goes away, or
//	                         Delay has passed (5 minutes if it is 0)
//	slow                     applied, and answered after Delay
//	401 403 404 413 429      the HTTP status with an HTML page; not applied
//	500 502 503 -before -after   the same, applied or not
//	redirect                 HTTP 302 to a login page; not applied
//	truncated-before -after  HTTP 200, the XML cut after Keep bytes (half if 0)
//	cut-before -after        the same, but Content-Length promised the whole
//	empty-before -after      HTTP 200 with nothing in it
//	html-before -after       HTTP 200 with an HTML page
//	foreign-before -after    HTTP 200 with XML of another kind
//	fault-before -after      an XML-RPC fault, with HTTP 200 as ever
//	bad-list                 listDevices answers with entries that are no MACs
//	says                     refused with the words of Text; not applied
//
// Without -before or -after the names close, reset, hang, 500, 502, 503 and
// fault mean -before, and truncated, cut, empty, html and foreign mean -after.
type Fault struct {
	Name string

	// Method limits the fault to a method, named with or without "redirect.";
	// empty: any. Only the calls of that method are counted then. Calls that
	// are turned away for their password, size or rate are not counted.
	Method string

	Call  int // the first call it befalls, counted from 1; 0: the next
	Times int // how many calls it befalls; 0: one, or all if Every is set; -1: all
	Every int // it befalls each n-th call, counted from Call if that is set

	Delay time.Duration // of slow and hang
	Keep  int           // of truncated and cut: bytes of the answer that are sent

	// RetryAfter is the header of that name, as it stands; of the faults that
	// are an HTTP status. RetryAfterDate makes it a date so far from now.
	RetryAfter     string
	RetryAfterDate time.Duration

	// Text is what the service says, of says: also refusals that a careful
	// client gives it no reason for.
	Text string
}

// What a name without -before and -after means.
const (
	single      = iota // there are no such forms; the fault comes before
	singleAfter        // there are no such forms; the fault comes after
	plainBefore
	plainAfter
)

var faultForms = map[string]int{
	"refused": single, "redirect": single, "401": single, "403": single,
	"404": single, "413": single, "429": single,
	"says": single, "slow": singleAfter, "bad-list": singleAfter,
	"close": plainBefore, "reset": plainBefore, "hang": plainBefore,
	"500": plainBefore, "502": plainBefore, "503": plainBefore, "fault": plainBefore,
	"truncated": plainAfter, "cut": plainAfter, "empty": plainAfter,
	"html": plainAfter, "foreign": plainAfter,
}

// FaultNames returns the names that a Fault may have, sorted, both forms of those
// that have two.
func FaultNames() []string {
	var names []string
	for base, form := range maps.All(faultForms) {
		if form == single || form == singleAfter {
			names = append(names, base)
		} else {
			names = append(names, base+"-after", base+"-before")
		}
	}
	slices.Sort(names)
	return names
}

// scripted is a Fault and its progress.
type scripted struct {
	Fault
	base  string
	after bool
	seen  int // calls that it could have hit
	fired int
}

func newScripted(f Fault) (scripted, error) {
	base, after := f.Name, false
	if plain, ok := strings.CutSuffix(f.Name, "-before"); ok {
		base = plain
	} else if plain, ok := strings.CutSuffix(f.Name, "-after"); ok {
		base, after = plain, true
	}
	form, ok := faultForms[base]
	if !ok || base != f.Name && (form == single || form == singleAfter) {
		return scripted{}, fmt.Errorf("unknown fault %q: it is one of %s", f.Name, strings.Join(FaultNames(), " "))
	}
	if base == f.Name {
		after = form == singleAfter || form == plainAfter
	}
	f.Method = strings.TrimPrefix(f.Method, prefix)
	if base == "bad-list" && f.Method == "" {
		f.Method = "listDevices"
	}
	switch {
	case f.Method != "" && !knownMethod(f.Method):
		return scripted{}, fmt.Errorf("unknown method %q", f.Method)
	case base == "bad-list" && f.Method != "listDevices":
		return scripted{}, errors.New("the fault bad-list is for listDevices alone")
	case base == "says" && strings.TrimSpace(f.Text) == "":
		return scripted{}, errors.New("the fault says needs a text")
	case base != "says" && f.Text != "":
		return scripted{}, fmt.Errorf("the fault %s has no text", f.Name)
	case base == "slow" && f.Delay == 0:
		return scripted{}, errors.New("the fault slow needs a delay")
	case f.Call < 0 || f.Every < 0 || f.Times < -1 || f.Delay < 0 || f.Keep < 0 || f.RetryAfterDate < 0:
		return scripted{}, fmt.Errorf("a number of the fault %s is negative", f.Name)
	case f.RetryAfter != "" && f.RetryAfterDate != 0:
		return scripted{}, errors.New("there can be but one Retry-After")
	}
	return scripted{Fault: f, base: base, after: after}, nil
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
	if times >= 0 && f.fired >= times {
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

// next returns the fault that hits a call, or nil.
func (s script) next(method string) (hit *scripted) {
	method = strings.TrimPrefix(method, prefix)
	for i := range s {
		f := &s[i]
		if f.Method != "" && f.Method != method {
			continue
		}
		f.seen++
		if hit == nil && f.due() {
			f.fired++
			hit = f
		}
	}
	return hit
}

const defaultHang = 5 * time.Minute

// perform lets a fault happen instead of the answer.
func (s *Server) perform(w http.ResponseWriter, r *http.Request, f *scripted, a answer) {
	switch f.base {
	case "refused":
		breakOff(w, errRefused)
	case "close":
		breakOff(w, errClosed)
	case "reset":
		breakOff(w, errReset)
	case "hang":
		delay := f.Delay
		if delay == 0 {
			delay = defaultHang
		}
		wait(r.Context(), delay)
		breakOff(w, errClosed)
	case "slow":
		if wait(r.Context(), f.Delay) != nil {
			breakOff(w, errClosed)
			return
		}
		write(w, &a)
	case "truncated", "cut":
		cutShort(w, f, &a)
	case "empty":
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusOK)
	case "html":
		page(w, http.StatusOK)
	case "foreign":
		w.Header().Set("Content-Type", "text/xml")
		io.WriteString(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<status>\n  <code>0</code>\n  <message>OK</message>\n</status>\n")
	case "fault":
		a = faultAnswer("Failed to invoke method: java.lang.NullPointerException")
		write(w, &a)
	case "bad-list":
		a = answer{ok: true, listed: true, list: a.list, junk: []string{"", "00-15-65-00-00", "N/A"}}
		write(w, &a)
	case "says":
		a = refusal(f.Text)
		write(w, &a)
	case "redirect":
		w.Header().Set("Location", "/login")
		page(w, http.StatusFound)
	default: // an HTTP status
		status, _ := strconv.Atoi(f.base)
		switch {
		case f.RetryAfter != "":
			w.Header().Set("Retry-After", f.RetryAfter)
		case f.RetryAfterDate > 0:
			// A date has whole seconds: the next one, not the last.
			date := time.Now().Add(f.RetryAfterDate + time.Second - 1)
			w.Header().Set("Retry-After", date.UTC().Format(http.TimeFormat))
		}
		page(w, status)
	}
}

// cutShort sends the beginning of an answer.
func cutShort(w http.ResponseWriter, f *scripted, a *answer) {
	var whole bytes.Buffer
	a.writeTo(&whole)
	keep := f.Keep
	if keep == 0 {
		keep = whole.Len() / 2
	}
	keep = min(keep, whole.Len()-1) // the last byte is the end of a tag
	w.Header().Set("Content-Type", "text/xml")
	if f.base == "truncated" {
		w.Write(whole.Bytes()[:keep])
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(whole.Len()))
	w.Write(whole.Bytes()[:keep])
	http.NewResponseController(w).Flush()
	breakOff(w, errClosed)
}
