package rps

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// asError returns the *Error that err is to be.
func asError(t *testing.T, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no *Error", err)
	}
	return e
}

func TestStatus(t *testing.T) {
	for code, want := range map[int]Kind{
		204: Unreadable, 300: NotService, 301: NotService, 302: NotService, 304: NotService, 308: NotService,
		400: NotService, 401: Unauthorized, 403: Forbidden, 404: NotService, 405: NotService, 407: Unreadable,
		408: Unreadable, 410: NotService, 413: PayloadTooLarge, 418: Unreadable, 429: Throttled,
		500: Unreadable, 502: Unreadable, 503: Throttled, 504: Unreadable, 520: Unreadable, 524: Unreadable,
	} {
		c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(code)
			if code >= 400 {
				fmt.Fprint(w, document(yes, "OK")) // of no avail
			}
		})
		e := asError(t, c.RegisterDevices(t.Context(), []MAC{{2}}, "s"))
		if e.Kind != want || e.StatusCode != code || e.Text != "" || e.RetryAfter != 0 || e.HasRetryAfter || e.Method != MethodRegisterDevices {
			t.Errorf("HTTP %d: %#v", code, e)
		}
		if may := code == 408 || code >= 502; e.MayStillApply() != may {
			t.Errorf("HTTP %d may still apply the call: %v", code, !may)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	date := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	tests := []struct {
		after, date string
		want        time.Duration
	}{
		{"0", "", 0},
		{"7", "", 7 * time.Second},
		{" 7 ", "", 7 * time.Second},
		{"86400", "", 24 * time.Hour},
		{"-7", "", 0},
		{"-99999999999999999999", "", 0},
		{"-9223372037", "", 0}, // as a Duration it would come round to be positive
		{"9223372036", "", 9223372036 * time.Second},
		{"9223372037", "", math.MaxInt64},
		{"99999999999999999999", "", math.MaxInt64},
		{date(90 * time.Second), "", 90 * time.Second},
		{date(-90 * time.Second), "", 0},
		{date(90 * time.Second), date(60 * time.Second), 30 * time.Second},
		{date(90 * time.Second), date(100 * time.Second), 0},
		{date(90 * time.Second), "rubbish", 90 * time.Second},
		{"Fri, 31 Dec 9999 23:59:59 GMT", "", math.MaxInt64},
	}
	for _, code := range []int{429, 503} {
		for _, test := range tests {
			header := http.Header{"Retry-After": {test.after}}
			if test.date != "" {
				header.Set("Date", test.date)
			}
			e := statusError("m", &http.Response{StatusCode: code, Header: header}, now)
			if e.Kind != Throttled || e.RetryAfter != test.want || !e.HasRetryAfter {
				t.Errorf("HTTP %d %q at %q: %v, want %v", code, test.after, test.date, e.RetryAfter, test.want)
			}
		}
	}
	for _, after := range []string{"", " ", "1.5", "soon", "3s"} {
		e := statusError("m", &http.Response{StatusCode: 503, Header: http.Header{"Retry-After": {after}}}, now)
		if e.Kind != Throttled || e.RetryAfter != 0 || e.HasRetryAfter {
			t.Errorf("%q: %v, %v", after, e.RetryAfter, e.HasRetryAfter)
		}
	}
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(503)
	})
	if e := asError(t, c.EditDevice(t.Context(), MAC{2}, "s")); e.RetryAfter != 3*time.Second {
		t.Errorf("Retry-After 3 is %v", e.RetryAfter)
	}
}

