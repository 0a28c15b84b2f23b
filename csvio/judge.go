package csvio

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"rpsbatch/batch"
)

// The guide sets no limits. These are far above what a phone accepts, and keep a
// column of prose from being sent as names.
const (
	maxServer = 255
	maxURL    = 2048
)

// The kinds of the other cells' faults.
const (
	kindNoTarget  = "neither a server nor a URL"
	kindBadServer = "invalid server name"
	kindNoServer  = "word for an empty cell instead of a server name"
	kindUnclear   = "merged cell of an unknown column"
	kindServerURL = "URL instead of a server name"
	kindBadURL    = "invalid URL"
	kindBadAction = "unknown action"

	kindComment     = "row commented out"
	kindOtherAction = "action of another command"
)

// cells are the values of a record that are read, as tidy leaves them.
type cells [roles]string

// A fault is what is wrong with the cell of a role, or with another cell.
type fault struct {
	role       role
	kind, text string
	cell       int // its number from 1 if role is noRole; 0: no particular cell
}

// judge returns the device that a record's cells ask for, what was done to read
// it, and everything that is wrong with them, so that a row can be fixed in one
// go. A fault never repeats a URL, which is a secret, nor a whole cell, which may
// be a URL in the wrong column.
//
// The MAC is set if it is known, whatever else is wrong.
func (r *Reader) judge(values *cells) (device batch.Device, note string, faults []fault) {
	if r.task.servers {
		device, faults = judgeServer(values)
		return device, "", faults
	}
	mac, note, kind, text := r.macs.parse(values[roleMAC])
	device.MAC = mac
	if kind != "" {
		faults = append(faults, fault{role: roleMAC, kind: kind, text: text})
	}

	device.Action = r.opts.Action
	need, known := r.task.binds, true
	if said := values[roleAction]; said != "" {
		var action batch.Action
		action, known = actionOf(said)
		switch {
		case said == uncalculated:
			faults = append(faults, fault{role: roleAction, kind: kindBadAction, text: "the action: " + uncalculatedText})
		case !known:
			faults = append(faults, fault{role: roleAction, kind: kindBadAction, text: "the action " + shownWord(said) + "is neither register nor deregister"})
		case r.opts.Action == batch.Edit && action == batch.Deregister:
			need = false
			faults = append(faults, fault{role: roleAction, kind: kindOtherAction, text: "its action is deregister, but edit only changes servers: use register or deregister for this row"})
		case r.opts.Action == batch.Check && action == batch.Deregister:
			device.Action, need = batch.CheckGone, false
		case r.opts.Action == batch.Edit, r.opts.Action == batch.Check:
			// These do with each row what its device should be bound to.
		default:
			device.Action, need = action, action == batch.Register
		}
	}
	if !need {
		return device, note, faults
	}

	device.Server, device.URL = values[roleServer], values[roleURL]
	if device.Server == "" {
		device.Server = r.opts.Server
	}
	if device.Server == "" && device.URL == "" {
		if !known { // it may need none
			return device, note, faults
		}
		return device, note, append(faults, fault{role: roleServer, kind: kindNoTarget,
			text: "it names neither a server nor a URL: fill one in, or use " + flagServer + " NAME for all such rows"})
	}
	if kind, text := serverProblem(device.Server); kind != "" {
		faults = append(faults, fault{role: roleServer, kind: kind, text: text})
	}
	if device.URL != "" {
		if device.URL == uncalculated {
			faults = append(faults, fault{role: roleURL, kind: kindBadURL, text: "the URL: " + uncalculatedText})
		} else if isNull(device.URL) {
			faults = append(faults, fault{role: roleURL, kind: kindBadURL, text: "the URL cell says " + device.URL + ", which is not a URL: fill one in, or empty the cell"})
		} else if text := urlProblem(device.URL); text != "" {
			faults = append(faults, fault{role: roleURL, kind: kindBadURL, text: text})
		}
	}
	return device, note, faults
}

// shownWord returns a cell for a message if it can be a word and not a secret.
func shownWord(said string) string {
	if utf8.RuneCountInString(said) > 20 || strings.ContainsAny(said, "/@") {
		return ""
	}
	return strconv.Quote(strings.ToValidUTF8(said, "?")) + " "
}

// judgeServer returns the server that a record asks to add.
func judgeServer(values *cells) (server batch.Device, faults []fault) {
	server = batch.Device{Action: batch.AddServer, Server: values[roleServer], URL: values[roleURL]}
	kind, text := serverProblem(server.Server)
	if server.Server == "" {
		kind, text = kindBadServer, "the server has no name"
	}
	if kind != "" {
		faults = append(faults, fault{role: roleServer, kind: kind, text: text})
	}
	text = urlProblem(server.URL)
	if server.URL == "" {
		text = "the server has no URL"
	}
	if text != "" {
		faults = append(faults, fault{role: roleURL, kind: kindBadURL, text: text})
	}
	return server, faults
}

