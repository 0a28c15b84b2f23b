package csvio

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"rpsbatch/batch"
	"rpsbatch/rps"
)

// noColumn is the value in Options.Columns for a role that no column is read for.
const noColumn = "none"

// unread looks for columns that are not read though they hold what rows ask for: a
// URL, or an action. To leave them out without a word would bind phones to
// something else than the file says.
type unread struct {
	format  *Format
	columns []int // the user's columns that are read for nothing
	devices int   // rows with a MAC
	urls    []int // of them those that have a URL there, by columns; nil: not looked for
	actions []int // those that have an action there; -1: something else, and no removal; nil: not looked for
}

// noteUnread notes which roles a file has no column for, and which columns have no
// role.
func (f *Format) noteUnread(h *header, t task, columns map[string]string) {
	reads := h.reads(t)
	for of, at := range h.at {
		f.lacks[of] = reads[of] && !t.servers && at < 0 && columns[roleNames[of]] != noColumn
	}
	for i, own := 0, 0; i < len(h.names); i++ {
		if h.isOurs(i) {
			continue
		}
		if !slices.Contains(h.at[:], i) {
			f.unread = append(f.unread, own)
		}
		own++
	}
}

// newUnread returns one for the rows of a file, or of one of its sheets.
func newUnread(f *Format) unread {
	u := unread{format: f, columns: f.unread}
	if f.lacks[roleURL] {
		u.urls = make([]int, len(u.columns))
	}
	if f.lacks[roleAction] {
		u.actions = make([]int, len(u.columns))
	}
	return u
}

// row looks at a row.
func (u *unread) row(row *batch.Row, comma byte) {
	if row.Blank || row.Device.MAC == (rps.MAC{}) {
		return
	}
	u.devices++
	mayHave := u.urls != nil && strings.Contains(row.Raw, ":/")
	mayHave = mayHave || u.actions != nil && mayAct(row.Raw)
	if !mayHave && !slices.ContainsFunc(u.actions, func(n int) bool { return n >= 0 }) {
		return // most rows, at the price of a look
	}
	text, more, next := row.Raw, true, 0
	for at := 0; more && next < len(u.columns); at++ {
		var own string
		if own, text, more = cutCell(text, comma); at == u.columns[next] {
			u.cell(next, tidy(unquoted(own)))
			next++
		}
	}
}

func (u *unread) cell(i int, value string) {
	if u.urls != nil && isURL(value) {
		u.urls[i]++
	}
	if u.actions == nil || value == "" {
		return
	}
	switch action, ok := actionOf(value); {
	case ok && action == batch.Deregister && u.actions[i] < removes:
		u.actions[i] = removes // whatever else is there: nobody writes that of a phone to be registered
	case u.actions[i] < 0 || u.actions[i] >= removes:
	case !ok:
		u.actions[i] = -1
	default:
		u.actions[i]++
	}
}

// removes is more than any number of rows.
const removes = math.MaxInt

// mayAct reports whether a record may have an action in a cell.
func mayAct(record string) bool {
	return strings.Contains(record, "egister") || strings.Contains(record, "EGISTER")
}

// err returns what must be decided before anything is sent: URLs in at least half
// of the rows, a column of nothing but actions, or a single removal.
func (u *unread) err() error {
	f := u.format
	for _, of := range []struct {
		role         role
		rows         []int
		least        int
		what, effect string
	}{
		{roleURL, u.urls, max(1, (u.devices+1)/2), "URLs", "phones would be bound without them"},
		{roleAction, u.actions, 1, "actions", "they would not be done"},
	} {
		var names []string
		flag := ""
		for i, rows := range of.rows {
			if rows < of.least {
				continue
			}
			number := strconv.Itoa(u.columns[i] + 1)
			header := newHeader(f.Columns[u.columns[i] : u.columns[i]+1])
			name := header.shown()[0]
			shown, arg := strconv.Quote(name), strconv.Quote(name)
			if f.NoHeader || name == "" || name != f.Columns[u.columns[i]] {
				shown, arg = "", number
			}
			names = append(names, strings.TrimSpace(shown+" (column "+number+")"))
			if flag == "" {
				flag = columnFlag(of.role, arg)
			}
		}
		if names == nil {
			continue
		}
		form := "%s holds %s but is not read: %s"
		if len(names) > 1 {
			form = "%s hold %s but are not read: %s"
		}
		return &FileError{Reason: fmt.Sprintf(form, strings.Join(names, ", "), of.what, of.effect),
			Hint: "give " + flag + " to read it, or " + columnFlag(of.role, noColumn) + " if that is meant"}
	}
	return nil
}
