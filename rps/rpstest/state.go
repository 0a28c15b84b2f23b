package rpstest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Device is a device in RPS.
type Device struct {
	Owner  string // name of the account, "" if the device is only in stock
	MAC    string // bare and in upper case: 001565000001
	Server string // name of its server, "" if it has none
	URL    string // where the phone is redirected: its unique URL, or its server's
}

// state is what RPS stores. Its zero value is not usable: see newState.
//
// Accounts and servers are numbers, so a device costs 16 bytes in the map and
// holds no pointers; the few unique URLs have a map of their own. Number 0 is no
// account and no server.
type state struct {
	accounts   []string
	accountIDs map[string]uint32
	servers    []server
	serverIDs  map[serverKey]uint32
	names      map[string]bool // of servers, of all accounts
	devices    map[mac]binding
	urls       map[mac]string // unique URLs
}

type server struct {
	owner     uint32
	name, url string
}

type serverKey struct {
	owner uint32
	name  string
}

type binding struct {
	owner  uint32 // 0: in stock, bound to nobody
	server uint32
}

func newState() state {
	return state{
		accounts:   make([]string, 1),
		accountIDs: map[string]uint32{"": 0}, // so that stock is the account ""
		servers:    make([]server, 1),
		serverIDs:  make(map[serverKey]uint32),
		names:      make(map[string]bool),
		devices:    make(map[mac]binding),
		urls:       make(map[mac]string),
	}
}

// account returns the number of an account, which it adds if need be.
func (s *state) account(name string) uint32 {
	id, ok := s.accountIDs[name]
	if !ok {
		id = uint32(len(s.accounts))
		s.accounts = append(s.accounts, name)
		s.accountIDs[name] = id
	}
	return id
}

// addServer adds a server, or changes the URL of an account's server.
func (s *state) addServer(owner uint32, name, url string) {
	key := serverKey{owner, name}
	if id, ok := s.serverIDs[key]; ok {
		s.servers[id].url = url
		return
	}
	s.serverIDs[key] = uint32(len(s.servers))
	s.servers = append(s.servers, server{owner, name, url})
	s.names[name] = true
}

// bind binds a device to an account.
func (s *state) bind(m mac, b binding, uniqueURL string) {
	s.devices[m] = b
	if uniqueURL == "" {
		delete(s.urls, m)
		return
	}
	s.urls[m] = uniqueURL
}

// release removes a device from its account. It stays in stock.
func (s *state) release(m mac) {
	s.devices[m] = binding{}
	delete(s.urls, m)
}

func (s *state) url(m mac, b binding) string {
	if url, ok := s.urls[m]; ok {
		return url
	}
	return s.servers[b.server].url
}

func (s *state) device(m mac, b binding) Device {
	return Device{
		Owner:  s.accounts[b.owner],
		MAC:    m.upper(),
		Server: s.servers[b.server].name,
		URL:    s.url(m, b),
	}
}

// owned returns the devices of an account, in no order.
func (s *state) owned(owner uint32) (list []mac) {
	for m, b := range s.devices {
		if b.owner == owner {
			list = append(list, m)
		}
	}
	return list
}

func compareMACs(a, b mac) int { return bytes.Compare(a[:], b[:]) }

// serverNameOK reports whether a name has only the characters that the guide
// allows: "A-z 0-9 - _ . ", with the space.
func serverNameOK(name string) bool {
	return strings.IndexFunc(name, func(r rune) bool {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return false
		}
		return !strings.ContainsRune("-_. ", r)
	}) < 0
}

// urlOK reports whether a URL begins with one of the guide's four schemes.
func urlOK(url string) bool {
	scheme, _, found := strings.Cut(url, "://")
	if !found {
		return false
	}
	switch strings.ToLower(scheme) {
	case "http", "https", "ftp", "tftp":
		return true
	}
	return false
}

// mustMAC parses a MAC in the set-up of a test, where a bad one is a mistake in
// the test.
func mustMAC(text string) mac {
	m, ok := parseMAC(text)
	if !ok {
		panic(fmt.Sprintf("rpstest: %q is not a MAC in one of the four forms", text))
	}
	return m
}

// AddServer adds a configuration server to an account, which need not be able to
// log in. If the account has a server of that name, its URL changes. Unlike the
// API's addServer it checks nothing.
func (s *Server) AddServer(user, name, url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.addServer(s.state.account(user), name, url)
}

// AddDevice binds a device to an account, whoever had it before. The server must
// be one of the account's, or empty; url is the device's unique URL, or empty.
// The MAC may be in any of the four forms. AddDevice panics if the MAC or the
// server is bad.
func (s *Server) AddDevice(user, mac, server, url string) {
	m := mustMAC(mac)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.addDevice(user, m, server, url); err != nil {
		panic("rpstest: " + err.Error())
	}
}

func (s *Server) addDevice(user string, m mac, server, url string) error {
	b := binding{owner: s.state.account(user)}
	if server != "" {
		id, ok := s.state.serverIDs[serverKey{b.owner, server}]
		if !ok {
			return fmt.Errorf("account %q has no server %q: add it first", user, server)
		}
		b.server = id
	}
	s.state.bind(m, b, url)
	return nil
}

// AddStock adds a device that no account has, or removes it from the account that
// had it: checkDevice answers Unregistered. For a MAC that was never added it
// answers Unknown. AddStock panics if the MAC is bad.
func (s *Server) AddStock(mac string) {
	m := mustMAC(mac)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.release(m)
}

// Device returns a device and whether RPS knows it. A device in stock has no
// Owner. Device panics if the MAC is bad.
func (s *Server) Device(mac string) (Device, bool) {
	m := mustMAC(mac)
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, ok := s.state.devices[m]
	if !ok {
		return Device{}, false
	}
	return s.state.device(m, b), true
}

// Devices returns the devices of an account, sorted by MAC. The account "" has
// those in stock.
func (s *Server) Devices(user string) []Device {
	s.mu.RLock()
	defer s.mu.RUnlock()
	owner, ok := s.state.accountIDs[user]
	if !ok {
		return nil
	}
	macs := s.state.owned(owner)
	slices.SortFunc(macs, compareMACs)
	devices := make([]Device, len(macs))
	for i, m := range macs {
		devices[i] = s.state.device(m, s.state.devices[m])
	}
	return devices
}
