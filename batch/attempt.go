package batch

import (
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
)

// A task is one call to be made: a change, or a lookup.
type task interface {
	method() string  // of the guide, without "redirect."
	carries() []item // the rows that it is about
	tried() int      // calls before it that got no usable answer
}

// A call is how a change is made.
type call uint8

const (
	callRegister call = iota // without isOverride
	callOverride             // the same with isOverride 1
	callDeregister
	callEdit
	callAddServer
)

// binds reports whether the call binds devices to a server.
func (c call) binds() bool { return c != callDeregister && c != callAddServer }

// moves reports whether the call may move a device that is already bound.
func (c call) moves() bool { return c == callOverride || c == callEdit }

// again reports whether the call may be repeated as it is after a lost answer: a
// second one changes nothing and is granted.
func (c call) again() bool { return c.moves() || c == callAddServer }

// A change is a call that may change the account, for some rows.
type change struct {
	call   call
	server string
	url    string // unique URL; such a change has one row
	items  []item

	number int // calls made for just these rows before this one
	tries  int // of these, how many at the end got no usable answer

	probe  bool   // half of a batch that the service called too big
	prompt bool   // the service asked to override one of the rows, without saying which
	family *kin   // the refused call that it is half of
	why    string // the words of that refusal
}

func (c change) method() string  { return methods[c.call].of(c.url).name }
func (c change) carries() []item { return c.items }
func (c change) tried() int      { return c.tries }

func (c change) macs() []rps.MAC {
	macs := make([]rps.MAC, len(c.items))
	for i, it := range c.items {
		macs[i] = it.mac
	}
	return macs
}

// with returns the change for other rows of its own, or for all of them again.
func (c change) with(items []item) change {
	if len(items) < len(c.items) {
		c.number, c.tries = 0, 0
	} else {
		c.number++
		c.tries = 0
	}
	c.items = items
	return c
}

// again returns the change for the same rows, after a call without a usable answer.
func (c change) again() change {
	tries := c.tries + 1
	c = c.with(c.items)
	c.tries = tries
	return c
}

// as returns the change made with another call.
func (c change) as(call call) change {
	c.call = call
	return c
}

// each returns the change with each row's evidence as update returns it.
func (c change) each(update func(*evidence)) change {
	items := make([]item, len(c.items))
	for i, it := range c.items {
		update(&it.evidence)
		items[i] = it
	}
	c.items = items
	return c
}

// halves splits the change, which must have two rows or more.
func (c change) halves() (change, change) {
	half := (len(c.items) + 1) / 2
	return c.with(c.items[:half:half]), c.with(c.items[half:])
}

// split divides the rows into those that have one of the addresses and the rest.
func (c change) split(macs []rps.MAC) (named, rest []item) {
	wanted := make(map[rps.MAC]bool, len(macs))
	for _, mac := range macs {
		wanted[mac] = true
	}
	for _, it := range c.items {
		if wanted[it.mac] {
			named = append(named, it)
		} else {
			rest = append(rest, it)
		}
	}
	return named, rest
}

// cut splits a change that has more rows than a call may have.
func (c change) cut(size int) (parts []change) {
	for len(c.items) > size {
		parts = append(parts, c.with(c.items[:size:size]))
		c = c.with(c.items[size:])
	}
	return append(parts, c)
}

// A purpose is what a lookup is for.
type purpose uint8

const (
	forUser    purpose = iota // the user wants to know what it shows
	forAudit                  // the user wants it compared with the row
	forGone                   // the user wants to know whether it is gone
	forRow                    // a row lacks a proof
	forKeeping                // --save-before wants to know where the device is bound
	forServer                 // a server's URL: the device is bound to it by its name
	forList                   // which devices the account has
)

// A lookup is a call that reads: checkDeviceExt of a device, or listDevices.
type lookup struct {
	why    purpose
	item   item    // the row, but for forServer and forList
	mac    rps.MAC // the device
	server string
	url    string // unique URL of the row
	tries  int
}

func (l lookup) method() string {
	if l.why == forList {
		return "listDevices"
	}
	return "checkDeviceExt"
}

func (l lookup) carries() []item {
	if l.why >= forServer {
		return nil
	}
	return []item{l.item}
}

func (l lookup) tried() int { return l.tries }

// An answer is what came of a task.
type answer struct {
	err     *rps.Error        // nil: the service granted it
	status  rps.DeviceStatus  // of a lookup of a device
	url     string            // where it is bound
	devices *roaring64.Bitmap // of the account
	until   time.Time         // the call may still be applied until then; zero: it is over
}

// fatal reports whether no call may follow an answer.
func fatal(k rps.Kind) bool {
	return k == rps.Unauthorized || k == rps.Forbidden || k == rps.Untrusted || k == rps.NotService
}

// readable reports whether an error is an answer of the service to the call.
func readable(k rps.Kind) bool {
	return k.Refused() || k == rps.HandlerFailed || fatal(k) || k == rps.PayloadTooLarge
}

// An item is a row in a task, with the evidence about it.
type item struct {
	row int // its number in the input, from 0
	mac rps.MAC
	evidence
}

// canGet reports whether a refusal may be the answer to the call. The guide has
// some for other methods only; those answer another call.
func (c call) canGet(kind rps.Kind) bool {
	switch kind {
	case rps.InvalidMAC, rps.RepeatedMAC, rps.Foreign, rps.UnknownMAC:
		return c != callAddServer
	case rps.OverridePrompt, rps.OverrideFailed:
		return c == callRegister || c == callOverride
	case rps.InvalidServer:
		return c.binds()
	case rps.ServerNameUsed, rps.ServerURLEmpty:
		return c == callAddServer
	case rps.NoDevices:
		return false
	}
	return true
}

// lost marks the rows of a call that was sent and not answered.
func (c change) lost(ans answer) change {
	moves := c.call.moves()
	return c.each(func(e *evidence) {
		e.Reach, e.List, e.Checked = lost, unlisted, false
		e.Moves = e.Moves || moves
		e.Tries++
		if until := ans.until.UnixNano(); !ans.until.IsZero() && until > e.Until {
			e.Until = until
		}
	})
}

// refused marks the rows of a call that was refused as a whole. A call with one
// row has no part that could have been applied.
func (c change) refused() change {
	if len(c.items) < 2 {
		return c
	}
	family := &kin{rows: len(c.items)}
	return c.echoed().each(func(e *evidence) {
		if e.kin == nil {
			e.kin = family
		}
	})
}

// echoed marks the rows of a call that was refused in the words it would also get
// right after being granted: a proxy may deliver a call twice and pass on the
// second answer.
func (c change) echoed() change {
	moves := c.call.moves()
	return c.each(func(e *evidence) {
		e.Reach, e.List = max(e.Reach, refused), unlisted
		e.Moves = e.Moves || moves
	})
}
