package batch

// An Action is what the user wants done with a device.
type Action uint8

const (
	Register   Action = iota // bind it
	Deregister               // remove it
	Edit                     // bind it, which is registered, to something else
	Check                    // look it up; if it has a server or a URL, compare
	AddServer                // none of a device: add the server of this name and URL
	CheckGone                // look it up; it is not to be in the account
)

// changes reports whether it may change what the account has of devices, which is
// read first.
func (a Action) changes() bool { return a <= Edit }
