package csvio

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"rpsbatch/batch"
)

// longServer is the length of a server's name in characters above which the user
// is warned: another client of the service cuts names there.
const longServer = 20

// A Warning is about rows that are sent as they are, but may not be meant so.
type Warning struct {
	Text     string
	Count    int      // what Examples has the first few of
	Examples []string // lines, addresses or names
}

// String returns the warning in one line.
func (w Warning) String() string {
	text := w.Text + ": " + strings.Join(w.Examples, ", ")
	if more := w.Count - len(w.Examples); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// A Watch looks for what may go wrong with the rows of a file that are sent.
type Watch struct {
	file    *File
	blocks  Blocks
	merged  Warning // rows with values of merged cells
	skipped Warning // hidden rows, and crossed-out ones
	surplus Warning // rows with cells beyond the header
	foreign Warning // addresses
	long    Warning // names of servers, each once
	dates   Warning
	seen    map[string]bool
	last    string // the name looked at last
	lacking int    // rows that name neither a server nor a URL
	unread  unread
	sheet   string // that unread is about, if several are read
	err     error  // about those before it
}

// Watch returns a Watch for the rows of the file.
func (f *File) Watch() *Watch {
	return &Watch{file: f, blocks: f.opts.blocks(), unread: newUnread(&f.format, f.opts.Action)}
}

// blocks returns the blocks of addresses that phones have.
func (o *Options) blocks() Blocks { return append(Yealink[:len(Yealink):len(Yealink)], o.Blocks...) }

// Row looks at a row.
func (w *Watch) Row(row *batch.Row) {
	if w.file != nil {
		if row.Sheet != w.sheet {
			w.next(row.Sheet)
		}
		w.unread.row(row, w.file.format.Comma)
	}
	if row.Problem != "" && slices.ContainsFunc(row.Faults, func(f batch.Fault) bool { return f.Kind == kindNoTarget }) {
		w.lacking++
	}
	place := func() string { return w.file.Place() + " " + row.Place() }
	if row.MergedRead && !row.Blank {
		w.merged.add(place)
	}
	if row.Skipped {
		w.skipped.add(place)
	}
	if row.Problem != "" || row.Pass || row.Blank {
		return
	}
	if row.Surplus {
		w.surplus.add(place)
	}
	if row.Device.Action != batch.AddServer && !w.blocks.Has(row.Device.MAC) {
		w.foreign.add(func() string { return row.Device.MAC.String() })
	}
	if name := row.Device.Server; name != w.last {
		w.last = name
		w.name(name)
	}
}

// next begins with the rows of another sheet.
func (w *Watch) next(sheet string) {
	if format := w.file.sheetFormat(sheet); format != nil {
		w.err = w.unreadErr()
		w.unread, w.sheet = newUnread(format, w.file.opts.Action), sheet
	}
}

// Missing says that the file has no server column, if rows need one.
func (w *Watch) Missing() string {
	if w.lacking == 0 || w.file.format.hasServers {
		return ""
	}
	name := "NAME"
	if w.file.format.NoHeader {
		name = "NUMBER"
	}
	return "no column for the server was found: name it with " + columnFlag(roleServer, name) + ", or use " + flagServer + " NAME"
}

// Err returns a *FileError if a column that is not read holds what the rows seem
// to ask for.
func (w *Watch) Err() error { return w.file.named(w.unreadErr()) }

// unreadErr returns the first such error in the sheets so far.
func (w *Watch) unreadErr() error {
	if w.err != nil {
		return w.err
	}
	err := w.unread.err()
	if w.sheet != "" {
		return inSheet(err, w.sheet)
	}
	return err
}

// name looks at the name of a server.
func (w *Watch) name(name string) {
	const most = 1000 // names that are kept
	long := len(name) > longServer && utf8.RuneCountInString(name) > longServer
	if !long && !looksSpoilt(name) || len(w.seen) == most || w.seen[name] {
		return
	}
	if w.seen == nil {
		w.seen = map[string]bool{}
	}
	name = strings.Clone(name) // not the whole record
	w.seen[name] = true
	if long {
		w.long.add(func() string { return name })
	} else {
		w.dates.add(func() string { return name })
	}
}

// looksSpoilt reports whether the name of a server looks like a date or a decimal
// number, which is what a spreadsheet makes of 1-2 and a program of 42.
func looksSpoilt(name string) bool {
	if name == "" || !isDigits(name[:1]) && !(len(name) == len("Jan-26") && name[3] == '-') {
		return false // most names, at the price of one comparison
	}
	whole, decimals, ok := strings.Cut(name, ".")
	return ok && isDigits(whole) && isDigits(decimals) && strings.Trim(decimals, "0") == "" || isDate(name)
}

func (w *Warning) add(example func() string) {
	const most = 5
	if w.Count++; w.Count <= most {
		w.Examples = append(w.Examples, example())
	}
}

// Warnings returns what has been seen.
func (w *Watch) Warnings() (all []Warning) {
	surplus := "rows have cells where the header has no name: an unquoted delimiter may have shifted them"
	if w.file != nil && w.file.book != nil {
		surplus = "rows have cells where the header has no name, which are not read"
	}
	for _, of := range []struct {
		seen *Warning
		text string
	}{
		{&w.merged, "rows have the value of a merged cell"},
		{&w.skipped, "hidden or crossed-out rows are skipped (" + flagHidden + " send sends them)"},
		{&w.surplus, surplus},
		{&w.foreign, "addresses are outside Yealink's blocks, and are sent anyway (" + flagVendor + " declares an expected block)"},
		{&w.long, fmt.Sprintf("server names have more than %d characters: the service may have shortened them", longServer)},
		{&w.dates, "server names look like a date or a decimal number that a spreadsheet made from something else"},
	} {
		if of.seen.Count > 0 {
			of.seen.Text = of.text
			all = append(all, *of.seen)
		}
	}
	return all
}
