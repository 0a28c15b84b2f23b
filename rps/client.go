package rps

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// DefaultURL is where the service is (chapter 2).
const DefaultURL = "https://api-dm.yealink.com:8443/xmlrpc"

const (
	defaultTimeout     = 30 * time.Second
	defaultConnections = 4
	defaultUserAgent   = "rpsbatch"
	idleTimeout        = 60 * time.Second
)

// Config says where the service is and who calls it. The zero value calls the
// guide's endpoint, with no credentials.
type Config struct {
	// URL is the endpoint, DefaultURL if "". It is https, or http to this
	// machine (localhost, 127.0.0.0/8, ::1), and holds no credentials, query
	// or fragment. HTTPS_PROXY and NO_PROXY in the environment count.
	URL string
	// Username and Password are those of the account (chapter 3), for HTTP
	// Basic authentication (chapter 1). A user name holds no colon.
	Username, Password string
	// Timeout bounds one call, from looking for a connection to the last byte
	// of the answer; 30 seconds if 0.
	Timeout time.Duration
	// RootCAs are trusted instead of the system's, if not nil.
	RootCAs *x509.CertPool
	// Connections is how many connections are kept open between calls, 4 if
	// 0. More calls than that may be made at once, on connections that are
	// closed afterwards.
	Connections int
	// Transport, if not nil, is used instead of the client's own, such as that
	// of a simulated service in the process. RootCAs and Connections mean
	// nothing then.
	Transport http.RoundTripper
	// UserAgent is sent with each call; "rpsbatch" if "".
	UserAgent string
}

// Client calls the service for one account. Its methods may be called from
// several goroutines at once, and then run at once.
type Client struct {
	transport          http.RoundTripper
	ownTransport       bool // transport is the client's own
	url                string
	username, password string
	hidden             secrets // the passwords, also as they are sent
	userAgent          string
	timeout            time.Duration
}

// NewClient returns a client of the service. It makes no call. An error says
// what is wrong with the configuration, without a secret.
func NewClient(config Config) (*Client, error) {
	c := &Client{
		transport: config.Transport,
		url:       config.URL,
		username:  config.Username,
		password:  config.Password,
		userAgent: config.UserAgent,
		timeout:   config.Timeout,
	}
	if c.url == "" {
		c.url = DefaultURL
	}
	if c.userAgent == "" {
		c.userAgent = defaultUserAgent
	}
	if c.timeout == 0 {
		c.timeout = defaultTimeout
	}
	u, err := checkURL(c.url)
	switch {
	case err != nil:
		return nil, err
	case strings.Contains(c.username, ":"):
		return nil, errors.New("the user name contains a colon, which HTTP Basic authentication cannot carry")
	case strings.ContainsFunc(c.userAgent, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return nil, errors.New("the user agent contains control characters")
	case c.timeout < 0:
		return nil, fmt.Errorf("the timeout of a call is %v: it must be positive", c.timeout)
	}
	c.hidden = credentials(c.username, c.password)
	if c.transport == nil {
		proxy, err := proxyOf(u)
		if err != nil {
			return nil, err
		}
		if proxy != nil && proxy.User != nil {
			password, _ := proxy.User.Password()
			c.hidden = append(c.hidden, credentials(proxy.User.Username(), password)...)
		}
		c.transport, c.ownTransport = newTransport(config, c.timeout, proxy), true
	}
	return c, nil
}

// newTransport returns the transport of a client. It speaks HTTP/1.1 alone: on
// an HTTP/2 connection one reset puts all calls that share it in doubt.
func newTransport(config Config, timeout time.Duration, proxy *url.URL) *http.Transport {
	connections := config.Connections
	if connections <= 0 {
		connections = defaultConnections
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyURL(proxy),
		DialContext:            (&net.Dialer{Timeout: timeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: config.RootCAs},
		TLSHandshakeTimeout:    timeout,
		Protocols:              &protocols,
		MaxIdleConns:           connections,
		MaxIdleConnsPerHost:    connections,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// proxyOf returns the proxy that the environment names for the service, or nil.
// All that goes through it is a TLS connection to the service: over http, which
// is for this machine alone, a proxy would see the password. A proxy that cannot
// be read is an error, where net/http would do without it.
func proxyOf(service *url.URL) (*url.URL, error) {
	environment := httpproxy.FromEnvironment()
	text := environment.HTTPSProxy
	environment.HTTPSProxy = "http://any"
	needed, err := environment.ProxyFunc()(service)
	if text == "" || service.Scheme != "https" || needed == nil && err == nil {
		return nil, nil
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	proxy, err := url.Parse(text)
	if err == nil {
		known := slices.Contains([]string{"http", "https", "socks5", "socks5h"}, proxy.Scheme)
		if known && proxy.Hostname() != "" && goodPort(proxy) && strings.Trim(proxy.RequestURI(), "/") == "" {
			return proxy, nil
		}
	}
	// Its text may hold a password.
	return nil, errors.New("the proxy in the environment (HTTPS_PROXY) cannot be read: write it as http://HOST:PORT")
}

// checkURL refuses what a password must not be sent to, and says what to do. It
// repeats the URL only where that cannot hold a secret.
func checkURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("the service's URL cannot be read: write it as https://HOST:PORT/xmlrpc")
	case u.User != nil:
		return nil, errors.New("the service's URL contains credentials, and others can see the URL: leave them out and supply them separately")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(text, "#"):
		return nil, errors.New("the service's URL has a query or a fragment: leave out what begins with ? or #")
	case u.Scheme != "https" && u.Scheme != "http" || u.Opaque != "":
		return nil, errors.New("the service's URL does not begin with https://: write it as https://HOST:PORT/xmlrpc")
	case u.Hostname() == "":
		return nil, fmt.Errorf("the service's URL %q has no host: write it as https://HOST:PORT/xmlrpc", text)
	case !goodPort(u):
		return nil, fmt.Errorf("the service's URL %q has no valid port: use one from 1 to 65535, or none", text)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, fmt.Errorf("the service's URL %q would send the password in the clear: use https (http works only for this machine)", text)
	}
	return u, nil
}

// goodPort reports whether a URL has a valid port, or none.
func goodPort(u *url.URL) bool {
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && n > 0 || u.Port() == "" && !strings.HasSuffix(u.Host, ":")
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// credentials returns a password as it stands and as it is sent.
func credentials(username, password string) secrets {
	if password == "" {
		return nil
	}
	return secrets{password, base64.StdEncoding.EncodeToString([]byte(username + ":" + password))}
}
