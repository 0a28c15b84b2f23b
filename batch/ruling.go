package batch

import "fmt"

// A ruling is what the file alone decides about a row.
type ruling struct {
	kind   rulingKind
	detail string // what is wrong, or which row it follows
	leads  bool   // other rows follow it
}

type rulingKind uint8

const (
	rulingSent     rulingKind = iota
	rulingBlank               // no device
	rulingPassed              // not rerun
	rulingInvalid             // the row is wrong
	rulingConflict            // other rows want something else of the device
	rulingFollows             // another row asks for the same
)

// verdict returns the verdict of a row that is not sent.
func (r ruling) verdict() Verdict {
	switch r.kind {
	case rulingInvalid:
		return Verdict{Status: Invalid, Detail: r.detail}
	case rulingConflict:
		return Verdict{Status: Conflict, Detail: r.detail}
	case rulingFollows:
		return Verdict{Status: Duplicate, Detail: r.detail}
	}
	return Verdict{}
}

// ruling returns what the file decides about a row. Rows that are rerun may
// follow one that is passed.
func (s *Survey) ruling(n int, row *Row) ruling {
	switch {
	case row.Blank && row.Pass:
		return ruling{kind: rulingPassed}
	case row.Blank:
		return ruling{kind: rulingBlank}
	case row.Pass && row.Problem != "":
		return ruling{kind: rulingPassed}
	case row.Problem != "":
		return ruling{kind: rulingInvalid, detail: row.Problem}
	}
	r := s.ofRepeated(n, row)
	if row.Pass {
		return ruling{kind: rulingPassed, leads: r.leads}
	}
	return r
}

// ofRepeated returns the ruling on a good row, given the other rows of its
// device.
func (s *Survey) ofRepeated(n int, row *Row) ruling {
	key := row.Device.key()
	if len(s.repeats) == 0 || !s.repeated.Contains(key) {
		return ruling{}
	}
	r, uses := s.repeat(key)
	leader := s.uses[r.leader]
	name := row.Device.keyName()
	switch kind := s.among(r, uint32(n), s.target(&row.Device)); {
	case kind == rulingSent:
		return ruling{leads: true}
	case kind == rulingFollows:
		return ruling{kind: kind, detail: fmt.Sprintf("the same %s and target as line %s", name, s.place(leader))}
	case s.policy == ConflictRefuse:
		return ruling{kind: kind, detail: fmt.Sprintf("the same %s with other targets: %s", name, s.describe(uses, n))}
	default:
		return ruling{kind: kind, detail: fmt.Sprintf("the same %s with another target, and --on-conflict chose that one: %s", name, s.describe([]use{leader}, n))}
	}
}

// among returns what happens to one of the rows of a repeat.
func (s *Survey) among(r repeat, row uint32, target uint64) rulingKind {
	switch leader := s.uses[r.leader]; {
	case r.conflict && s.policy == ConflictRefuse:
		return rulingConflict
	case row == leader.row:
		return rulingSent
	case target == leader.target:
		return rulingFollows
	}
	return rulingConflict
}
