package cli

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rpsbatch/rps/rpstest"
)

const listCall = "<methodCall><methodName>redirect.listDevices</methodName></methodCall>"

// TestSimulateGuard holds that no page in a browser can make the service do
// anything.
func TestSimulateGuard(t *testing.T) {
	tests := []struct {
		name   string
		host   string
		header string // KEY: VALUE
		status int
	}{
		{"client", "127.0.0.1:8480", "", 200},
		{"localhost", "localhost:8480", "", 200},
		{"IPv6", "[::1]:8480", "", 200},
		{"without a port", "127.0.0.1", "", 200},
		{"the name given", "sim.example:8480", "", 200},
		{"with a charset", "127.0.0.1:8480", "Content-Type: text/xml; charset=utf-8", 200},
		{"application/xml", "127.0.0.1:8480", "Content-Type: application/xml", 200},
		{"same origin", "127.0.0.1:8480", "Origin: http://127.0.0.1:8480", 200},
		{"origin", "127.0.0.1:8480", "Origin: https://evil.example", 403},
		{"origin null", "127.0.0.1:8480", "Origin: null", 403},
		{"another port", "127.0.0.1:8480", "Origin: http://127.0.0.1:8000", 403},
		{"cross-site", "127.0.0.1:8480", "Sec-Fetch-Site: cross-site", 403},
		{"same-site", "127.0.0.1:8480", "Sec-Fetch-Site: same-site", 403},
		{"text/plain", "127.0.0.1:8480", "Content-Type: text/plain", 415},
		{"form", "127.0.0.1:8480", "Content-Type: application/x-www-form-urlencoded", 415},
		{"no type", "127.0.0.1:8480", "Content-Type: ", 415},
		{"a name that is bound to this machine", "evil.example:8480", "Origin: http://evil.example:8480", 421},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			service := rpstest.New(rpstest.Options{})
			s := &simulate{listen: "sim.example:8480"}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+test.host+"/xmlrpc", strings.NewReader(listCall))
			r.SetBasicAuth("user", "secret")
			r.Header.Set("Content-Type", "text/xml")
			if key, value, ok := strings.Cut(test.header, ": "); ok {
				r.Header.Set(key, value)
			}
			w := httptest.NewRecorder()
			s.server(service).Handler.ServeHTTP(w, r)
			if w.Code != test.status || (service.Total() == 1) != (test.status == 200) {
				t.Errorf("HTTP %d after %d calls, want %d: %s", w.Code, service.Total(), test.status, w.Body)
			}
		})
	}
}

func TestSimulateBoundsBodies(t *testing.T) {
	s := &simulate{account: "user:secret"}
	service, err := s.service()
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1/xmlrpc", strings.NewReader(strings.Repeat(" ", maxCall+1)))
	r.SetBasicAuth("user", "secret")
	r.Header.Set("Content-Type", "text/xml")
	w := httptest.NewRecorder()
	s.server(service).Handler.ServeHTTP(w, r)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("HTTP %d, want 413", w.Code)
	}
}

// dial serves a connection in the bubble that it is called in.
func dial(t *testing.T, faults ...rpstest.Fault) net.Conn {
	t.Helper()
	s := &simulate{}
	server := s.server(rpstest.New(rpstest.Options{Faults: faults}))
	client, conn := net.Pipe()
	connections := make(chan net.Conn, 1)
	connections <- conn
	go server.Serve(pipeListener{connections})
	t.Cleanup(func() { client.Close(); close(connections); server.Close() })
	return client
}

type pipeListener struct{ connections chan net.Conn }

func (l pipeListener) Accept() (net.Conn, error) {
	if conn, ok := <-l.connections; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (l pipeListener) Close() error   { return nil }
func (l pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

const callHead = "POST /xmlrpc HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/xml\r\nAuthorization: Basic dXNlcjpzZWNyZXQ=\r\n"

// TestSimulateSlowClient holds that a client which sends no more is dropped.
func TestSimulateSlowClient(t *testing.T) {
	for _, test := range []struct {
		name, sent string
		patience   time.Duration
	}{
		{"header", callHead, 10 * time.Second},
		{"body", callHead + "Content-Length: 1000\r\n\r\n<methodCall>", time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := dial(t)
				start := time.Now()
				io.WriteString(conn, test.sent)
				io.Copy(io.Discard, conn) // without a deadline this never ends, and the bubble panics
				if d := time.Since(start); d != test.patience {
					t.Errorf("it was dropped after %v, want %v", d, test.patience)
				}
			})
		})
	}
}

// TestSimulateSlowService holds that the service may take longer to answer than a
// client to ask.
func TestSimulateSlowService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := dial(t, rpstest.Fault{Name: "slow", Delay: time.Hour})
		fmt.Fprintf(conn, "%sContent-Length: %d\r\n\r\n%s", callHead, len(listCall), listCall)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(body), "No device(s) exists") {
			t.Errorf("%v: %s", err, body)
		}
	})
}
