package rps

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/kolo/xmlrpc"
)

// maxDrain is how much of an unwanted body is read so that its connection can be
// used again.
const maxDrain = 64 << 10

// call makes a call and reads the answer. Every error is an *Error, and leaves
// here without secrets: url is the URL among the arguments, if there is one.
func (c *Client) call(ctx context.Context, method, url string, args ...any) (answer, error) {
	a, e := c.exchange(ctx, method, args)
	if e != nil {
		slices.Concat(secrets{url}, c.hidden).conceal(e)
		return answer{}, e
	}
	return a, nil
}

// exchange sends a call and reads the answer.
func (c *Client) exchange(ctx context.Context, method string, args []any) (answer, *Error) {
	if err := encodable(args); err != nil {
		return answer{}, &Error{Kind: Unencodable, Method: method, Err: err}
	}
	message, err := xmlrpc.EncodeMethodCall(method, args...)
	if err != nil {
		return answer{}, &Error{Kind: Unencodable, Method: method, Err: err}
	}
	if err := ctx.Err(); err != nil {
		return answer{}, &Error{Kind: NotSent, Method: method, Err: err}
	}

	callCtx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	// A transport that gets no connection has sent nothing. If it asks for a
	// second one, it could write nothing on the first.
	var asked, got atomic.Bool
	callCtx = httptrace.WithClientTrace(callCtx, &httptrace.ClientTrace{
		GetConn: func(string) { asked.Store(true); got.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { got.Store(true) },
	})
	request, err := http.NewRequestWithContext(callCtx, http.MethodPost, c.url, bytes.NewReader(message))
	if err != nil {
		return answer{}, &Error{Kind: NotSent, Method: method, Err: err}
	}
	request.Header.Set("Content-Type", "text/xml; charset=utf-8")
	request.Header.Set("Accept", "text/xml")
	request.Header.Set("User-Agent", c.userAgent)
	if c.username != "" || c.password != "" {
		request.SetBasicAuth(c.username, c.password)
	}

	// There is no http.Client around the transport: no redirect can be
	// followed, no cookie is kept, and a redirect to nowhere stays an answer.
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		kind := Unreadable
		switch {
		case untrusted(err):
			kind = Untrusted
		case (asked.Load() || c.ownTransport) && !got.Load(), !asked.Load() && dialing(err):
			kind = NotSent
		}
		return answer{}, &Error{Kind: kind, Method: method, Err: c.cause(ctx, err)}
	}
	defer response.Body.Close()
	b := newBody(callCtx, response.Body, method)
	if response.StatusCode != http.StatusOK {
		if response.StatusCode == http.StatusInternalServerError { // with which some engines send their faults
			if _, e := readAnswer(method, response.Header.Get("Content-Type"), b); e != nil && e.Kind != Unreadable {
				e.StatusCode = response.StatusCode
				return answer{}, e
			}
		}
		io.CopyN(io.Discard, b, maxDrain)
		return answer{}, statusError(method, response, time.Now())
	}
	if response.ContentLength > b.limit {
		b.err = b.tooBig()
	}
	a, e := readAnswer(method, response.Header.Get("Content-Type"), b)
	switch {
	case b.broken() != nil:
		e.Err = c.cause(ctx, e.Err)
	case e != nil:
		io.CopyN(io.Discard, b, maxDrain)
	}
	return a, e
}

// cause returns what ended a call: the caller's context if that ended, whatever
// the transport made of it.
func (c *Client) cause(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("timeout after %v: %w", c.timeout, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the connection was closed: %w", err)
	}
	return err
}

// untrusted reports whether the service's certificate was not accepted. The
// handshake ends there: no call has been sent.
func untrusted(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		host         x509.HostnameError
		certificate  x509.CertificateInvalidError
		roots        x509.SystemRootsError
	)
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) ||
		errors.As(err, &certificate) || errors.As(err, &roots)
}

// dialing reports whether an error comes from looking for a connection. It is
// for transports that do not report their connections.
func dialing(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &dns)
}

// statusError returns what an answer with an HTTP status other than 200 means.
// Its body is some page of a proxy, and does not matter, unless it is a fault.
func statusError(method string, response *http.Response, now time.Time) *Error {
	e := &Error{Kind: Unreadable, Method: method, StatusCode: response.StatusCode}
	switch response.StatusCode {
	case http.StatusUnauthorized:
		e.Kind = Unauthorized
	case http.StatusForbidden:
		e.Kind = Forbidden
	case http.StatusRequestEntityTooLarge:
		e.Kind = PayloadTooLarge
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		e.Kind = Throttled
		e.RetryAfter, e.HasRetryAfter = retryAfter(response.Header, now)
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		e.Kind = NotService
	}
	if response.StatusCode/100 == 3 {
		e.Kind = NotService
		// Only the host: the rest may hold a session or the like.
		if to, err := response.Location(); err == nil && to.Host != "" {
			e.Err = fmt.Errorf("it redirects to %s, which is not followed", to.Host)
		}
	}
	return e
}

// retryAfter reads the header of that name in both its forms: seconds, or a
// date, which is compared with the service's own clock if it sends that. A time
// in the past is 0; one too long for a Duration is the longest there is. It
// reports whether there is one that can be read.
func retryAfter(header http.Header, now time.Time) (after time.Duration, ok bool) {
	text := strings.TrimSpace(header.Get("Retry-After"))
	seconds, err := strconv.ParseInt(text, 10, 64) // out of range, it returns the nearest
	if err == nil || errors.Is(err, strconv.ErrRange) {
		if seconds > int64(math.MaxInt64/time.Second) {
			return math.MaxInt64, true
		}
		return time.Duration(max(0, seconds)) * time.Second, true
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date
	}
	return max(0, until.Sub(now)), true // Sub stops at the longest Duration
}

// encodable refuses arguments that the API cannot carry: characters outside XML
// 1.0, which the encoder would silently replace, and empty lists.
func encodable(args []any) error {
	for _, arg := range args {
		switch arg := arg.(type) {
		case string:
			for i, r := range arg {
				if r == utf8.RuneError {
					if _, size := utf8.DecodeRuneInString(arg[i:]); size == 1 {
						return errors.New("an argument is not valid UTF-8")
					}
				}
				if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
					return fmt.Errorf("an argument contains the character U+%04X, which XML cannot carry", r)
				}
			}
		case []string: // of MACs
			if len(arg) == 0 {
				return errors.New("the list of MACs is empty")
			}
		}
	}
	return nil
}
