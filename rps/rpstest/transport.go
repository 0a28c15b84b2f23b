package rpstest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"syscall"
)

// Transport returns a transport that reaches the Server inside the process.
// There is no socket and no listener, so it works in a bubble of
// testing/synctest and with any host name. Each call is handled in a goroutine of
// its own, which ends with the call or, if the answer is very long, when its body
// is read or closed.
//
// Faults become the errors of a real transport: a refused connection is a
// *net.OpError of Op "dial" with ECONNREFUSED, a reset one a *net.OpError of Op
// "read" with ECONNRESET, a closed one io.EOF, or io.ErrUnexpectedEOF inside a
// body. It does nothing that a real transport adds to a connection: no TLS, no
// proxies, no compression, no keep-alive.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ server *Server }

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	closeBody := func() {
		if req.Body != nil {
			req.Body.Close()
		}
	}
	ctx, cancel := context.WithCancel(req.Context())
	if ctx.Err() != nil {
		cancel()
		closeBody()
		return nil, context.Cause(ctx)
	}

	r := req.Clone(ctx) // after a cancellation the caller may reuse its own
	r.RequestURI = req.URL.RequestURI()
	r.RemoteAddr = "192.0.2.1:1234"
	if r.Host == "" {
		r.Host = req.URL.Host
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	x := &exchange{req: req, cancel: cancel, header: make(http.Header), answered: make(chan struct{})}
	go func() {
		defer closeBody()
		t.server.ServeHTTP(x, r)
		x.finish()
	}()

	select {
	case <-x.answered:
	case <-ctx.Done(): // the caller's, or a short answer has just ended it
		select {
		case <-x.answered:
		default:
			// The handler may still write a long answer, which nobody reads.
			go func() {
				<-x.answered
				if x.response != nil {
					x.response.Body.Close()
				}
			}()
			return nil, context.Cause(req.Context())
		}
	}
	// A handler that hung until the caller's context ended closes the
	// connection; the caller gets the error of the context.
	if x.err != nil && req.Context().Err() != nil {
		return nil, context.Cause(req.Context())
	}
	return x.response, x.err
}

// longAnswer is how much of an answer is collected before the caller gets it.
const longAnswer = 64 << 10

// An exchange is the http.ResponseWriter of one call. All but the body of a
// long answer belongs to the goroutine of the handler until answered is closed.
type exchange struct {
	req    *http.Request
	cancel context.CancelFunc
	header http.Header
	status int
	begin  bytes.Buffer   // of the answer
	pipe   *io.PipeWriter // the rest of a long one
	broken error          // how the connection ended, nil if it did not

	answered chan struct{}
	response *http.Response
	err      error
}

func (x *exchange) Header() http.Header { return x.header }

func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
	}
}

func (x *exchange) Write(p []byte) (int, error) {
	x.WriteHeader(http.StatusOK)
	if x.pipe != nil {
		return x.pipe.Write(p)
	}
	n, _ := x.begin.Write(p)
	if x.begin.Len() > longAnswer {
		var reader *io.PipeReader
		reader, x.pipe = io.Pipe()
		// If the context ends, the body ends with it.
		stop := context.AfterFunc(x.req.Context(), func() {
			x.pipe.CloseWithError(context.Cause(x.req.Context()))
		})
		x.deliver(&longBody{
			Reader: io.MultiReader(bytes.NewReader(x.begin.Bytes()), reader),
			close: sync.OnceFunc(func() {
				stop()
				reader.Close()
				x.cancel()
			}),
		})
	}
	return n, nil
}

// longBody is the body of an answer that is still being written.
type longBody struct {
	io.Reader
	close func()
}

func (b *longBody) Close() error {
	b.close()
	return nil
}

// abort ends the connection; see breakOff.
func (x *exchange) abort(err error) { x.broken = err }

// finish delivers the answer when the handler has returned.
func (x *exchange) finish() {
	switch {
	case x.pipe != nil:
		err := x.broken
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		x.pipe.CloseWithError(err) // nil is the end of the body
		return
	case x.broken != nil && x.status == 0:
		x.err = x.broken
		close(x.answered)
	case x.broken != nil:
		x.deliver(io.NopCloser(io.MultiReader(&x.begin, brokenReader{})))
	default:
		x.deliver(io.NopCloser(&x.begin))
	}
	x.cancel()
}

// brokenReader is the end of a body whose connection was closed.
type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (x *exchange) deliver(body io.ReadCloser) {
	x.WriteHeader(http.StatusOK)
	length := int64(-1)
	if text := x.header.Get("Content-Length"); text != "" {
		length, _ = strconv.ParseInt(text, 10, 64)
	} else if x.pipe == nil {
		length = int64(x.begin.Len())
	}
	x.response = &http.Response{
		Status:        strconv.Itoa(x.status) + " " + http.StatusText(x.status),
		StatusCode:    x.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        x.header,
		Body:          body,
		ContentLength: length,
		Request:       x.req,
	}
	close(x.answered)
}

// How a connection may end. The address is one that RFC 5737 reserves for
// documentation.
var (
	serverAddr = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 8443}

	errClosed  = io.EOF
	errRefused = &net.OpError{Op: "dial", Net: "tcp", Addr: serverAddr,
		Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	errReset = &net.OpError{Op: "read", Net: "tcp", Addr: serverAddr,
		Err: os.NewSyscallError("read", syscall.ECONNRESET)}
)

// breakOff ends the connection before or inside an answer. The handler must
// return right after it, if breakOff returns at all. Behind a listener there is a
// connection already, so refused is the same as reset.
func breakOff(w http.ResponseWriter, how error) {
	if x, ok := w.(*exchange); ok {
		x.abort(how)
		return
	}
	if errors.Is(how, errClosed) {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2 resets the stream, which is close enough
		panic(http.ErrAbortHandler)
	}
	if inner, ok := conn.(*tls.Conn); ok {
		conn = inner.NetConn() // closing TLS would send an alert first
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) // closing it then resets it
	}
	conn.Close()
}
