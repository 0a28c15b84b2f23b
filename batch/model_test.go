package batch

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
)

// traits are what a service, or what stands before it, may do to deceive a run.
// That answers are lost, that calls are refused in any words, and that a batch is
// named, prompted or refused as a whole needs none of them.
type traits uint16

const (
	inPart     traits = 1 << iota // refused batches are applied to some of their good devices
	late                          // lost calls are applied after their answer, until the time-out ends
	hiding                        // the list never shows some devices
	short                         // the list is cut once, and lacks devices that no row is about as well
	twice                         // calls are delivered twice, and the second answer is handed on
	colleague                     // somebody else registers, moves and removes devices
	otherForm                     // URLs are returned in another form
	misclaimed                    // --servers has wrong URLs
	serverLate                    // a server is added while the run goes on
	repeating                     // "Repeated MAC(s)" is said of what is registered already
	quota                         // the account has room for a few devices, which is checked first
	killed                        // the run is killed, and resumed
	numTraits  = iota
)

var traitNames = [numTraits]string{"in part", "late", "hiding list", "short list", "twice", "colleague",
	"other form", "misclaimed", "late server", "repeating", "quota", "killed"}

func (t traits) has(one traits) bool { return t&one != 0 }

func (t traits) String() string {
	var names []string
	for i, name := range traitNames {
		if t.has(1 << i) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// A draw chooses one of n possibilities; 0 is the harmless one.
type draw func(n int) int

func (d draw) oneIn(n int) bool { return d(n) == n-1 }

// owner is who has registered a device.
type owner uint8

const (
	nobody owner = iota
	account_
	another
)

// author is who has made a binding.
type author uint8

const (
	atFirst author = iota
	byRun
	byColleague
)

// binding is what a device is bound to, from a time on.
type binding struct {
	owner owner
	url   string
	by    author
	since time.Time
}

// modelDevice is a device of the service.
type modelDevice struct {
	strange bool // no row is about it
	mac     rps.MAC
	quirk   quirk
	hidden  bool
	teaches bool      // it was bound to a server by its name, and the run knows
	past    []binding // the last one holds
	applied int       // calls of the run that the service granted for it
}

// quirk is what the service has against a device.
type quirk uint8

const (
	fine quirk = iota
	namedBad
	unnamedBad
	throwing
)

func (d *modelDevice) now() binding { return d.past[len(d.past)-1] }

// bind changes what the device is bound to.
func (d *modelDevice) bind(b binding) {
	if now := d.now(); now.owner != b.owner || now.url != b.url {
		d.past = append(d.past, b)
	}
}

// model is a service: an account with a few devices.
type model struct {
	draw   draw
	traits traits

	devices []modelDevice
	servers map[string]string // URLs by name

	naming     int // how a refusal names MACs: 0 all, 1 the first, 2 none
	promptsAll bool
	takes      bool // isOverride 1 takes devices from other accounts
	elsewhere  bool // a prompt is also for devices of other accounts
	mute       bool // a lookup does not show the URL
	unlisted   bool // the account cannot be listed
	moody      bool // calls are refused as a whole now and then
	slashes    bool // another form has one slash more
	most       int  // devices that the account has room for, with a quota
	rows       int  // devices that the run is about; the others are the account's
	wasCut     bool // its list
}

var trueURLs = map[string]string{"A": "https://a.example.com/", "B": "https://b.example.com/"}

func newModel(draw draw, t traits, rows int, now time.Time) *model {
	m := &model{draw: draw, traits: t, rows: rows, servers: map[string]string{"A": trueURLs["A"], "B": trueURLs["B"]}}
	m.naming, m.promptsAll = draw(3), draw.oneIn(3)
	m.takes, m.elsewhere, m.mute, m.unlisted, m.moody = draw.oneIn(6), draw.oneIn(4), draw.oneIn(8), draw.oneIn(6), draw.oneIn(2)
	m.most = 1 + draw(6)
	m.slashes = t.has(otherForm) && draw.oneIn(2)
	if draw.oneIn(8) || t.has(serverLate) {
		delete(m.servers, "A")
	}
	others := draw(3)
	if t.has(short) {
		others++
	}
	for i := range rows + others {
		d := modelDevice{mac: mac(i + 1), strange: i >= rows}
		b := binding{since: now}
		switch k := draw(10); {
		case i >= rows:
			b.owner, b.url = account_, trueURLs["B"]
		case k < 4:
		case k < 6 && m.servers["A"] != "":
			b.owner, b.url = account_, trueURLs["A"]
		case k < 8:
			b.owner, b.url = account_, trueURLs["B"]
		case k < 9:
			b.owner, b.url = account_, uniqueURL(i)
		default:
			b.owner = another
		}
		d.past = []binding{b}
		if draw.oneIn(6) {
			d.quirk = quirk(1 + draw(3))
		}
		d.hidden = t.has(hiding) && draw.oneIn(2) && (i < rows || !t.has(short))
		m.devices = append(m.devices, d)
	}
	return m
}

func uniqueURL(i int) string { return "https://u.example.com/" + string(rune('0'+i)) }

func (m *model) device(mac_ rps.MAC) *modelDevice {
	return &m.devices[mac_.Uint64()-mac(1).Uint64()]
}

func (m *model) any() *modelDevice { return &m.devices[m.draw(len(m.devices))] }

// interfere lets a colleague change a device.
func (m *model) interfere(d *modelDevice, now time.Time) {
	b := binding{by: byColleague, since: now}
	switch m.draw(4) {
	case 0:
	case 1:
		b.owner, b.url = account_, cmp.Or(m.servers["A"], trueURLs["B"])
	case 2:
		b.owner, b.url = account_, trueURLs["B"]
	case 3:
		b.owner = another
	}
	d.bind(b)
}

// list returns what listDevices shows.
func (m *model) list() *roaring64.Bitmap {
	shown := roaring64.New()
	cut := m.traits.has(short) && !m.wasCut && m.draw.oneIn(3)
	m.wasCut = m.wasCut || cut
	for i := range m.devices {
		if d := &m.devices[i]; d.now().owner == account_ && !d.hidden && !(cut && (i >= m.rows || m.draw(3) > 0)) {
			shown.Add(d.mac.Uint64())
		}
	}
	return shown
}

// look returns what checkDeviceExt shows.
func (m *model) look(mac rps.MAC) (rps.DeviceStatus, string) {
	switch b := m.device(mac).now(); b.owner {
	case account_:
		url := b.url
		if m.mute {
			url = ""
		} else if m.traits.has(otherForm) {
			url = strings.Replace(url, "https://", "HTTPS://", 1)
			if m.slashes {
				url += "/"
			}
		}
		return rps.Registered, url
	case another:
		return rps.RegisteredElsewhere, ""
	}
	return rps.Unregistered, ""
}

func refusalOf(kind rps.Kind, text string, named ...*modelDevice) *rps.Error {
	err := &rps.Error{Kind: kind, Text: text}
	for _, d := range named {
		err.MACs = append(err.MACs, d.mac)
	}
	return err
}

// handle applies a change as the service does, and returns its answer.
func (m *model) handle(c change, now time.Time) *rps.Error {
	mood := m.mood()
	err := m.once(c, mood, now)
	if m.traits.has(twice) && m.draw.oneIn(3) {
		err = m.once(c, mood, now)
	}
	return err
}

// mood returns how the service refuses a call as a whole, nil if it does not.
func (m *model) mood() *rps.Error {
	if !m.moody || !m.draw.oneIn(6) {
		return nil
	}
	switch m.draw(3) {
	case 0:
		return refusalOf(rps.HandlerFailed, "fault 0: Failed to invoke method")
	case 1:
		return refusalOf(rps.BatchTooBig, "too many entries in one call")
	}
	return refusalOf(rps.Refusal, "busy")
}

// overQuota returns the devices of a call that registers for which the account has
// room, the first ones, and the refusal if it has not for all. The quota is checked
// before anything else, whether devices are new or not.
func (m *model) overQuota(c change) (fit []*modelDevice, err *rps.Error) {
	if !m.traits.has(quota) || c.call != callRegister && c.call != callOverride {
		return nil, nil
	}
	room := m.most
	for i := range m.devices {
		if m.devices[i].now().owner == account_ {
			room--
		}
	}
	if len(c.items) <= room {
		return nil, nil
	}
	for _, it := range c.items[:max(room, 0)] {
		if d := m.device(it.mac); d.now().owner == nobody && d.quirk == fine {
			fit = append(fit, d)
		}
	}
	kind := rps.Refusal
	if m.naming == 1 { // words that read so
		kind = rps.BatchTooBig
	}
	return fit, refusalOf(kind, "quota")
}

func (m *model) once(c change, mood *rps.Error, now time.Time) *rps.Error {
	if c.call == callAddServer {
		if _, ok := m.servers[c.server]; ok {
			return refusalOf(rps.ServerNameUsed, "The server name has been used")
		}
		m.servers[c.server] = c.url
		return nil
	}
	good, err := m.judge(c, mood)
	fit, full := m.overQuota(c)
	switch {
	case full != nil:
		if err = full; !m.traits.has(inPart) {
			return err
		}
		good = fit
	case err == nil:
	case err == mood && err.Kind != rps.HandlerFailed: // nothing was looked at
		return err
	case len(c.items) == 1 && err.Kind != rps.HandlerFailed:
		return err
	case err.Kind == rps.HandlerFailed && !m.traits.has(inPart):
		if len(good) < len(c.items) || m.draw(2) == 0 {
			return err
		}
	case err.Kind == rps.HandlerFailed, m.traits.has(inPart) && err.Kind != rps.InvalidServer:
		good = m.partOf(good)
	default:
		return err
	}
	for _, d := range good {
		b := binding{by: byRun, since: now}
		if c.call.binds() {
			b.owner, b.url = account_, c.url
			if c.url == "" {
				b.url = m.servers[c.server]
			}
		}
		d.applied++
		d.bind(b)
	}
	return err
}

// partOf returns a part of the good devices of a refused batch.
func (m *model) partOf(good []*modelDevice) (part []*modelDevice) {
	switch m.draw(3) {
	case 0:
		return good
	case 1:
		return nil
	}
	for _, d := range good {
		if m.draw(2) == 0 {
			part = append(part, d)
		}
	}
	return part
}

// judge returns the devices that a change can be applied to, and why it is
// refused, nil if it is not.
func (m *model) judge(c change, mood *rps.Error) (good []*modelDevice, err *rps.Error) {
	var named, unnamed, foreign, asked, throws []*modelDevice
	if _, ok := m.servers[c.server]; c.call.binds() && !ok {
		return nil, refusalOf(rps.InvalidServer, "Invalid server")
	}
	for _, it := range c.items {
		d := m.device(it.mac)
		now := d.now().owner
		switch {
		case d.quirk == throwing:
			throws = append(throws, d)
		case d.quirk == namedBad && (c.call == callRegister || c.call == callOverride):
			named = append(named, d)
		case d.quirk == unnamedBad:
			unnamed = append(unnamed, d)
		case !c.call.binds() && now != account_:
			named = append(named, d)
		case c.call == callEdit && now == another && m.elsewhere:
			foreign = append(foreign, d)
		case c.call == callEdit && now != account_:
			named = append(named, d)
		case c.call == callEdit, now == nobody, c.call == callDeregister:
			good = append(good, d)
		case now == another && c.call == callOverride && m.takes:
			good = append(good, d)
		case now == another && c.call == callOverride && m.elsewhere:
			unnamed = append(unnamed, d)
		case now == another && !m.elsewhere:
			foreign = append(foreign, d)
		case c.call == callOverride:
			good = append(good, d)
		default:
			asked = append(asked, d)
		}
	}
	naming := m.naming
	some := func(all []*modelDevice) []*modelDevice {
		switch naming {
		case 1:
			return all[:1]
		case 2:
			return nil
		}
		return all
	}
	switch {
	case len(throws) > 0:
		return good, refusalOf(rps.HandlerFailed, "fault 0: Failed to invoke method")
	case mood != nil:
		return good, mood
	case len(named) > 0 && c.call == callEdit:
		return good, refusalOf(rps.UnknownMAC, "The MAC is unknown", named...)
	case len(named) > 0:
		return good, refusalOf(rps.InvalidMAC, "Invalid MAC(s)", some(named)...)
	case len(foreign) > 0:
		if naming == 2 {
			naming = 0
		}
		return good, refusalOf(rps.Foreign, "Please check the MAC", some(foreign)...)
	case len(unnamed) > 0:
		return good, refusalOf(rps.OverrideFailed, "MAC address(es) overriding failed")
	case len(asked) > 0 && m.traits.has(repeating):
		return good, refusalOf(rps.RepeatedMAC, "Repeated MAC(s)", some(asked)...)
	case len(asked) > 0 && m.promptsAll:
		return good, refusalOf(rps.OverridePrompt, "Existing MAC(s)", some(asked)...)
	case len(asked) > 0:
		return good, refusalOf(rps.OverridePrompt, "Are you sure you want to override MAC addresses")
	}
	return good, nil
}

// A loss is how the answer to a call gets lost.
type loss struct {
	err     *rps.Error
	reaches bool // it may have been applied
	late    bool // or may still be
}

var losses = []loss{
	{err: &rps.Error{Kind: rps.NotSent}},
	{err: &rps.Error{Kind: rps.Throttled, StatusCode: 429}},
	{&rps.Error{Kind: rps.Throttled, StatusCode: 503}, true, true},
	{&rps.Error{Kind: rps.Unreadable, Err: errors.New("reset")}, true, true},
	{&rps.Error{Kind: rps.Unreadable, StatusCode: 502}, true, true},
	{&rps.Error{Kind: rps.Unreadable, StatusCode: 500}, true, false},
	{&rps.Error{Kind: rps.Unreadable, Began: true}, true, false},
}
