package csvio

import (
	"cmp"
	"fmt"
	"maps"
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
// URL, an action, or which devices are wanted at all. To leave them out without a
// word would bind phones to something else than the file says.
type unread struct {
	format  *Format
	action  batch.Action // what is done with the devices
	columns []int        // the user's columns that are read for nothing
	devices int          // rows with a MAC
	urls    []int        // of them those that have a URL there, by columns; nil: not looked for
	actions []int        // those that have an action there; -1: something else, and no removal; nil: not looked for
	marks   []marks      // by columns; nil: none is named as if it marked devices
}

// marks count the devices that a column marks, in other words than an action's.
type marks struct {
	yes, no   map[string]bool // cells that mark one as wanted and as not; nil: none does
	dates     bool            // the date of a removal marks one, too
	kept, out int             // devices that they mark
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
func newUnread(f *Format, action batch.Action) unread {
	u := unread{format: f, action: action, columns: f.unread}
	if f.lacks[roleURL] {
		u.urls = make([]int, len(u.columns))
	}
	if f.lacks[roleAction] {
		u.actions = make([]int, len(u.columns))
	}
	if f.lacks[roleAction] && action != batch.Check {
		all := make([]marks, len(u.columns))
		for i, column := range u.columns {
			if all[i] = marksOf(f.Columns[column]); all[i].no != nil {
				u.marks = all
			}
		}
	}
	return u
}

// marksOf returns what marks a device in a column of a name.
func marksOf(column string) marks {
	name := plainName(column)
	isRemoval := func(word string) bool { return removalWords[plainName(word)] }
	switch {
	case removalWords[name]:
		return marks{no: markWords, dates: true}
	case slices.ContainsFunc(strings.FieldsFunc(column, isDivider), isRemoval): // deleted_at, perhaps
		return marks{no: removalWords, dates: true}
	case wantedWords[name]:
		return marks{yes: yesWords, no: noWords}
	case statusWords[name]:
		return marks{no: removalWords}
	}
	return marks{}
}

// row looks at a row.
func (u *unread) row(row *batch.Row, comma byte) {
	if row.Blank || row.Device.MAC == (rps.MAC{}) {
		return
	}
	u.devices++
	mayHave := u.marks != nil || u.urls != nil && strings.Contains(row.Raw, ":/")
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
	if u.marks != nil && value != "" {
		u.marks[i].count(value)
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

// count counts a device by its cell.
func (m *marks) count(cell string) {
	word := cmp.Or(plainName(cell), cell)
	switch {
	case m.no == nil:
	case m.no[word], m.dates && isDate(cell):
		m.out++
	case m.yes[word]:
		m.kept++
	}
}

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}

// The words, as plainName leaves them, that say of a device, or in the name of a
// column, that it is to go or has gone. What a PBX says of a phone, such as
// unregistered, is none of them.
var removalWords = wordSet(`delete deleted todelete isdeleted remove removed removal toremove deregister returned cancelled canceled
	decommissioned scrapped stolen lost retired disposed inactive disabled isdisabled
	inaktiv deaktiviert inactif desactive inactivo desactivado
	loschen geloscht loschung zuloschen entfernen entfernt abmelden abgemeldet abmeldung gekundigt kundigung storniert
	retour retoure retourniert zuruckgeschickt ausgemustert stillgelegt verschrottet gestohlen
	supprimer supprime asupprimer retirer retire resilie annule retourne vole
	eliminar eliminado borrar borrado cancelado devuelto retirado
	eliminare eliminato rimuovere rimosso restituito verwijderen verwijderd remover removido`)

// statusWords are names of columns that may say it.
var statusWords = wordSet(`status state condition lifecycle zustand etat statut estado stato toestand`)

// wantedWords are names of columns that say which devices are wanted.
var wantedWords = wordSet(`active isactive enabled isenabled register keep provision inuse
	aktiv aktiviert registrieren anmelden behalten inbetrieb actif active enregistrer garder
	activo registrar attivo registrare actief`)

var (
	yesWords  = wordSet(`x yes y true 1 ja j wahr oui o vrai si s verdadero vero sim ✓ ✔ ☑ ×`)
	noWords   = wordSet(`no n false 0 nein falsch non faux falso nee nao ✗ ✘ ☒`)
	markWords = wordSet(strings.Join(slices.Collect(maps.Keys(yesWords)), " ") + " ✗ ✘ ☒")
)

// removes is more than any number of rows.
const removes = math.MaxInt

// mayAct reports whether a record may have an action in a cell.
func mayAct(record string) bool {
	return strings.Contains(record, "egister") || strings.Contains(record, "EGISTER")
}

// err returns what must be decided before anything is sent: URLs in at least half
// of the rows, a column of nothing but actions, or a single removal.
func (u *unread) err() error {
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
			name, arg := u.place(i)
			names = append(names, name)
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
	return u.markedErr()
}

// place returns a column for messages, and as the value of a flag.
func (u *unread) place(i int) (shown, arg string) {
	column := u.columns[i]
	number := strconv.Itoa(column + 1)
	header := newHeader(u.format.Columns[column : column+1])
	name := header.shown()[0]
	if u.format.NoHeader || name == "" || name != u.format.Columns[column] {
		return "(column " + number + ")", number
	}
	arg = strconv.Quote(name)
	return arg + " (column " + number + ")", arg
}

// markedErr returns the error about a column that divides the devices: some are
// marked as wanted, or some as not. For a removal all may be marked as not wanted.
func (u *unread) markedErr() error {
	for i, m := range u.marks {
		out := m.out
		if out == 0 && m.kept > 0 {
			out = u.devices - m.kept
		}
		if out == 0 || out == u.devices && u.action == batch.Deregister {
			continue
		}
		name, _ := u.place(i)
		are := "are"
		if out == 1 {
			are = "is"
		}
		return &FileError{Reason: fmt.Sprintf("%s seems to say which devices are wanted, but is not read: %d of %d devices %s not", name, out, u.devices, are),
			Hint: "remove the rows that are not meant, or say register or deregister in a column action; if all rows are meant, use " + columnFlag(roleAction, noColumn)}
	}
	return nil
}
