package xlsx

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
)

const (
	maxMerges = 1 << 20
	// Total work for merged ranges: one step for each row and range that meet.
	maxMergeSteps = 1 << 27
)

// A span is a merged range.
type span struct {
	top, bottom int32
	left, right int16
}

// readMerges reads the merged ranges of a sheet and sorts them by first row.
func readMerges(s *scanner) (spans []span, err error) {
	err = s.each(func() error {
		from, to, found := bytes.Cut(s.attr("ref"), []byte(":"))
		if !found {
			return nil // a single cell
		}
		row1, column1, ok1 := parseRef(from)
		row2, column2, ok2 := parseRef(to)
		if !ok1 || !ok2 {
			return errors.New("a merged range has an invalid reference")
		}
		spans = append(spans, span{int32(min(row1, row2)), int32(max(row1, row2)), int16(min(column1, column2)), int16(max(column1, column2))})
		if len(spans) > maxMerges {
			return tooManyMerges()
		}
		return nil
	})
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.top, b.top), cmp.Compare(a.left, b.left)) })
	return spans, err
}

func tooManyMerges() error { return tooLarge("a sheet has too many merged cells") }

// A merger applies merged ranges to rows, which must come in order.
type merger struct {
	spans  []span      // not yet reached
	active []mergeCell // that contain the current row, by column
	spare  []mergeCell
	cells  []Cell
	steps  int
}

type mergeCell struct {
	span
	value Cell // of the first cell; its type is 0 if that is empty
}

// apply adds merged cells to a row and removes the cells they cover. It reports
// whether the row has any other cell.
func (m *merger) apply(row *Row) (own bool, err error) {
	n := int32(row.Number)
	if len(m.spans) > 0 && m.spans[0].top <= n || slices.ContainsFunc(m.active, func(c mergeCell) bool { return c.bottom < n }) {
		if err := m.advance(n); err != nil {
			return false, err
		}
	}
	if len(m.active) == 0 {
		return true, nil
	}
	if m.steps += len(m.active); m.steps > maxMergeSteps {
		return false, tooManyMerges()
	}
	left, cells := row.Cells, m.cells[:0]
	for i := range m.active {
		merged := &m.active[i]
		for len(left) > 0 && left[0].Column < int(merged.left) {
			cells, left, own = append(cells, left[0]), left[1:], true
		}
		switch {
		case n == merged.top && len(left) > 0 && left[0].Column == int(merged.left):
			left[0].Across = int(merged.right - merged.left)
			merged.value = left[0]
			merged.value.Merged = true
			cells, own = append(cells, left[0]), true
		case n > merged.top && merged.value.Type != 0:
			cells = append(cells, merged.value)
		}
		for len(left) > 0 && left[0].Column <= int(merged.right) {
			left = left[1:]
		}
	}
	own = own || len(left) > 0
	cells = append(cells, left...)
	m.cells, row.Cells = row.Cells, cells
	return own, nil
}

// advance activates the ranges that contain row n.
func (m *merger) advance(n int32) error {
	next := m.spare[:0]
	for _, c := range m.active {
		if c.bottom >= n {
			next = append(next, c)
		}
	}
	for ; len(m.spans) > 0 && m.spans[0].top <= n; m.spans = m.spans[1:] {
		if m.spans[0].bottom >= n {
			next = append(next, mergeCell{span: m.spans[0]})
		}
	}
	slices.SortFunc(next, func(a, b mergeCell) int { return cmp.Compare(a.left, b.left) })
	for i := 1; i < len(next); i++ {
		if next[i].left <= next[i-1].right {
			return errors.New("merged ranges overlap at cell " + cellName(int(n), int(next[i].left)))
		}
	}
	m.steps += len(next)
	m.active, m.spare = next, m.active
	return nil
}
