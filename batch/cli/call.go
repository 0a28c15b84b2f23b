package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rpsbatch/batch"
	"rpsbatch/rps"
)

// A method of the guide as the command line sees it: its arguments in the guide's
// order, and what it calls. It returns the lines of the answer.
type method struct {
	name    string
	takes   string // the arguments by kind; one in brackets may be omitted
	changes bool   // the account
	call    func(ctx context.Context, c *rps.Client, a arguments) (lines, error)
}

// lines are the lines of an answer, which may be long.
type lines = iter.Seq[string]

func each(texts ...string) lines { return slices.Values(texts) }

// arguments are the arguments of a call, by the kinds that methods take.
type arguments struct {
	macs        []rps.MAC
	server, url string
	given       bool // isOverride is given, and its value
	override    bool
}

// methods are those of the guide's chapter 4, without the two signatures that the
// service is withdrawing.
var methods = []method{
	{"registerDevice", "MAC SERVER [OVERRIDE]", true, func(ctx context.Context, c *rps.Client, a arguments) (lines, error) {
		if a.given {
			return done(c.RegisterDeviceOverride(ctx, a.macs[0], a.server, a.override))
		}
		return done(c.RegisterDevice(ctx, a.macs[0], a.server))
	}},
	{"registerDevices", "MACS SERVER [OVERRIDE]", true, func(ctx context.Context, c *rps.Client, a arguments) (lines, error) {
		if a.given {
			return done(c.RegisterDevicesOverride(ctx, a.macs, a.server, a.override))
		}
		return done(c.RegisterDevices(ctx, a.macs, a.server))
	}},
	{"registerDeviceWithUniqueUrl", "MAC SERVER URL [OVERRIDE]", true, func(ctx context.Context, c *rps.Client, a arguments) (lines, error) {
		if a.given {
			return done(c.RegisterDeviceWithUniqueURLOverride(ctx, a.macs[0], a.server, a.url, a.override))
		}
		return done(c.RegisterDeviceWithUniqueURL(ctx, a.macs[0], a.server, a.url))
	}},
	{"deRegisterDevice", "MAC", true, func(ctx context.Context, c *rps.Client, a arguments) (lines, error) {
		return done(c.DeRegisterDevice(ctx, a.macs[0]))
	}},
	{"deRegisterDevices", "MACS", true, func(ctx context.Context, c *rps.Client, a arguments) (lines, error) {
		return done(c.DeRegisterDevices(ctx, a.macs))
	}},
	{"editDevice", "MAC SERVER", true, func(ctx context.Context, c *rps.Client, a arguments) (lines, error) {
		return done(c.EditDevice(ctx, a.macs[0], a.server))
	}},
	{"editDeviceWithUniqueUrl", "MAC SERVER URL", true, func(ctx context.Context, c *rps.Client, a arguments) (lines, error) {
		return done(c.EditDeviceWithUniqueURL(ctx, a.macs[0], a.server, a.url))
	}},
	{"checkDevice", "MAC", false, func(ctx context.Context, c *rps.Client, a arguments) (lines, error) {
		status, err := c.CheckDevice(ctx, a.macs[0])
		return each(string(status)), err
	}},
	{"checkDeviceExt", "MAC", false, func(ctx context.Context, c *rps.Client, a arguments) (lines, error) {
		status, url, err := c.CheckDeviceExt(ctx, a.macs[0])
		if url == "" {
			return each(string(status)), err
		}
		return each(string(status), url), err
	}},
	{"listDevices", "", false, func(ctx context.Context, c *rps.Client, _ arguments) (lines, error) {
		macs, err := c.ListDevices(ctx)
		return func(yield func(string) bool) {
			for i := 0; i < len(macs) && yield(macs[i].String()); i++ {
			}
		}, err
	}},
	{"addServer", "SERVER URL", true, func(ctx context.Context, c *rps.Client, a arguments) (lines, error) {
		return done(c.AddServer(ctx, a.server, a.url))
	}},
}

// done returns the answer of a call that the service answers with OK.
func done(err error) (lines, error) { return each("OK"), err }

// findMethod finds a method by its name, with or without "redirect.", in any case.
func findMethod(name string) (method, bool) {
	for _, m := range methods {
		if strings.EqualFold(name, m.name) || strings.EqualFold(name, "redirect."+m.name) {
			return m, true
		}
	}
	return method{}, false
}

