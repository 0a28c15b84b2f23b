package rpstest

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// LoadState adds records to the state, one a line, as CSV:
//
//	# a comment
//	server,NAME,URL
//	server,NAME,URL,USER
//	device,USER,MAC,SERVER,URL
//	stock,MAC
//
// A server without a USER belongs to each account of Options.Accounts, of which
// there is usually one. A server must come before its devices. SERVER and URL of
// a device may be empty or omitted; URL is its unique URL. MACs may be in any of
// the four forms.
//
// An error names the line. The records before it have been added.
func (s *Server) LoadState(r io.Reader) error {
	records := csv.NewReader(r)
	records.Comment = '#'
	records.FieldsPerRecord = -1
	records.ReuseRecord = true
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		record, err := records.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("state: %w", err) // a csv.ParseError names the line
		}
		change, err := parseRecord(record)
		if err == nil {
			err = change(s)
		}
		if err != nil {
			line, _ := records.FieldPos(0)
			return fmt.Errorf("state: line %d: %w", line, err)
		}
	}
}

// parseRecord returns the change that a record makes to a Server; its mu must be
// held then.
func parseRecord(record []string) (change func(*Server) error, err error) {
	fields := make([]string, 5)
	for i, field := range record[:min(len(record), len(fields))] {
		// The state must not keep the lines of the file alive.
		fields[i] = strings.Clone(strings.TrimSpace(field))
	}
	most, ok := map[string]int{"server": 4, "device": 5, "stock": 2}[fields[0]]
	switch {
	case !ok:
		return nil, fmt.Errorf("unknown record %q: use server, device or stock", fields[0])
	case len(record) > most:
		return nil, fmt.Errorf("%d fields in a %s: at most %d", len(record), fields[0], most)
	case fields[0] == "server":
		return serverRecord(fields[1], fields[2], fields[3])
	case fields[0] == "device" && fields[1] == "":
		return nil, errors.New("a device needs an account: device,USER,MAC,SERVER,URL")
	}
	text := fields[1]
	if fields[0] == "device" {
		text = fields[2]
	}
	m, ok := parseMAC(text)
	switch {
	case !ok:
		return nil, fmt.Errorf("%q is not a MAC in one of the four forms", text)
	case fields[0] == "device":
		return func(s *Server) error { return s.addDevice(fields[1], m, fields[3], fields[4]) }, nil
	}
	return func(s *Server) error { s.state.release(m); return nil }, nil
}

func serverRecord(name, url, user string) (change func(*Server) error, err error) {
	if name == "" || url == "" {
		return nil, errors.New("a server needs a name and a URL: server,NAME,URL")
	}
	return func(s *Server) error {
		users := []string{user}
		if user == "" {
			users = slices.Collect(maps.Keys(s.passwords))
		}
		for _, user := range users {
			s.state.addServer(s.state.account(user), name, url)
		}
		return nil
	}, nil
}

// WriteState writes the state in the form that [Server.LoadState] reads:
// servers by name, then devices, then stock, both by MAC. Two Servers with the
// same state and the same Options.Accounts write the same bytes.
func (s *Server) WriteState(w io.Writer) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	records := csv.NewWriter(w)

	servers := slices.Clone(s.state.servers[1:])
	slices.SortFunc(servers, func(a, b server) int {
		return cmp.Or(cmp.Compare(a.name, b.name),
			cmp.Compare(s.state.accounts[a.owner], s.state.accounts[b.owner]))
	})
	for _, server := range servers {
		record := []string{"server", server.name, server.url}
		// Without an account the record stands for every account that can log in.
		owner := s.state.accounts[server.owner]
		if _, sole := s.passwords[owner]; !sole || len(s.passwords) > 1 {
			record = append(record, owner)
		}
		records.Write(record)
	}

	macs := make([]mac, 0, len(s.state.devices))
	for m := range s.state.devices {
		macs = append(macs, m)
	}
	slices.SortFunc(macs, compareMACs)
	for _, m := range macs {
		if b := s.state.devices[m]; b.owner != 0 {
			records.Write([]string{"device", s.state.accounts[b.owner], m.upper(),
				s.state.servers[b.server].name, s.state.urls[m]})
		}
	}
	for _, m := range macs {
		if s.state.devices[m].owner == 0 {
			records.Write([]string{"stock", m.upper()})
		}
	}
	records.Flush()
	return records.Error() // from any Write as well
}
