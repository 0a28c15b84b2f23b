package cli

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rpsbatch/batch"
	"rpsbatch/csvio"
	"rpsbatch/rps"
)

// readFlags are the flags for how a file is read.
type readFlags struct {
	columns   []string
	server    string
	delimiter string
	encoding  string
	sheets    []string
	allSheets bool
	hidden    string
	noHeader  bool
	repair    bool
	vendors   []string
	noMAC     bool
}

func (f *readFlags) add(flags *pflag.FlagSet) {
	inGroup(flags, groupInput, func(flags *pflag.FlagSet) {
		flags.StringArrayVar(&f.columns, "column", nil, "`ROLE=NAME` read the column NAME as mac=, server=, url= or action=; without a header, give its number; NAME none reads no column for server, url or action (repeatable)")
		flags.StringVar(&f.delimiter, "delimiter", "", "`NAME` character between cells: comma, semicolon, tab or pipe (default: auto-detected)")
		flags.StringVar(&f.encoding, "encoding", "", "`NAME` encoding of the file, such as windows-1252, utf-16le or shift_jis (default: auto-detected)")
		flags.StringArrayVar(&f.sheets, "sheet", nil, "`NAME` sheet of an .xlsx workbook to read (repeatable; default: the visible one that has MACs)")
		flags.BoolVar(&f.allSheets, "all-sheets", false, "read all visible sheets of a workbook that have MACs")
		flags.StringVar(&f.hidden, "hidden-rows", "", "`WHAT` what to do with hidden or crossed-out rows that have MACs: send or skip")
		flags.BoolVar(&f.noHeader, "no-header", false, "the first record is a device, not a header (default: auto-detected)")
		flags.BoolVar(&f.repair, "repair", false, "restore the leading zeros that a spreadsheet dropped from MACs in the block 00-15-65")
		flags.StringArrayVar(&f.vendors, "vendor-prefix", nil, "`BLOCK` first half of the MACs of phones other than Yealink's, such as 00-1A-2B (repeatable)")
		flags.BoolVar(&f.noMAC, "ignore-no-mac", false, "pass through rows without a MAC, such as subtotals and notes")
	})
}

func (f *readFlags) addServer(flags *pflag.FlagSet) {
	flags.StringVar(&f.server, "server", "", "use server `NAME` for rows that name none")
}

// delimiters are the values of --delimiter, besides the characters themselves.
var delimiters = map[string]byte{"": 0, "comma": ',', "semicolon": ';', "tab": '\t', `\t`: '\t', "pipe": '|'}

// hiddenRows are the values of --hidden-rows.
var hiddenRows = map[string]csvio.HiddenRows{"": csvio.HiddenRefuse, "send": csvio.HiddenSend, "skip": csvio.HiddenSkip}

// options returns how to read a file whose rows want the action, unless they say
// otherwise.
func (f *readFlags) options(action batch.Action) (csvio.Options, error) {
	columns := map[string]string{}
	for _, c := range f.columns {
		role, name, ok := strings.Cut(c, "=")
		if !ok || name == "" {
			return csvio.Options{}, hint(fmt.Errorf("--column %q does not have the form ROLE=NAME", c), "for example --column mac=\"Device MAC\"")
		}
		if columns[role] != "" {
			return csvio.Options{}, hint(fmt.Errorf("--column %s= is given twice", role), "a role has one column")
		}
		columns[role] = name
	}
	comma, ok := delimiters[f.delimiter]
	if !ok && len(f.delimiter) == 1 {
		comma, ok = f.delimiter[0], strings.Contains(",;\t|", f.delimiter)
	}
	if !ok {
		return csvio.Options{}, fmt.Errorf("--delimiter %q is not one of comma, semicolon, tab, pipe", f.delimiter)
	}
	hidden, ok := hiddenRows[f.hidden]
	if !ok {
		return csvio.Options{}, fmt.Errorf("--hidden-rows %q is not one of send, skip", f.hidden)
	}
	if f.allSheets && f.sheets != nil {
		return csvio.Options{}, hint(errors.New("--sheet and --all-sheets cannot be combined"), "use one of them")
	}
	var blocks csvio.Blocks
	for _, text := range f.vendors {
		block, err := csvio.ParseBlock(text)
		if err != nil {
			return csvio.Options{}, fmt.Errorf("--vendor-prefix %w", err)
		}
		blocks = append(blocks, block)
	}
	return csvio.Options{
		Columns: columns, Comma: comma, Encoding: f.encoding, Sheets: f.sheets, AllSheets: f.allSheets, Hidden: hidden, NoHeader: f.noHeader, Repair: f.repair,
		Action: action, Server: f.server, Blocks: blocks, IgnoreNoMAC: f.noMAC,
	}, nil
}

// callFlags are the flags of the commands that call the service.
type callFlags struct {
	url, username, passwordFile, caFile string
	sandbox                             bool

	rate        float64
	burst       int
	workers     int
	batchSize   int
	timeout     time.Duration
	maxAttempts int
	giveUpAfter time.Duration

	output   string
	progress string

	logFormat, logLevel string
	quiet               bool

	endings endingFlags
}

