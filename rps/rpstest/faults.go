package rpstest

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A Fault is one line of a script: something that goes wrong with certain calls.
// Its Name says what; [FaultHelp] lists the names. There are these classes:
//
//   - Faults of the answer. At most one hits a call: the first in the script that
//     is due. Another that was due as well is put off to the next call, so two
//     faults for "the next call" hit the next two. With -before the call is not
//     applied, with -after it is; the client cannot see which.
//   - Traits change how the service handles a call. All that are due hold at
//     once, also beside a fault of the answer.
//   - Events change the account as a call arrives, before it is handled.
//   - Limits turn away calls that come too fast. They hold for good.
//
// Calls are counted per Fault, from 1, and only those that its Method and MACs
// select. Calls that are turned away for their password, size or rate are not
// counted.
type Fault struct {
	Name string

	// Method limits the fault to a method, named with or without "redirect.";
	// "": any. "login" selects the calls with wrong credentials, which are
	// answered with HTTP 401 otherwise.
	Method string

	MACs []string // limits the fault to calls that carry one of them

	Call  int // the first call that it hits, counted from 1; 0: the next
	Times int // how many calls it hits; -1: all; 0: all of a trait or with Every, else one
	Every int // it hits each n-th call, counted from Call if that is set

	// With one of these an -after fault applies the call so long, or so many
	// calls, after it arrived: a service goes on behind a proxy that gave up. An
	// event happens that much later.
	ApplyAfter      time.Duration
	ApplyAfterCalls int

	// Limit is a number. With -after only the first so many devices of the call
	// are applied; a bucket lets so many calls come at once, 1 if it is 0. For
	// max-batch, quota and list-first see FaultHelp.
	Limit int

	Rate   float64 // of a limit: calls a second, of a window a whole number
	Status int     // of a limit: 429, or 503; 0 is 429

	Delay time.Duration // of slow and hang
	Keep  int           // of truncated and cut: bytes of the answer that are sent

	// RetryAfter is the header of that name, as it stands, of an HTTP status.
	// RetryAfterDate makes it a date so far from now. Of a limit "wait" stands
	// for the seconds until it allows a call.
	RetryAfter     string
	RetryAfterDate time.Duration

	// Cause adds a serialised exception to an XML-RPC fault: its member
	// faultCause, with these bytes as base64.
	Cause string

	// Text is what the service says. {macs} in it stands for the MACs that are
	// concerned, which are mostly those of the call, {mac} for the first. Of an
	// event it is the change: a record as in [Server.LoadState].
	Text string
}

// Which forms a name has, and what it means without -before and -after.
type forms uint8

const (
	before      forms = iota // one form: the call is not applied
	after                    // one form: it is applied
	plainBefore              // two forms; the plain name is the first of them
	plainAfter               // two forms; the plain name is the second
)

type class uint8

const (
	ofAnswer class = iota // see Fault
	trait
	event
	limit
)

// A faultName is what all faults of a name have in common.
type faultName struct {
	class  class
	name   string
	forms  forms
	keys   string                       // that it takes, beside those that select calls
	needs  string                       // the key that it cannot do without
	lies   bool                         // a client cannot know that its answer is not true
	method string                       // the only method that it is for
	help   string                       // "": that of the name before
	hold   func(*invocation, *scripted) // of a trait
}

const (
	late    = "apply-after limit " // of what can be applied late, or in part
	headers = "retry-after retry-after-date"
)

