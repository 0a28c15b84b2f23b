package cli

import (
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
	"rpsbatch/csvio/report"
	"rpsbatch/rps"
)

// readFlags say how a file is read.
type readFlags struct {
	columns   []string
	server    string
	delimiter string
	encoding  string
	sheet     string
	noHeader  bool
	repair    bool
	vendors   []string
	noMAC     bool
}

func (f *readFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.columns, "column", nil, "`ROLE=NAME` of a column: mac=, server=, url= or action=; its number where there is no header (repeat it for several)")
	flags.StringVar(&f.delimiter, "delimiter", "", "`CHARACTER` between cells: comma, semicolon, tab or pipe (default: auto-detected)")
	flags.StringVar(&f.encoding, "encoding", "", "`NAME` of the file's encoding, such as windows-1252, utf-16le, shift_jis (default: auto-detected)")
	flags.StringVar(&f.sheet, "sheet", "", "`NAME` of the sheet of an .xlsx workbook (default: the first that is not hidden)")
	flags.BoolVar(&f.noHeader, "no-header", false, "the first record is a device, no header (default: auto-detected)")
	flags.BoolVar(&f.repair, "repair", false, "restore the leading zeros that a spreadsheet dropped from MACs of the block 00-15-65")
	flags.StringArrayVar(&f.vendors, "vendor-prefix", nil, "first half of the MACs of other phones than Yealink's, such as 00-1A-2B (`BLOCK`; repeat it for several)")
	flags.BoolVar(&f.noMAC, "ignore-no-mac", false, "pass rows without a MAC through, such as subtotals and notes")
}

func (f *readFlags) addServer(flags *pflag.FlagSet) {
	flags.StringVar(&f.server, "server", "", "server `NAME` for rows that have none")
}

// delimiters are the values of --delimiter, beside the characters themselves.
var delimiters = map[string]byte{"": 0, "comma": ',', "semicolon": ';', "tab": '\t', `\t`: '\t', "pipe": '|'}

// options returns how a file is read whose rows ask for the action, unless they
// say otherwise.
func (f *readFlags) options(action batch.Action) (csvio.Options, error) {
	columns := map[string]string{}
	for _, c := range f.columns {
		role, name, ok := strings.Cut(c, "=")
		if !ok || name == "" {
			return csvio.Options{}, hint(fmt.Errorf("--column %q is not of the form ROLE=NAME", c), "for example --column mac=\"Device MAC\"")
		}
		if columns[role] != "" {
			return csvio.Options{}, fmt.Errorf("--column %s= is given twice", role)
		}
		columns[role] = name
	}
	comma, ok := delimiters[f.delimiter]
	if !ok && len(f.delimiter) == 1 {
		comma, ok = f.delimiter[0], strings.Contains(",;\t|", f.delimiter)
	}
	if !ok {
		return csvio.Options{}, fmt.Errorf("--delimiter %q is none of comma, semicolon, tab, pipe", f.delimiter)
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
		Columns: columns, Comma: comma, Encoding: f.encoding, Sheet: f.sheet, NoHeader: f.noHeader, Repair: f.repair,
		Action: action, Server: f.server, Blocks: blocks, IgnoreNoMAC: f.noMAC,
	}, nil
}

// callFlags are those of the commands that call the service.
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
	flags.Float64Var(&f.rate, "rate", 5, "calls a second, fractions allowed, look-ups and retries included")
	flags.IntVar(&f.burst, "burst", 1, "calls that may leave at once after a rest")
	flags.IntVar(&f.workers, "workers", 4, "calls in flight at most")
	flags.IntVar(&f.batchSize, "batch-size", 100, "MACs in one call at most")
	flags.IntVar(&f.maxAttempts, "max-attempts", 5, "tries of one call")
	flags.DurationVar(&f.giveUpAfter, "give-up-after", 5*time.Minute, "stop after so long without one readable answer")
	flags.StringVarP(&f.output, "output", "o", "", "result `FILE` (default: the input's name ending in .result.csv; '-' is standard output)")
	flags.StringVar(&f.progress, "progress", "auto", "auto: a bar on a terminal; lines: a line each 30 s; none")
	flags.StringVar(&f.logFormat, "log-format", "text", "text or json")
	flags.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error")
	flags.BoolVar(&f.quiet, "quiet", false, "say nothing at all when every row succeeds")
	f.endings.add(flags)
}

// addService adds the flags that say how to reach the service.
func (f *callFlags) addService(flags *pflag.FlagSet) {
	flags.StringVar(&f.url, "url", envOr("RPSBATCH_URL", rps.DefaultURL), "`URL` of the service (or RPSBATCH_URL)")
	flags.StringVar(&f.username, "username", os.Getenv("RPSBATCH_USERNAME"), "`NAME` of the account (or RPSBATCH_USERNAME, or systemd's credential rpsbatch-username, or a prompt)")
	flags.StringVar(&f.passwordFile, "password-file", "", "`FILE` with the password (or RPSBATCH_PASSWORD, or systemd's credential rpsbatch-password, or a prompt)")
	flags.StringVar(&f.caFile, "ca-file", "", "`FILE` with the certificates to trust, in PEM (default: the system's)")
	flags.BoolVar(&f.sandbox, "sandbox", false, "run against a simulated RPS inside the process: no account needed")
	flags.DurationVar(&f.timeout, "timeout", 30*time.Second, "time for one call")
}

func envOr(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}

// check says what is wrong with the flags, before anything is done.
func (f *callFlags) check(c *cobra.Command) error {
	switch f.progress {
	case "auto", "lines", "none":
	default:
		return fmt.Errorf("--progress %q is none of auto, lines, none", f.progress)
	}
	if err := f.checkService(); err != nil {
		return err
	}
	if f.quiet {
		f.progress = "none"
	}
	if f.quiet && !c.Flags().Changed("log-level") {
		f.logLevel = "error"
	}
	return nil
}

func (f *callFlags) checkService() error {
	if f.timeout <= 0 {
		return errors.New("--timeout must be longer than 0s")
	}
	return nil
}

// config gives the numbers of a run, checked.
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

// logger writes to the terminal's bar as well, if there is one.
func (f *callFlags) logger(b *bar) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		return nil, fmt.Errorf("--log-level %q is none of debug, info, warn, error", f.logLevel)
	}
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: printableAttr}
	var log *slog.Logger
	switch f.logFormat {
	case "text":
		log = slog.New(slog.NewTextHandler(b, options))
	case "json":
		log = slog.New(slog.NewJSONHandler(b, options))
	default:
		return nil, fmt.Errorf("--log-format %q is none of text, json", f.logFormat)
	}
	// What net/http writes to the standard logger is for developers.
	slog.SetLogLoggerLevel(slog.LevelDebug)
	slog.SetDefault(log)
	return log, nil
}

// printableAttr leaves in what is logged no more than can be printed: JSON lets
// through some of what a terminal obeys.
func printableAttr(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value.Any().(type) {
	case string:
		a.Value = slog.StringValue(report.Printable(v))
	case error:
		a.Value = slog.StringValue(report.Printable(v.Error()))
	}
	return a
}
