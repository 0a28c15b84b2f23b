package rps

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Kind is the sort of failure that an Error is. It is an error itself, so that
// errors.Is(err, rps.OverridePrompt) reports whether err is of that kind.
type Kind uint8

// Refusals: the service read the call and answered false. The words are those
// of the guide, sections 4.1.3 to 4.16.3.
const (
	Refusal         Kind = iota + 1 // words that the guide does not have, or none at all
	InvalidMAC                      // Invalid MAC(s): malformed, or not one of this account
	RepeatedMAC                     // Repeated MAC(s)
	Foreign                         // Error: 001565000001 Please check the MAC ...: another enterprise has it
	OverridePrompt                  // Are you sure you want to override MAC addresses: registered already
	OverrideFailed                  // MAC address(es) overriding failed
	BadOverride                     // Only 0 or 1 can be used
	InvalidServer                   // Invalid server: the account has none of that name
	BadServerName                   // The server name can only contain ...
	InvalidURL                      // Invalid server url, The url can only begin with ...
	UnknownMAC                      // The MAC is unknown: it has not been added to RPS
	NoDevices                       // No device(s) exists; ListDevices returns an empty list instead
	ServerNameEmpty                 // The server name can not be empty
	ServerURLEmpty                  // The server url can not be empty
	ServerNameUsed                  // The server name has been used, perhaps by another account
	BatchTooBig                     // words, not in the guide, that one call has too many MACs
)

// HandlerFailed is an answer that neither grants nor refuses: a fault, such as
// "Failed to invoke method ...", of a handler that threw an exception, before or
// after it acted. Faults in unknown words count as such. The call may have been
// applied.
const HandlerFailed Kind = 32

// Failures other than a refusal.
const (
	NotSent         Kind = iota + 64 // the call surely never reached the service: DNS, dial, proxy, TLS
	Unauthorized                     // HTTP 401, or a fault that says so
	Forbidden                        // HTTP 403
	Untrusted                        // the service's certificate is not trusted; nothing was sent
	PayloadTooLarge                  // HTTP 413
	Throttled                        // HTTP 429 and 503
	NotService                       // HTTP 3xx, 400, 404, 405, 410, or a fault that says no such handler
	Unreadable                       // sent, and no readable answer: the call may have been applied
	Unencodable                      // never sent: the API cannot carry an argument
)

// kinds holds the name of each kind, and its words for the user.
var kinds = map[Kind]struct{ name, words string }{
	Refusal:         {"Refusal", "refused"},
	InvalidMAC:      {"InvalidMAC", "refused: invalid MAC, or not one of this account"},
	RepeatedMAC:     {"RepeatedMAC", "refused: repeated MAC"},
	Foreign:         {"Foreign", "refused: registered by another account"},
	OverridePrompt:  {"OverridePrompt", "refused: already registered"},
	OverrideFailed:  {"OverrideFailed", "refused: override failed"},
	BadOverride:     {"BadOverride", "refused: invalid isOverride"},
	InvalidServer:   {"InvalidServer", "refused: the account has no such server"},
	BadServerName:   {"BadServerName", "refused: invalid characters in the server name"},
	InvalidURL:      {"InvalidURL", "refused: invalid URL"},
	UnknownMAC:      {"UnknownMAC", "refused: unknown MAC"},
	NoDevices:       {"NoDevices", "refused: no devices"},
	ServerNameEmpty: {"ServerNameEmpty", "refused: empty server name"},
	ServerURLEmpty:  {"ServerURLEmpty", "refused: empty server URL"},
	ServerNameUsed:  {"ServerNameUsed", "refused: server name already in use"},
	BatchTooBig:     {"BatchTooBig", "refused: too many MACs in one call"},

	HandlerFailed: {"HandlerFailed", "the service failed to handle the call"},

	NotSent:         {"NotSent", "could not reach the service"},
	Unauthorized:    {"Unauthorized", "access denied"},
	Forbidden:       {"Forbidden", "access denied: this account may not make the call"},
	Untrusted:       {"Untrusted", "the service's certificate is not trusted"},
	PayloadTooLarge: {"PayloadTooLarge", "the call is too large for the service"},
	Throttled:       {"Throttled", "too many calls, or the service is overloaded"},
	NotService:      {"NotService", "not the RPS XML API: check the URL"},
	Unreadable:      {"Unreadable", "no readable answer"},
	Unencodable:     {"Unencodable", "the call cannot be sent"},
}

// String returns the name of the constant.
func (k Kind) String() string {
	if kind, ok := kinds[k]; ok {
		return kind.name
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Error returns the kind in words for the user.
func (k Kind) Error() string {
	if kind, ok := kinds[k]; ok {
		return kind.words
	}
	return k.String()
}

// Refused reports whether the service read the call and said no. A refused
// batch may still have been applied in part: the guide does not say.
func (k Kind) Refused() bool { return k >= Refusal && k <= BatchTooBig }

// Error is the error of every method of Client: errors.As finds it, and
// errors.Is knows its Kind and its cause. Its text and its fields hold neither
// the password nor a URL that was sent as an argument.
type Error struct {
	Kind   Kind
	Method string // of the API, such as MethodRegisterDevices
	// MACs are the addresses that the service's words name, each once and in
	// order; nil if there are none. Malformed ones are left out. They need not
	// be MACs of the call.
	MACs []MAC
	// Text is what the service said, made one line by OneLine, with URLs and
	// secrets masked as ***, and cut after 16 KiB. It is "" if the service said
	// nothing. Of a fault it begins with "fault" and its code.
	Text       string
	StatusCode int // of HTTP, if not 200; 0 if there was no answer
	// RetryAfter is how long a Throttled answer asks to wait: of any length, and
	// never negative. HasRetryAfter is false if it does not say: a 503 may then
	// come from a proxy that has lost the call.
	RetryAfter    time.Duration
	HasRetryAfter bool
	// Began is true of an Unreadable answer with HTTP 200 that had begun: it
	// held more than white space.
	Began bool
	Err   error // the cause, if there is one
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.Error())
	if e.StatusCode != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", e.StatusCode)
	}
	if e.Text != "" {
		fmt.Fprintf(&b, ": %q", e.Text)
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Is reports whether target is the Kind of the error.
func (e *Error) Is(target error) bool {
	kind, ok := target.(Kind)
	return ok && kind == e.Kind
}

// MayStillApply reports whether the service may yet apply the call, though this
// error has been returned: the call was sent, and whatever stands between may
// still hold it. A connection that ends, or a 502 of a proxy, does not end the
// call behind it. Once an answer has begun the service is done with the call.
func (e *Error) MayStillApply() bool {
	switch e.StatusCode {
	case 0:
		return e.Kind == Unreadable && !e.Began
	case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
		520, 522, 524: // a large proxy's for 502 and 504
		return true
	}
	return false
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
