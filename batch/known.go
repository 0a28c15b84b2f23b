package batch

import (
	"strings"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
)

// known is what a run knows of the account and the service. Plan and Do have one
// each.
type known struct {
	config  Config
	account Account
	past    *History
	base    *Baseline
	servers map[string]*server

	before    *roaring64.Bitmap // devices that were registered before the run
	hasBefore bool              // the account was listed for that
	devices   int               // of the account before the run
	trusted   bool              // nothing has shown that the list is incomplete
	partial   bool              // the service was seen to apply part of a refused call
	canList   bool
	lists     int               // that may still be made to conclude rows
	granted   *roaring64.Bitmap // devices that this run certainly bound
	prompts   int               // halves that were prompted, minus those that were granted

	prune   *roaring64.Bitmap // devices to remove because the file lacks them
	held    *roaring64.Bitmap // those that are kept because some rows cannot be read
	missing int               // devices of the account that the file lacks

	sent    int // rows that need a call, for Config.Limit
	doubted int // rows whose verdict from an earlier part is not believed
}

// server is what is known of a server of the account.
type server struct {
	url     string     // "" if not known
	claimed bool       // known only from the user
	samples [2]rps.MAC // devices that this run bound to it
	asked   int        // how many of them were looked up
	asking  bool       // a lookup of the next one is queued
	looked  bool       // a lookup that may show its URL is queued
	noSuch  string     // not "": the account does not have it; the service's words
	add     bool       // it is to be added before it is needed
	refusal string     // what the service said instead of adding it: it may already exist
	waiting []task
}

// sample notes a device that this run bound to the server, by its name.
func (s *server) sample(mac rps.MAC) {
	switch {
	case s.samples[0] == rps.MAC{}:
		s.samples[0] = mac
	case s.samples[1] == rps.MAC{} && s.samples[0] != mac:
		s.samples[1] = mac
	}
}

// unknown returns the verdict of a row for a server that the account lacks, as
// the answer to another row has shown.
func (s *server) unknown() Verdict {
	v := unknownServer(s.refusal, s.noSuch)
	v.Proof = ProofNone
	return v
}

// maxLists returns how many lists are made at most, but for the first, to conclude so
// many rows; after that each row is looked up. What the first took is part of it, but
// leaves one.
func maxLists(rows int) int { return 3 + rows/1000 }

func (k *known) server(name string) *server {
	s := k.servers[name]
	if s == nil {
		s = &server{}
		k.servers[strings.Clone(name)] = s // not the whole record
	}
	return s
}

// facts returns what decide and conclude must know for a row with a server.
func (k *known) facts(name string, mayRetry bool) facts {
	f := facts{
		override: k.config.Override, maxAttempts: k.config.MaxAttempts, missingOK: k.config.IgnoreMissing,
		mayRetry: mayRetry, canList: k.canList, trusted: k.trusted, partial: k.partial, hidden: k.prompts > 2,
	}
	if s := k.servers[name]; s != nil {
		f.serverURL, f.claimed, f.notAdded = s.url, s.claimed, s.refusal
		f.granted = s.samples[0] != rps.MAC{}
		f.another = s.asked < len(s.samples) && s.samples[s.asked] != rps.MAC{}
		f.sample = f.another && (s.url == "" || s.claimed)
	}
	return f
}

// item returns what is known of a row before anything is done with it.
func (k *known) item(n int, mac rps.MAC) item {
	it := item{row: n, mac: mac}
	past := k.touch(n)
	it.evidence = past.evidence
	if it.Before == unlisted {
		it.Before = k.itemBefore(n, mac).Before
	}
	if k.account.Listed() {
		it.listAt = k.account.asked.UnixNano()
		if it.List = absent; k.account.set().Contains(mac.Uint64()) {
			it.List = present
		}
	}
	if past.calls == 0 && it.List != unlisted {
		it.Before = it.List // since then, by somebody else
	}
	it.Checked = it.Checked || it.Reach != untouched && it.List == absent
	return it
}

// itemBefore returns what was known of a row before an earlier part of the run.
func (k *known) itemBefore(n int, mac rps.MAC) item {
	it := item{row: n, mac: mac}
	if k.hasBefore {
		if it.Before = absent; k.before.Contains(mac.Uint64()) {
			it.Before = present
		}
	}
	it.List = it.Before
	return it
}

// A routing is what happens first to a good row.
type routing struct {
	verdict Verdict  // with a status: nothing, it has its verdict
	alone   task     // it goes alone
	open    bool     // it is concluded, as a row of key.call
	key     groupKey // else it goes with others of the same key
}

