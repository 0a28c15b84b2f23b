// Package durable writes files that are whole or not there, also after a power
// cut, and that nobody else has a hand in.
//
//   - [Create] writes a file beside its name and gives it the name when it is
//     whole: readers see all of the old file or all of the new one.
//   - [OpenPrivate] opens a file that is written in place, such as a journal.
//   - [TryLock] and [WaitLock] take locks that the kernel gives back, however the
//     process ends, and say who holds them.
//   - [TempFile] makes a file that does not outlive the process.
//
// The folders may be ones that others can write to, and the user may be root. So
// a file is opened without following a link in the last part of its name, and
// checked by its descriptor: it has to be a regular file of this user that others
// cannot write to. Devices, pipes and folders are never replaced. Links in the
// folders of a name are followed, as everywhere: who can change those can do
// worse.
//
// "This user" is the one that owns what the process creates. A share may show
// every file as another user's or as writable by all; there a file passes if it
// looks just as one does that this process has just made.
//
// Windows keeps no owner and no mode that Go can see, so what is said of them
// holds on Unix alone. There a file that another program holds cannot be
// replaced: Create says so at once, and Commit tries again for a few seconds.
//
// Errors about a file are of type [Error]; [Hint] returns what to do about them. No
// type is safe for concurrent use.
package durable

import (
	"errors"
	"io/fs"
	"os"
)

// A reason is why a file is refused, and what to do about it.
type reason struct{ text, hint string }

func (r *reason) Error() string { return r.text }

// Reasons to refuse a file.
var (
	ErrFolder      error = &reason{"is a folder", ""}
	ErrNoFolder    error = &reason{"is in a folder that does not exist", "create the folder first"}
	ErrNotRegular  error = &reason{"is not a regular file", ""}
	ErrLink        error = &reason{"is a link", "remove the link"}
	ErrForeignLink error = &reason{"is a link that another user made", "remove the link"}
	ErrHardLink    error = &reason{"has a second name (a hard link), so another file may be behind it", "remove it"}
	ErrForeign     error = &reason{"belongs to another user", "run as that user, or remove it if it is not needed"}
	ErrWritable    error = &reason{"can be written by other users", "check what is in it, then remove it or that permission (chmod go-w)"}
	ErrOpenFolder  error = &reason{"is not a folder that only this user can write to", "remove the write permission of others, or the folder"}
	ErrInUse       error = &reason{"is held by another program: is it open in Excel?", "close it there"}
	ErrTaken       error = &reason{"has been replaced by another run or program", "let only one of them write it at a time"}
	ErrNoSpace     error = &reason{"does not fit on the disk", "free some space there"}
)

// An Error says why a file cannot be used, and names the file that was asked for.
type Error struct {
	Name   string
	Reason error // one of the above; nil: only the system refuses it
	Err    error // from the system; may be nil
}

func (e *Error) Error() string {
	text := e.Name
	if e.Reason != nil {
		text += " " + e.Reason.Error()
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() (errs []error) {
	for _, err := range []error{e.Reason, e.Err} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// Refused reports whether an error is about the file at a name, and not about a
// failure of the system.
func Refused(err error) bool {
	return errors.As(err, new(*reason)) && !errors.Is(err, ErrNoFolder) && !errors.Is(err, ErrNoSpace)
}

// Hint returns what to do about an error; "" if only naming another file helps.
func Hint(err error) string {
	if r := (*reason)(nil); errors.As(err, &r) {
		return r.hint
	}
	return ""
}

// explained returns an error about the file that the caller named: the system's
// errors may name temporary files.
func explained(name string, err error) error {
	if refused := (*Error)(nil); err == nil || errors.As(err, &refused) {
		return err
	}
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	} else if link := (*os.LinkError)(nil); errors.As(err, &link) {
		err = link.Err
	}
	switch {
	case noSpace(err):
		return &Error{name, ErrNoSpace, err}
	case inUse(err):
		return &Error{name, ErrInUse, nil}
	}
	return &Error{name, nil, err}
}
