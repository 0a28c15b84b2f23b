package cli

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/spf13/pflag"

	"rpsbatch/batch"
)

// lockFlags say what a run does when another one of this user has the account.
type lockFlags struct {
	wait time.Duration
}

func (f *lockFlags) add(flags *pflag.FlagSet) {
	flags.DurationVar(&f.wait, "wait-lock", 0, "`TIME` time to wait for another run that changes the account (default: end at once with exit code 2)")
}

func (f *lockFlags) check() error {
	if f.wait < 0 {
		return errors.New("--wait-lock must not be negative")
	}
	return nil
}

// lockRetry is how often a run that waits has a look at the lock.
const lockRetry = 100 * time.Millisecond

// accountHolder is the process that has an account.
type accountHolder struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

// accountLock keeps two runs that change one account from overlapping: each
// would plan with a list of the account that the other one makes wrong. It is a
// lock of the kernel, which gives it back however the process ends; its file
// stays. Who has it stands in a file beside it, since what is locked cannot be
// read everywhere.
type accountLock struct {
	lock   *flock.Flock
	holder string // name of the file that says who has it
}

// take takes the lock of an account, and waits for it as the flags say. Where
// locks cannot be kept it warns and gives one that does nothing.
func (f *lockFlags) take(ctx context.Context, log *slog.Logger, url, username string) (*accountLock, error) {
	folder, err := lockFolder()
	if err != nil {
		log.Warn("runs of one account that overlap cannot be seen", "error", err)
		return &accountLock{}, nil
	}
	// The name gives the account away to nobody who lists the folder.
	name := fmt.Sprintf("%x", sha256.Sum256([]byte(url+"\x00"+username)))[:32]
	l := &accountLock{
		lock:   flock.New(filepath.Join(folder, name+".lock"), flock.SetPermissions(0o600)),
		holder: filepath.Join(folder, name+".holder"),
	}
	ok, err := l.lock.TryLock()
	if err == nil && !ok && f.wait > 0 {
		log.Info("another run has the account: waiting for it", "account", username, "run", l.heldBy(), "max_wait", f.wait)
		ok, err = l.await(ctx, f.wait)
	}
	switch {
	case errors.Is(err, batch.ErrInterrupted):
		return nil, err
	case err != nil:
		log.Warn("runs of one account that overlap cannot be seen", "error", err)
		return &accountLock{}, nil
	case !ok && f.wait > 0:
		return nil, hint(fmt.Errorf("account %s: another run has it still, after %v: %s", username, f.wait, l.heldBy()), "give a longer --wait-lock")
	case !ok:
		return nil, hint(fmt.Errorf("account %s: another run has it: %s", username, l.heldBy()), "--wait-lock 10m waits for its end")
	}
	l.sign()
	return l, nil
}

// await tries until the lock is there, the time is over or ctx ends.
func (l *accountLock) await(ctx context.Context, wait time.Duration) (bool, error) {
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	ok, err := l.lock.TryLockContext(waiting, lockRetry)
	switch {
	case ctx.Err() != nil:
		l.lock.Close()
		return false, &batch.StopError{Reason: batch.ErrInterrupted}
	case errors.Is(err, context.DeadlineExceeded):
		return false, nil
	}
	return ok, err
}

// sign says who has the lock. Others can do without.
func (l *accountLock) sign() {
	host, _ := os.Hostname()
	_ = writeWhole(l.holder, 0o600, func(w io.Writer) error {
		return json.NewEncoder(w).Encode(accountHolder{PID: os.Getpid(), Host: host, Since: time.Now()})
	})
}

// heldBy tells who has the lock.
func (l *accountLock) heldBy() string {
	var h accountHolder
	data, err := os.ReadFile(l.holder)
	if err == nil {
		err = json.Unmarshal(data, &h)
	}
	if err != nil {
		return "a process that has just begun"
	}
	return fmt.Sprintf("process %d on %s, since %s", h.PID, h.Host, h.Since.Local().Format(time.DateTime))
}

// release gives the account to others.
func (l *accountLock) release() {
	if l.lock != nil {
		os.Remove(l.holder)
		l.lock.Close()
	}
}

// lockFolder gives the folder of the locks: in the user's cache, or, for a user
// without a home, among the temporary files.
func lockFolder() (string, error) {
	cache, err := os.UserCacheDir()
	if err == nil {
		folder := filepath.Join(cache, "rpsbatch")
		if err = os.MkdirAll(folder, 0o700); err == nil {
			return folder, nil
		}
	}
	folder := filepath.Join(os.TempDir(), fmt.Sprintf("rpsbatch-%d", os.Getuid()))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	// Anybody can make a folder of that name before us, and a link in it leads
	// where we should not write.
	info, err := os.Lstat(folder)
	if err == nil && !(info.IsDir() && ownFolder(info)) {
		err = fmt.Errorf("%s is not a folder of this user alone", folder)
	}
	return folder, err
}
