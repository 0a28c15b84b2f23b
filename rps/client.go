package rps

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/kolo/xmlrpc"
)

// DefaultURL is where the service is (chapter 2).
const DefaultURL = "https://api-dm.yealink.com:8443/xmlrpc"

const defaultTimeout = 30 * time.Second

// How many bytes an answer may have: with its padding, listDevices takes some
// 70 for each device.
const (
	maxAnswer = 1 << 20
	maxList   = 128 << 20
)

// Config says where the service is and who calls it.
type Config struct {
	URL                string            // DefaultURL if empty
	Username, Password string            // of the account (chapter 3)
	Timeout            time.Duration     // of one call; 30 s if 0
	RootCAs            *x509.CertPool    // nil: the system's
	Connections        int               // that are kept open between calls; 4 if 0
	Transport          http.RoundTripper // nil: one of the client's own
	UserAgent          string
}

// Client calls the service. It is safe for concurrent use.
type Client struct {
	http               http.Client
	url                string
	username, password string
	timeout            time.Duration
	userAgent          string
}

// NewClient checks the configuration; it does not call.
func NewClient(config Config) (*Client, error) {
	if config.URL == "" {
		config.URL = DefaultURL
	}
	if err := checkURL(config.URL); err != nil {
		return nil, err
	}
	c := &Client{
		url:      config.URL,
		username: config.Username, password: config.Password,
		timeout:   config.Timeout,
		userAgent: config.UserAgent,
	}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	c.http.Transport = config.Transport
	if config.Transport == nil {
		connections := config.Connections
		if connections <= 0 {
			connections = 4
		}
		c.http.Transport = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: c.timeout, KeepAlive: 30 * time.Second}).DialContext,
			TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: config.RootCAs},
			MaxIdleConns:          connections,
			MaxIdleConnsPerHost:   connections,
			IdleConnTimeout:       60 * time.Second,
			TLSHandshakeTimeout:   c.timeout,
			ExpectContinueTimeout: time.Second,
		}
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// checkURL refuses what is no place to send a password to. It does not repeat
// a URL that may hold one.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("the service's URL cannot be read: it must be of the form https://HOST:PORT/xmlrpc")
	case u.User != nil:
		return errors.New("the service's URL holds credentials: leave them out, they are given apart")
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.Fragment != "":
		return fmt.Errorf("the service's URL %q is not of the form https://HOST:PORT/xmlrpc", text)
	case u.Port() != "" && !validPort(u.Port()):
		return fmt.Errorf("the service's URL %q has no valid port", text)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return fmt.Errorf("the service's URL %q would send the password in the clear: use https (http is for this machine only)", text)
	}
	return nil
}

func validPort(port string) bool {
	n, err := strconv.Atoi(port)
	return err == nil && n > 0 && n < 1<<16
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// call makes a call and reads its answer. Its error is an *Error.
func (c *Client) call(ctx context.Context, method string, params ...any) (reply, error) {
	for _, p := range params {
		if text, ok := p.(string); ok && !encodable(text) {
			return reply{}, &Error{Kind: Unencodable, Method: method}
		}
	}
	body, err := xmlrpc.EncodeMethodCall(method, params...)
	if err != nil {
		return reply{}, &Error{Kind: Unencodable, Method: method, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()

	// Whether a connection was asked for, and given: without one, nothing was
	// sent. A transport within the process asks for none.
	var asked, got atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { got.Store(true) },
	})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return reply{}, &Error{Kind: NotSent, Method: method, Err: cause(err)}
	}
	request.Header.Set("Content-Type", "text/xml; charset=utf-8")
	request.Header.Set("Accept", "text/xml")
	if c.userAgent != "" {
		request.Header.Set("User-Agent", c.userAgent)
	}
	request.SetBasicAuth(c.username, c.password)

	response, err := c.http.Do(request)
	if err != nil {
		kind := Unreadable
		switch {
		case untrusted(err):
			kind = Untrusted
		case asked.Load() && !got.Load(), dialing(err):
			kind = NotSent
		}
		return reply{}, &Error{Kind: kind, Method: method, Err: cause(err)}
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return reply{}, statusError(method, response)
	}
	limit := int64(maxAnswer)
	if method == MethodListDevices {
		limit = maxList
	}
	answer, err := readAnswer(response, limit)
	if err != nil {
		return reply{}, &Error{Kind: Unreadable, Method: method, Err: cause(err)}
	}
	r, err := decode(answer)
	if err != nil {
		return reply{}, c.unreadable(method, err, params)
	}
	if !r.ok {
		e := refusal(method, c.masked(r.text, params))
		return reply{}, e
	}
	return r, nil
}

