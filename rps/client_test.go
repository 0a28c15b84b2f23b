package rps

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestNewClientRefuses(t *testing.T) {
	for url, want := range map[string]string{
		"http://rps.example.com/xmlrpc":         "use https",
		"http://127.0.0.1.example.com/":         "use https",
		"http://128.0.0.1/":                     "use https",
		"http://localhost.example.com/":         "use https",
		"http://[::2]/":                         "use https",
		"http://127.1/":                         "use https",
		"https://user:s3cret@rps.example.com/":  "leave them out",
		"http://user:s3cret@localhost/":         "leave them out",
		"https://rps.example.com/?p=s3cret":     "leave out",
		"https://rps.example.com/?":             "leave out",
		"https://rps.example.com/#s3cret":       "leave out",
		"ftp://rps.example.com/s3cret":          "https://",
		"rps.example.com:8443/s3cret":           "https://",
		"rps.example.com/s3cret":                "https://",
		"https:rps.example.com":                 "https://",
		"https://":                              "no host",
		"https:///xmlrpc":                       "no host",
		"https://:8443/xmlrpc":                  "no host",
		"https://rps.example.com:0/":            "port",
		"https://rps.example.com:65536/":        "port",
		"https://rps.example.com:/":             "port",
		"https://rps.example.com:x/s3cret":      "cannot be read",
		"https://rps.example.com/\x00?p=s3cret": "cannot be read",
		"https://[::1/":                         "cannot be read",
	} {
		c, err := NewClient(Config{URL: url})
		if err == nil || c != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", url, err, want)
		} else if strings.Contains(err.Error(), "s3cret") || err.Error()[0] != 't' {
			t.Errorf("%q: %v", url, err)
		}
	}
	for _, config := range []Config{
		{Username: "a:b"}, {UserAgent: "a\r\nX: y"}, {Timeout: -1},
	} {
		if _, err := NewClient(config); err == nil {
			t.Errorf("%+v is not refused", config)
		}
	}
}

func TestNewClient(t *testing.T) {
	for _, url := range []string{"", DefaultURL, "https://rps.example.com", "HTTPS://10.0.0.1:1/x", "https://[fe80::1]:8443/",
		"http://localhost:1/", "http://LOCALHOST/", "http://127.0.0.1:80/x", "http://127.1.2.3/", "http://[::1]:8080/", "http://[::ffff:127.0.0.1]/"} {
		if c, err := NewClient(Config{URL: url}); err != nil || c.timeout != 30*time.Second {
			t.Errorf("%q: %v", url, err)
		}
	}
	c, err := NewClient(Config{Connections: 7, RootCAs: x509.NewCertPool()})
	if err != nil {
		t.Fatal(err)
	}
	transport := c.transport.(*http.Transport)
	if transport.MaxIdleConnsPerHost != 7 || transport.MaxIdleConns != 7 || transport.TLSClientConfig.RootCAs == nil ||
		transport.TLSClientConfig.InsecureSkipVerify || transport.Proxy == nil || transport.Protocols.HTTP2() ||
		transport.TLSClientConfig.MinVersion < tls.VersionTLS12 || transport.MaxResponseHeaderBytes == 0 {
		t.Errorf("the transport is %+v", transport)
	}
}

// clientOf returns a client of a test server with this handler.
func clientOf(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return clientAt(t, Config{URL: server.URL})
}

func clientAt(t *testing.T, config Config) *Client {
	t.Helper()
	config.Username, config.Password = "user", "s3cret"
	c, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	if transport, ok := c.transport.(*http.Transport); ok {
		t.Cleanup(transport.CloseIdleConnections)
	}
	return c
}

// Each of eight calls is answered only when all eight have come.
func TestCallsRunAtOnce(t *testing.T) {
	const n = 8
	var barrier sync.WaitGroup
	barrier.Add(n)
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		barrier.Done()
		barrier.Wait()
		fmt.Fprint(w, document(yes, "OK"))
	})
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() {
			if err := c.DeRegisterDevice(t.Context(), MACFromUint64(uint64(i))); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
}

func TestConnectionsAreKept(t *testing.T) {
	clients := map[string]bool{}
	answers := []func(http.ResponseWriter){
		func(w http.ResponseWriter) { fmt.Fprint(w, document(yes, "OK")) },
		func(w http.ResponseWriter) { fmt.Fprint(w, document(no, "Invalid server")) },
		func(w http.ResponseWriter) { http.Error(w, strings.Repeat("x", maxDrain/2), http.StatusBadGateway) },
		func(w http.ResponseWriter) { fmt.Fprint(w, "junk") },
		func(w http.ResponseWriter) {},
	}
	next := 0
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		clients[r.RemoteAddr] = true
		answers[next%len(answers)](w)
		next++
	})
	for range 2 * len(answers) {
		c.EditDevice(t.Context(), MAC{2}, "s")
	}
	if len(clients) != 1 || next != 2*len(answers) {
		t.Errorf("%d calls on %d connections", next, len(clients))
	}
}

func TestListDevices(t *testing.T) {
	body := ""
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, body) })

	body = document(no, "No device(s) exists")
	if list, err := c.ListDevices(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("no devices: %v, %v", list, err)
	}
	body = document(yes, "<array><data/></array>")
	if list, err := c.ListDevices(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("an empty list: %v, %v", list, err)
	}
	body = document(yes, list("001565000001", "x"))
	if list, err := c.ListDevices(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("one device: %v, %v", list, err)
	}
	body = document(no, "System busy")
	if list, err := c.ListDevices(t.Context()); !errors.Is(err, Refusal) || list != nil {
		t.Errorf("a refusal: %v, %v", list, err)
	}
}

