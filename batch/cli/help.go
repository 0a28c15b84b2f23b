package cli

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// The groups of flags in the help, in this order. Flags without a group are the
// command's own, and come first.
const (
	groupSafety = "Safety"
	groupResume = "Resuming and waiting"
	groupInput  = "Input"
	groupLogin  = "Service and account"
	groupPace   = "Rate and retries"
	groupOutput = "Output and logging"
)

var groups = []string{"", groupSafety, groupResume, groupInput, groupLogin, groupPace, groupOutput}

// Keys of a flag's annotations.
const (
	flagGroup = "group"
	flagValue = "value" // the name of its value in the help, such as FILE
)

// inGroup puts flags under a heading of the help.
func inGroup(flags *pflag.FlagSet, group string, add func(*pflag.FlagSet)) {
	set := pflag.NewFlagSet(group, pflag.ContinueOnError)
	add(set)
	set.VisitAll(func(f *pflag.Flag) { annotate(f, flagGroup, group) })
	set.SortFlags, flags.SortFlags = false, false
	flags.AddFlagSet(set)
}

func annotate(f *pflag.Flag, key, value string) {
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[key] = []string{value}
}

func annotation(f *pflag.Flag, key string) string {
	if values := f.Annotations[key]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// nameValues extracts the names of values, which stand between backquotes, from
// the usages of all flags: shells show a usage as it is. A name at the start of a
// usage is not part of its text.
func nameValues(c *cobra.Command) {
	c.InitDefaultHelpFlag()
	help := c.Flags().Lookup("help")
	help.Usage = "show this help"
	annotate(help, flagGroup, groupOutput)
	c.Flags().VisitAll(func(f *pflag.Flag) {
		leading := strings.HasPrefix(f.Usage, "`")
		name, usage := pflag.UnquoteUsage(f)
		if leading {
			usage = strings.TrimPrefix(usage, name+" ")
		}
		f.Usage = usage
		annotate(f, flagValue, name)
	})
	for _, child := range c.Commands() {
		nameValues(child)
	}
}

// A section is a group of flags under its heading.
type section struct {
	title string
	flags []*pflag.Flag
}

// flagSections returns the flags of a command in their groups.
func flagSections(c *cobra.Command) []section {
	byGroup := map[string][]*pflag.Flag{}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		group := annotation(f, flagGroup)
		byGroup[group] = append(byGroup[group], f)
	})
	if len(byGroup[groupOutput]) == 1 { // --help alone does not make a group
		byGroup[""] = append(byGroup[""], byGroup[groupOutput]...)
		delete(byGroup, groupOutput)
	}
	var sections []section
	for _, group := range groups {
		flags := byGroup[group]
		if len(flags) == 0 {
			continue
		}
		sections = append(sections, section{cmp.Or(group, "Flags of "+strings.TrimPrefix(c.CommandPath(), "rpsbatch ")), flags})
	}
	if len(byGroup) == 1 {
		sections[0].title = "Flags"
	}
	return sections
}

// shown is the value of a flag with the name that the help shows for it.
type shown struct {
	pflag.Value
	name string
}

// Type returns that name, which pflag shows. It quotes no default of such a type.
func (s shown) Type() string { return s.name }

// forHelp returns a copy of a flag for the help.
func forHelp(f *pflag.Flag) *pflag.Flag {
	line := *f
	if f.Value.Type() != "bool" {
		line.Value = shown{f.Value, annotation(f, flagValue)}
	}
	line.DefValue = defaultOf(f)
	return &line
}

// defaultOf returns the default of a flag, if it is worth showing.
func defaultOf(f *pflag.Flag) string {
	switch f.DefValue {
	case "false", "0", "0s", "[]":
		return ""
	}
	return f.DefValue
}

