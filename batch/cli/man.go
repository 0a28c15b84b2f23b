package cli

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rpsbatch/batch/durable"
)

func newMan(streams Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "man [DIR]",
		Short: "Write the manual pages",
		Long: `Write a manual page for each command to the folder DIR, which is created if it
does not exist: rpsbatch.1, rpsbatch-register.1 and so on. The pages have the text
of the help. Without DIR, the page of rpsbatch itself goes to standard output.

A build always writes the same bytes: the pages carry the date of the commit, or
the date in SOURCE_DATE_EPOCH.`,
		Example: `  rpsbatch man | man -l -
  rpsbatch man /usr/local/share/man/man1`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			date, err := manDate()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				_, err := streams.Out.Write(manPage(c.Root(), date))
				return err
			}
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("cannot create the folder: %w", err)
			}
			return manPages(args[0], c.Root(), date)
		},
	}
}

func manPages(dir string, c *cobra.Command, date time.Time) error {
	err := durable.WriteFile(filepath.Join(dir, pageName(c)+".1"), 0o644, func(w io.Writer) error {
		_, err := w.Write(manPage(c, date))
		return err
	})
	if err != nil {
		return hint(fmt.Errorf("cannot write a page: %w", err), "%s", cmp.Or(durable.Hint(err), "name another folder"))
	}
	for _, child := range listed(c) {
		if err := manPages(dir, child, date); err != nil {
			return err
		}
	}
	return nil
}

// manDate returns the date of the pages; the zero time if unknown.
func manDate() (time.Time, error) {
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH %q is not a number of seconds", epoch)
		}
		return time.Unix(seconds, 0).UTC(), nil
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.time" {
				date, err := time.Parse(time.RFC3339, s.Value)
				return date.UTC(), err
			}
		}
	}
	return time.Time{}, nil
}

// pageName returns the name of a command's page: rpsbatch-server-add.
func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// manPage returns a command's page in the macros of man(7).
func manPage(c *cobra.Command, date time.Time) []byte {
	var b bytes.Buffer
	month := ""
	if !date.IsZero() {
		month = date.Format("2006-01-02")
	}
	fmt.Fprintf(&b, ".TH %q \"1\" %q %q \"rpsbatch\"\n.nh\n.ad l\n", roff(strings.ToUpper(pageName(c))), month, "rpsbatch "+version())
	about, codes := splitExitCodes(c.Long)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(pageName(c)), roff(c.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n\\fB%s\\fR\n", roff(c.UseLine()))
	b.WriteString(".SH DESCRIPTION\n")
	manBlocks(&b, blocks(about))
	related := listed(c)
	if len(related) > 0 {
		b.WriteString(".SH COMMANDS\n")
	}
	for _, child := range related {
		manItem(&b, roff(pageName(child))+"(1)", child.Short)
	}
	b.WriteString(".SH OPTIONS\n")
	for _, s := range flagSections(c) {
		if s.title != "Flags" {
			fmt.Fprintf(&b, ".SS %s\n", roff(s.title))
		}
		for _, f := range s.flags {
			manFlag(&b, f)
		}
	}
	if codes != "" {
		b.WriteString(".SH EXIT STATUS\n")
		manBlocks(&b, blocks(codes))
	}
	fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(c.Example))
	if c.HasParent() {
		related = append([]*cobra.Command{c.Parent()}, related...)
	}
	for i, other := range related {
		related := fmt.Sprintf("\\fB%s\\fR(1)", roff(pageName(other)))
		if i == 0 {
			b.WriteString(".SH SEE ALSO\n" + related)
		} else {
			b.WriteString(",\n" + related)
		}
	}
	b.WriteString("\n")
	return b.Bytes()
}

func manFlag(b *bytes.Buffer, f *pflag.Flag) {
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	if value := annotation(f, flagValue); value != "" {
		name += " " + value
	}
	usage := f.Usage
	if text := defaultOf(f); text != "" {
		usage += fmt.Sprintf(" (default %s)", text)
	}
	manItem(b, roff(name), usage)
}

func manItem(b *bytes.Buffer, key, text string) {
	fmt.Fprintf(b, ".TP\n\\fB%s\\fR\n%s\n", key, roff(text))
}

func manBlocks(b *bytes.Buffer, all []block) {
	for _, part := range all {
		switch {
		case part.asIs:
			fmt.Fprintf(b, ".RS 2\n.nf\n%s\n.fi\n.RE\n", roff(part.text))
		case part.key != "":
			manItem(b, roff(part.key), part.text)
		default:
			fmt.Fprintf(b, ".PP\n%s\n", roff(part.text))
		}
	}
}

var roffEscapes = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `'`, `\(aq`, "`", `\(ga`, `^`, `\(ha`, `~`, `\(ti`)

// roff escapes a text so that a page shows it as it is and it can be copied.
func roff(text string) string {
	lines := strings.Split(roffEscapes.Replace(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
