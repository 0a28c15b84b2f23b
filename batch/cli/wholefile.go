package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"rpsbatch/batch/durable"
	"rpsbatch/rps"
)

// A destination is what a command writes to: a file that appears only when it is
// complete, or standard output.
type destination interface {
	io.Writer
	Commit() error
	Discard() // does nothing after Commit
}

// stream is standard output as a destination.
type stream struct{ *bufio.Writer }

func (s stream) Commit() error { return s.Flush() }
func (stream) Discard()        {}

// openDestination begins a file that only its owner can read, or uses standard
// output for '-'. If the file cannot be written, that shows here, before the work
// is done.
func openDestination(stdout io.Writer, name string) (destination, error) {
	if name == standardStream {
		return stream{bufio.NewWriter(stdout)}, nil
	}
	return durable.Create(name, 0o600)
}

// cannotWrite says that something could not be written and what to do; flag is
// the flag that names its file.
func cannotWrite(what, flag, name string, err error) error {
	if name == standardStream {
		// The stream's own name means nothing to the user.
		if path := (*fs.PathError)(nil); errors.As(err, &path) {
			err = path.Err
		}
		return fmt.Errorf("cannot write %s to standard output: %w", what, err)
	}
	remedy := "name another file with " + flag
	if errors.Is(err, durable.ErrNotRegular) && flag != metricsFlag {
		remedy += ", or '-' for standard output"
	}
	if first := durable.Hint(err); first != "" {
		remedy = first + ", or " + remedy
	}
	return hint(fmt.Errorf("cannot write %s: %w", what, err), "%s", remedy)
}

// written prints a command's output to a stream, and reports whether that failed.
func written(stream io.Writer, what string, tell func(io.Writer)) error {
	out := bufio.NewWriter(stream)
	tell(printable{out})
	if err := out.Flush(); err != nil {
		return cannotWrite(what, "", standardStream, err)
	}
	return nil
}

// printable is a stream for people. In text that is written at once, only line
// ends affect a terminal.
type printable struct{ io.Writer }

func (p printable) Write(text []byte) (int, error) {
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		lines[i] = rps.Printable(line)
	}
	if _, err := io.WriteString(p.Writer, strings.Join(lines, "\n")); err != nil {
		return 0, err
	}
	return len(text), nil
}

// say prints a line for a person to standard error.
func (s Streams) say(format string, args ...any) {
	fmt.Fprintf(printable{s.Err}, format+"\n", args...)
}

// errorText returns the words of an error. Joined errors have a line each; any
// other line end comes from a name or a cell.
func errorText(err error) string {
	text := err.Error()
	switch inner := err.(type) {
	case interface{ Unwrap() error }:
		if next := inner.Unwrap(); next != nil && next.Error() == text {
			return errorText(next)
		}
	case interface{ Unwrap() []error }:
		var lines, plain []string
		for _, one := range inner.Unwrap() {
			if one != nil {
				lines, plain = append(lines, errorText(one)), append(plain, one.Error())
			}
		}
		if strings.Join(plain, "\n") == text {
			return strings.Join(lines, "\n")
		}
	}
	return rps.Printable(text)
}

// writeJSON writes a value to a file that only its owner can read, or to standard
// output for '-'.
func writeJSON(stdout io.Writer, name string, value any) error {
	return writeWhole(stdout, name, func(w io.Writer) error {
		out := json.NewEncoder(w)
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		return out.Encode(value)
	})
}

// writeWhole writes a destination at once.
func writeWhole(stdout io.Writer, name string, write func(io.Writer) error) error {
	to, err := openDestination(stdout, name)
	if err != nil {
		return err
	}
	defer to.Discard()
	if err := write(to); err != nil {
		return err
	}
	return to.Commit()
}
