package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rpsbatch/batch"
)

func newCompletion(streams Streams) *cobra.Command {
	shells := map[string]func(root *cobra.Command) error{
		"bash":       func(root *cobra.Command) error { return root.GenBashCompletionV2(streams.Out, true) },
		"zsh":        func(root *cobra.Command) error { return root.GenZshCompletion(streams.Out) },
		"fish":       func(root *cobra.Command) error { return root.GenFishCompletion(streams.Out, true) },
		"powershell": func(root *cobra.Command) error { return root.GenPowerShellCompletionWithDesc(streams.Out) },
	}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print the completion script of a shell",
		Long: `Print a script that makes a shell complete commands, flags and their values
with the Tab key. Where to put it, for one user:

  bash        ~/.local/share/bash-completion/completions/rpsbatch, with the
              package bash-completion
  zsh         a file named _rpsbatch in a folder of $fpath
  fish        ~/.config/fish/completions/rpsbatch.fish
  powershell  add the last example to the file $PROFILE

Start a new shell to use it.`,
		Example: `  rpsbatch completion bash > ~/.local/share/bash-completion/completions/rpsbatch
  source <(rpsbatch completion bash)     # for this shell only
  rpsbatch completion zsh > "${fpath[1]}/_rpsbatch"
  rpsbatch completion fish > ~/.config/fish/completions/rpsbatch.fish
  rpsbatch completion powershell | Out-String | Invoke-Expression`,
		ValidArgs: []cobra.Completion{"bash", "zsh", "fish", "powershell"},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || shells[args[0]] == nil {
				return hint(errors.New("completion needs the name of one shell"), "bash, zsh, fish or powershell; see 'rpsbatch completion --help'")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return shells[args[0]](c.Root()) },
	}
}

// flagValues are the values of flags by name; the text after a tab is shown
// beside the value.
var flagValues = map[string][]cobra.Completion{
	"override": {
		"never\tleave devices that are already registered",
		"ask\task once, on a terminal",
		"own\tmove those of this account",
		"always\tmove them all, whoever owns them",
	},
	"on-conflict": {
		"refuse\tsend none of the rows",
		"first\ttake the target of the first row",
		"last\ttake the target of the last row",
	},
	"progress": {
		"auto\ta bar on a terminal",
		"lines\ta line every 30 s",
		"none",
	},
	"delimiter":  {"comma", "semicolon", "tab", "pipe"},
	"log-format": {"text", "json"},
	"log-level":  {"debug", "info", "warn", "error"},
}

// flagEndings are the endings of the files that flags take. Other flags with a
// FILE take any.
var flagEndings = map[string][]string{
	"output":       {"csv"},
	"baseline":     {"csv"},
	"servers":      inputEndings,
	"from":         inputEndings,
	"html":         {"html"},
	"summary-json": {"json"},
	"plan-json":    {"json"},
	"metrics-file": {"prom"},
	"ca-file":      {"pem", "crt", "cer"},
}

// inputEndings are the endings of the files that commands read.
var inputEndings = []string{"csv", "xlsx"}

// addCompletions adds completions to the arguments and flags of a command and its
// subcommands, where they have none yet.
func addCompletions(c *cobra.Command) {
	_, takes, _ := strings.Cut(c.Use, " ")
	switch {
	case c.ValidArgsFunction != nil || len(c.ValidArgs) > 0:
	case takes == "FILE":
		c.ValidArgsFunction = oneFileOf(inputEndings)
	case takes == "RESULT.csv":
		c.ValidArgsFunction = oneFileOf([]cobra.Completion{"csv"})
	case takes == "[DIR]":
		c.ValidArgsFunction = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	default:
		c.ValidArgsFunction = cobra.NoFileCompletions
	}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Value.Type() == "bool" {
			return
		}
		// An error says that there already is one.
		_ = c.RegisterFlagCompletionFunc(f.Name, completionOf(f))
	})
	for _, child := range c.Commands() {
		addCompletions(child)
	}
}

func oneFileOf(endings []cobra.Completion) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return endings, cobra.ShellCompDirectiveFilterFileExt
	}
}

func completionOf(f *pflag.Flag) cobra.CompletionFunc {
	if values := flagValues[f.Name]; values != nil {
		return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveKeepOrder)
	}
	if endings := flagEndings[f.Name]; endings != nil {
		return cobra.FixedCompletions(endings, cobra.ShellCompDirectiveFilterFileExt)
	}
	switch f.Name {
	case "only":
		return completeStatuses
	case "column":
		return cobra.FixedCompletions([]cobra.Completion{"mac=", "server=", "url=", "action="}, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace)
	}
	if annotation(f, flagValue) == "FILE" {
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
	}
	return cobra.NoFileCompletions
}

// completeStatuses completes the last status of a comma-separated list.
func completeStatuses(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	before := typed[:strings.LastIndex(typed, ",")+1]
	given := strings.Split(before, ",")
	var all []cobra.Completion
	for _, status := range batch.Statuses {
		if !slices.Contains(given, string(status)) {
			all = append(all, before+string(status))
		}
	}
	return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveKeepOrder
}
