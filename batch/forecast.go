package batch

import (
	"hash/maphash"
	"strconv"
	"time"
)

// A kind is what the calls of a row depend on, as far as its file shows: a hash of
// its server's name, with its action and whether it has a unique URL in the last
// bits. A number is counted fastest.
type kind uint64

// kindOf returns the kind of a row.
func (s *Survey) kindOf(action Action, server string, url bool) kind {
	k := kind(maphash.String(s.seed, server))&^0xf | kind(action)<<1
	if url {
		k |= 1
	}
	return k
}

// Forecast returns what Run.Plan would at an account of which nothing is known,
// without reading the file again.
func (s *Survey) Forecast(config Config) Plan {
	r := &Run{Config: config, Survey: s}
	k := newKnown(r, Account{})
	tally := s.Tally()
	p := planner{run: r, known: k, Plan: Plan{
		Blank: s.Blank, Rows: s.Rows - s.Blank,
		Fates: map[Fate]int{PassedOver: s.Passed, Unsendable: s.Invalid, Conflicting: tally.Conflicts, Repeats: tally.Duplicates},
		Calls: map[string]int{},
	}}
	groups := map[groupKey]int{}
	for kind, n := range s.kinds {
		device := Device{Action: Action(kind >> 1 & 7), Server: strconv.FormatUint(uint64(kind>>4), 36)} // the hash does as well as the name
		if kind&1 != 0 {
			device.URL = "some"
		}
		way := k.route(&device, item{})
		p.Fates[p.fateOf(way, item{})] += n
		if way.alone == nil {
			groups[way.key] += n
		} else {
			p.Calls[way.alone.method()] += n
		}
	}
	for key, n := range groups {
		p.Calls[change{call: key.call}.method()] += (n + config.BatchSize - 1) / config.BatchSize
	}
	if r.NeedsAccount() {
		p.Calls[lookup{why: forList}.method()] = 1
	}
	p.Time = time.Duration(float64(p.TotalCalls()) / config.Rate * float64(time.Second))
	return p.Plan
}
