package batch

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"rpsbatch/batch/durable"
)

// long reports whether the tests that take long run whole: RPSBATCH_TESTS=long asks
// for it. Asked in a test, the variable is one that a kept result depends on.
func long() bool { return os.Getenv("RPSBATCH_TESTS") == "long" }

var (
	histories   = flag.Int("histories", 50_000, "random histories of TestSoundness")
	firstSeed   = flag.Uint64("seed", 0, "the first of them")
	onlyTraits  = flag.Int("traits", -1, "the traits of all of them, as a set of bits")
	showHistory = flag.Bool("show", false, "show what happens in them")
	showDoubts  = flag.Bool("doubts", false, "show each sort of doubt")
)

// untellable has the pairs of traits that let two histories with different truths
// look the same, where the run claims something all the same: to be in doubt of all
// such rows would help nobody.
//
// A refused batch that was applied in part, or a call that was granted and delivered
// again, may have bound or removed a device that the list did not show before,
// because it hides it or because a colleague registered it since. And the first of
// two deliveries may take the last place that a quota leaves, so that the second one
// is refused; so may a refused batch, before its rows are sent one by one.
var untellable = []traits{
	inPart | hiding, inPart | short, inPart | colleague, inPart | quota,
	twice | hiding, twice | short, twice | colleague, twice | quota,
}

func (t traits) tellable() bool {
	return !slices.ContainsFunc(untellable, func(pair traits) bool { return t&pair == pair })
}

// traitsOf returns the traits of the history of a number: none, one, two, or as
// many as are tellable.
func traitsOf(seed uint64) traits {
	if *onlyTraits >= 0 {
		return traits(*onlyTraits)
	}
	r := rand.New(rand.NewPCG(seed, 2))
	one := func() traits { return 1 << r.IntN(numTraits) }
	switch r.IntN(4) {
	case 0:
		return 0
	case 1:
		return one()
	case 2:
		first := one()
		return first | one()
	}
	t := traits(r.IntN(1 << numTraits))
	for !t.tellable() {
		t &^= one()
	}
	return t
}

// TestSoundness holds what runs claim in random histories against what is true. A
// false claim names its history: -seed=N -histories=1 -traits=T -show shows it.
func TestSoundness(t *testing.T) {
	n := *histories
	if !long() {
		n /= 10
	}
	workers := runtime.GOMAXPROCS(0)
	parts := make([]tallies, workers)
	var all sync.WaitGroup
	for w := range workers {
		parts[w] = tallies{}
		journal, err := durable.OpenPrivate(filepath.Join(t.TempDir(), "journal"))
		if err != nil {
			t.Fatal(err)
		}
		defer journal.Close()
		all.Go(func() {
			for i := w; i < n; i += workers {
				seed := *firstSeed + uint64(i)
				random := rand.New(rand.NewPCG(seed, 1))
				h := newHistory(t, seed, random.IntN, traitsOf(seed), journal)
				h.play()
				parts[w].of(h.traits).count(h)
			}
		})
	}
	all.Wait()
	for _, other := range parts[1:] {
		for ts, one := range other {
			parts[0].of(ts).add(one)
		}
	}
	parts[0].report(t)
}

// A tally counts the claims of histories with the same traits.
type tally struct {
	histories, rows, doubts int
	stopped                 int // doubts of runs that were stopped
	wrong                   map[string]wrong
	known                   map[knowledge]truths
}

// wrong is how often a sort of claim was false, and the seed of one history.
type wrong struct {
	rows int
	seed uint64
}

type tallies map[traits]*tally

func (all tallies) of(t traits) *tally {
	if all[t] == nil {
		all[t] = &tally{wrong: map[string]wrong{}, known: map[knowledge]truths{}}
	}
	return all[t]
}

// count counts the claims of a history.
func (t *tally) count(h *history) {
	t.histories++
	for _, c := range h.claims() {
		t.rows++
		switch {
		case c.Status != InDoubt:
		case h.e.stop != nil:
			t.stopped++
		default:
			t.doubts++
			k, could := c.known()
			t.know(k, truths{1, could, h.seed})
		}
		if !c.isTrue() {
			what := fmt.Sprintf("%s: %s by %s", actionNames[c.want.Action], c.Status, cmp.Or(c.Proof, "nothing"))
			t.wrong[what] = wrong{t.wrong[what].rows + 1, h.seed}
			if h.show {
				h.t.Logf("FALSE: row %d: %+v; %v", c.row, c.Verdict, c.device.past)
			}
		}
	}
}

func (t *tally) know(k knowledge, more truths) {
	if was, ok := t.known[k]; ok {
		more.rows += was.rows
		more.common &= was.common
	}
	t.known[k] = more
}

