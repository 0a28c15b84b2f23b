package rps

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// A recorder is a proxy that keeps what it gets, and connects whoever asks to
// the service.
type recorder struct {
	url     string
	service string // its address
	mu      sync.Mutex
	got     bytes.Buffer
}

func newRecorder(t *testing.T, service string) *recorder {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	p := &recorder{url: "http://user:pr0xy@" + listener.Addr().String(), service: service}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	return p
}

func (p *recorder) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got.Write(b)
}

func (p *recorder) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(io.TeeReader(conn, p))
	request, err := http.ReadRequest(r)
	if err != nil || request.Method != http.MethodConnect || p.service == "" {
		// It writes back what it got.
		fmt.Fprintf(conn, "HTTP/1.1 502 \x1b[31m\u202epr0xy %s\r\nContent-Length: 0\r\n\r\n", request.Header.Get("Proxy-Authorization"))
		return
	}
	service, err := net.Dial("tcp", p.service)
	if err != nil {
		return
	}
	defer service.Close()
	io.WriteString(conn, "HTTP/1.1 200 Connected\r\n\r\n")
	go io.Copy(conn, service)
	io.Copy(service, r)
}

// seen returns what the proxy got, and reports whether the password was in it.
func (p *recorder) seen() (text string, password bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text = p.got.String()
	return text, strings.Contains(text, "s3cret") || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte("user:s3cret"))) ||
		strings.Contains(text, "methodCall")
}

func setProxy(t *testing.T, http, https, none string) {
	for name, value := range map[string]string{"HTTP_PROXY": http, "HTTPS_PROXY": https, "NO_PROXY": none} {
		t.Setenv(name, value)
		t.Setenv(strings.ToLower(name), value)
	}
}

func TestPasswordIsNotShownToAProxy(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "s3cret" || r.Header.Get("Proxy-Authorization") != "" {
			t.Errorf("the service got %v", r.Header)
		}
		fmt.Fprint(w, document(yes, "OK"))
	}))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())

	proxy := newRecorder(t, server.Listener.Addr().String())
	setProxy(t, proxy.url, proxy.url, "")
	c := clientAt(t, Config{URL: "https://example.com/xmlrpc", RootCAs: roots}) // a name in the server's certificate
	if err := c.EditDevice(t.Context(), MAC{2}, "s"); err != nil {
		t.Fatal(err)
	}
	if text, password := proxy.seen(); password || !strings.HasPrefix(text, "CONNECT example.com:443 ") {
		t.Errorf("the proxy got %q", text)
	}

	// A proxy that does not connect has not seen the call either.
	proxy = newRecorder(t, "")
	setProxy(t, proxy.url, proxy.url, "")
	e := asError(t, clientAt(t, Config{URL: "https://example.com/xmlrpc"}).EditDevice(t.Context(), MAC{2}, "s"))
	if text, password := proxy.seen(); password || e.Kind != NotSent || !strings.HasPrefix(text, "CONNECT ") || strings.Contains(e.Error(), "pr0xy") ||
		strings.Contains(e.Error(), base64.StdEncoding.EncodeToString([]byte("user:pr0xy"))) || strings.ContainsAny(e.Error(), "\x1b\u202e") {
		t.Errorf("the proxy got %q, and %v: %v", text, e.Kind, e)
	}

	// What is for this machine alone goes to no proxy, in whatever spelling.
	proxy = newRecorder(t, "")
	setProxy(t, proxy.url, proxy.url, "")
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, document(yes, "OK")) }))
	defer plain.Close()
	_, port, _ := net.SplitHostPort(plain.Listener.Addr().String())
	for _, host := range []string{"127.0.0.1", "localhost", "LOCALHOST", "LocalHost", "[::ffff:127.0.0.1]", "[::1%25lo]", "[::1]"} {
		err := clientAt(t, Config{URL: "http://" + host + ":" + port + "/"}).EditDevice(t.Context(), MAC{2}, "s")
		if text, _ := proxy.seen(); text != "" {
			t.Errorf("%s: the proxy got %q", host, text)
		}
		if err != nil && !strings.Contains(host, "::") { // the server listens there
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestProxyFromEnvironment(t *testing.T) {
	service, _ := url.Parse(DefaultURL)
	for text, want := range map[string]string{
		"":                                 "",
		"proxy.example.com":                "http://proxy.example.com",
		"10.0.0.1:3128":                    "http://10.0.0.1:3128",
		"http://u:p@proxy.example.com:80/": "http://u:p@proxy.example.com:80/",
		"https://proxy.example.com":        "https://proxy.example.com",
		"SOCKS5://10.0.0.1:1080":           "socks5://10.0.0.1:1080",
		"socks5h://[::1]:1080":             "socks5h://[::1]:1080",
	} {
		setProxy(t, "", text, "")
		proxy, err := proxyOf(service)
		if err != nil || proxy != nil && proxy.String() != want || proxy == nil && want != "" {
			t.Errorf("%q: %v, %v", text, proxy, err)
		}
	}
	bad := []string{"://", "http://", "http://:80", "http://s3cret:80:80", "http://host:", "http://host:0", "http://host:65536", "http://u:s3cret@host:x",
		"ftp://host", "socks4://host", "htp//host", "http:/host", "host:x", " http://host", "http://host/s3cret", "http://host?x", "u:s3cret@h\x7f"}
	for _, text := range bad {
		setProxy(t, "", text, "")
		c, err := NewClient(Config{})
		if err == nil || c != nil || !strings.Contains(err.Error(), "HTTPS_PROXY") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", text, err)
		}
		// It is no matter where there is no need of it.
		setProxy(t, text, text, "yealink.com")
		for _, config := range []Config{{}, {URL: "http://localhost:1/"}, {URL: "https://127.0.0.1/"}, {URL: "https://rps.example.com", Transport: http.DefaultTransport}} {
			if _, err := NewClient(config); err != nil {
				t.Errorf("%q, %s: %v", text, config.URL, err)
			}
		}
	}
}
