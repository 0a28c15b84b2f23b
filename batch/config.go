package batch

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Override says what to do with a device that is already registered.
type Override uint8

const (
	// OverrideNever leaves it as it is.
	OverrideNever Override = iota
	// OverrideOwn moves it if this account has registered it, and leaves the
	// devices of others alone.
	OverrideOwn
	// OverrideAlways moves it whoever owns it, if the service allows that.
	OverrideAlways
	// OverrideAsk asks once, after the account has been read, and then becomes
	// OverrideOwn or OverrideNever.
	OverrideAsk
)

// moves reports whether a device that this account has registered may be bound to
// something else.
func (o Override) moves() bool { return o == OverrideOwn || o == OverrideAlways }

var overrideNames = map[string]Override{
	"never": OverrideNever, "own": OverrideOwn, "always": OverrideAlways, "ask": OverrideAsk,
}

// ParseOverride reads the value of --override.
func ParseOverride(name string) (Override, error) {
	if o, ok := overrideNames[name]; ok {
		return o, nil
	}
	return 0, fmt.Errorf("%q is not one of never, ask, own, always", name)
}

// OnConflict says what to do with rows that have one MAC but different targets.
type OnConflict uint8

const (
	// ConflictRefuse sends none of them.
	ConflictRefuse OnConflict = iota
	// ConflictFirst takes the target of the first row.
	ConflictFirst
	// ConflictLast takes the target of the last row.
	ConflictLast
)

var conflictNames = map[string]OnConflict{
	"refuse": ConflictRefuse, "first": ConflictFirst, "last": ConflictLast,
}

// ParseOnConflict reads the value of --on-conflict.
func ParseOnConflict(name string) (OnConflict, error) {
	if c, ok := conflictNames[name]; ok {
		return c, nil
	}
	return 0, fmt.Errorf("%q is not one of refuse, first, last", name)
}

// Config says how a run works. A zero number is refused, so that a forgotten one
// is noticed.
type Config struct {
	Override   Override
	OnConflict OnConflict

	BatchSize   int           // most MACs in one call
	Workers     int           // most calls in flight
	Rate        float64       // calls per second, over all workers and kinds of call
	Burst       int           // calls that may be sent at once after a pause
	MaxAttempts int           // tries of one call
	Timeout     time.Duration // of one call: a lost one may be applied until then
	GiveUpAfter time.Duration // stop after this time without a readable answer

	MaxFailures MaxFailures // stop when so many rows have not succeeded

	Verify bool // look up what is already registered: is it bound as asked?

	// Sync takes what is already registered as bound as asked, unless something
	// contradicts it, and needs the account's list. With Prune, what the account
	// has and the file lacks is removed.
	Sync, Prune bool

	Limits Limits // what it may change of the account's devices
	Limit  int    // only so many rows that need a call are sent, the rest is left; 0: all

	IgnoreMissing bool // a device to remove need not be registered: that is a success
}

// MaxFailures limits how many rows may fail. The zero value sets no limit.
type MaxFailures struct {
	Rows    int     // so many rows
	Percent float64 // so large a share of the rows judged, once there are percentFrom of them
}

// percentFrom is how many rows must be judged before a percentage of them means
// something.
const percentFrom = 100

// ParseMaxFailures reads the value of --max-failures: N or N%.
func ParseMaxFailures(text string) (m MaxFailures, err error) {
	number, percent := strings.CutSuffix(text, "%")
	switch {
	case text == "" || text == "none":
		return m, nil
	case percent:
		m.Percent, err = strconv.ParseFloat(number, 64)
		if err == nil && m.Percent > 0 && m.Percent <= 100 {
			return m, nil
		}
	default:
		m.Rows, err = strconv.Atoi(number)
		if err == nil && m.Rows > 0 {
			return m, nil
		}
	}
	return MaxFailures{}, fmt.Errorf("%q is neither a number of rows, from 1 up, nor a percentage, such as 50 or 5%%", text)
}

// reached reports whether it is time to stop.
func (m MaxFailures) reached(bad, judged int) bool {
	return m.Rows > 0 && bad >= m.Rows ||
		m.Percent > 0 && judged >= percentFrom && float64(bad)*100 >= m.Percent*float64(judged)
}

// Window is how many rows may be read and not yet written. It bounds the memory
// of a run.
const Window = 100_000

// windowBytes bounds the window for rows that are much longer than those in a
// list of phones.
const windowBytes = 256 << 20

// Check reports what is wrong with the numbers of a configuration.
func (c Config) Check() error {
	switch {
	case c.BatchSize < 1:
		return errors.New("--batch-size must be 1 or more")
	case c.BatchSize > Window:
		return fmt.Errorf("--batch-size must be %d or less", Window)
	case c.Workers < 1 || c.Workers > 1000:
		return errors.New("--workers must be from 1 to 1000")
	case !(c.Rate > 0 && c.Rate <= 1e6): // NaN too
		return errors.New("--rate must be more than 0 calls a second, and at most 1000000; 0.5 is one call every two seconds")
	case c.Burst < 1 || c.Burst > 1e6:
		return errors.New("--burst must be 1 or more")
	case c.MaxAttempts < 1 || c.MaxAttempts > 1000:
		return errors.New("--max-attempts must be from 1 to 1000")
	case c.GiveUpAfter <= 0:
		return errors.New("--give-up-after must be longer than 0s")
	}
	return nil
}
