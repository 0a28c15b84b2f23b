package rpstest

import (
	"fmt"
	"slices"
	"strings"
)

// A signature is one of the sixteen in chapter 4.
type signature struct {
	section string
	method  string // without the prefix
	params  string // a letter each: m MAC, l list of MACs, s server, u URL, o isOverride
	run     func(*Server, *invocation) answer
	words   words
}

// words are the refusals that the guide words differently from section to
// section. A refusal that a section does not have is empty.
type words struct {
	mac    string // malformed MAC; followed by the MACs if it ends in a colon
	server string // no such server of the account
	chars  string // bad characters in the name of a server
	prompt string // registered already
}

const (
	prefix = "redirect."

	invalidMACs   = "Error:Invalid MAC(s):"
	repeatedMACs  = "Error:Repeated MAC(s):"
	badOverride   = "Only 0 or 1 can be used:1 to override, 0 to cancel"
	notOverridden = "MAC address(es) overriding failed"
	unknownMAC    = "The MAC is unknown"
	noDevices     = "No device(s) exists"

	invalidURL     = "Invalid server url"
	invalidURLLive = "Error:The url can only begin with 'http://' or 'https://' or 'ftp://' or 'tftp://'"

	foreignHead = "Error: "
	foreignTail = `
Please check the MAC address you entered
If you need to continue adding this MAC, please create a ticket on https://ticket.yealink.com. We will review your complaint. You need to provide:
(1)Device MAC and SN
(2)Enterprise Name
(3)Firmware Version
(4)Login Account`

	serverNoColon  = "Invalid server"
	serverColon    = "Error:Invalid server"
	serverSpaced   = "Error: Invalid server"
	charsInside    = "Error: The server name can only contain 'A-z 0-9 - _ . '"
	charsInclude   = "Error: The server name can only contain 'A-z 0-9 - _ . '(include space)"
	charsAfter     = "Error: The server name can only contain 'A-z 0-9 - _ .' (include space)"
	promptFullStop = "Are you sure you want to override MAC addresses."
	promptColon    = "Are you sure you want to override MAC addresses:"
)

// signatures lists each section with its own words, even where the guide seems
// to mean the same as elsewhere.
var signatures = []signature{
	{"4.1", "registerDevice", "ms", (*Server).register, words{invalidMACs, serverSpaced, charsInside, promptFullStop}},
	{"4.2", "registerDevice", "mso", (*Server).register, words{invalidMACs, serverColon, charsInclude, ""}},
	{"4.3", "deRegisterDevice", "m", (*Server).deregister, words{mac: invalidMACs}},
	{"4.4", "listDevices", "", (*Server).list, words{}},
	{"4.5", "checkDevice", "m", (*Server).check, words{mac: "Error: Invalid MAC"}},
	{"4.6", "registerDevices", "ls", (*Server).register, words{invalidMACs, serverColon, charsAfter, promptFullStop}},
	{"4.7", "registerDevices", "lso", (*Server).register, words{invalidMACs, serverColon, charsAfter, ""}},
	{"4.8", "deRegisterDevices", "l", (*Server).deregister, words{mac: invalidMACs}},
	{"4.9", "addServer", "su", (*Server).addServer, words{}},
	{"4.10", "editDevice", "ms", (*Server).edit, words{mac: invalidMACs, server: serverSpaced}},
	{"4.11", "editDevice", "mso", (*Server).edit, words{mac: invalidMACs, server: serverSpaced}},
	{"4.12", "registerDeviceWithUniqueUrl", "msu", (*Server).register, words{invalidMACs, serverColon, charsAfter, promptColon}},
	{"4.13", "editDeviceWithUniqueUrl", "msu", (*Server).edit, words{mac: invalidMACs, server: serverNoColon}},
	{"4.14", "checkDeviceExt", "m", (*Server).check, words{mac: "Error:Invalid MAC(s)"}},
	{"4.15", "registerDeviceWithUniqueUrl", "msuo", (*Server).register, words{invalidMACs, serverNoColon, charsAfter, ""}},
	{"4.16", "editDeviceWithUniqueUrl", "msuo", (*Server).edit, words{mac: invalidMACs, server: serverNoColon}},
}

