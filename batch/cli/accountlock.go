package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/pflag"

	"rpsbatch/batch"
	"rpsbatch/batch/durable"
)

// lockFlags say what a run does when another run of this user is using the
// account.
type lockFlags struct {
	wait time.Duration
}

func (f *lockFlags) add(flags *pflag.FlagSet) {
	flags.DurationVar(&f.wait, "wait-lock", 0, "`TIME` how long to wait for another run that changes the account (default: end at once with exit code 2)")
}

func (f *lockFlags) check() error {
	if f.wait < 0 {
		return errors.New("--wait-lock must not be negative")
	}
	return nil
}

// take takes the lock of an account, waiting as the flags say: two runs that
// change one account would each plan with a list that the other makes wrong. If
// locks cannot be kept, it warns and returns nil.
func (f *lockFlags) take(ctx context.Context, log *slog.Logger, url, username string) (*durable.Lock, error) {
	folder, err := lockFolder()
	if err != nil {
		log.Warn("overlapping runs of one account cannot be detected", "error", err)
		return nil, nil
	}
	// The name reveals the account to nobody who lists the folder.
	name := filepath.Join(folder, fmt.Sprintf("%x", sha256.Sum256([]byte(url+"\x00"+username)))[:32]+".lock")
	lock, err := durable.TryLock(name)
	held := (*durable.LockedError)(nil)
	if errors.As(err, &held) && f.wait > 0 {
		log.Info("another run is using the account: waiting for it", "account", username, "run", held.Holder, "max_wait", f.wait)
		waiting, cancel := context.WithTimeout(ctx, f.wait)
		defer cancel()
		lock, err = durable.WaitLock(waiting, name)
	}
	switch {
	case err == nil:
		return lock, nil
	case ctx.Err() != nil:
		return nil, &batch.StopError{Reason: batch.ErrInterrupted}
	case errors.As(err, &held) && f.wait > 0:
		return nil, hint(fmt.Errorf("account %s: another run is still using it after %v: %v", username, f.wait, held.Holder), "use a longer --wait-lock")
	case errors.As(err, &held):
		return nil, hint(fmt.Errorf("account %s: another run is using it: %v", username, held.Holder), "--wait-lock 10m waits for it to end")
	case durable.Refused(err):
		return nil, hint(fmt.Errorf("cannot lock the account: %w", err), "remove it: it is not one of this program's locks")
	}
	log.Warn("overlapping runs of one account cannot be detected", "error", err)
	return nil, nil
}

// lockFolder returns the folder of the locks, which only this user can write to:
// in the user's cache or, for a user without one, among the temporary files,
// unless all users share those, as on Windows.
func lockFolder() (string, error) {
	cache, err := os.UserCacheDir()
	if err == nil {
		folder := filepath.Join(cache, "rpsbatch")
		if err = durable.PrivateFolder(folder); err == nil {
			return folder, nil
		}
	}
	if runtime.GOOS == "windows" {
		return "", err
	}
	folder := filepath.Join(os.TempDir(), fmt.Sprintf("rpsbatch-%d", os.Geteuid()))
	return folder, durable.PrivateFolder(folder)
}
