package cli_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"rpsbatch/batch/cli"
)

var update = flag.Bool("update", false, "write what cmp saw into the scripts")

// TestMain makes this test binary the tool where it is called rpsbatch: the
// scripts run it as a process of its own, and the simulator as another.
func TestMain(m *testing.M) {
	os.Setenv("GORACE", "atexit_sleep_ms=0") // else the race detector holds each process for a second
	testscript.Main(waiting{m}, map[string]func(){"rpsbatch": tool})
}

// waiting runs more tests at once than there are processors: most of the time they
// wait for processes and for time that passes there.
type waiting struct{ *testing.M }

func (w waiting) Run() int {
	flag.Parse()
	flag.Set("test.parallel", strconv.Itoa(4*runtime.GOMAXPROCS(0)))
	return w.M.Run()
}

func tool() {
	cli.Main(os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, os.Exit)
}

// TestScripts runs testdata/script/*.txtar. Beside the commands of testscript
// they have those of scriptCommands. The variables are those of the simulator's
// account, and $FAST: no script is to wait for the default rate.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		Cmds:               scriptCommands,
		UpdateScripts:      *update,
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("RPSBATCH_URL", "")
			env.Setenv("RPSBATCH_USERNAME", "user")
			env.Setenv("RPSBATCH_PASSWORD", "secret")
			env.Setenv("FAST", "--rate=100000")
			env.Setenv("GORACE", os.Getenv("GORACE"))
			env.Setenv(cacheVariable(), env.WorkDir+"/.cache")
			samples, err := os.ReadFile("../../samples/devices.csv")
			if err != nil {
				return err
			}
			if err := os.WriteFile(env.WorkDir+"/samples.csv", samples, 0o644); err != nil {
				return err
			}
			return errors.Join(
				os.CopyFS(env.WorkDir+"/spreadsheets", os.DirFS("../../samples/spreadsheets")),
				os.CopyFS(env.WorkDir+"/cases", os.DirFS("testdata/cases")))
		},
	})
}

type script = testscript.TestScript

