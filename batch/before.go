package batch

import (
	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
)

// before is what the run has done for its Keeper.
type before struct {
	looked  *roaring64.Bitmap // devices that were looked up
	waiting map[int]*keeping  // by the rows that are to be
}

func newBefore() before { return before{roaring64.New(), map[int]*keeping{}} }

// keeping is a change that waits until it is known where its devices are bound.
type keeping struct {
	change change
	left   int          // lookups to come
	skip   map[int]bool // rows that must not be sent
}

// keeps reports whether a row of a change must be looked up before the change is
// sent.
func (e *engine) keeps(c change, it item) bool {
	return e.Before != nil && (c.call.moves() || c.call == callDeregister) &&
		it.Before != absent && !e.before.looked.Contains(it.mac.Uint64()) && !e.Before.Has(it.mac)
}

// keepFirst replaces the first ready change by lookups if some of its rows must
// be looked up first. It reports whether it did.
func (e *engine) keepFirst(c change) bool {
	var lookups []task
	k := &keeping{skip: map[int]bool{}}
	for _, it := range c.items {
		if e.keeps(c, it) {
			lookups = append(lookups, lookup{why: forKeeping, item: it, mac: it.mac, server: c.server})
			e.before.waiting[it.row] = k
		}
	}
	if lookups == nil {
		return false
	}
	e.queue.pop()
	k.change, k.left = c, len(lookups)
	e.queue.first(lookups...)
	return true
}

// kept handles the answer to a lookup made for keeping. If it is not known where
// a device is bound, the device stays as it is.
func (e *engine) kept(l lookup, ans answer) (v Verdict, skip bool) {
	k, s := e.before.waiting[l.item.row], e.window.at(l.item.row)
	delete(e.before.waiting, l.item.row)
	unsent := Failed
	if l.item.Reach == lost {
		unsent = InDoubt
	}
	switch {
	case ans.err != nil:
		v, skip = Verdict{Status: unsent, Detail: "not sent: it could not be looked up to save where it is bound: " + ans.err.Error()}, true
	case ans.status == rps.Registered && ans.url == "":
		v, skip = Verdict{Status: unsent, Proof: ProofLookup, Detail: "not sent: RPS does not report the URL it is bound to, so that could not be saved"}, true
	case ans.status == rps.Registered:
		s.was = ans.url
		e.output(e.Before.Keep(&s.row.Device, ans.url))
	}
	e.before.looked.Add(l.mac.Uint64())
	k.skip[l.item.row] = skip
	if k.left--; k.left > 0 {
		return v, skip
	}
	c, items := k.change, []item(nil)
	for _, it := range c.items {
		if !k.skip[it.row] {
			items = append(items, it)
		}
	}
	switch len(items) {
	case 0:
	case len(c.items):
		e.queue.first(c)
	default:
		e.queue.first(c.with(items))
	}
	return v, skip
}