func (f *callFlags) add(flags *pflag.FlagSet) {
	f.addService(flags)
	inGroup(flags, groupPace, func(flags *pflag.FlagSet) {
		flags.Float64Var(&f.rate, "rate", 5, "at most `N` calls per second over all workers, lookups and retries included; fractions allowed")
		flags.IntVar(&f.burst, "burst", 1, "at most `N` calls at once after a pause")
		flags.IntVar(&f.workers, "workers", 4, "at most `N` calls in flight")
		flags.IntVar(&f.batchSize, "batch-size", 100, "at most `N` MACs per call")
		flags.IntVar(&f.maxAttempts, "max-attempts", 5, "try a call at most `N` times")
		flags.DurationVar(&f.giveUpAfter, "give-up-after", 5*time.Minute, "`TIME` stop after this time without a readable answer")
	})
	inGroup(flags, groupOutput, func(flags *pflag.FlagSet) {
		flags.StringVarP(&f.output, "output", "o", "", "write the result to `FILE` (default: the input's name with the ending .result.csv, .check.csv for check, .sandbox.csv with --sandbox; '-' for standard output)")
		flags.StringVar(&f.progress, "progress", "auto", "`MODE` how to show progress: auto (a bar on a terminal), lines (one every 30 s) or none")
		flags.BoolVar(&f.quiet, "quiet", false, "print nothing but warnings if every row succeeds")
		f.endings.add(flags)
		flags.StringVar(&f.logFormat, "log-format", "text", "`FORMAT` how to write messages to standard error: text or json")
		flags.StringVar(&f.logLevel, "log-level", "info", "`LEVEL` lowest level of messages to show: debug, info, warn or error")
	})
}

// addService adds the flags for reaching the service. Their help shows no value
// from the environment.
func (f *callFlags) addService(flags *pflag.FlagSet) {
	inGroup(flags, groupLogin, func(flags *pflag.FlagSet) {
		flags.StringVar(&f.url, "url", cmp.Or(os.Getenv("RPSBATCH_URL"), rps.DefaultURL), "reach the service at `URL` (or RPSBATCH_URL); http:// works for this machine only, and redirects are never followed")
		flags.Lookup("url").DefValue = rps.DefaultURL
		flags.StringVar(&f.username, "username", os.Getenv("RPSBATCH_USERNAME"), "`NAME` user name of the RPS XML API (or RPSBATCH_USERNAME, or systemd's credential rpsbatch-username, or a prompt)")
		flags.Lookup("username").DefValue = ""
		flags.StringVar(&f.passwordFile, "password-file", "", "read the password from the first line of `FILE` (or RPSBATCH_PASSWORD, or systemd's credential rpsbatch-password, or a prompt)")
		flags.StringVar(&f.caFile, "ca-file", "", "trust the certificates in `FILE` (PEM) instead of the system's")
		flags.BoolVar(&f.sandbox, "sandbox", false, "use a simulated RPS inside the process; no account is needed")
	})
	inGroup(flags, groupPace, func(flags *pflag.FlagSet) {
		flags.DurationVar(&f.timeout, "timeout", 30*time.Second, "`TIME` time limit for one call")
	})
}

// check reports what is wrong with the flags before anything is done.
func (f *callFlags) check(c *cobra.Command) error {
	switch f.progress {
	case "auto", "lines", "none":
	default:
		return fmt.Errorf("--progress %q is not one of auto, lines, none", f.progress)
	}
	if err := f.checkService(); err != nil {
		return err
	}
	if f.quiet {
		f.progress = "none"
	}
	if f.quiet && !c.Flags().Changed("log-level") {
		f.logLevel = "warn"
	}
	return nil
}

func (f *callFlags) checkService() error {
	if f.timeout <= 0 {
		return errors.New("--timeout must be longer than 0s")
	}
	return nil
}

// config returns the checked numbers of a run.
func (f *callFlags) config() (batch.Config, error) {
	c := batch.Config{
		BatchSize:   f.batchSize,
		Workers:     f.workers,
		Rate:        f.rate,
		Burst:       f.burst,
		MaxAttempts: f.maxAttempts,
		Timeout:     f.timeout,
		GiveUpAfter: f.giveUpAfter,
	}
	return c, c.Check()
}

// logger returns a log that writes above the terminal's bar. People at a terminal
// read sentences; others get key=value or JSON.
func (f *callFlags) logger(b *bar) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		return nil, fmt.Errorf("--log-level %q is not one of debug, info, warn, error", f.logLevel)
	}
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: printableAttr}
	var log *slog.Logger
	switch f.logFormat {
	case "text":
		log = slog.New(slog.NewTextHandler(b, options))
		if b.onTerminal() && level > slog.LevelDebug {
			log = slog.New(messages{out: b, level: level})
		}
	case "json":
		log = slog.New(slog.NewJSONHandler(b, options))
	default:
		return nil, fmt.Errorf("--log-format %q is not one of text, json", f.logFormat)
	}
	return log, nil
}

// printableAttr keeps only printable text in a logged value: JSON passes some
// control characters that a terminal would obey.
func printableAttr(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value.Any().(type) {
	case string:
		a.Value = slog.StringValue(rps.Printable(v))
	case error:
		a.Value = slog.StringValue(rps.Printable(v.Error()))
	}
	return a
}