var scriptCommands = map[string]func(ts *script, neg bool, args []string){
	// exitcode N PROGRAM ARG... runs a program that must end with the code.
	"exitcode": command("exitcode N PROGRAM ARG...", 2, -1, func(ts *script, args []string) {
		checkCode(ts, args[0], ts.Exec(args[1], args[2:]...))
	}),

	// interrupt N TEXT PROGRAM ARG... sends a program an interrupt when its
	// standard error has the text, and it must end with the code.
	"interrupt": command("interrupt N TEXT PROGRAM ARG...", 3, -1, func(ts *script, args []string) {
		p := start(ts, args[2:])
		out := &watched{text: args[1], seen: func() { send(p.Process, os.Interrupt) }}
		p.Stdout, p.Stderr = ts.Stdout(), out
		err := p.Run()
		ts.Stderr().Write(out.all.Bytes())
		if !out.found {
			ts.Fatalf("standard error never had %q", args[1])
		}
		checkCode(ts, args[0], err)
	}),

	// waitfor FILE VARIABLE waits until there is a file, and sets a variable to
	// its first line.
	"waitfor": command("waitfor FILE VARIABLE", 2, 2, func(ts *script, args []string) {
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			data, err := os.ReadFile(ts.MkAbs(args[0]))
			if err == nil {
				line, _, _ := strings.Cut(string(data), "\n")
				ts.Setenv(args[1], line)
				return
			}
			if time.Now().After(deadline) {
				ts.Fatalf("%s did not come: %v", args[0], err)
			}
		}
	}),

	// generate ROWS SERVERS CSV STATE writes a CSV of devices over servers that
	// take turns, and a state that has the servers, for simulate --state.
	"generate": command("generate ROWS SERVERS CSV STATE", 4, 4, func(ts *script, args []string) {
		rows, err := strconv.Atoi(args[0])
		ts.Check(err)
		servers, err := strconv.Atoi(args[1])
		ts.Check(err)
		var devices, state bytes.Buffer
		devices.WriteString("mac,server,site\n")
		for i := range rows {
			fmt.Fprintf(&devices, "%012x,srv-%04d,Site %d\n", 0x001565000000+i, i%servers, i)
		}
		for i := range servers {
			fmt.Fprintf(&state, "server,srv-%04d,https://prov.example.com/%d/\n", i, i)
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), devices.Bytes(), 0o644))
		ts.Check(os.WriteFile(ts.MkAbs(args[3]), state.Bytes(), 0o644))
	}),

	// present STATE FIRST COUNT SERVER adds devices of the account to a state:
	// of those of generate, COUNT from the number FIRST on, all at one server.
	"present": command("present STATE FIRST COUNT SERVER", 4, 4, func(ts *script, args []string) {
		first, err := strconv.Atoi(args[1])
		ts.Check(err)
		n, err := strconv.Atoi(args[2])
		ts.Check(err)
		state := []byte(ts.ReadFile(args[0]))
		for i := range n {
			state = fmt.Appendf(state, "device,user,%012X,%s,\n", 0x001565000000+first+i, args[3])
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), state, 0o644))
	}),

	// change EVERY OLD NEW FILE puts NEW in the place of OLD in each line of a
	// file whose number EVERY divides; with NEW empty and OLD the word "line",
	// it takes the line out.
	"change": command("change EVERY OLD NEW FILE", 4, 4, func(ts *script, args []string) {
		every, err := strconv.Atoi(args[0])
		ts.Check(err)
		var changed strings.Builder
		n := 0
		for line := range strings.Lines(ts.ReadFile(args[3])) {
			n++
			switch {
			case n%every != 0:
			case args[1] == "line" && args[2] == "":
				continue
			default:
				line = strings.Replace(line, args[1], args[2], 1)
			}
			changed.WriteString(line)
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[3]), []byte(changed.String()), 0o644))
	}),

	// head BYTES FILE CUT makes a file of the first bytes of another; less than
	// none: all but so many.
	"head": command("head BYTES FILE CUT", 3, 3, func(ts *script, args []string) {
		n, err := strconv.Atoi(args[0])
		ts.Check(err)
		text := ts.ReadFile(args[1])
		if n < 0 {
			n += len(text)
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(text[:n]), 0o644))
	}),

	// unescape FILE... makes of \r, \n, \0, \ufeff and \xNN in a file what they
	// stand for: an editor or git might change them.
	"unescape": command("unescape FILE...", 1, -1, func(ts *script, args []string) {
		for _, name := range args {
			text := escape.ReplaceAllStringFunc(ts.ReadFile(name), func(text string) string {
				if text == `\0` {
					text = `\x00`
				}
				plain, err := strconv.Unquote(`"` + text + `"`)
				ts.Check(err)
				return plain
			})
			ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o644))
		}
	}),

	// nofile PATTERN... wants no file to match.
	"nofile": command("nofile PATTERN...", 1, -1, func(ts *script, args []string) {
		for _, pattern := range args {
			found, err := filepath.Glob(ts.MkAbs(pattern))
			ts.Check(err)
			if len(found) > 0 {
				ts.Fatalf("%s is there", found)
			}
		}
	}),

	// untime FILE... puts the word TIME in the place of the times of a result,
	// so that cmp can compare it byte by byte.
	"untime": command("untime FILE...", 1, -1, func(ts *script, args []string) {
		for _, name := range args {
			text := resultTime.ReplaceAllString(ts.ReadFile(name), "TIME")
			ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o644))
		}
	}),

	// cmpcsv FILE WANT compares the columns that WANT has, record by record.
	"cmpcsv": command("cmpcsv FILE WANT", 2, 2, func(ts *script, args []string) {
		got, want := readCSV(ts, args[0]), readCSV(ts, args[1])
		if len(got) != len(want) {
			ts.Fatalf("%s has %d records, %s has %d", args[0], len(got), args[1], len(want))
		}
		for column, name := range want[0] {
			at := slices.Index(got[0], name)
			if at < 0 {
				ts.Fatalf("%s has no column %q", args[0], name)
			}
			for i := range want {
				if got[i][at] != want[i][column] {
					ts.Fatalf("%s: %s of record %d is %q, not %q", args[0], name, i+1, got[i][at], want[i][column])
				}
			}
		}
	}),

	// tally RESULT FILE counts the rows of a result by status, and writes a line
	// for each, with the lines of the rows if they are ten at most.
	"tally": command("tally RESULT FILE", 2, 2, func(ts *script, args []string) {
		records := readCSV(ts, args[0])
		status, line := slices.Index(records[0], "rps_status"), slices.Index(records[0], "rps_line")
		lines := map[string][]string{}
		for _, record := range records[1:] {
			lines[record[status]] = append(lines[record[status]], record[line])
		}
		var text strings.Builder
		for _, s := range slices.Sorted(maps.Keys(lines)) {
			fmt.Fprintf(&text, "%d %s", len(lines[s]), cmp.Or(s, "(none)"))
			if len(lines[s]) <= 10 {
				fmt.Fprintf(&text, ": %s", strings.Join(lines[s], " "))
			}
			text.WriteString("\n")
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text.String()), 0o644))
	}),

	// samecells INPUT RESULT wants one record in the result for each of the
	// input, in order, with its cells as they were and nine more.
	"samecells": command("samecells INPUT RESULT", 2, 2, func(ts *script, args []string) {
		input, result := readCSV(ts, args[0]), readCSV(ts, args[1])
		if len(input) != len(result) {
			ts.Fatalf("%d records became %d", len(input), len(result))
		}
		for i := range input {
			if n := len(result[i]) - 9; n < len(input[i]) || !slices.Equal(input[i], result[i][:len(input[i])]) {
				ts.Fatalf("record %d was %q and is %q", i+1, input[i], result[i])
			}
		}
	}),
}