// flagsText returns the sections of flags in lines of a width. All usages begin
// in the same column.
func flagsText(sections []section, width int) string {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	all.SortFlags = false
	titles := map[int]string{}
	n := 0
	for _, s := range sections {
		titles[n] = s.title
		for _, f := range s.flags {
			all.AddFlag(forHelp(f))
			n++
		}
	}
	var b strings.Builder
	n = 0
	for line := range strings.Lines(all.FlagUsagesWrapped(width)) {
		if strings.HasPrefix(line, "  -") || strings.HasPrefix(line, "      --") {
			if title := titles[n]; title != "" {
				fmt.Fprintf(&b, "\n%s:\n", title)
			}
			n++
		}
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

// helpText returns the whole help of a command in lines of a width. Only lines
// meant for copying may be longer.
func helpText(c *cobra.Command, width int) string {
	var b strings.Builder
	about, codes := splitExitCodes(c.Long)
	b.WriteString(layOut(about, width))
	fmt.Fprintf(&b, "\nUsage:\n  %s\n\nExamples:\n%s\n", c.UseLine(), c.Example)
	if children := listed(c); len(children) > 0 {
		var list strings.Builder
		for _, child := range children {
			fmt.Fprintf(&list, "  %s  %s\n", child.Name(), child.Short)
		}
		fmt.Fprintf(&b, "\nCommands:\n%s\n", strings.TrimSuffix(layOut(list.String(), width), "\n"))
	}
	b.WriteString(flagsText(flagSections(c), width))
	if codes != "" {
		fmt.Fprintf(&b, "\nExit codes:\n%s", layOut(codes, width))
	}
	return b.String()
}

// listed returns the commands below one that its help lists.
func listed(c *cobra.Command) []*cobra.Command {
	return slices.DeleteFunc(slices.Clone(c.Commands()), func(c *cobra.Command) bool { return c.Hidden || c.Name() == "help" })
}

// splitExitCodes returns a help's text and its list of exit codes, if it has one.
func splitExitCodes(text string) (about, codes string) {
	about, codes, _ = strings.Cut(text, "Exit codes:\n")
	return strings.TrimRight(about, "\n"), codes
}

// A block is a part of a help's text: a paragraph; an item of a list, which has
// a key; or a line that stays as it is.
type block struct {
	key, text string
	asIs      bool
	apart     bool // a blank line stands before it
}

// blocks reads the text of a help. Indented lines of the form "key  text" are
// items; further indented lines continue them; others stay as they are.
func blocks(text string) []block {
	var all []block
	last := &block{}
	apart := false
	for line := range strings.Lines(text) {
		body := strings.TrimSpace(line)
		indent := len(line) - len(strings.TrimLeft(line, " "))
		key, rest, isItem := strings.Cut(body, "  ")
		next := block{text: body, apart: apart}
		switch {
		case body == "":
			apart = true
			continue
		case indent == 0 && !apart && last.text != "" && !last.asIs && last.key == "",
			indent > 2 && !apart && last.key != "":
			last.text += " " + body
			continue
		case indent > 0 && isItem:
			next.key, next.text = key, strings.TrimSpace(rest)
		case indent > 0:
			next.asIs = true
		}
		all = append(all, next)
		last, apart = &all[len(all)-1], false
	}
	return all
}

// longestKey is the longest key of an item whose meaning begins on the same line.
const longestKey = 22

// layOut breaks the text of a help into lines of a width. The meanings of all
// items begin in the same column.
func layOut(text string, width int) string {
	all := blocks(text)
	longest := 0
	for _, part := range all {
		if len(part.key) <= longestKey {
			longest = max(longest, len(part.key))
		}
	}
	var b strings.Builder
	for i, part := range all {
		if part.apart && i > 0 {
			b.WriteString("\n")
		}
		switch {
		case part.asIs:
			b.WriteString("  " + part.text)
		case part.key == "":
			b.WriteString(fold("", part.text, width))
		case len(part.key) > longestKey:
			b.WriteString("  " + part.key + "\n" + fold(strings.Repeat(" ", longest+4), part.text, width))
		default:
			b.WriteString(fold(fmt.Sprintf("  %-*s  ", longest, part.key), part.text, width))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// plainWidth is the width of lines if there is no terminal.
const plainWidth = 80

// widthOf returns the width of lines written to a stream: COLUMNS, else the
// terminal's.
func widthOf(out io.Writer) int {
	const least = 40
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return max(n, least)
	}
	if f, ok := out.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return max(n, least)
		}
	}
	return plainWidth
}