func (t *tally) add(other *tally) {
	t.histories += other.histories
	t.rows += other.rows
	t.doubts += other.doubts
	t.stopped += other.stopped
	for what, w := range other.wrong {
		t.wrong[what] = wrong{t.wrong[what].rows + w.rows, w.seed}
	}
	for k, more := range other.known {
		t.know(k, more)
	}
}

func (t *tally) String() string {
	return fmt.Sprintf("%d histories, %d rows, %.2f%% in doubt", t.histories, t.rows, 100*float64(t.doubts)/float64(t.rows))
}

// report logs what was counted, small sets of traits first. False claims are
// errors, but for sets that have an untellable pair.
func (all tallies) report(t *testing.T) {
	sets := slices.SortedFunc(maps.Keys(all), func(a, b traits) int {
		return cmp.Or(cmp.Compare(a.len(), b.len()), cmp.Compare(a, b))
	})
	sum := tallies{}
	sorts := map[string][]traits{} // of false claims, where the smallest sets have them
	for _, ts := range sets {
		one := all[ts]
		sum.of(0).add(one)
		if ts.len() <= 1 {
			t.Logf("%-12v %v", ts, one)
			sum.of(1).add(one)
		}
		for what, w := range one.wrong {
			if slices.ContainsFunc(sorts[what], func(b traits) bool { return b&ts == b }) {
				continue
			}
			sorts[what] = append(sorts[what], ts)
			logf := t.Errorf
			if !ts.tellable() {
				logf = t.Logf
			}
			logf("%v: %s, which is false: %d of %d rows; -seed=%d -traits=%d", ts, what, w.rows, one.rows, w.seed, ts)
		}
	}
	t.Logf("all: %v; another %d in doubt because the run was stopped", sum.of(0), sum.of(0).stopped)
	sum.of(1).reportDoubts(t)
}

func (t traits) len() int { return bits.OnesCount16(uint16(t)) }

// knowledge is what conclude has of a row, but for times, words and what does not
// matter to it.
type knowledge struct {
	action              Action
	before, list        presence
	reach               reach
	moves, alone, asked bool
	said                Status
	seen                sight
	bound               string
	mayMove             bool
	trusted, partial    bool
}

// truths are what is true of rows in doubt of which the same is known.
type truths struct {
	rows   int
	common uint   // the claims that are true of all of them, as a set of bits
	seed   uint64 // of one
}

var couldBe = []Status{Registered, Overridden, Unchanged, Edited, Deregistered, Exists, RegisteredElsewhere, NotRegistered, Refused}

// known returns what was known of a row in doubt, and what could have been claimed.
func (c claim) known() (k knowledge, could uint) {
	o := c.doubt[c.row]
	f := c.e.known.facts(o.server, false)
	k = knowledge{
		action: c.want.Action, before: o.Before, list: o.List, reach: o.Reach, moves: o.Moves, alone: o.Alone, asked: o.Asked,
		seen: o.seen.state, mayMove: f.override != OverrideNever || c.want.Action != Register,
		trusted: f.trusted, partial: f.partial,
	}
	if o.Said != nil {
		k.said = o.Said.Status
	}
	switch want := cmp.Or(o.url, f.serverURL); {
	case o.seen.bound == "":
	case want == "" || f.claimed && o.url == "":
		k.bound = "not comparable"
	case sameURL(want, o.seen.bound):
		k.bound = "as asked"
	default:
		k.bound = "another"
	}
	for i, s := range couldBe {
		c.Status, c.Proof = s, ProofLookup
		if c.isTrue() {
			could |= 1 << i
		}
	}
	return k, could
}

// reportDoubts logs how much doubt is needless: where all rows of which the same
// is known have a claim in common that is true.
func (t *tally) reportDoubts(tb testing.TB) {
	const enough = 50 // rows to tell
	needless, few := 0, 0
	for _, k := range slices.SortedFunc(maps.Keys(t.known), func(a, b knowledge) int { return t.known[b].rows - t.known[a].rows }) {
		of := t.known[k]
		switch {
		case of.rows < enough:
			few += of.rows
			continue
		case of.common != 0:
			needless += of.rows
		}
		if *showDoubts {
			var could []Status
			for i, s := range couldBe {
				if of.common&(1<<i) != 0 {
					could = append(could, s)
				}
			}
			tb.Logf("%d rows in doubt, all could be %v: %+v; -seed=%d", of.rows, could, k, of.seed)
		}
	}
	tb.Logf("with one trait or none %d rows are in doubt: needlessly %d, and %d of sorts too rare to tell", t.doubts, needless, few)
}