// A fault with HTTP 500 is a fault. Nothing is granted with it.
func TestFaultWithHTTP500(t *testing.T) {
	fault := func(words string) string {
		return "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>0</int></value></member>" +
			"<member><name>faultString</name><value>" + words + "</value></member></struct></value></fault></methodResponse>"
	}
	for body, want := range map[string]Error{
		fault("Failed to invoke method x in class Y: null"): {Kind: HandlerFailed, Text: "fault 0: Failed to invoke method x in class Y: null"},
		fault("Not authorized"):                             {Kind: Unauthorized, Text: "fault 0: Not authorized"},
		document(no, "Invalid server"):                      {Kind: InvalidServer, Text: "Invalid server"},
		document(yes, "OK"):                                 {Kind: Unreadable},
		"<html>fault</html>":                                {Kind: Unreadable},
		"":                                                  {Kind: Unreadable},
	} {
		c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(500)
			io.WriteString(w, body)
		})
		e := asError(t, c.EditDevice(t.Context(), MAC{2}, "s"))
		if e.Kind != want.Kind || e.Text != want.Text || e.StatusCode != 500 || e.MayStillApply() {
			t.Errorf("%s\nis read as %v", body, e)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s was called, with %q", r.Method, r.URL, r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		for to, host := range map[string]string{
			elsewhere.URL + "/login?session=x": strings.TrimPrefix(elsewhere.URL, "http://"),
			"https://u:p@sso.example.com/a":    "sso.example.com",
			"//other.example.com":              "other.example.com",
			"":                                 "",
			"%zz":                              "",
		} {
			calls := 0
			c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
				calls++
				w.Header().Set("Location", to)
				w.WriteHeader(code)
			})
			e := asError(t, c.EditDevice(t.Context(), MAC{2}, "s"))
			text := e.Error()
			if e.Kind != NotService || e.StatusCode != code || calls != 1 || !strings.Contains(text, "check the URL") || !strings.Contains(text, host) {
				t.Errorf("HTTP %d to %q: %v after %d calls", code, to, e, calls)
			}
			if strings.Contains(text, "session") || strings.Contains(text, "u:p") {
				t.Errorf("HTTP %d to %q: %v", code, to, e)
			}
		}
	}
}

func TestBrokenConnections(t *testing.T) {
	ok := document(yes, "OK")
	// No answer has begun: the call may still be held on its way.
	mayApply := map[string]bool{"closed": true, "reset": true, "no HTTP": true, "header cut": true,
		"no body": true, "blank body cut": true, "empty": true, "said to be too big": true, "bad gzip": true}
	hijacked := func(then func(net.Conn)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			then(conn)
			conn.Close()
		}
	}
	for name, handler := range map[string]http.HandlerFunc{
		"closed":         hijacked(func(net.Conn) {}),
		"reset":          hijacked(func(c net.Conn) { c.(*net.TCPConn).SetLinger(0) }),
		"no HTTP":        hijacked(func(c net.Conn) { io.WriteString(c, "220 mail.example.com ESMTP\r\n") }),
		"header cut":     hijacked(func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-") }),
		"no body":        hijacked(func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n") }),
		"blank body cut": hijacked(func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\r\n") }),
		"body cut": hijacked(func(c net.Conn) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(ok), ok[:len(ok)-1])
		}),
		"chunk cut": hijacked(func(c net.Conn) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(ok), ok)
		}),
		"empty": func(http.ResponseWriter, *http.Request) {},
		"page": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "<html><body>maintenance</body></html>")
		},
		"bad gzip": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, ok)
		},
		"too big": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, ok)
			w.Write(bytes.Repeat([]byte(" "), maxAnswer))
		},
		"said to be too big": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(int64(1)<<50))
			io.WriteString(w, ok)
		},
		"unpacked too big": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			io.WriteString(z, ok)
			z.Write(bytes.Repeat([]byte(" "), 64*maxAnswer))
			z.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				handler(w, r)
			})
			e := asError(t, c.EditDevice(t.Context(), MAC{2}, "s"))
			if e.Kind != Unreadable || e.StatusCode != 0 || strings.Contains(e.Error(), "http://") {
				t.Errorf("%v: %v", e.Kind, e)
			}
			if _, may := mayApply[name]; e.MayStillApply() != may {
				t.Errorf("it may still be applied: %v", !may)
			}
			if calls.Load() != 1 {
				t.Errorf("it was sent %d times", calls.Load())
			}
		})
	}
}