// An invocation is a call that matches a signature.
type invocation struct {
	signature   *signature
	account     uint32
	macs        []string
	server      string
	url         string
	override    string
	hasURL      bool // the signature has a uniqueServerUrl
	hasOverride bool // and an isOverride
	batch       bool // and a list of MACs

	options  Options // with the traits that hold for it
	untilBad bool    // Options.Partial stops at the first bad device
	quota    *Fault  // or nil
	twice    bool
	hidden   []mac // from the list
	urlForms []func(string) string
	apache   bool // it is answered in another layout

	dry     bool // it is only to be answered
	applied int  // devices changed, counted by the methods
}

// knownMethod reports whether a signature has the method, named without its
// prefix.
func knownMethod(method string) bool {
	return slices.ContainsFunc(signatures, func(s signature) bool { return s.method == method })
}

// invoke returns the request matched with its signature, or a fault.
func invoke(req request) (c *invocation, fault string) {
	method, ok := strings.CutPrefix(req.method, prefix)
	if !ok || !knownMethod(method) {
		return nil, "No such handler: " + req.method
	}
	for i := range signatures {
		signature := &signatures[i]
		if signature.method == method && len(signature.params) == len(req.params) {
			c := &invocation{signature: signature}
			if c.take(req.params) {
				return c, ""
			}
			break
		}
	}
	return nil, "No method matching arguments: " + javaTypes(req.params)
}

// javaTypes returns the types of arguments as Apache ws-xmlrpc names them.
func javaTypes(params []value) string {
	types := make([]string, len(params))
	for i, param := range params {
		switch param.kind {
		case text:
			types[i] = "java.lang.String"
		case array:
			types[i] = "[Ljava.lang.Object;"
		default:
			types[i] = javaClasses[param.text]
		}
	}
	return strings.Join(types, ", ")
}

var javaClasses = map[string]string{
	"int": "java.lang.Integer", "i4": "java.lang.Integer", "i8": "java.lang.Long",
	"boolean": "java.lang.Boolean", "double": "java.lang.Double", "base64": "[B",
	"dateTime.iso8601": "java.util.Date", "struct": "java.util.HashMap", "nil": "null",
}

// take stores the arguments. It reports whether their types fit the signature.
func (c *invocation) take(params []value) bool {
	for i, param := range params {
		letter := c.signature.params[i]
		if letter == 'l' {
			c.batch = true
			if param.kind != array {
				return false
			}
			c.macs = make([]string, len(param.items))
			for i, item := range param.items {
				if item.kind != text {
					return false
				}
				c.macs[i] = item.text
			}
			continue
		}
		if param.kind != text {
			return false
		}
		switch letter {
		case 'm':
			c.macs = []string{param.text}
		case 's':
			c.server = param.text
		case 'u':
			c.url, c.hasURL = param.text, true
		case 'o':
			c.override, c.hasOverride = param.text, true
		}
	}
	return true
}

// name returns the text of a refusal: its head and the MACs that the options
// let it name.
func (c *invocation) name(head string, macs []string) string {
	if c.batch && c.options.Unnamed {
		if head == foreignHead {
			return strings.TrimSpace(head) // "Error" alone would say too little
		}
		return strings.TrimSuffix(head, ":")
	}
	return head + strings.Join(c.named(macs), ", ")
}

// named returns those of the MACs that a refusal names.
func (c *invocation) named(macs []string) []string {
	switch {
	case c.batch && c.options.Unnamed:
		return nil
	case c.batch && c.options.NameOne && len(macs) > 1:
		return macs[:1]
	}
	return macs
}

// tooMany returns the refusal of a batch that is too big, or "".
func (s *Server) tooMany(c *invocation) string {
	limit := c.options.MaxBatch
	if !c.batch || limit == 0 || len(c.macs) <= limit {
		return ""
	}
	return fmt.Sprintf("Error:There are too many MAC(s) in one request, %d at most", limit)
}

