package csvio

import (
	"errors"
	"fmt"
	"strings"
)

// A FileError says what is wrong with a file as a whole.
type FileError struct {
	Line    int      // physical line; 0 if it is about no single line
	Row     bool     // Line is a row of a sheet
	Columns []string // its columns, if the header is at fault; a name that is a URL may be a secret, and is left out
	Reason  string
	Hint    string // what to do about it
	Empty   bool   // the file is empty
}

// Error returns what is wrong, without Hint.
func (e *FileError) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		fmt.Fprintf(&b, "%s %d: ", placeWord(e.Row), e.Line)
	}
	b.WriteString(e.Reason)
	if len(e.Columns) > 0 {
		b.WriteString("; columns seen: " + listed(e.Columns))
	}
	return b.String()
}

func placeWord(row bool) string {
	if row {
		return "row"
	}
	return "line"
}

// asRow turns an error about a line into one about a row of a sheet.
func asRow(err error) error {
	var file *FileError
	if errors.As(err, &file) {
		file.Row = true
	}
	return err
}

func listed(names []string) string {
	const most = 20
	var b strings.Builder
	for i, name := range names {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(names)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", name)
	}
	return b.String()
}

// The command line's flags that hints name. Nothing else here knows how [Options]
// are set.
const (
	flagColumn    = "--column"
	flagDelimiter = "--delimiter"
	flagEncoding  = "--encoding"
	flagNoHeader  = "--no-header"
	flagRepair    = "--repair"
	flagServer    = "--server"
	flagSheet     = "--sheet"
	flagAllSheets = "--all-sheets"
	flagHidden    = "--hidden-rows"
	flagVendor    = "--vendor-prefix"
)

// columnFlag returns the flag that names the column of a role.
func columnFlag(r role, column string) string {
	return flagColumn + " " + roleNames[r] + "=" + column
}

// optionError says which flag is wrong, and why.
func optionError(flag, format string, args ...any) error {
	return fmt.Errorf("%s %w", flag, fmt.Errorf(format, args...))
}