// A connection that the service closes while it is idle, or as a call goes
// out, never makes the transport send that call twice.
func TestNothingIsSentTwice(t *testing.T) {
	var calls atomic.Int32
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1)%2 == 1 {
			io.WriteString(w, document(yes, "OK"))
			return
		}
		conn, _, _ := http.NewResponseController(w).Hijack()
		conn.Close() // on a connection that was kept
	})
	for range 5 {
		if err := c.EditDevice(t.Context(), MAC{2}, "s"); err != nil {
			t.Fatal(err)
		}
		if e := asError(t, c.EditDevice(t.Context(), MAC{2}, "s")); e.Kind != Unreadable {
			t.Fatal(e)
		}
	}
	if n := calls.Load(); n != 10 {
		t.Errorf("10 calls were sent %d times", n)
	}
}

func TestGzip(t *testing.T) {
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, document(yes, "OK"))
		z.Close()
	})
	if err := c.EditDevice(t.Context(), MAC{2}, "s"); err != nil {
		t.Error(err)
	}
}

func TestListMayBeLong(t *testing.T) {
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, longList(20_000))
	})
	if list, err := c.ListDevices(t.Context()); err != nil || len(list) != 20_000 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestTimeout(t *testing.T) {
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-done }))
	defer server.Close()
	defer close(done)
	c := clientAt(t, Config{URL: server.URL, Timeout: 30 * time.Millisecond})
	e := asError(t, c.EditDevice(t.Context(), MAC{2}, "s"))
	if e.Kind != Unreadable || !e.MayStillApply() || !errors.Is(e, context.DeadlineExceeded) || !strings.Contains(e.Error(), "timeout after 30ms") {
		t.Errorf("no answer: %v: %v", e.Kind, e)
	}

	// Nobody accepts, or shakes hands: no connection, thus nothing sent.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c = clientAt(t, Config{URL: "https://" + silent.Addr().String(), Timeout: 30 * time.Millisecond})
	e = asError(t, c.EditDevice(t.Context(), MAC{2}, "s"))
	if e.Kind != NotSent || e.MayStillApply() || !errors.Is(e, context.DeadlineExceeded) && !strings.Contains(e.Error(), "timeout") {
		t.Errorf("no handshake: %v: %v", e.Kind, e)
	}
}

func TestCallerCancels(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := clientOf(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	})
	if e := asError(t, c.EditDevice(ctx, MAC{2}, "s")); e.Kind != Unreadable || !e.MayStillApply() || !errors.Is(e, context.Canceled) {
		t.Errorf("under way: %v: %v", e.Kind, e)
	}
	if e := asError(t, c.EditDevice(ctx, MAC{2}, "s")); e.Kind != NotSent || !errors.Is(e, context.Canceled) {
		t.Errorf("before: %v: %v", e.Kind, e)
	}

	// In the midst of an answer.
	ctx, cancel = context.WithCancel(t.Context())
	c = clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, document(yes, "OK")[:100])
		http.NewResponseController(w).Flush()
		cancel()
		<-r.Context().Done()
	})
	if e := asError(t, c.EditDevice(ctx, MAC{2}, "s")); e.Kind != Unreadable || !errors.Is(e, context.Canceled) {
		t.Errorf("in the answer: %v: %v", e.Kind, e)
	}

	// While a connection is made.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel = context.WithCancel(t.Context())
	go func() {
		if conn, err := silent.Accept(); err == nil {
			conn.Read(make([]byte, 1)) // it shakes hands
			cancel()
			defer conn.Close()
			conn.Read(make([]byte, 1<<16))
		}
	}()
	c = clientAt(t, Config{URL: "https://" + silent.Addr().String()})
	if e := asError(t, c.EditDevice(ctx, MAC{2}, "s")); e.Kind != NotSent || !errors.Is(e, context.Canceled) {
		t.Errorf("in the handshake: %v: %v", e.Kind, e)
	}
}