var faultNames = []faultName{
	{name: "refused", help: "no connection; behind a listener, as reset-before"},
	{name: "close", forms: plainBefore, keys: late, help: "the connection is closed without an answer"},
	{name: "reset", forms: plainBefore, keys: late, help: "the connection is reset"},
	{name: "hang", forms: plainBefore, keys: late + "delay", help: "no answer until the client leaves or delay (5m) ends"},
	{name: "slow", forms: after, keys: "delay", needs: "delay", help: "applied, and answered after delay"},
	{name: "401", keys: headers, help: "an HTTP status with an HTML page"},
	{name: "403", keys: headers},
	{name: "404", keys: headers},
	{name: "413", keys: headers},
	{name: "429", keys: headers},
	{name: "500", forms: plainBefore, keys: late + headers, help: "the same"},
	{name: "502", forms: plainBefore, keys: late + headers},
	{name: "503", forms: plainBefore, keys: late + headers},
	{name: "504", forms: plainBefore, keys: late + headers},
	{name: "redirect", help: "HTTP 302 to a login page"},
	{name: "truncated", forms: plainAfter, keys: late + "keep", help: "the XML ends after keep bytes; half of it by default"},
	{name: "cut", forms: plainAfter, keys: late + "keep", help: "the same, but Content-Length promises all of it"},
	{name: "empty", forms: plainAfter, keys: late, help: "HTTP 200 without a body"},
	{name: "html", forms: plainAfter, keys: late, help: "HTTP 200 with an HTML page"},
	{name: "foreign", forms: plainAfter, keys: late, help: "HTTP 200 with XML of another kind"},
	{name: "throws", forms: plainBefore, keys: late + "cause text", help: "\"Failed to invoke method M in class C: text\"; or null"},
	{name: "fault", forms: plainBefore, keys: late + "cause text", help: "an XML-RPC fault in the words of text"},
	{name: "bad-list", forms: after, method: "listDevices", help: "the list has entries that are not MACs"},
	{name: "says", keys: "text", needs: "text", help: "refused in the words of text"},
	{name: "says-after", forms: after, keys: late + "text", needs: "text", lies: true, help: "the same, but the call is applied"},
	{name: "pretend", keys: "apply-after", lies: true, help: "answered as if it were applied, which it is not"},
	{name: "replay", forms: plainAfter, keys: late, lies: true, help: "the previous answer to the same method, once more"},
	{name: "crossed", forms: plainAfter, keys: late, lies: true, help: "the previous answer to another method"},

	{class: trait, name: "partial", help: "apply a refused batch to its good devices",
		hold: func(c *invocation, _ *scripted) { c.options.Partial = true }},
	{class: trait, name: "partial-until", help: "apply it to those before the first bad one",
		hold: func(c *invocation, _ *scripted) { c.options.Partial, c.untilBad = true, true }},
	{class: trait, name: "name-one", help: "name one MAC in the refusal of a batch",
		hold: func(c *invocation, _ *scripted) { c.options.NameOne = true }},
	{class: trait, name: "unnamed", help: "name none",
		hold: func(c *invocation, _ *scripted) { c.options.Unnamed = true }},
	{class: trait, name: "prompt", keys: "text", needs: "text", help: "say text instead of the override prompt, such as\nExisting MAC(s): {macs}",
		hold: func(c *invocation, f *scripted) { c.options.Prompt = f.Text }},
	{class: trait, name: "prompt-elsewhere", help: "prompt for devices of other accounts, too",
		hold: func(c *invocation, _ *scripted) { c.options.PromptElsewhere = true }},
	{class: trait, name: "override-elsewhere", help: "let isOverride 1 take devices from other accounts",
		hold: func(c *invocation, _ *scripted) { c.options.OverrideElsewhere = true }},
	{class: trait, name: "url-without-server", help: "accept a unique URL without a server",
		hold: func(c *invocation, _ *scripted) { c.options.URLWithoutServer = true }},
	{class: trait, name: "live-url-text", help: "refuse a bad URL in the words of the live service",
		hold: func(c *invocation, _ *scripted) { c.options.LiveURLText = true }},
	{class: trait, name: "max-batch", keys: "limit", needs: "limit", help: "refuse batches of more than limit MACs",
		hold: func(c *invocation, f *scripted) { c.options.MaxBatch = f.Limit }},
	{class: trait, name: "quota", keys: "limit text", help: "an account holds limit devices: register those that\nfit, then refuse the call in the words of text",
		hold: func(c *invocation, f *scripted) { c.quota = &f.Fault }},
	{class: trait, name: "apache", help: "answer without white space, as Apache ws-xmlrpc does",
		hold: func(c *invocation, _ *scripted) { c.apache = true }},
	{class: trait, name: "twice", help: "handle the call twice and send the second answer",
		hold: func(c *invocation, _ *scripted) { c.twice = true }},
	{class: trait, name: "list-first", keys: "limit", method: "listDevices", help: "list only the first limit devices, or none at all",
		hold: func(c *invocation, f *scripted) { c.options.ListLimit = cmp.Or(f.Limit, -1) }},
	{class: trait, name: "list-hides", needs: "mac", method: "listDevices", help: "list all devices but those of mac",
		hold: func(c *invocation, f *scripted) { c.hidden = append(c.hidden, f.macs...) }},
	{class: trait, name: "url-case", method: "checkDeviceExt", help: "return the URL with its host in another case",
		hold: func(c *invocation, _ *scripted) { c.urlForms = append(c.urlForms, urlCase) }},
	{class: trait, name: "url-port", method: "checkDeviceExt", help: "add the default port, or drop it",
		hold: func(c *invocation, _ *scripted) { c.urlForms = append(c.urlForms, urlPort) }},
	{class: trait, name: "url-slash", method: "checkDeviceExt", help: "add the slash of an empty path, or drop it",
		hold: func(c *invocation, _ *scripted) { c.urlForms = append(c.urlForms, urlSlash) }},
	{class: trait, name: "url-escape", method: "checkDeviceExt", help: "escape more than needed",
		hold: func(c *invocation, _ *scripted) { c.urlForms = append(c.urlForms, urlEscape) }},

	{class: event, name: "colleague", keys: "apply-after text", needs: "text", help: "change the account: text is a record of a state file"},

	{class: limit, name: "bucket", keys: "limit rate status retry-after", needs: "rate", help: "rate calls a second, of which limit (1) at once"},
	{class: limit, name: "fixed-window", keys: "rate status retry-after", needs: "rate", help: "rate calls in each second of the clock"},
	{class: limit, name: "sliding-window", keys: "rate status retry-after", needs: "rate", help: "rate calls in any second"},
}

