package rpstest

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
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
		if err := s.load(record); err != nil {
			line, _ := records.FieldPos(0)
			return fmt.Errorf("state: line %d: %w", line, err)
		}
	}
}

func (s *Server) load(record []string) error {
	for i, field := range record {
		// The state must not keep the lines of the file alive.
		record[i] = strings.Clone(strings.TrimSpace(field))
	}
	field := func(i int) string {
		if i < len(record) {
			return record[i]
		}
		return ""
	}
	atMost := func(n int) error {
		if len(record) > n {
			return fmt.Errorf("%d fields in a %s: at most %d", len(record), record[0], n)
		}
		return nil
	}
	switch record[0] {
	case "server":
		name, url, user := field(1), field(2), field(3)
		if name == "" || url == "" {
			return errors.New("a server needs a name and a URL: server,NAME,URL")
		}
		if user == "" {
			for user := range s.passwords {
				s.state.addServer(s.state.account(user), name, url)
			}
		} else {
			s.state.addServer(s.state.account(user), name, url)
		}
		return atMost(4)
	case "device":
		m, ok := parseMAC(field(2))
		switch {
		case field(1) == "":
			return errors.New("a device needs an account: device,USER,MAC,SERVER,URL")
		case !ok:
			return fmt.Errorf("%q is not a MAC in one of the four forms", field(2))
		}
		if err := s.addDevice(field(1), m, field(3), field(4)); err != nil {
			return err
		}
		return atMost(5)
	case "stock":
		m, ok := parseMAC(field(1))
		if !ok {
			return fmt.Errorf("%q is not a MAC in one of the four forms", field(1))
		}
		s.state.release(m)
		return atMost(2)
	}
	return fmt.Errorf("unknown record %q: use server, device or stock", record[0])
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