func TestNotSent(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	plain := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was called") }))
	plain.Config.ErrorLog = log.New(io.Discard, "", 0)
	plain.Start()
	defer plain.Close()
	for name, url := range map[string]string{
		"dial": "http://" + closed.Addr().String(),
		"DNS":  "https://rps.invalid/",
		"TLS":  "https://" + plain.Listener.Addr().String(),
	} {
		e := asError(t, clientAt(t, Config{URL: url}).EditDevice(t.Context(), MAC{2}, "s"))
		if e.Kind != NotSent || e.Err == nil || strings.Contains(e.Error(), "Post ") {
			t.Errorf("%s: %v: %v", name, e.Kind, e)
		}
	}
}

func TestUntrusted(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 {
			t.Errorf("it speaks %s", r.Proto)
		}
		io.WriteString(w, document(yes, "OK"))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())

	e := asError(t, clientAt(t, Config{URL: server.URL}).EditDevice(t.Context(), MAC{2}, "s"))
	if e.Kind != Untrusted || !strings.Contains(e.Error(), "unknown authority") {
		t.Errorf("unknown CA: %v: %v", e.Kind, e)
	}
	named := strings.Replace(server.URL, "127.0.0.1", "localhost", 1) // it is not in the certificate
	if e := asError(t, clientAt(t, Config{URL: named, RootCAs: pool}).EditDevice(t.Context(), MAC{2}, "s")); e.Kind != Untrusted {
		t.Errorf("other name: %v: %v", e.Kind, e)
	}
	if err := clientAt(t, Config{URL: server.URL, RootCAs: pool}).EditDevice(t.Context(), MAC{2}, "s"); err != nil {
		t.Errorf("trusted: %v", err)
	}
}

// A transport in the process reports no connections: its errors have to tell.
func TestTransportInTheProcess(t *testing.T) {
	for _, test := range []struct {
		err  error
		want Kind
	}{
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, NotSent},
		{fmt.Errorf("x: %w", &net.DNSError{Err: "no such host"}), NotSent},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, Unreadable},
		{io.EOF, Unreadable},
		{errors.New("whatever"), Unreadable},
		{x509.UnknownAuthorityError{}, Untrusted},
	} {
		c := clientAt(t, Config{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, test.err })})
		e := asError(t, c.EditDevice(t.Context(), MAC{2}, "s"))
		if e.Kind != test.want || !errors.Is(e, test.err) {
			t.Errorf("%v: %v: %v", test.err, e.Kind, e)
		}
	}
}

func TestCancelledContextSendsNothing(t *testing.T) {
	c := clientAt(t, Config{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("a call was sent")
		return nil, io.EOF
	})})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if e := asError(t, c.EditDevice(ctx, MAC{2}, "s")); e.Kind != NotSent || !errors.Is(e, context.Canceled) {
		t.Errorf("%v: %v", e.Kind, e)
	}
}

// The timeout is of one call, and the caller's own cause is not lost.
func TestTimeoutInTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clientAt(t, Config{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, context.Cause(r.Context())
		})})
		start := time.Now()
		for range 2 {
			e := asError(t, c.EditDevice(t.Context(), MAC{2}, "s"))
			if e.Kind != Unreadable || !errors.Is(e, context.DeadlineExceeded) {
				t.Errorf("%v: %v", e.Kind, e)
			}
		}
		if d := time.Since(start); d != time.Minute {
			t.Errorf("two calls took %v", d)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		mine := errors.New("mine")
		time.AfterFunc(time.Second, func() { cancel(mine) })
		e := asError(t, c.EditDevice(ctx, MAC{2}, "s"))
		if e.Kind != Unreadable || !errors.Is(e, context.Canceled) || !errors.Is(e, mine) {
			t.Errorf("%v: %v", e.Kind, e)
		}
	})
}

func BenchmarkRegisterDevices(b *testing.B) {
	answer := document("\n<boolean>1</boolean>\n", "\nOK\n")
	c, err := NewClient(Config{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return reply(answer), nil })})
	if err != nil {
		b.Fatal(err)
	}
	list := make([]MAC, 100)
	for i := range list {
		list[i] = MACFromUint64(0x001565000000 + uint64(i))
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.RegisterDevices(b.Context(), list, "server"); err != nil {
			b.Fatal(err)
		}
	}
}
