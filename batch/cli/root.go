// Package cli is what a user of rpsbatch sees: commands, flags, prompts,
// progress, the summary and the exit code. It joins the stages of a run, which
// are in packages csvio, batch and rps; register.go shows how.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"rpsbatch/batch"
	"rpsbatch/rps"
)

// The exit codes, as the help of the commands lists them.
const (
	ExitOK          = 0
	ExitRows        = 1   // finished; some rows did not succeed
	ExitUsage       = 2   // usage, configuration, the input, a limit, or results that cannot be written
	ExitFailures    = 3   // too many rows did not succeed, or everything is refused with the same message
	ExitService     = 4   // credentials refused, or the service out of reach
	ExitInterrupted = 130 // SIGINT, SIGTERM or SIGHUP
)

const exitCodes = `Exit codes:
  0    every row succeeded (duplicates of a row that succeeded included)
  1    finished; some rows did not succeed
  2    usage, configuration, unreadable or empty input, a limit on changes:
       nothing was changed. Also when results cannot be written: the message
       then says how to resume
  3    stopped by --max-failures, or because RPS refuses everything with the
       same message
  4    stopped: credentials refused, or the service cannot be reached
  130  interrupted. On the first SIGINT, SIGTERM or SIGHUP the run makes no new
       calls, waits for those in flight and writes the results; the second ends
       it at once`

// Streams are what a command reads and writes.
type Streams struct {
	In       *os.File
	Out, Err io.Writer
}

// anyReader is standard output that its reader may close, as head does: the rest
// is not wanted, and that is not an error.
type anyReader struct{ io.Writer }

func (a anyReader) Write(p []byte) (int, error) {
	n, err := a.Writer.Write(p)
	if closedPipe(err) {
		return len(p), nil
	}
	return n, err
}

// closedPipe reports whether an error means that nobody reads a pipe any more.
func closedPipe(err error) bool {
	const brokenPipe, noData = syscall.Errno(109), syscall.Errno(232) // Windows
	return errors.Is(err, syscall.EPIPE) ||
		runtime.GOOS == "windows" && (errors.Is(err, brokenPipe) || errors.Is(err, noData))
}

// results returns standard output for the results of a run, which must not be
// lost without an error.
func (s Streams) results() io.Writer {
	if a, ok := s.Out.(anyReader); ok {
		return a.Writer
	}
	return s.Out
}

func (s Streams) terminalIn() bool  { return isTerminal(s.In) }
func (s Streams) terminalErr() bool { return isTerminal(s.Err) }

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && f != nil && term.IsTerminal(int(f.Fd()))
}

// A hinted error says what is wrong and what to do.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

func hint(err error, format string, args ...any) error {
	return hinted{err, fmt.Sprintf(format, args...)}
}

// told is an error that the user already knows.
type told struct{ error }

func (t told) Unwrap() error { return t.error }

// errRows ends a command that did its work and has reported rows that did not
// succeed.
var errRows = errors.New("some rows did not succeed")

// exitCode returns the exit code for the error of a command.
func exitCode(err error) int {
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, errRows):
		return ExitRows
	case errors.Is(err, batch.ErrInterrupted), errors.Is(err, context.Canceled):
		return ExitInterrupted
	case errors.Is(err, batch.ErrFailures), errors.Is(err, batch.ErrStubborn):
		return ExitFailures
	case errors.Is(err, batch.ErrRefused), errors.Is(err, batch.ErrUnreachable):
		return ExitService
	}
	return ExitUsage
}

// Main runs the command that args name and ends the process with its exit code.
// The first SIGINT or SIGTERM ends the run as Execute does, and the second at once;
// so does SIGHUP, which comes when the terminal is closed, unless it is ignored, as
// under nohup(1).
func Main(args []string, streams Streams, exit func(code int)) {
	// A reader that closes standard output must not kill a run.
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	ctx, stop := context.WithCancel(context.Background())
	go obey(signals, stop, exit)
	exit(Execute(ctx, args, streams))
}

// echo is how long after the first signal others count as the same one: timeout(1)
// signals a process, and then its group.
const echo = 100 * time.Millisecond

// obey calls stop for the first signal, and exit for a second one.
func obey(signals <-chan os.Signal, stop func(), exit func(code int)) {
	<-signals
	stop()
	for first := time.Now(); time.Since(first) < echo; {
		<-signals
	}
	exit(ExitInterrupted)
}

// Execute runs the command that args name, and returns its exit code. When ctx
// ends, it makes no new call and writes what was done.
func Execute(ctx context.Context, args []string, streams Streams) int {
	// There net/http quotes what a service sends behind its answer, which may hold
	// secrets.
	log.SetOutput(io.Discard)
	streams.Out = anyReader{streams.Out}
	root := newRoot(streams)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && !errors.Is(err, errRows) && !errors.As(err, new(told)) {
		streams.say("rpsbatch: %s", errorText(err))
		if text := hintOf(err); text != "" {
			streams.say("hint: %s", rps.Printable(text))
		}
	}
	return exitCode(err)
}

// The help lists the commands in the order in which newRoot adds them.
func init() { cobra.EnableCommandSorting = false }

func newRoot(streams Streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "rpsbatch COMMAND",
		Short: "Make Yealink's RPS match a spreadsheet of phones",
		Long: `rpsbatch makes Yealink's Redirection and Provisioning Service (RPS) match a
spreadsheet of phones (MAC, server, unique URL). It registers, moves, removes and
looks up phones in batches, and writes a result file with one verdict per row.

The account comes from flags or from the environment:

  RPSBATCH_USERNAME  user name of the RPS XML API
  RPSBATCH_PASSWORD  its password
  RPSBATCH_URL       URL of the service, if it is not Yealink's

On a terminal, TERM=dumb, NO_COLOR or LC_ALL=C select plain text without a bar.
COLUMNS sets the width of the help.

` + exitCodes,
		Example: `  rpsbatch validate devices.csv
  rpsbatch register devices.csv
  rpsbatch register samples/devices.csv --sandbox`,
		Version:           versionLine(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return hint(err, "see '%s --help'", c.CommandPath())
	})
	root.AddCommand(
		newRegister(streams),
		newDeregister(streams),
		newEdit(streams),
		newCheck(streams),
		newSync(streams),
		newList(streams),
		newServer(streams),
		newCall(streams),
		newValidate(streams),
		newReport(streams),
		newSimulate(streams),
		newCompletion(streams),
		newMan(streams),
		newVersion(streams),
	)
	root.InitDefaultVersionFlag()
	root.Flags().Lookup("version").Usage = "print the version"
	root.SetHelpFunc(func(c *cobra.Command, _ []string) {
		fmt.Fprint(streams.Out, helpText(c, widthOf(streams.results())))
	})
	nameValues(root)
	addCompletions(root)
	return root
}

// oneFile checks the arguments of the commands that read a file.
func oneFile(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return hint(fmt.Errorf("%s needs one FILE, got %d", c.Name(), len(args)),
			"'-' reads standard input; see '%s --help'", c.CommandPath())
	}
	return nil
}
