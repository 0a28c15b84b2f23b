//go:build unix

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// outputs are all files that commands write: what is given beside the command, and
// the name of the file in the folder of the test.
var outputs = []struct{ name, args, file string }{
	{"result", "register d.csv --sandbox --rate 1000", "d.sandbox.csv"},
	{"result named", "register d.csv --sandbox --rate 1000 -o out", "out"},
	{"check", "check d.csv --sandbox --rate 1000 -o out", "out"},
	{"validate", "validate d.csv -o out", "out"},
	{"pruned", "sync d.csv --sandbox --rate 1000 --prune --max-prune 100% --yes", "d.sandbox.pruned.csv"},
	{"plan", "register d.csv --sandbox --rate 1000 --dry-run --plan-json out", "out"},
	{"summary", "register d.csv --sandbox --rate 1000 --summary-json out", "out"},
	{"metrics", "register d.csv --sandbox --rate 1000 --metrics-file out", "out"},
	{"list", "list --sandbox -o out", "out"},
	{"list with URLs", "list --sandbox --urls --rate 1000 -o out", "out"},
	{"page", "report r.csv --html out", "out"},
	{"manual", "man .", "rpsbatch-list.1"},
	{"URL of the simulator", "simulate --listen 127.0.0.1:0 --url-file out", "out"},
	{"state of the simulator", "simulate --listen 127.0.0.1:0 --server hq=https://hq.example.com/ --save-state out", "out"},
	{"journal", "register d.csv --sandbox --rate 1000 -o out", "out.journal"},
	{"journal of a list", "list --sandbox --urls --rate 1000 -o out", "out.journal"},
	{"lock of the journal", "register d.csv --sandbox --rate 1000 -o out", "out.journal.lock"},
	{"earlier result", "register d.csv --sandbox --rate 1000 -o out", "out.bak"},
	{"where devices were bound", "register d.csv --sandbox --rate 1000 --save-before out", "out"},
}

// No command replaces what is not a regular file of the user's own, or follows a
// link that another user has planted, whatever its output; and each writes where a
// link of the user's own leads.
func TestOutputs(t *testing.T) {
	const device, stranger = "/dev/null", 12345
	for _, output := range outputs {
		for what, plant := range map[string]func(name string) error{
			"pipe":             func(name string) error { return syscall.Mkfifo(name, 0o600) },
			"folder":           func(name string) error { return os.Mkdir(name, 0o700) },
			"link to a device": func(name string) error { return os.Symlink(device, name) },
			"device":           func(name string) error { return syscall.Mknod(name, syscall.S_IFCHR|0o666, 1<<8|3) },
			"planted link": func(name string) error {
				if err := os.Symlink("victim", name); err != nil {
					return err
				}
				return os.Lchown(name, stranger, -1)
			},
			"another user's file": func(name string) error {
				if err := os.WriteFile(name, []byte("theirs"), 0o644); err != nil {
					return err
				}
				return os.Chown(name, stranger, -1)
			},
			"file of all": openToAll,
		} {
			t.Run(output.name+"/"+what, func(t *testing.T) {
				folder := newFolder(t)
				name := filepath.Join(folder, output.file)
				err := plant(name)
				if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
					t.Skip("only root can make devices and what others have made")
				}
				if err != nil {
					t.Fatal(err)
				}
				before, _ := os.Lstat(name)
				code, text := execute(output.args)
				if code != ExitUsage || !strings.Contains(text, "cannot write ") || !strings.Contains(text, "hint: ") {
					t.Errorf("exit code %d: %s", code, text)
				}
				after, err := os.Lstat(name)
				if err != nil || !os.SameFile(before, after) || before.Mode() != after.Mode() || before.ModTime() != after.ModTime() {
					t.Errorf("it was touched: %v", err)
				}
				if data, _ := os.ReadFile(filepath.Join(folder, "victim")); string(data) != "precious" {
					t.Errorf("what it led to is %q", data)
				}
				if _, err := os.Lstat("d.sandbox.csv"); err == nil && output.file != "d.sandbox.csv" {
					t.Error("it was noticed after the run")
				}
				if left, _ := filepath.Glob(filepath.Join(folder, "*.partial")); len(left) > 0 {
					t.Errorf("left behind: %q", left)
				}
			})
		}
		if strings.HasPrefix(output.file, "out.") || strings.Contains(output.args, "--save-before") {
			continue // these follow no link
		}
		t.Run(output.name+"/own link", func(t *testing.T) {
			folder := newFolder(t)
			if err := os.Mkdir(filepath.Join(folder, "sub"), 0o700); err != nil {
				t.Fatal(err)
			}
			name, to := filepath.Join(folder, output.file), filepath.Join(folder, "sub", "file")
			if err := os.Symlink(filepath.Join("sub", "file"), name); err != nil {
				t.Fatal(err)
			}
			code, text := execute(output.args)
			if code != ExitOK {
				t.Errorf("exit code %d: %s", code, text)
			}
			if info, err := os.Lstat(name); err != nil || info.Mode().Type() != os.ModeSymlink {
				t.Errorf("it is no longer a link: %v", err)
			}
			if info, err := os.Lstat(to); err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
				t.Errorf("nothing is where it leads: %v", err)
			}
		})
	}
}

