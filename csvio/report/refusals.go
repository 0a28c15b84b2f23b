package report

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"rpsbatch/batch"
)

// A Refusal is why rows did not succeed, without the parts of its text that
// differ between rows.
type Refusal struct {
	Status   batch.Status
	Fate     batch.Status
	Text     string // "" if the rows have no detail
	Rows     int
	Examples []Example // the first few rows
}

// An Example names a row.
type Example struct {
	Line int
	MAC  string // "" if the row has none that can be read
}

const (
	// How many texts are distinguished. A service that puts its own number into
	// each would fill memory otherwise.
	maxRefusals = 5000
	maxExamples = 3
)

type refusalKey struct {
	status, fate batch.Status
	text         string
}

type refusals struct {
	by    map[refusalKey]*Refusal
	other int // rows with texts that came after there were too many
}

func (r *refusals) add(status, fate batch.Status, text string, example Example) {
	key := refusalKey{status, fate, text}
	refusal := r.by[key]
	if refusal == nil {
		if len(r.by) >= maxRefusals {
			r.other++
			return
		}
		key.text = strings.Clone(text)
		refusal = &Refusal{Status: status, Fate: fate, Text: key.text}
		r.by[key] = refusal
	}
	refusal.Rows++
	if len(refusal.Examples) < maxExamples {
		example.MAC = strings.Clone(example.MAC)
		refusal.Examples = append(refusal.Examples, example)
	}
}

// Refusals returns the most common first. rest is the number of rows whose texts
// were too many to distinguish.
func (t *Tally) Refusals() (list []Refusal, rest int) {
	for _, r := range t.refusals.by {
		list = append(list, *r)
	}
	slices.SortFunc(list, func(a, b Refusal) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Examples[0].Line, b.Examples[0].Line), cmp.Compare(a.Text, b.Text))
	})
	return list, t.refusals.other
}

// What differs between rows that were refused for the same reason: MACs in any
// form that the service uses, a list of which counts as one, because it depends
// on the call; and line numbers.
var (
	macsInText = regexp.MustCompile(`\b` + macInText + `(?:[,; ]+` + macInText + `)*`)
	lineInText = regexp.MustCompile(`\bline [0-9]+`)
)

const macInText = `(?:[0-9A-Fa-f]{12}|[0-9A-Fa-f]{2}(?:(?:-[0-9A-Fa-f]{2}){5}|(?::[0-9A-Fa-f]{2}){5}|(?: [0-9A-Fa-f]{2}){5})|[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2})\b`

// refusalText returns a detail without what differs between rows.
func refusalText(detail string) string {
	text := macsInText.ReplaceAllLiteralString(detail, "MAC")
	if strings.Contains(text, "line ") {
		text = lineInText.ReplaceAllLiteralString(text, "line N")
	}
	return clipped(text, longestDetail)
}
