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
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

	"rpsbatch/batch/durable"
	"rpsbatch/rps"
)

func newMan(streams Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "man [DIR]",
		Short: "Write the manual pages",
		Long: `Write a manual page for each command into DIR, which is made if it is not
there: rpsbatch.1, rpsbatch-register.1 and so on, with the text of the help.
Without DIR the page of rpsbatch goes to standard output.

The same build writes the same bytes: the date of the pages is that of the
commit, or what SOURCE_DATE_EPOCH says.`,
		Example: `  rpsbatch man | man -l -
  rpsbatch man /usr/local/share/man/man1`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			date, err := manDate()
			if err != nil {
				return err
			}
			root := manTree()
			if len(args) == 0 {
				return manPage(streams.Out, root, date)
			}
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("cannot make the folder: %w", err)
			}
			return manPages(args[0], root, date)
		},
	}
}

func manPages(dir string, c *cobra.Command, date time.Time) error {
	name := filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
	err := durable.WriteFile(name, 0o644, func(w io.Writer) error { return manPage(w, c, date) })
	if err != nil {
		return hint(fmt.Errorf("cannot write a page: %w", err), "%s", cmp.Or(durable.Hint(err), "name another folder"))
	}
	for _, child := range c.Commands() {
		if child.Hidden {
			continue
		}
		if err := manPages(dir, child, date); err != nil {
			return err
		}
	}
	return nil
}

func manPage(w io.Writer, c *cobra.Command, date time.Time) error {
	var page bytes.Buffer
	header := &doc.GenManHeader{Section: "1", Date: &date, Source: "rpsbatch " + version(), Manual: "rpsbatch"}
	if err := doc.GenMan(c, header, &page); err != nil {
		return err
	}
	text := manLayout.Replace(page.String())
	if date.IsZero() {
		text = strings.Replace(text, date.Format(`"Jan 2006"`), `""`, 1)
	}
	_, err := io.WriteString(w, text)
	return err
}

// manLayout sets flags as other manuals do: hanging, and switches by their name.
var manLayout = strings.NewReplacer(
	"\n.SH OPTIONS\n\\fB-", "\n.SH OPTIONS\n.TP\n\\fB-",
	"\n.PP\n\\fB-", "\n.TP\n\\fB-",
	"[=false]\n\t", "\n",
	"\n\t", "\n",
)

// manDate gives the date of the pages, the zero time if none is known.
func manDate() (time.Time, error) {
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH %q is no number of seconds", epoch)
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

// manTree gives the commands with their texts in the markdown that package doc
// takes. Nothing in them is of this machine.
func manTree() *cobra.Command {
	root := newRoot(Streams{Out: io.Discard, Err: io.Discard})
	root.InitDefaultVersionFlag()
	root.Long += "\n\n# COMMANDS\n"
	for _, c := range root.Commands() {
		root.Long += fmt.Sprintf("\n**rpsbatch-%s(1)**\n: %s\n", c.Name(), c.Short)
	}
	prepareMan(root)
	return root
}

func prepareMan(c *cobra.Command) {
	c.DisableAutoGenTag = true
	c.SetHelpCommand(&cobra.Command{Use: "no-help", Hidden: true}) // each page is help
	c.Long = manText(c.Long)
	c.InitDefaultHelpFlag()
	c.Flags().VisitAll(prepareManFlag)
	for _, child := range c.Commands() {
		prepareMan(child)
	}
}

// manText makes markdown of a help's text: what is indented there keeps its
// lines, and the exit codes are a section.
func manText(text string) string {
	if before, after, ok := strings.Cut(text, exitCodes); ok {
		var section strings.Builder
		section.WriteString("# EXIT STATUS\n")
		for line := range strings.Lines(exitCodes) {
			code, meaning, ok := strings.Cut(strings.TrimSpace(line), " ")
			if ok && code != "Exit" {
				fmt.Fprintf(&section, "\n**%s**\n: %s\n", code, strings.TrimSpace(meaning))
			}
		}
		return manText(before) + section.String() + after
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "  ") {
			line = "    " + line
		} else {
			line = manEscape.Replace(line)
		}
		b.WriteString(line)
	}
	return b.String()
}

var manEscape = strings.NewReplacer(`_`, `\_`, `<`, `\<`, `|`, `\|`)

// prepareManFlag has a flag shown with the name of its value, as in the help,
// and not with its default, which may come from the environment.
func prepareManFlag(f *pflag.Flag) {
	switch f.Name {
	case "url":
		f.DefValue = rps.DefaultURL
	case "username":
		f.DefValue = ""
	}
	value, usage := pflag.UnquoteUsage(f)
	f.Usage = manEscape.Replace(usage)
	if f.Value.Type() == "bool" {
		return
	}
	switch f.DefValue {
	case "", "0", "0s", "[]":
	default:
		f.Usage += fmt.Sprintf(" (default %s)", f.DefValue)
	}
	f.DefValue = value
	f.Value = unquoted{f.Value}
}

// unquoted is a value that package doc does not put into quotes.
type unquoted struct{ pflag.Value }

func (unquoted) Type() string { return "" }
