package rpstest

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Options choose among the services that the guide allows for. The zero value is
// the mildest one: a refused batch changes nothing, a refusal names every MAC,
// and there are no limits and no latency.
type Options struct {
	// Accounts maps user names to passwords. nil stands for one account, "user"
	// with the password "secret".
	Accounts map[string]string

	// Partial applies a refused batch to the devices that were not the reason.
	// A batch refused as a whole (server, isOverride, size) still changes
	// nothing.
	Partial bool

	NameOne bool // the refusal of a batch names the first offending MAC alone
	Unnamed bool // the refusal of a batch names none: "Error:Invalid MAC(s)"

	// Prompt replaces the override prompt. {macs} in it stands for the MACs that
	// are registered already, such as in "Existing MAC(s): {macs}".
	Prompt string

	// PromptElsewhere answers for a device of another account as for the
	// caller's own: with the prompt (sections 4.6, 4.12), or "overriding failed"
	// if there is an isOverride. By default the answer is the refusal that
	// mentions the ticket system (section 4.1, number 5).
	PromptElsewhere bool

	// OverrideElsewhere lets isOverride 1 take a device from another account.
	OverrideElsewhere bool

	// URLWithoutServer accepts a unique URL with an empty serverName.
	URLWithoutServer bool

	// LiveURLText refuses a bad unique URL in the words of the live service,
	// "Error:The url can only begin with ...", not "Invalid server url".
	LiveURLText bool

	// Latency is how long a call takes. Half of it passes before anything
	// changes: a client that leaves in the first half has changed nothing.
	Latency time.Duration

	ListLimit int   // devices that listDevices shows at most; 0: all; -1: none
	MaxBatch  int   // MACs in a batch, above which it is refused in words; 0: no limit
	MaxBody   int64 // bytes in a request, above which the answer is HTTP 413; 0: 64 MiB

	// RateLimit is a hidden limit in calls a second, above which the answer is
	// HTTP 429; 0: none. RateBurst calls may come at once; 0 is 1. With
	// RateRetryAfter the answer says how many seconds to wait.
	RateLimit      float64
	RateBurst      int
	RateRetryAfter bool

	Faults []Fault

	// LogMACs keeps the MACs of each call in the log, not just their number.
	// LogLimit bounds the log to the latest calls; 0: no bound.
	LogMACs  bool
	LogLimit int
}

const defaultMaxBody = 64 << 20

// A Server is a simulated RPS: an http.Handler, safe for concurrent use. [New]
// makes one.
type Server struct {
	options   Options
	passwords map[string]string

	mu    sync.RWMutex // guards state
	state state

	// One lock guards both the script and the log, so the log has the order in
	// which the script was followed.
	callMu  sync.Mutex
	script  script
	log     []*Call
	total   int
	pending []*pending
	answers []remembered // the latest last

	pendingMu sync.Mutex // held while a pending change is made; before the others
}

// New returns a Server without servers and devices. It panics on a bad Fault.
func New(options Options) *Server {
	accounts := options.Accounts
	if accounts == nil {
		accounts = map[string]string{"user": "secret"}
	}
	s := &Server{
		options:   options,
		passwords: maps.Clone(accounts),
		state:     newState(),
	}
	for _, user := range slices.Sorted(maps.Keys(accounts)) {
		if user == "" {
			panic("rpstest: an account needs a name")
		}
		s.state.account(user)
	}
	s.SetFaults(options.Faults...)
	return s
}

// SetFaults replaces the script of faults and starts counting anew. It panics on
// a bad Fault.
func (s *Server) SetFaults(faults ...Fault) {
	if o := &s.options; o.RateLimit > 0 {
		limit := Fault{Name: "bucket", Rate: o.RateLimit, Limit: o.RateBurst}
		if o.RateRetryAfter {
			limit.RetryAfter = "wait"
		}
		faults = append([]Fault{limit}, faults...)
	}
	script, err := newScript(faults)
	if err != nil {
		panic("rpstest: " + err.Error())
	}
	s.callMu.Lock()
	defer s.callMu.Unlock()
	s.script = script
}