func openToAll(name string) error {
	if err := os.WriteFile(name, []byte("whose?"), 0o666); err != nil {
		return err
	}
	return os.Chmod(name, 0o666)
}

// newFolder makes a folder with files to work on, and goes there.
func newFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	t.Chdir(folder)
	for name, text := range map[string]string{
		"d.csv":  "mac,server\n001565000001,hq\n",
		"r.csv":  "mac,rps_line,rps_status\n001565000001,2,registered\n",
		"victim": "precious",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// execute runs a command, which is interrupted from the start if it is one that
// would never end.
func execute(args string) (code int, text string) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if strings.HasPrefix(args, "simulate") {
		cancel()
	}
	var out bytes.Buffer
	code = Execute(ctx, strings.Fields(args), Streams{Out: &out, Err: &out})
	return code, out.String()
}

// What stands at the name of an account's lock and is none is neither waited for
// nor followed.
func TestLockThatIsNone(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	t.Setenv("RPSBATCH_USERNAME", "user")
	t.Setenv("RPSBATCH_PASSWORD", "secret")
	run := func() (int, string) {
		newFolder(t)
		return execute("register d.csv --max-attempts 1 --url http://127.0.0.1:1/xmlrpc")
	}
	if code, text := run(); code != ExitService {
		t.Fatalf("exit code %d: %s", code, text)
	}
	var locks []string
	for _, folder := range []string{cache, filepath.Join(cache, "Library", "Caches")} {
		found, _ := filepath.Glob(filepath.Join(folder, "rpsbatch", "*.lock"))
		locks = append(locks, found...)
	}
	if len(locks) != 1 {
		t.Fatalf("%q", locks)
	}
	for what, plant := range map[string]func(name string) error{
		"is not a regular file":         func(name string) error { return syscall.Mkfifo(name, 0o600) },
		"is a link":                     func(name string) error { return os.Symlink("elsewhere", name) },
		"is a folder":                   func(name string) error { return os.Mkdir(name, 0o700) },
		"can be written by other users": openToAll,
	} {
		os.RemoveAll(locks[0])
		if err := plant(locks[0]); err != nil {
			t.Fatal(err)
		}
		if code, text := run(); code != ExitUsage || !strings.Contains(text, "cannot lock the account: "+locks[0]+" "+what) {
			t.Errorf("%s: exit code %d: %s", what, code, text)
		}
	}
}

// The locks of accounts are not where another user can write.
func TestLocksAmongOthers(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "TMPDIR"} {
		t.Setenv(name, home)
	}
	t.Setenv("RPSBATCH_USERNAME", "user")
	t.Setenv("RPSBATCH_PASSWORD", "secret")
	for _, above := range []string{home, filepath.Join(home, "Library", "Caches")} {
		for _, name := range []string{"rpsbatch", fmt.Sprintf("rpsbatch-%d", os.Geteuid())} {
			name = filepath.Join(above, name)
			if err := errors.Join(os.MkdirAll(name, 0o700), os.Chmod(name, 0o777)); err != nil {
				t.Fatal(err)
			}
		}
	}
	newFolder(t)
	_, text := execute("register d.csv --max-attempts 1 --url http://127.0.0.1:1/xmlrpc")
	if !strings.Contains(text, "overlapping runs of one account cannot be detected") {
		t.Errorf("it does not say so: %s", text)
	}
	filepath.WalkDir(home, func(name string, _ fs.DirEntry, _ error) error {
		if strings.HasSuffix(name, ".lock") {
			t.Errorf("%s is there", name)
		}
		return nil
	})
}
