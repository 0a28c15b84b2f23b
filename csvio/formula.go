package csvio

import "strings"

// formulaStarts are the characters with which a spreadsheet begins a formula, and
// cellEnds those that some program takes for the end of a cell. A cell may begin
// with any of beforeFormula and still be a formula.
const (
	formulaStarts = "=+-@\t\r＝＋－＠"
	cellEnds      = ",;|\t\r\n"
	beforeFormula = "\"' "
)

// guarded puts an apostrophe before what a spreadsheet takes for a formula: at
// the start of a text, and wherever a program using another delimiter starts a
// cell in it.
func guarded(text string) string {
	at := formulas(text)
	if at == nil {
		return text
	}
	var b strings.Builder
	done := 0
	for _, i := range at {
		b.WriteString(text[done:i])
		b.WriteByte('\'')
		done = i
	}
	b.WriteString(text[done:])
	return b.String()
}

// unguarded is the inverse of guarded.
func unguarded(text string) string {
	var b strings.Builder
	done := 0
	for _, i := range formulas(text) {
		if i > 0 && text[i-1] == '\'' {
			b.WriteString(text[done : i-1])
			done = i
		}
	}
	return b.String() + text[done:]
}

// formulas returns where a program may see the start of a formula in a text.
func formulas(text string) (at []int) {
	if isPlain(text) || !strings.ContainsAny(text, formulaStarts) {
		return nil
	}
	begins := true // a cell, here
	for i, r := range text {
		if begins && strings.ContainsRune(formulaStarts, r) {
			at = append(at, i)
		}
		begins = strings.ContainsRune(cellEnds, r) || begins && strings.ContainsRune(beforeFormula, r)
	}
	return at
}

// isPlain reports whether a text is surely neither quoted nor guarded: it has no
// byte that can end a cell, and begins and ends with none that matters there. Most
// of our cells are such, for one look at each byte.
func isPlain(text string) bool {
	for i := range len(text) {
		if !insideCell[text[i]] {
			return false
		}
	}
	return text == "" || atCellEnds[text[0]] && atCellEnds[text[len(text)-1]]
}

const wordBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:()"

var atCellEnds, insideCell = byteSet(wordBytes), byteSet(wordBytes + "- +=@")
