package batch

// An Action is what the user wants done with a device.
type Action uint8

const (
	Register   Action = iota // bind it
	Deregister               // remove it
	Edit                     // bind it, already registered, to something else
	Check                    // look it up; if it has a server or a URL, compare
	AddServer                // no device: add the server of this name and URL
	CheckGone                // look it up; it should not be in the account
)

// changes reports whether the action may change the account's devices, which are
// then read first.
func (a Action) changes() bool { return a <= Edit }