func TestUnencodable(t *testing.T) {
	c := clientOf(t, func(http.ResponseWriter, *http.Request) { t.Error("a call was sent") })
	for _, server := range []string{"a\x00", "\x1b[0m", "a\xffb", "\ufffe", "\uffff", "\xed\xa0\x80"} {
		for _, err := range []error{
			c.RegisterDevices(t.Context(), []MAC{{2}}, server),
			c.AddServer(t.Context(), "name", "http://"+server),
			c.EditDeviceWithUniqueURL(t.Context(), MAC{2}, server, "http://x"),
		} {
			var e *Error
			if !errors.As(err, &e) || e.Kind != Unencodable || strings.Contains(err.Error(), server) {
				t.Errorf("%q: %v", server, err)
			}
		}
	}
	if err := c.DeRegisterDevices(t.Context(), nil); !errors.Is(err, Unencodable) {
		t.Errorf("no MACs: %v", err)
	}
	if err := encodable([]any{"é\u3000\t\r\n\ufffd😀<&>"}); err != nil {
		t.Error(err)
	}
}

// Whatever happens to a call, no error shows the password or the unique URL.
func TestSecretsAreConcealed(t *testing.T) {
	const secret = "https://conf.example.com/u1?a=1&b=<2>"
	const basic = "dXNlcjpzM2NyZXQ="
	echo := secret + " user:s3cret " + basic
	var escaped strings.Builder
	for _, r := range echo {
		fmt.Fprintf(&escaped, "&#%d;", r)
	}
	bodies := map[string]func(http.ResponseWriter){
		"refusal": func(w http.ResponseWriter) {
			fmt.Fprint(w, document(no, "Error:Invalid server url: "+escaped.String()))
		},
		"other words": func(w http.ResponseWriter) { fmt.Fprint(w, document(no, escaped.String())) },
		"granted":     func(w http.ResponseWriter) { fmt.Fprint(w, document(yes, escaped.String())) },
		"fault":       func(w http.ResponseWriter) { fmt.Fprint(w, "<methodResponse><fault>"+escaped.String()) },
		"page":        func(w http.ResponseWriter) { http.Error(w, echo, 500) },
		"XML":         func(w http.ResponseWriter) { fmt.Fprint(w, "<methodResponse><"+echo) },
		"redirect": func(w http.ResponseWriter) {
			w.Header().Set("Location", "https://s3cret@s3cret.example.com/"+secret)
			w.WriteHeader(302)
		},
		"bad redirect": func(w http.ResponseWriter) { w.Header().Set("Location", "%zz"+echo); w.WriteHeader(302) },
		"no HTTP": func(w http.ResponseWriter) {
			conn, _, _ := http.NewResponseController(w).Hijack()
			fmt.Fprintf(conn, "HTTP/1.1 s3cret %s %s\r\n\r\n", secret, basic)
			conn.Close()
		},
	}
	for name, respond := range bodies {
		c := clientOf(t, func(w http.ResponseWriter, r *http.Request) { respond(w) })
		for _, err := range []error{
			c.RegisterDeviceWithUniqueURL(t.Context(), MAC{2}, "s", secret),
			c.RegisterDeviceWithUniqueURLOverride(t.Context(), MAC{2}, "s", secret, true),
			c.EditDeviceWithUniqueURL(t.Context(), MAC{2}, "s", secret),
			c.EditDeviceWithUniqueURLOverride(t.Context(), MAC{2}, "s", secret, true),
			c.AddServer(t.Context(), "s", secret),
		} {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%s: %v", name, err)
			}
			for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v %q", e, *e, e.Text), fmt.Sprint(e.Err)} {
				for _, s := range []string{secret, "s3cret", basic, "u1?a"} {
					if strings.Contains(text, s) {
						t.Errorf("%s: shows %q: %s", name, s, text)
					}
				}
			}
			if name == "refusal" && e.Kind != InvalidURL {
				t.Errorf("%s: %v", name, e)
			}
		}
	}

	// Nor is the URL that a device has shown in the place of something else.
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, document(yes, secretXML, "Registered")) })
	if _, _, err := c.CheckDeviceExt(t.Context(), MAC{2}); err == nil || strings.Contains(err.Error(), "u1") {
		t.Error(err)
	}
}

const secretXML = "https://conf.example.com/u1"

func TestErrorReadsWell(t *testing.T) {
	for want, e := range map[string]*Error{
		`refused: the account has no such server: "Error:Invalid server"`: {Kind: InvalidServer, Text: "Error:Invalid server"},
		`no readable answer (HTTP 502)`:                                   {Kind: Unreadable, StatusCode: 502},
		`could not reach the service: context canceled`:                   {Kind: NotSent, Err: context.Canceled},
		`refused`: {Kind: Refusal},
	} {
		if got := e.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	e := error(&Error{Kind: NotSent, Err: context.Canceled})
	if !errors.Is(e, NotSent) || errors.Is(e, Unreadable) || !errors.Is(e, context.Canceled) || !errors.Is(fmt.Errorf("x: %w", e), NotSent) {
		t.Error("errors.Is does not know the error")
	}
}
