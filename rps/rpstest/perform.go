package rpstest

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const defaultHang = 5 * time.Minute

// perform lets a fault happen instead of the answer. c is nil if there is no call
// that could be understood.
func (s *Server) perform(w http.ResponseWriter, r *http.Request, f *scripted, c *invocation, a answer) {
	switch f.entry.name {
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
	case "fault", "throws":
		a = answer{fault: f.words(c), cause: f.Cause, apache: a.apache}
		write(w, &a)
	case "bad-list":
		a.ok, a.listed, a.junk = true, true, []string{"", "00-15-65-00-00", "N/A"}
		write(w, &a)
	case "says", "says-after":
		a = answer{text: f.words(c), apache: a.apache}
		write(w, &a)
	case "pretend", "replay", "crossed":
		write(w, &a)
	case "redirect":
		w.Header().Set("Location", "/login")
		page(w, http.StatusFound)
	default: // an HTTP status
		status, _ := strconv.Atoi(f.entry.name)
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

// words returns what the service says in a fault or a refusal.
func (f *scripted) words(c *invocation) string {
	method, macs := "", []string(nil)
	if c != nil {
		method, macs = c.signature.method, c.macs
	}
	switch {
	case f.entry.name == "throws" && f.Text == "":
		return thrown(method, "null")
	case f.entry.name == "throws":
		return thrown(method, expand(f.Text, macs))
	case f.Text == "": // a fault
		return thrown(method, "java.lang.NullPointerException")
	}
	return expand(f.Text, macs)
}

// thrown returns the words in which Apache ws-xmlrpc reports an exception of a
// handler.
func thrown(method, message string) string {
	return "Failed to invoke method " + method + " in class com.example.rps.RedirectHandler: " + message
}

// expand replaces {macs} by all MACs and {mac} by the first.
func expand(text string, macs []string) string {
	if !strings.Contains(text, "{mac") {
		return text
	}
	bare := make([]string, len(macs))
	for i, text := range macs {
		bare[i] = text
		if m, ok := parseMAC(text); ok {
			bare[i] = m.lower()
		}
	}
	first := ""
	if len(bare) > 0 {
		first = bare[0]
	}
	return strings.NewReplacer("{macs}", strings.Join(bare, ", "), "{mac}", first).Replace(text)
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
	if f.entry.name == "truncated" {
		w.Write(whole.Bytes()[:keep])
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(whole.Len()))
	w.Write(whole.Bytes()[:keep])
	http.NewResponseController(w).Flush()
	breakOff(w, errClosed)
}
