package csvio

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rpsbatch/rps"
)

// A role is what a column is read for.
type role int

const (
	roleMAC role = iota
	roleServer
	roleURL
	roles // their number
)

var roleNames = [roles]string{"mac", "server", "url"}

// aliases are the usual names of each role's column, as plainName leaves them.
//
// "server url" is no name for the unique URL: in the guide it is the address
// of a server of the account, which all its devices share. Taking it for a
// unique URL would bind each device to an address instead of to its server.
var aliases = map[string]role{
	"mac": roleMAC, "macaddress": roleMAC, "macaddr": roleMAC, "macid": roleMAC,
	"macadresse": roleMAC, "macadr": roleMAC, "adressemac": roleMAC,
	"devicemac": roleMAC, "devicemacaddress": roleMAC,
	"phonemac": roleMAC, "phonemacaddress": roleMAC,

	"server": roleServer, "servername": roleServer,
	"rpsserver": roleServer, "rpsservername": roleServer,
	"configserver": roleServer, "configurationserver": roleServer,
	"provisioningserver": roleServer, "provisioningservername": roleServer,

	"url": roleURL, "uniqueurl": roleURL, "uniqueserverurl": roleURL,
	"provisioningurl": roleURL, "uniqueprovisioningurl": roleURL,
	"configurl": roleURL, "configurationurl": roleURL, "deviceurl": roleURL,
}

// A HeaderError says that the columns cannot be told from the header.
type HeaderError struct {
	Line    int      // physical line of the header
	Columns []string // the user's columns, for messages: a name that is a URL may be a secret and is left out
	Reason  string
	Hint    string // what to do about it
}

func (e *HeaderError) Error() string {
	return fmt.Sprintf("line %d: %s; columns seen: %s; %s", e.Line, e.Reason, listed(e.Columns), e.Hint)
}

// A FileError says that the input cannot be read as a CSV file.
type FileError struct {
	Line   int // physical line, 0 if it is the whole file
	Reason string
	Hint   string // what to do about it
}

func (e *FileError) Error() string {
	if e.Line == 0 {
		return e.Reason + "; " + e.Hint
	}
	return fmt.Sprintf("line %d: %s; %s", e.Line, e.Reason, e.Hint)
}

// sniff refuses what is no text or not in UTF-8, judging by its first bytes.
func sniff(head []byte) error {
	const enough = 4096
	switch {
	case len(head) == 0:
		return &FileError{Reason: "the file is empty", Hint: "a header such as mac,server,url and a line for each device are needed"}
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return &FileError{Reason: "this is a workbook (.xlsx) or another archive, not a CSV file", Hint: "save it as 'CSV UTF-8' in the spreadsheet program"}
	case bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0")):
		return &FileError{Reason: "this is a workbook (.xls), not a CSV file", Hint: "save it as 'CSV UTF-8' in the spreadsheet program"}
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return &FileError{Reason: "the file is in UTF-16", Hint: "save it as 'CSV UTF-8' in the spreadsheet program"}
	}
	head = head[:min(len(head), enough)]
	odd, size := 0, len(head)
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		switch {
		case r == 0:
			return &FileError{Reason: "this is no text file: it holds zero bytes", Hint: "save it as 'CSV UTF-8' in the spreadsheet program"}
		case r == utf8.RuneError && n == 1, r < ' ' && !unicode.IsSpace(r):
			odd++
		}
		head = head[n:]
	}
	// Names in an older encoding still leave most of a file in ASCII.
	if odd > size*3/10 {
		return &FileError{Reason: "this is no text file, or not in UTF-8", Hint: "save it as 'CSV UTF-8' in the spreadsheet program"}
	}
	return nil
}

// A header is the meaning of each column.
type header struct {
	names []string   // of all columns, ours too
	ours  []int      // for each cell of the header: its place in Columns, or -1
	at    [roles]int // the column of each role, -1 if there is none
}