// lookUp returns the entry of a name in any of its forms, and whether the call is
// applied. The entry is nil for an unknown name.
func lookUp(name string) (entry *faultName, applied bool) {
	for i := range faultNames {
		n := &faultNames[i]
		twoForms := n.forms >= plainBefore
		switch {
		case n.name == name:
			return n, n.forms == after || n.forms == plainAfter
		case twoForms && n.name+"-before" == name:
			return n, false
		case twoForms && n.name+"-after" == name:
			return n, true
		}
	}
	return nil, false
}

// FaultNames returns the names of the faults of the answer, sorted, both forms of
// those that have two. Those whose answers lie are left out: no client can tell
// them from the truth.
func FaultNames() []string {
	return names(func(n faultName) bool { return n.class == ofAnswer && !n.lies })
}

func names(wanted func(faultName) bool) (list []string) {
	for _, n := range faultNames {
		switch {
		case !wanted(n):
		case n.forms >= plainBefore:
			list = append(list, n.name+"-after", n.name+"-before")
		default:
			list = append(list, n.name)
		}
	}
	slices.Sort(list)
	return list
}

// check returns what is wrong with a Fault, and what its name stands for.
func (f *Fault) check() (entry *faultName, applied bool, err error) {
	entry, applied = lookUp(f.Name)
	if entry == nil {
		all := names(func(faultName) bool { return true })
		return nil, false, fmt.Errorf("unknown fault %q: use one of %s", f.Name, strings.Join(all, " "))
	}
	takes := strings.Fields(entry.keys)
	if entry.class != limit {
		takes = append(takes, "mac", "times", "every")
	}
	for _, k := range keys {
		given := strings.TrimSpace(k.get(f)) != ""
		switch {
		case given && !slices.Contains(takes, k.name):
			return nil, false, fmt.Errorf("the fault %s does not take %s", f.Name, k.name)
		case !given && k.name == entry.needs:
			return nil, false, fmt.Errorf("the fault %s needs %s", f.Name, k.name)
		}
	}
	if f.late() && f.Name == entry.name && entry.forms == plainBefore {
		applied = true
	}
	switch {
	case f.late() && !applied && entry.forms >= plainBefore:
		err = fmt.Errorf("the fault %s is never applied: drop apply-after, or use %s-after", f.Name, entry.name)
	case f.Limit > 0 && !applied && entry.class == ofAnswer:
		err = fmt.Errorf("the fault %s is never applied: drop limit, or use %s-after", f.Name, entry.name)
	case f.late() && f.ApplyAfter != 0 && f.ApplyAfterCalls != 0:
		err = errors.New("set apply-after to a duration or a number of calls, not both")
	case f.Method != "" && f.Method != login && !knownMethod(f.Method):
		err = fmt.Errorf("unknown method %q", f.Method)
	case entry.method != "" && f.Method != "" && f.Method != entry.method:
		err = fmt.Errorf("the fault %s is only for %s", f.Name, entry.method)
	case f.Method == login && (applied || f.late() || len(f.MACs) > 0 || entry.class != ofAnswer):
		err = fmt.Errorf("the fault %s is not for login: such a call has no MACs and is not applied", f.Name)
	case f.Call < 0 || f.Every < 0 || f.Times < -1 || f.ApplyAfter < 0 || f.ApplyAfterCalls < 0 || f.Limit < 0 ||
		f.Delay < 0 || f.Keep < 0 || f.RetryAfterDate < 0:
		err = fmt.Errorf("a number of the fault %s is negative", f.Name)
	case entry.class == limit && f.Call > 0:
		err = fmt.Errorf("the limit %s holds for good: drop the number of the call", f.Name)
	case entry.class == limit && !(f.Rate > 0 && f.Rate <= 1e9):
		err = fmt.Errorf("the rate of %s must be above 0 and at most 1e9", f.Name)
	case entry.class == limit && entry.name != "bucket" && f.Rate != math.Trunc(f.Rate):
		err = fmt.Errorf("the rate of %s must be a whole number: its window is a second", f.Name)
	case f.Status != 0 && f.Status != http.StatusTooManyRequests && f.Status != http.StatusServiceUnavailable:
		err = fmt.Errorf("the status of %s must be 429 or 503", f.Name)
	case f.RetryAfter != "" && f.RetryAfterDate != 0:
		err = errors.New("use retry-after or retry-after-date, not both")
	}
	return entry, applied, err
}