// route returns what happens first to a good row, given the account. It changes
// nothing.
func (k *known) route(d *Device, it item) routing {
	switch d.Action {
	case Check, CheckGone:
		l := lookup{why: forUser, item: it, mac: it.mac, server: d.Server, url: d.URL}
		switch {
		case d.Action == CheckGone:
			l.why = forGone
		case d.Server != "" || d.URL != "":
			l.why = forAudit
		}
		return routing{alone: l}
	case AddServer:
		return routing{alone: change{call: callAddServer, server: d.Server, url: d.URL, items: []item{it}}}
	case Deregister:
		key := groupKey{call: callDeregister, apart: it.Before != present && k.hasBefore}
		return routing{key: key, open: it.Reach != untouched}
	}
	key := groupKey{call: callRegister, server: d.Server, apart: it.Reach != untouched}
	registered := it.Before == present && it.Reach == untouched
	var proven Verdict
	if registered && d.Action != Edit {
		proven, _ = k.base.verdict(d)
	}
	switch {
	case d.Action == Edit:
		key.call = callEdit
	case proven.Status != "" && !k.base.Weak:
		return routing{verdict: proven}
	case registered && k.config.Verify:
		return routing{open: true, key: key}
	case registered && k.config.Override == OverrideNever && k.config.Sync:
		return routing{verdict: Verdict{Status: Unchanged, Proof: ProofList, Detail: "in the account; not compared with its row (--verify looks it up)"}}
	case registered && k.config.Override == OverrideNever:
		return routing{verdict: existing(ProofList, "")}
	case it.Before == present && (k.config.Override == OverrideOwn && it.List == present || k.config.Override == OverrideAlways && d.URL != ""):
		// Under OverrideAlways rows by server share a call with free ones.
		key.call = callOverride
	}
	switch s := k.servers[d.Server]; {
	case it.Reach != untouched && (it.Earlier != nil || !key.call.again()):
		return routing{open: true, key: key}
	case s != nil && s.noSuch != "" && it.Reach == untouched:
		return routing{verdict: s.unknown()}
	case d.URL != "" || key.call == callEdit:
		return routing{alone: change{call: key.call, server: d.Server, url: d.URL, items: []item{it}}}
	}
	return routing{key: key}
}

// leavesOut reports whether a row is left for another part of the run because
// Config.Limit rows need a call before it. Call it once per row. What may already
// have been sent is never left out.
func (k *known) leavesOut(w routing, it item) bool {
	if w.verdict.Status != "" {
		return false
	}
	k.sent++
	return k.config.Limit > 0 && k.sent > k.config.Limit && it.Reach == untouched
}

// contradicted reports whether a list made since the run began shows that the
// list before the run was incomplete, or that this one is.
func (k *known) contradicted(now, file *roaring64.Bitmap) bool {
	if !k.account.Listed() {
		return false
	}
	strange := roaring64.Xor(k.account.set(), now) // neither of the file nor pruned
	strange.AndNot(file)
	strange.AndNot(k.prune)
	return !strange.IsEmpty() || !roaring64.AndNot(k.granted, now).IsEmpty()
}

// record packs what is known of the account before the first change.
func (k *known) record(file *roaring64.Bitmap) record {
	return record{Account: &account{
		Listed: k.hasBefore, Devices: k.devices, Known: pack(roaring64.And(k.before, file)), Prune: pack(k.prune),
	}}
}

// resume restores what was known of the account before the first change. The
// number of devices it had is no more than it has now plus what the run may have
// removed.
func (k *known) resume(past *History, s *Survey) {
	k.hasBefore, k.trusted = past.listed, past.listed && !past.listCut
	k.prune = past.prune
	k.before = roaring64.Or(past.known, k.prune)
	if k.account.Listed() {
		strange := roaring64.Xor(past.known, roaring64.And(k.account.set(), s.seen)) // and no call of the run is why
		strange.AndNot(past.changed)
		k.trusted = k.trusted && strange.IsEmpty()
		gone := roaring64.And(past.known, s.unbound)
		gone.Or(k.prune)
		gone.AndNot(k.account.set())
		k.devices += int(gone.GetCardinality())
	}
	if past.listed {
		k.devices = min(past.devices, k.devices)
	}
}

// verdict returns the verdict that an earlier part of the run gave a row, unless
// the account's list now shows something else.
func (k *known) verdict(n int, mac rps.MAC) (Verdict, bool) {
	v, ok := k.past.verdict(n)
	if !ok || !k.account.Listed() {
		return v, ok
	}
	has := k.account.set().Contains(mac.Uint64())
	switch v.Status {
	case Registered, Overridden, Unchanged, Edited, Exists:
		ok = has
	case Deregistered, NotRegistered, RegisteredElsewhere:
		ok = !has
	}
	return v, ok
}

// touch returns what an earlier part of the run left of a row. If a verdict is
// not believed, its calls remain.
func (k *known) touch(n int) touch {
	if k.past == nil {
		return touch{}
	}
	if v, settled := k.past.verdict(n); settled {
		t := touchOf(v)
		t.Earlier = &v
		return t
	}
	return k.past.touched[n]
}

// absentees returns the devices that the whole run removes because the file lacks
// them, or would if all of its rows could be read.
func (k *known) absentees() *roaring64.Bitmap { return roaring64.Or(k.prune, k.held) }