// findServer returns the number of the server that the call names, or a refusal.
func (s *Server) findServer(c *invocation) (id uint32, refused string) {
	words := &c.signature.words
	if c.server == "" && c.url != "" && c.options.URLWithoutServer {
		return 0, ""
	}
	if words.chars != "" && !serverNameOK(c.server) {
		return 0, words.chars
	}
	id, ok := s.state.serverIDs[serverKey{c.account, c.server}]
	if !ok {
		return 0, words.server
	}
	return id, ""
}

// badURL returns the refusal of a bad unique URL, or "".
func (s *Server) badURL(c *invocation) string {
	switch {
	case c.url == "" || urlOK(c.url):
		return ""
	case c.options.LiveURLText:
		return invalidURLLive
	}
	return invalidURL
}

// addServer is section 4.9. The guide lists its refusals bare; its example of
// one begins with "Error:".
func (s *Server) addServer(c *invocation) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case c.server == "":
		return refusal("Error:The server name can not be empty.")
	case !serverNameOK(c.server):
		return refusal("Error:The server name can only contain 'A-z 0-9 - _ . '(include space)")
	case c.url == "":
		return refusal("Error:The server url can not be empty")
	case !urlOK(c.url):
		return refusal(invalidURLLive)
	case s.state.names[c.server]:
		return refusal("Error:The server name has been used")
	}
	if !c.dry {
		s.state.addServer(c.account, c.server, c.url)
	}
	return okAnswer()
}

// list is section 4.4.
func (s *Server) list(c *invocation) answer {
	s.mu.RLock()
	macs := s.state.owned(c.account)
	s.mu.RUnlock() // sorting a million takes a while
	if len(macs) == 0 {
		return refusal(noDevices)
	}
	if len(c.hidden) > 0 {
		macs = slices.DeleteFunc(macs, func(m mac) bool { return slices.Contains(c.hidden, m) })
	}
	slices.SortFunc(macs, compareMACs)
	if limit := c.options.ListLimit; limit != 0 && len(macs) > limit {
		macs = macs[:max(limit, 0)]
	}
	return answer{ok: true, listed: true, list: macs}
}

// check is sections 4.5 and 4.14; only the second returns the URL.
func (s *Server) check(c *invocation) answer {
	m, ok := parseMAC(c.macs[0])
	if !ok {
		return refusal(c.signature.words.mac)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, known := s.state.devices[m]
	switch {
	case !known:
		return answer{ok: true, text: "Unknown"}
	case b.owner == 0:
		return answer{ok: true, text: "Unregistered"}
	case b.owner != c.account:
		return answer{ok: true, text: "Registered Elsewhere"}
	case c.signature.method == "checkDeviceExt":
		url := s.state.url(m, b)
		for _, form := range c.urlForms {
			url = form(url)
		}
		return answer{ok: true, text: "Registered", url: url, hasURL: true}
	}
	return answer{ok: true, text: "Registered"}
}

// edit is sections 4.10, 4.11, 4.13 and 4.16. It checks in the order of the
// guide: the MAC, the server, an unknown MAC, the URL.
func (s *Server) edit(c *invocation) answer {
	m, ok := parseMAC(c.macs[0])
	if !ok {
		return refusal(c.name(c.signature.words.mac, c.macs))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, known := s.state.devices[m]
	if known && b.owner != c.account {
		return refusal(c.name(c.signature.words.mac, c.macs))
	}
	server, refused := s.findServer(c)
	switch {
	case refused != "":
		return refusal(refused)
	case !known:
		return refusal(unknownMAC)
	}
	if refused := s.badURL(c); refused != "" {
		return refusal(refused)
	}
	if c.signature.section == "4.11" && c.override != "0" && c.override != "1" {
		return refusal(badOverride) // 4.16 has no such refusal
	}
	s.bind(c, server, m)
	return okAnswer()
}