// read reads the arguments of a call. It refuses only what no call can carry; the
// service judges the rest.
func (m method) read(args []string) (a arguments, err error) {
	kinds := strings.Fields(m.takes)
	need := len(kinds) - strings.Count(m.takes, "[")
	if len(args) < need || len(args) > len(kinds) {
		return a, hint(fmt.Errorf("%s takes %s, not %d", m.name, count(need, "argument"), len(args)), "rpsbatch call %s", strings.TrimSpace(m.name+" "+m.takes))
	}
	for i, text := range args {
		switch kinds[i] {
		case "MAC":
			var mac rps.MAC
			mac, err = rps.ParseMAC(text)
			a.macs = []rps.MAC{mac}
		case "MACS":
			for one := range strings.SplitSeq(text, ",") {
				mac, bad := rps.ParseMAC(one)
				a.macs, err = append(a.macs, mac), errors.Join(err, bad)
			}
		case "SERVER":
			a.server = text
		case "URL":
			a.url = text
		case "[OVERRIDE]":
			a.given, a.override = true, text == "1"
			if text != "0" && text != "1" {
				err = fmt.Errorf("isOverride is %q, but must be 1 (override) or 0 (do not)", text)
			}
		}
		if err != nil {
			return a, err
		}
	}
	return a, nil
}

type call struct {
	streams Streams
	service callFlags // only those for reaching it
	lock    lockFlags
}

func newCall(streams Streams) *cobra.Command {
	k := &call{streams: streams}
	var table strings.Builder
	var names []cobra.Completion
	for _, m := range methods {
		fmt.Fprintf(&table, "  %s\n", strings.TrimSpace(m.name+" "+m.takes))
		names = append(names, m.name)
	}
	c := &cobra.Command{
		Use:   "call METHOD [ARGUMENT...]",
		Short: "Make one call of the API and print the answer",
		Long: `Make one call and print the service's answer, in its own words. Nothing is judged,
retried, recorded or looked up; the other commands do all of that for the devices
of a file.

` + table.String() + `
Separate MACS with commas. OVERRIDE is 1 or 0; without it the call has no
isOverride, and the service refuses devices that are already registered. Write an
empty SERVER or URL as ''. Other users of this machine can see a command line, so
put a secret unique URL in a file for register or edit.

Exit codes:
  0    the service granted the call; its answer is on standard output
  1    the service refused it; its words are on standard error
  2    usage or configuration: nothing was sent
  4    no answer, or the credentials are refused
  130  interrupted by SIGINT, SIGTERM or SIGHUP`,
		Example: `  rpsbatch call checkDevice 001565000001
  rpsbatch call registerDevice 001565000001 "Head office" 1
  rpsbatch call deRegisterDevices 001565000001,001565000002`,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return hint(errors.New("call needs the name of a method"), "see '%s --help'", c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			m, ok := findMethod(args[0])
			if !ok {
				return hint(fmt.Errorf("there is no method %q", args[0]), "see '%s --help' for the list", c.CommandPath())
			}
			a, err := m.read(args[1:])
			if err == nil {
				err = errors.Join(k.service.checkService(), k.lock.check())
			}
			if err != nil {
				return err
			}
			return k.run(c.Context(), m, a)
		},
	}
	k.service.addService(c.Flags())
	inGroup(c.Flags(), groupResume, k.lock.add)
	return c
}

func (k *call) run(ctx context.Context, m method, a arguments) error {
	client, err := k.service.client(ctx, k.streams, nil)
	if err != nil {
		return err
	}
	if m.changes && !k.service.sandbox {
		account, err := k.lock.take(ctx, slog.New(slog.NewTextHandler(k.streams.Err, &slog.HandlerOptions{ReplaceAttr: printableAttr})), k.service.url, k.service.username)
		if err != nil {
			return err
		}
		defer account.Close()
	}
	if ctx.Err() != nil {
		return &batch.StopError{Reason: batch.ErrInterrupted}
	}
	flight := ctx
	if m.changes { // it is waited for: nobody could tell what happened to it
		flight = context.WithoutCancel(ctx)
	}
	answer, err := m.call(flight, client, a)
	switch {
	case err != nil && flight.Err() != nil:
		return &batch.StopError{Reason: batch.ErrInterrupted}
	case err != nil:
		return k.ended(m, err)
	}
	return written(k.streams.Out, "the answer", func(w io.Writer) {
		for line := range answer {
			fmt.Fprintln(w, rps.Printable(line))
		}
	})
}

// ended returns the error of a call that was not granted.
func (k *call) ended(m method, err error) error {
	var e *rps.Error
	switch {
	case !errors.As(err, &e), e.Kind == rps.Unencodable:
		return err
	case e.Kind.Refused():
		k.streams.say("%s: %s", m.name, errorText(err))
		return errRows
	case e.Kind == rps.Unauthorized, e.Kind == rps.Forbidden, e.Kind == rps.Untrusted:
		return &batch.StopError{Reason: batch.ErrRefused, Cause: err}
	case (e.Kind == rps.Unreadable || e.Kind == rps.HandlerFailed) && m.changes:
		return hint(&batch.StopError{Reason: batch.ErrUnreachable, Cause: err}, "the call may have been applied anyway; look up the device with 'call checkDeviceExt'")
	}
	return &batch.StopError{Reason: batch.ErrUnreachable, Cause: err}
}