// readHeader finds the columns. Names that Options give are looked for as they
// are and then as plainName leaves them; the other roles by their usual names
// among the columns not yet taken.
func readHeader(names []string, line int, opts *Options) (header, error) {
	h := header{names: names, ours: make([]int, len(names)), at: [roles]int{-1, -1, -1}}
	for i, name := range names {
		h.ours[i] = slices.Index(Columns, name)
	}
	fail := func(reason, hint string) (header, error) {
		return header{}, &HeaderError{Line: line, Columns: h.shown(), Reason: reason, Hint: hint}
	}

	for _, name := range slices.Sorted(maps.Keys(opts.Columns)) {
		wanted := opts.Columns[name]
		r := role(slices.Index(roleNames[:], name))
		if r < 0 {
			return header{}, fmt.Errorf("--column %s=%s: no such role; there are mac, server and url", name, wanted)
		}
		found := h.named(wanted)
		switch {
		case len(found) == 0:
			return fail(fmt.Sprintf("there is no column %q", wanted), fmt.Sprintf("give one of these with --column %s=NAME", name))
		case len(found) > 1:
			return fail(fmt.Sprintf("there are %d columns named %q", len(found), wanted), "rename one of them")
		case slices.Contains(h.at[:], found[0]):
			return fail(fmt.Sprintf("column %q is to be read for two things", wanted), "give each --column another name")
		}
		h.at[r] = found[0]
	}

	for r := range roles {
		if h.at[r] >= 0 || r != roleMAC && !opts.NeedServer {
			continue
		}
		var found []int
		for i, name := range names {
			if alias, ok := aliases[plainName(name)]; ok && alias == r && h.ours[i] < 0 && !slices.Contains(h.at[:], i) {
				found = append(found, i)
			}
		}
		if len(found) > 1 {
			first, second := names[found[0]], names[found[1]]
			hint := fmt.Sprintf("say which with --column %s=%q", roleNames[r], first)
			if len(h.named(first)) > 1 {
				hint = "rename one of them, or name another with --column " + roleNames[r] + "=NAME"
			}
			return fail(fmt.Sprintf("both %q (column %d) and %q (column %d) can be the %s", first, found[0]+1,
				second, found[1]+1, roleNames[r]), hint)
		}
		if len(found) == 1 {
			h.at[r] = found[0]
		}
	}
	if h.at[roleMAC] < 0 {
		return fail("no column is known to hold the MAC addresses", h.macHint())
	}
	return h, nil
}

// named gives the user's columns of a name.
func (h *header) named(wanted string) (found []int) {
	for _, same := range []func(string) bool{
		func(name string) bool { return name == strings.TrimSpace(wanted) },
		func(name string) bool { return plainName(wanted) != "" && plainName(name) == plainName(wanted) },
	} {
		for i, name := range h.names {
			if h.ours[i] < 0 && same(name) {
				found = append(found, i)
			}
		}
		if found != nil {
			break
		}
	}
	return found
}

// macHint guesses why no column holds the MAC addresses.
func (h *header) macHint() string {
	for _, name := range h.names {
		if _, err := rps.ParseMAC(name); err == nil {
			return "this line holds a device: put a line with the columns' names above it, such as mac,server,url"
		}
	}
	if len(h.names) == 1 && strings.ContainsAny(h.names[0], ",;|\t") {
		return "another delimiter seems to separate them"
	}
	return "name it with --column mac=NAME"
}

// shown gives the names of the user's columns for messages.
func (h *header) shown() (names []string) {
	const longest = 40
	for i, name := range h.names {
		switch r := []rune(strings.ToValidUTF8(name, "?")); {
		case h.ours[i] >= 0:
			continue
		case strings.Contains(name, "://"):
			name = "(a URL)" // a file without a header, and its URL a secret
		case len(r) > longest:
			name = string(r[:longest]) + "..."
		}
		names = append(names, name)
	}
	return names
}

func listed(names []string) string {
	const most = 20
	var b strings.Builder
	for i, name := range names {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(names)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", name)
	}
	return b.String()
}

// plainName leaves of a column's name what tells it from others: its letters
// and digits, in lower case.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}
