package rpstest

// register is sections 4.1, 4.2, 4.6, 4.7, 4.12 and 4.15. A single device is a
// batch of one, and is never applied in part.
func (s *Server) register(c *invocation) answer {
	if refused := s.tooMany(c); refused != "" {
		return refusal(refused)
	}
	macs, bad := parseMACs(c.macs)
	repeated, count := repetitions(macs)
	s.mu.Lock()
	defer s.mu.Unlock()
	if refused := s.overQuota(c); refused != "" {
		return refusal(refused)
	}

	// These refuse the call whatever its MACs are, so nothing of it is applied.
	// A refusal still mentions malformed MACs first.
	server, refused := s.findServer(c)
	if refused == "" {
		refused = s.badURL(c)
	}
	if refused == "" && c.hasOverride && c.override != "0" && c.override != "1" {
		refused = badOverride
	}
	callRefused := refused != ""

	// Each MAC is judged by itself: a refused call may be applied in part.
	good := make([]mac, 0, len(macs))
	var foreign, registered []mac
	for _, m := range macs {
		if count[m] > 1 {
			continue
		}
		switch s.fate(c, s.state.devices[m].owner) {
		case goesThrough:
			good = append(good, m)
		case isForeign:
			foreign = append(foreign, m)
		case isRegistered:
			registered = append(registered, m)
		}
	}

	switch {
	case len(bad) > 0 || len(c.macs) == 0:
		refused = c.name(c.signature.words.mac, bad)
	case len(repeated) > 0:
		refused = c.name(repeatedMACs, lowerCase(repeated))
	case refused == "":
		refused = c.refusalOfDevices(foreign, registered)
	}
	if refused == "" || c.options.Partial && c.batch && !callRefused {
		s.bind(c, server, c.untilFirstBad(good)...)
	}
	if refused != "" {
		return refusal(refused)
	}
	return okAnswer()
}

// refusalOfDevices returns the words about the first devices that cannot be bound;
// "" if there are none.
func (c *invocation) refusalOfDevices(foreign, registered []mac) string {
	switch {
	case len(foreign) > 0:
		return c.name(foreignHead, lowerCase(foreign)) + foreignTail
	case len(registered) > 0 && c.hasOverride:
		return notOverridden
	case len(registered) > 0 && c.options.Prompt != "":
		return expand(c.options.Prompt, c.named(lowerCase(registered)))
	case len(registered) > 0:
		return c.signature.words.prompt
	}
	return ""
}

func lowerCase(macs []mac) (texts []string) {
	for _, m := range macs {
		texts = append(texts, m.lower())
	}
	return texts
}

// bind binds devices as a call asks, if it is to be applied; mu is held.
func (s *Server) bind(c *invocation, server uint32, macs ...mac) {
	if c.dry {
		return
	}
	for _, m := range macs {
		s.state.bind(m, binding{c.account, server}, c.url)
	}
	c.applied += len(macs)
}

// A fate is what happens to one device of a call that registers.
type fate uint8

const (
	goesThrough  fate = iota
	isForeign         // refused in the words for other owners
	isRegistered      // the prompt, or "overriding failed"
)

// fate returns what happens to a device that owner has now; 0 is nobody.
func (s *Server) fate(c *invocation, owner uint32) fate {
	override := c.override == "1"
	switch {
	case owner == 0:
		return goesThrough
	case owner == c.account:
		if override {
			return goesThrough
		}
		return isRegistered
	case override && c.options.OverrideElsewhere:
		return goesThrough
	case c.options.PromptElsewhere:
		return isRegistered
	}
	return isForeign
}

// deregister is sections 4.3 and 4.8.
func (s *Server) deregister(c *invocation) answer {
	if refused := s.tooMany(c); refused != "" {
		return refusal(refused)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var bad []string
	good := make([]mac, 0, len(c.macs))
	seen := make(map[mac]bool, len(c.macs))
	for _, text := range c.macs {
		m, ok := parseMAC(text)
		if !ok || s.state.devices[m].owner != c.account || seen[m] {
			bad = append(bad, text)
			continue
		}
		seen[m] = true
		good = append(good, m)
	}
	refused := len(bad) > 0 || len(c.macs) == 0
	if (!refused || c.options.Partial && c.batch) && !c.dry {
		good = c.untilFirstBad(good)
		for _, m := range good {
			s.state.release(m)
		}
		c.applied += len(good)
	}
	if refused {
		return refusal(c.name(c.signature.words.mac, bad))
	}
	return okAnswer()
}

// untilFirstBad returns the good devices of a call before its first bad one, if
// it stops there.
func (c *invocation) untilFirstBad(good []mac) []mac {
	if !c.untilBad {
		return good
	}
	for i, m := range good {
		if first, _ := parseMAC(c.macs[i]); first != m {
			return good[:i]
		}
	}
	return good
}

func parseMACs(texts []string) (macs []mac, bad []string) {
	macs = make([]mac, 0, len(texts))
	for _, text := range texts {
		if m, ok := parseMAC(text); ok {
			macs = append(macs, m)
		} else {
			bad = append(bad, text)
		}
	}
	return macs, bad
}

// repetitions returns the MACs that occur more than once, each once, in the
// order of their second occurrence, and how often each MAC occurs.
func repetitions(macs []mac) (repeated []mac, count map[mac]int) {
	count = make(map[mac]int, len(macs))
	for _, m := range macs {
		if count[m]++; count[m] == 2 {
			repeated = append(repeated, m)
		}
	}
	return repeated, count
}
