package batch

import (
	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
)

// A call is what a worker does for some rows: one of the guide's commands.
type call uint8

const (
	callRegister   call = iota // registerDevices or registerDeviceWithUniqueUrl, without isOverride
	callOverride               // the same with isOverride 1
	callDeregister             // deRegisterDevices
	callEdit                   // editDevice or editDeviceWithUniqueUrl
	callAddServer              // addServer
	callCheck                  // checkDeviceExt of the one row
	callLearn                  // checkDeviceExt of a device bound to the row's server, for the server's URL
	callList                   // listDevices
)

// changes tells whether the call may change the account.
func (c call) changes() bool { return c <= callAddServer }

// binds tells whether the call binds devices to a server.
func (c call) binds() bool { return c.changes() && c != callDeregister && c != callAddServer }

// A question is what a look-up is to settle.
type question uint8

const (
	// prompted: the service asked whether to override. Whose registration is
	// it, and was it there before the run?
	prompted question = iota + 1
	// missing: a device to be removed is not there. Did an earlier call of
	// this run remove it?
	missing
	// unanswered: no try got a readable answer, or the last answer does not
	// tell what an earlier, lost one did. What became of the row?
	unanswered
	// verifying: the account has it already. Is it bound as asked?
	verifying
	// asked: the user wants to know no more than what the look-up shows.
	asked
	// askedGone: the user wants to know whether it is no longer in the account.
	askedGone
)

// byUser tells whether the look-up is what the user asked for.
func (q question) byUser() bool { return q == asked || q == askedGone }

// reach is how far earlier calls of this run may have come with a row.
type reach uint8

const (
	untouched reach = iota
	refused         // a call that carried it was refused as a whole, and may have been applied in part
	doubted         // ... was sent and got no readable answer
	hung            // ... got none in time, and may still be about to be applied
)

// presence is what a listDevices made after the row was touched showed.
type presence uint8

const (
	unasked presence = iota
	shown
	absent
)

// An item is a row on its way: what decide must know of it.
type item struct {
	row   int // its number in the input, from 0
	mac   rps.MAC
	ours  bool // surely registered by this account before the run touched it
	reach reach
	now   presence
}

// An attempt is one call to be made for some rows.
type attempt struct {
	call   call
	server string
	url    string // unique URL; such an attempt has one row
	items  []item

	number int // calls made for just these rows before this one
	tries  int // of these, how many at the end got no usable answer

	gather   bool   // it need not go alone: others for the same server may share the call
	why      string // the words of the last refusal of a call that carried its rows among others
	prompted bool   // the service asked to override one of the rows, it did not say which
	listed   bool   // the account was listed since the last call that may have changed it

	// Of look-ups.
	about    call     // the change that the look-up is about; callCheck: none
	question question // what it is to settle
	text     string   // the words of the service, or of the error, that led to it
	found    bool     // checkDeviceExt has shown the row as registered by this account
	bound    string   // the URL that it gave for it, "" if none
	teacher  rps.MAC  // of callLearn: a device bound to the server; not zero once that was tried
}

// An answer is what came of an attempt.
type answer struct {
	err     *rps.Error        // nil: the service said yes
	status  rps.DeviceStatus  // of callCheck and callLearn
	url     string            // of callCheck and callLearn: the bound URL
	account *roaring64.Bitmap // of callList: the devices of the account
}

// facts is what decide must know beside the attempt.
type facts struct {
	override    Override
	maxAttempts int

	missingOK bool // what is to be removed need not be there

	mayRetry bool // the run's retry budget is not used up
	canList  bool // listDevices may be asked

	// absence: the account was listed before the run and nothing has shown
	// that the list is cut short. Only then does a device's absence from it
	// say anything, and never enough to leave a row unsent.
	absence bool

	// partial: the service was seen to apply a part of a refused call. What
	// became of the rest of another one is then looked up first.
	partial bool

	notAdded  string  // what the service said when the attempt's server was to be added, "" if it was
	serverURL string  // URL of the attempt's server, "" if it is not known
	claimed   bool    // nobody but the user says so
	teacher   rps.MAC // a device that this run bound to the server by its name; zero if there is none
}

// A settlement is the verdict of one row.
type settlement struct {
	row     int
	verdict Verdict
}

// An outcome is what follows from an answer. Each row of the attempt is in
// exactly one of settled and next, unless halt is set: then it may be in
// neither, and is as if its call had not been made.
type outcome struct {
	settled []settlement
	next    []attempt

	halt    *rps.Error // the run must stop
	limit   int        // MACs in a call at most from now on; 0: as before
	noSuch  bool       // the account has no such server as the attempt's
	learnt  string     // URL of the attempt's server
	listCut bool       // the account's list is not whole
	partial bool       // the service applied a part of a refused call
}

func (o *outcome) settle(v Verdict, items ...item) {
	for _, it := range items {
		o.settled = append(o.settled, settlement{it.row, v})
	}
}

func (o *outcome) then(attempts ...attempt) {
	for _, a := range attempts {
		if len(a.items) > 0 {
			o.next = append(o.next, a)
		}
	}
}

// with gives the attempt for fewer rows: a new one, which nobody has made yet.
func (a attempt) with(items []item) attempt {
	if len(items) < len(a.items) {
		a.number, a.tries = 0, 0
	} else {
		a.number++
		a.tries = 0
	}
	a.items = items
	return a
}

// as gives the attempt with another call. What a look-up was about is over
// when a change is made again.
func (a attempt) as(c call) attempt {
	a.call = c
	if c.changes() {
		a.about, a.question, a.text, a.found, a.bound, a.teacher = 0, 0, "", false, "", rps.MAC{}
	}
	return a
}

// again gives the attempt for the same rows once more.
func (a attempt) again() attempt { return a.with(a.items) }

// touched marks every row: the call may have done so much to it.
func (a attempt) touched(by reach) attempt {
	items := make([]item, len(a.items))
	for i, it := range a.items {
		it.reach = max(it.reach, by)
		it.now = unasked
		items[i] = it
	}
	a.items = items
	a.listed = false
	return a
}

// halves splits the attempt. It must have two rows or more.
func (a attempt) halves() (attempt, attempt) {
	half := (len(a.items) + 1) / 2
	return a.with(a.items[:half:half]), a.with(a.items[half:])
}

// look gives the look-up that answers the question for the rows, of which
// there are at least one: the account's list for many, the device for one.
func (a attempt) look(f facts, q question, text string, items []item) []attempt {
	a.question, a.text = q, text
	if a.call.changes() {
		a.about = a.call
	}
	// The list tells presence, not where a device is bound: no use for what
	// was registered before and is to be moved.
	helps := a.about == callDeregister || a.about == callRegister && f.absence
	if len(items) > 1 && helps && f.canList && !a.listed {
		return []attempt{a.with(items).as(callList)}
	}
	looks := make([]attempt, len(items))
	for i := range items {
		looks[i] = a.with(items[i : i+1 : i+1]).as(callCheck)
	}
	return looks
}
