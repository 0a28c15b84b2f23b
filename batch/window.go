package batch

// slot is a row that was read and is not yet written.
type slot struct {
	row     Row
	verdict Verdict
	settled bool
	sent    bool   // it needs a call
	follows string // which row's fate it shares, in words; "": none's
	leads   bool   // rows follow it
	was     string // where it was bound, if it was looked up for Run.Before
	reach   reach
}

// window holds the slots in input order.
type window struct {
	slots []slot
	head  int // slots before it are written
	base  int // number of the row at head
	bytes int // of the rows from head
}

// full reports whether there is no room for another row.
func (w *window) full() bool { return w.len() >= Window || w.bytes >= windowBytes }

func (w *window) len() int         { return len(w.slots) - w.head }
func (w *window) empty() bool      { return w.len() == 0 }
func (w *window) at(row int) *slot { return &w.slots[w.head+row-w.base] }
func (w *window) first() *slot     { return &w.slots[w.head] }

// push adds an empty slot and returns it.
func (w *window) push() *slot {
	if len(w.slots) == cap(w.slots) && w.head > len(w.slots)/2 {
		n := copy(w.slots, w.slots[w.head:])
		clear(w.slots[n:])
		w.slots, w.head = w.slots[:n], 0
	}
	if n := len(w.slots); n < cap(w.slots) { // what is there is empty
		w.slots = w.slots[:n+1]
	} else {
		w.slots = append(w.slots, slot{})
	}
	return &w.slots[len(w.slots)-1]
}

// drop removes the last slot.
func (w *window) drop() {
	last := len(w.slots) - 1
	w.slots[last] = slot{}
	w.slots = w.slots[:last]
}

func (w *window) pop() {
	w.bytes -= len(w.first().row.Raw)
	w.slots[w.head] = slot{}
	w.head++
	w.base++
}

// unsettled calls do with the number and the slot of each row without a verdict.
func (w *window) unsettled(do func(row int, s *slot)) {
	for i := w.head; i < len(w.slots); i++ {
		if s := &w.slots[i]; !s.settled {
			do(w.base+i-w.head, s)
		}
	}
}