// readAnswer reads the whole answer, so that its connection can be used again.
func readAnswer(response *http.Response, limit int64) ([]byte, error) {
	var b bytes.Buffer
	if n := response.ContentLength; n > 0 && n <= limit {
		b.Grow(int(n) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(io.LimitReader(response.Body, limit+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > limit {
		return nil, fmt.Errorf("the answer is larger than %d bytes", limit)
	}
	return b.Bytes(), nil
}

func (c *Client) unreadable(method string, err error, params []any) *Error {
	e := &Error{Kind: Unreadable, Method: method, Err: err}
	if fault := (xmlrpc.FaultError{}); errors.As(err, &fault) {
		e.Text = oneLine(c.masked(fmt.Sprintf("fault %d: %s", fault.Code, strings.TrimSpace(fault.String)), params))
		e.Err = nil
	}
	return e
}

// masked takes secrets out of the service's words: the password, and URLs that
// were sent.
func (c *Client) masked(text string, params []any) string {
	if c.password != "" && len(c.password) > 3 {
		text = strings.ReplaceAll(text, c.password, "***")
	}
	for _, p := range params {
		if url, ok := p.(string); ok && strings.Contains(url, "://") {
			text = strings.ReplaceAll(text, url, "***")
		}
	}
	return text
}

// statusError says what an answer without HTTP 200 means.
func statusError(method string, response *http.Response) *Error {
	// A little is read, so that the connection can be used again.
	io.CopyN(io.Discard, response.Body, 64<<10)
	e := &Error{Kind: Unreadable, Method: method, StatusCode: response.StatusCode}
	switch code := response.StatusCode; {
	case code == http.StatusUnauthorized:
		e.Kind = Unauthorized
	case code == http.StatusForbidden:
		e.Kind = Forbidden
	case code == http.StatusRequestEntityTooLarge:
		e.Kind = PayloadTooLarge
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		e.Kind = Throttled
		e.RetryAfter = retryAfter(response.Header, time.Now())
	case code >= 300 && code < 400:
		e.Kind = NotService
		e.Err = errors.New("it redirects, which is not followed; check the service's URL")
		if to, err := response.Location(); err == nil {
			e.Err = fmt.Errorf("it redirects to %s, which is not followed; check the service's URL", to.Host)
		}
	case code == http.StatusNotFound, code == http.StatusMethodNotAllowed, code == http.StatusGone:
		e.Kind = NotService
		e.Err = errors.New("check the service's URL")
	}
	return e
}

// retryAfter reads the header in both its forms: seconds, or a date, which is
// measured by the service's own clock if it tells that. 0: nothing usable.
func retryAfter(header http.Header, now time.Time) time.Duration {
	const most = 24 * time.Hour
	text := strings.TrimSpace(header.Get("Retry-After"))
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		if seconds > int64(most/time.Second) {
			return most
		}
		return max(0, time.Duration(seconds)*time.Second)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date
	}
	return min(max(0, at.Sub(now)), most)
}

// cause leaves out what net/http puts around an error: method and URL.
func cause(err error) error {
	if e := (*url.Error)(nil); errors.As(err, &e) {
		err = e.Err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the connection was closed before the answer was whole: %w", err)
	}
	return err
}

func untrusted(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		host         x509.HostnameError
		certificate  x509.CertificateInvalidError
	)
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &certificate)
}

func dialing(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &dns)
}

// encodable tells whether XML 1.0 can carry the text.
func encodable(text string) bool {
	if !utf8.ValidString(text) {
		return false
	}
	for _, r := range text {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			return false
		}
	}
	return true
}
