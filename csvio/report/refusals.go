package report

import (
	"cmp"
	"slices"
	"strings"

	"rpsbatch/batch"
)

// A Refusal is why rows did not succeed, with what differs from row to row
// taken out of its text.
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
	// How many texts are told apart. A service that puts a number of its own
	// into each would fill memory otherwise.
	maxRefusals = 5000
	maxExamples = 3
)

type refusalKey struct {
	status, fate batch.Status
	text         string
}

type refusals struct {
	by    map[refusalKey]*Refusal
	other int // rows with texts that came when there were too many
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

// Refusals returns the commonest first. rest is the number of rows whose texts
// were too many to tell apart.
func (t *Tally) Refusals() (list []Refusal, rest int) {
	for _, r := range t.refusals.by {
		list = append(list, *r)
	}
	slices.SortFunc(list, func(a, b Refusal) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Examples[0].Line, b.Examples[0].Line), cmp.Compare(a.Text, b.Text))
	})
	return list, t.refusals.other
}

// refusalText takes out of a detail what differs between rows that were refused
// for the same: MACs become MAC, several in a row one; the number of a line
// becomes N.
func refusalText(detail string) string {
	var b strings.Builder
	last := -1 // where b is behind a MAC
	word := false
	for i := 0; i < len(detail); {
		n := 0
		if !word {
			n = macLength(detail[i:])
		}
		switch {
		case n > 0:
			if last < 0 || strings.Trim(b.String()[last:], ",; ") != "" {
				b.WriteString("MAC")
				last = b.Len()
			} else { // a list of them is as long as the call that was refused
				kept := b.String()[:last]
				b.Reset()
				b.WriteString(kept)
			}
			i += n
			word = true
			continue
		case !word && strings.HasPrefix(detail[i:], "line ") && digits(detail[i+len("line "):]) > 0:
			b.WriteString("line N")
			i += len("line ")
			i += digits(detail[i:])
			continue
		}
		word = isWord(detail[i])
		b.WriteByte(detail[i])
		i++
	}
	return clipped(b.String(), longestDetail)
}

func digits(text string) int {
	n := 0
	for n < len(text) && '0' <= text[n] && text[n] <= '9' {
		n++
	}
	return n
}

// macLength returns the length of the MAC that a text begins with, in any of the
// forms that the service uses; 0 if it begins with none.
func macLength(text string) int {
	for _, form := range macForms {
		if len(text) < len(form) || len(text) > len(form) && isWord(text[len(form)]) {
			continue
		}
		same := true
		for i := 0; same && i < len(form); i++ {
			if form[i] == 'x' {
				same = isHex(text[i])
			} else {
				same = text[i] == form[i]
			}
		}
		if same {
			return len(form)
		}
	}
	return 0
}

var macForms = []string{
	"xxxxxxxxxxxx", "xx-xx-xx-xx-xx-xx", "xx:xx:xx:xx:xx:xx", "xx xx xx xx xx xx", "xxxx.xxxx.xxxx",
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func isWord(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= 0x80
}