var escape = regexp.MustCompile(`\\(r|n|0|ufeff|x[0-9a-f]{2})`)

var resultTime = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// command checks the arguments of a script's command; most < 0: no limit.
func command(usage string, least, most int, run func(*script, []string)) func(*script, bool, []string) {
	return func(ts *script, neg bool, args []string) {
		if neg || len(args) < least || most >= 0 && len(args) > most {
			ts.Fatalf("usage: %s", usage)
		}
		run(ts, args)
	}
}

func checkCode(ts *script, want string, err error) {
	code := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != want {
		ts.Fatalf("exit code %d, not %s", code, want)
	}
}

// start prepares a program with the directory and the environment of a script.
func start(ts *script, args []string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	ts.Defer(cancel)
	p := exec.CommandContext(ctx, args[0], args[1:]...)
	interruptible(p)
	p.Dir = ts.MkAbs(".")
	p.Env = append(os.Environ(), "TMPDIR="+ts.Getenv("TMPDIR"))
	for _, name := range []string{cacheVariable(), "RPSBATCH_URL", "RPSBATCH_USERNAME", "RPSBATCH_PASSWORD", "NO_COLOR", "LC_ALL"} {
		p.Env = append(p.Env, name+"="+ts.Getenv(name))
	}
	return p
}

// cacheVariable names the variable that says where a user's cache is: that is
// where the locks of accounts are, and tests are to have their own.
func cacheVariable() string {
	switch runtime.GOOS {
	case "windows":
		return "LocalAppData"
	case "darwin":
		return "HOME"
	}
	return "XDG_CACHE_HOME"
}

// watched keeps what is written to it, and calls seen once when it has the text.
type watched struct {
	text string
	seen func()

	mu    sync.Mutex
	all   bytes.Buffer
	found bool
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all.Write(p)
	if !w.found && strings.Contains(w.all.String(), w.text) {
		w.found = true
		w.seen()
	}
	return len(p), nil
}

// readCSV reads a file with encoding/csv, which shares no code with csvio.
func readCSV(ts *script, name string) [][]string {
	f, err := os.Open(ts.MkAbs(name))
	ts.Check(err)
	defer f.Close()
	r := csv.NewReader(bufio.NewReader(f))
	r.FieldsPerRecord = -1
	records, err := r.ReadAll()
	if err != nil && !errors.Is(err, io.EOF) {
		ts.Fatalf("%s: %v", name, err)
	}
	if len(records) == 0 {
		ts.Fatalf("%s: it is empty", name)
	}
	return records
}
