package durable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// A Lock excludes other processes. The kernel releases it when the process ends.
// Its file says who holds it.
type Lock struct{ file *Private }

// A Holder is the process that holds a lock.
type Holder struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

// String returns the holder for a message.
func (h Holder) String() string {
	if h.PID == 0 {
		return "a process that has just started"
	}
	return fmt.Sprintf("process %d on %s, since %s", h.PID, h.Host, h.Since.Local().Format(time.DateTime))
}

// A LockedError says that another process holds a lock.
type LockedError struct {
	Name   string
	Holder Holder // zero if unknown
}

func (e *LockedError) Error() string { return fmt.Sprintf("%s is locked by %v", e.Name, e.Holder) }

// TryLock takes the lock of a file, which is created as by [OpenPrivate]. If
// another process holds it, the error is a [LockedError]; any other error means
// that locks do not work there, or that the file must not be used.
func TryLock(name string) (*Lock, error) {
	for range attempts {
		file, err := OpenPrivate(name)
		if errors.Is(err, ErrInUse) {
			return nil, &LockedError{Name: name} // Windows: it is being removed
		}
		if err != nil {
			return nil, err
		}
		locked, err := lockFile(file.File)
		switch {
		case err != nil:
			file.Close()
			return nil, &Error{name, nil, fmt.Errorf("cannot be locked: %w", err)}
		case !locked:
			defer file.Close()
			return nil, &LockedError{name, holderIn(file)}
		case leadsTo(name, file.info):
			l := &Lock{file}
			l.sign()
			return l, nil
		}
		file.Close() // its holder has removed it
	}
	return nil, &LockedError{Name: name}
}

// lockPause is how long a waiting process waits between tries.
const lockPause = 100 * time.Millisecond

// WaitLock takes the lock of a file when it is free. If ctx ends first, the error
// wraps that of ctx and a [LockedError].
func WaitLock(ctx context.Context, name string) (*Lock, error) {
	tick := time.NewTicker(lockPause)
	defer tick.Stop()
	for {
		lock, err := TryLock(name)
		if err == nil || !errors.As(err, new(*LockedError)) {
			return lock, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		}
	}
}

// sign writes who holds the lock. The lock works without it.
func (l *Lock) sign() {
	host, _ := os.Hostname()
	data, _ := json.Marshal(Holder{PID: os.Getpid(), Host: host, Since: time.Now()})
	if n, err := l.file.WriteAt(append(data, '\n'), 0); err == nil {
		l.file.Truncate(int64(n))
	}
}

// holderSize is more than a holder needs.
const holderSize = 4096

func holderIn(file io.ReaderAt) (h Holder) {
	err := json.NewDecoder(io.NewSectionReader(file, 0, holderSize)).Decode(&h)
	if err != nil {
		return Holder{}
	}
	return h
}

// Close releases the lock. Its file stays, and no longer says who holds it.
// Closing a nil Lock does nothing.
func (l *Lock) Close() error {
	if l == nil {
		return nil
	}
	l.file.Truncate(0)
	return l.file.Close()
}

// Remove releases the lock and removes its file. It removes the file while
// holding the lock: a process that recreates it has another file, and one that
// has opened this file sees that it is gone. Windows does not remove open files,
// and opens none that are being removed: there the file stays if another process
// has it by then.
func (l *Lock) Remove() error {
	name := l.file.Name()
	if closesFirst {
		err := l.Close()
		os.Remove(name)
		return err
	}
	defer l.Close()
	if !leadsTo(name, l.file.info) {
		return &Error{name, ErrTaken, nil}
	}
	return os.Remove(name)
}
