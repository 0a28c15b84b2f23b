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
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"rpsbatch/batch"
	"rpsbatch/csvio"
)

// The exit codes, as the help of the commands tells them.
const (
	ExitOK          = 0
	ExitRows        = 1   // finished; some rows did not succeed
	ExitUsage       = 2   // usage, configuration or unreadable input
	ExitFailures    = 3   // stopped by --max-failures
	ExitService     = 4   // credentials refused, or the service out of reach
	ExitInterrupted = 130 // SIGINT or SIGTERM
)

const exitCodes = `Exit codes:
  0    every row succeeded (duplicates of a row that succeeded included)
  1    finished; some rows did not succeed
  2    usage, configuration or unreadable input: nothing was sent; also when
       results cannot be written, which the message then says
  3    stopped by --max-failures
  4    stopped: credentials refused, or the service out of reach
  130  interrupted by SIGINT or SIGTERM`

// Streams are what a command reads and writes.
type Streams struct {
	In       *os.File
	Out, Err io.Writer
}

func (s Streams) terminalIn() bool  { return isTerminal(s.In) }
func (s Streams) terminalErr() bool { return isTerminal(s.Err) }

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && f != nil && term.IsTerminal(int(f.Fd()))
}

// A hinted error says what to do beside what is wrong.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

func hint(err error, format string, args ...any) error {
	return hinted{err, fmt.Sprintf(format, args...)}
}

// hintOf returns what to do about an error, "" if nobody says.
func hintOf(err error) string {
	if h := (hinted{}); errors.As(err, &h) {
		return h.hint
	}
	if bad := (*csvio.FileError)(nil); errors.As(err, &bad) {
		return bad.Hint
	}
	return ""
}

// told is an error that the user knows of.
type told struct{ error }

func (t told) Unwrap() error { return t.error }

// errRows is the end of a command that did its work and has bad rows to
// tell of. They have been told.
var errRows = errors.New("some rows did not succeed")

// exitCode gives the code for the error of a command.
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
// The first SIGINT or SIGTERM ends the run as Execute does, the second at once.
func Main(args []string, streams Streams, exit func(code int)) {
	// Whoever reads standard output may go: that is an error like others.
	signal.Ignore(syscall.SIGPIPE)
	// What net/http writes there is no user's concern; see callFlags.logger.
	log.SetOutput(io.Discard)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		<-signals
		stop()
		<-signals
		exit(ExitInterrupted)
	}()
	exit(Execute(ctx, args, streams))
}

// Execute runs the command that args name, and gives its exit code. When ctx
// ends, no new call is made and what was done is written.
func Execute(ctx context.Context, args []string, streams Streams) int {
	root := newRoot(streams)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && !errors.Is(err, errRows) && !errors.As(err, new(told)) {
		out := printable{streams.Err} // names and cells of files are in it
		fmt.Fprintf(out, "rpsbatch: %v\n", err)
		if text := hintOf(err); text != "" {
			fmt.Fprintf(out, "hint: %s\n", text)
		}
	}
	return exitCode(err)
}

func newRoot(streams Streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "rpsbatch",
		Short: "Register the phones of a spreadsheet at Yealink's RPS",
		Long: `rpsbatch makes Yealink's Redirection and Provisioning Service agree with a
CSV file of phones (MAC, server, unique URL): it registers or removes them in
batches, and leaves a result file with one verdict for each row.

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
	addCompletions(root)
	return root
}

// oneFile is the argument check of the commands that read a file.
func oneFile(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return hint(fmt.Errorf("%s takes one FILE, %d were given", c.Name(), len(args)),
			"'-' reads standard input; see '%s --help'", c.CommandPath())
	}
	return nil
}