// actionOf returns the action that a cell names, as the whole word in either case.
// Whoever writes "deregister?" or "-deregister" has not decided yet.
func actionOf(cell string) (action batch.Action, ok bool) {
	word := strings.TrimFunc(cell, func(r rune) bool { return isInvisible(r) || unicode.Is(unicode.Cf, r) })
	action, ok = actions[strings.ToLower(word)]
	return action, ok
}

// actions are the values of a cell of the column action, "de-register" as in the guide.
var actions = map[string]batch.Action{
	"register": batch.Register, "deregister": batch.Deregister, "de-register": batch.Deregister, "unregister": batch.Deregister,
}

// serverProblem judges a server's name by the guide's words, "can only contain
// 'A-z 0-9 - _ . ' (include space)". A-z is read as the letters of both cases: as
// a range it would allow [ \ ] ^ and backtick, which nobody means. A word that a
// program writes for an empty cell is not a name: a server of that name would
// take the phones that should have none.
func serverProblem(name string) (kind, text string) {
	if len(name) > maxServer {
		return kindBadServer, fmt.Sprintf("the server name is longer than %d characters", maxServer)
	}
	word := false
	for i := 0; i < len(name); i++ {
		if inServer[name[i]] {
			word = word || name[i] >= '0' && name[i] != '_'
			continue
		}
		switch {
		case name == uncalculated:
			return kindBadServer, "the server: " + uncalculatedText
		case strings.Contains(name, "://"):
			return kindServerURL, "the server name is a URL: put it in a column url, or name its column with " + columnFlag(roleURL, "NAME")
		case isNull(name):
			return nullServer(name)
		}
		return kindBadServer, fmt.Sprintf("the server name contains %s: use only A-Z a-z 0-9 - _ . and space", described(name[i:]))
	}
	if name != "" && (!word || len(name) <= longestNull && endsNull[name[len(name)-1]] && nullWords[strings.ToLower(name)]) {
		return nullServer(name)
	}
	return "", ""
}

func nullServer(name string) (kind, text string) {
	// In quotes, - would be guarded as a formula may be.
	return kindNoServer, "the server cell says " + name + ", which is not the name of a server: fill one in, or empty the cell"
}

// nullWords are the words that programs and people write for an empty cell, for one
// that is to be filled in later, and for one like the cell above. A spreadsheet has
// 0 for what a formula finds empty.
var nullWords = wordSet(`null n/a na n.a. none nan nil \n (null) <null> k.a. 0 true false
	tbd t.b.d. tba unknown pending ditto dito s.o. idem
	offen unbekannt kein keine keiner wahr falsch aucun aucune sans inconnu ninguno ninguna nessuno geen`)

// longestNull is the length of the longest of nullWords, and endsNull has their last
// bytes: most names are none of them at the price of two comparisons.
var longestNull, endsNull = func() (longest int, ends [256]bool) {
	for word := range nullWords {
		longest = max(longest, len(word))
		last := word[len(word)-1:]
		ends[last[0]], ends[strings.ToUpper(last)[0]] = true, true
	}
	return longest, ends
}()

// isNull reports whether a text is one of nullWords, an error of a spreadsheet, or
// has no letter or digit at all.
func isNull(name string) bool {
	return nullWords[strings.ToLower(name)] || name != "" && strings.Trim(name, "-_. –—") == "" || isSheetError(strings.ToUpper(name))
}

var inServer = byteSet("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_. ")

func byteSet(members string) (set [256]bool) {
	for i := range len(members) {
		set[members[i]] = true
	}
	return set
}

// described names the first character of a text so that it can be found.
func described(text string) string {
	switch r, size := utf8.DecodeRuneInString(text); {
	case r == utf8.RuneError && size == 1:
		return "a byte that is not UTF-8 (save the file as 'CSV UTF-8')"
	case r == utf8.RuneError:
		return "a character that was lost (U+FFFD: save the file as 'CSV UTF-8', or name its encoding)"
	case r == '\n' || r == '\r':
		return "a line break"
	case r == '\t':
		return "a tab"
	case r == ' ':
		return "a space"
	case !unicode.IsPrint(r):
		return fmt.Sprintf("an invisible character (%U)", r)
	default:
		return strconv.Quote(string(r))
	}
}
