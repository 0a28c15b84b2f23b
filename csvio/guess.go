package csvio

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// guessHeader returns the meaning and names of the columns of a file without a
// header: those of their roles, and "column 4" for the others. Options.Columns
// has numbers. What they leave open is found in the first records:
//
//   - the MAC is the column in which one of them has the MAC of a phone; two
//     such are an error, and addresses of other makers decide nothing,
//   - the URL is the first in which one of them has a URL,
//   - the action is the first in which one of them has register or deregister,
//   - the server is the next column behind the MAC that is neither, unless
//     Options have a server for all rows: it is then more likely a model,
//   - if none of them has a URL, it is the next column behind the server,
//     provided that all of them leave that blank: a URL that comes later must
//     not be overlooked.
//
// This does not depend on the command, so that a result has the same names
// whatever was done.
func (r *Reader) guessHeader(records []sampled) (header, error) {
	g := &guess{r: r, records: records, header: newHeader(nil)}
	for _, record := range records {
		g.width = max(g.width, len(record.names))
	}
	if err := checkRoles(r.opts.Columns); err != nil {
		return header{}, err
	}
	err := g.takeNumbers()
	if err == nil && g.at[roleMAC] < 0 {
		err = g.findMAC()
	}
	if err != nil {
		return header{}, err
	}
	g.findTargets()
	for i := range g.width {
		name := "column " + strconv.Itoa(i+1)
		if of := slices.Index(g.at[:], i); of >= 0 {
			name = roleNames[of]
		}
		g.names, g.ours = append(g.names, name), append(g.ours, -1)
	}
	return g.header, nil
}

// A guess is a header that is being guessed.
type guess struct {
	r       *Reader
	records []sampled
	width   int // columns
	header
}

func (g *guess) fail(reason, hint string) error {
	shown := newHeader(g.records[0].names)
	return &FileError{Line: g.records[0].line, Columns: shown.shown(), Reason: reason, Hint: hint}
}

func (g *guess) taken(i int) bool { return slices.Contains(g.at[:], i) }

// holding returns the columns without a role in which some record has a right
// cell.
func (g *guess) holding(right func(string) bool) (found []int) {
	for i := range g.width {
		if !g.taken(i) && slices.ContainsFunc(g.records, func(record sampled) bool {
			return i < len(record.names) && right(record.names[i])
		}) {
			found = append(found, i)
		}
	}
	return found
}

// takeNumbers takes the columns that Options.Columns name by their numbers.
func (g *guess) takeNumbers() error {
	for of, name := range roleNames {
		wanted, ok := g.r.opts.Columns[name]
		if !ok || g.r.isNone(role(of)) {
			continue
		}
		const most = 1 << 14 // columns of a spreadsheet
		number, err := strconv.Atoi(wanted)
		switch {
		case err != nil || number < 1 || number > most:
			return g.fail(fmt.Sprintf("there is no header to name a column %q", wanted), "use its number, such as "+columnFlag(role(of), "2"))
		case g.taken(number - 1):
			return g.fail(fmt.Sprintf("column %d is used for two roles", number), "use a different number for each "+flagColumn)
		}
		g.at[of], g.width = number-1, max(g.width, number)
	}
	return nil
}

// findMAC finds the column of the MACs.
func (g *guess) findMAC() error {
	switch found := g.holding(g.r.macs.isPhone); {
	case len(found) > 1:
		return g.fail(fmt.Sprintf("there is no header, and columns %d and %d both have MACs", found[0]+1, found[1]+1),
			"say which with "+columnFlag(roleMAC, strconv.Itoa(found[0]+1)))
	case len(found) == 1:
		g.at[roleMAC] = found[0]
		return nil
	}
	reason, column := "there is no header, and no cell of the first records has a MAC", "2"
	if others := g.holding(g.r.macs.isMAC); others != nil {
		reason += " of Yealink's blocks of addresses"
		column = strconv.Itoa(others[0] + 1)
	}
	return g.fail(reason, "name the MAC column by its number, such as "+columnFlag(roleMAC, column))
}

// findTargets finds the columns of URLs, actions and servers, as far as there are
// any.
func (g *guess) findTargets() {
	find := func(of role, right func(string) bool) {
		if found := g.holding(right); g.at[of] < 0 && found != nil && !g.r.isNone(of) {
			g.at[of] = found[0]
		}
	}
	find(roleURL, isURL)
	find(roleAction, func(cell string) bool { _, ok := actionOf(cell); return ok })
	if g.at[roleServer] < 0 && g.r.opts.Server == "" && !g.r.isNone(roleServer) {
		g.at[roleServer] = g.next(g.at[roleMAC])
	}
	if server := g.at[roleServer]; server >= 0 && g.at[roleURL] < 0 && !g.r.isNone(roleURL) {
		if i := g.next(server); i >= 0 && !slices.Contains(g.holding(filled), i) {
			g.at[roleURL] = i
		}
	}
}

// next returns the first column without a role behind one; -1 if there is none.
func (g *guess) next(i int) int {
	for i++; i < g.width; i++ {
		if !g.taken(i) {
			return i
		}
	}
	return -1
}

// eachLineQuoted reports whether every record is one quoted cell that has cells
// of its own, as programs write it that take a line for a cell.
func eachLineQuoted(records []sampled) bool {
	for _, record := range records {
		if len(record.names) != 1 || !strings.HasPrefix(record.raw, `"`) || !strings.ContainsAny(record.names[0], commas) {
			return false
		}
	}
	return len(records) > 1
}
