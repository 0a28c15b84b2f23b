package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rpsbatch/batch/durable"
	"rpsbatch/rps/rpstest"
)

type simulate struct {
	streams Streams
	listen  string
	account string
	servers []string
	state   string
	save    string
	faults  string
	options rpstest.Options
	urlFile string
}

func newSimulate(streams Streams) *cobra.Command {
	s := &simulate{streams: streams}
	c := &cobra.Command{
		Use:   "simulate",
		Short: "Serve a simulated RPS for trials",
		Long: `Serve a simulated RPS until it is interrupted, for trials and rehearsals: the
whole API of the guide, with its refusals. It prints the URL to give to --url.
It is for one machine: it speaks plain HTTP and its password is no secret.

--state FILE has what is there at the start, a record a line:

  server,NAME,URL                a server of the account
  server,NAME,URL,ACCOUNT        one of another account
  device,ACCOUNT,MAC,SERVER,URL  a registered device; URL may be left away
  stock,MAC                      one that is known, and nobody has registered

--faults FILE scripts what goes wrong, a fault a line, in order:

  METHOD [CALL] FAULT [KEY=VALUE ...]

METHOD is one of the guide's, or * for any. CALL is the number of the call that
goes wrong, from 1 on; without it the next one does. Keys: times=N for so many
calls in a row (-1: all), every=N for each Nth, delay=DURATION for slow and
hang, retry-after=SECONDS and retry-after-date=DURATION for 429 and 503,
keep=BYTES for truncated and cut, and, as the last of all, text=WORDS for says,
which refuses a call in words of your own. Of the faults, many have two forms:
-before, when the call is not applied, and -after, when it is:

` + wrapped(rpstest.FaultNames(), 78),
		Example: `  rpsbatch simulate --server hq=https://hq.example.com/
  RPSBATCH_PASSWORD=secret rpsbatch register devices.csv --username user --url http://127.0.0.1:8480/xmlrpc`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return s.run(c.Context()) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&s.listen, "listen", "127.0.0.1:8480", "`ADDRESS` to listen on; port 0 takes a free one")
	flags.StringVar(&s.account, "account", "user:secret", "`NAME:PASSWORD` of the account")
	flags.StringArrayVar(&s.servers, "server", nil, "`NAME=URL` of a server of the account (repeat it for several)")
	flags.StringVar(&s.state, "state", "", "`FILE` with what is there at the start: in the form that is told above")
	flags.StringVar(&s.save, "save-state", "", "`FILE` to write what is there at the end, in the same form")
	flags.StringVar(&s.faults, "faults", "", "`FILE` with a script of faults, such as: registerDevices 3 close-after")
	flags.BoolVar(&s.options.Partial, "partial", false, "refused batches are applied in part")
	flags.BoolVar(&s.options.NameOne, "name-one", false, "refusals of batches name one MAC only")
	flags.BoolVar(&s.options.Unnamed, "unnamed", false, "refusals of batches name no MAC")
	flags.BoolVar(&s.options.PromptElsewhere, "prompt-elsewhere", false, "devices of other accounts get the override prompt, not a refusal of their own")
	flags.BoolVar(&s.options.OverrideElsewhere, "override-elsewhere", false, "isOverride 1 takes devices from other accounts")
	flags.BoolVar(&s.options.URLWithoutServer, "url-without-server", false, "a unique URL needs no server")
	flags.DurationVar(&s.options.Latency, "latency", 0, "time that each call takes")
	flags.IntVar(&s.options.ListLimit, "list-limit", 0, "cut listDevices after so many devices (0: never)")
	flags.IntVar(&s.options.MaxBatch, "max-batch", 0, "refuse larger batches (0: none)")
	flags.Float64Var(&s.options.RateLimit, "rate-limit", 0, "answer HTTP 429 above so many calls a second (0: never)")
	flags.StringVar(&s.urlFile, "url-file", "", "`FILE` to write the URL to, when it listens")
	return c
}

func (s *simulate) run(ctx context.Context) error {
	service, err := s.service()
	if err != nil {
		return err
	}
	if s.save != "" {
		if err := durable.Check(s.save); err != nil { // not when hours have gone by
			return cannotWrite("--save-state", "--save-state", s.save, err)
		}
	}
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return hint(fmt.Errorf("cannot listen on %s: %w", s.listen, err), "name another --listen, or port 0 for a free one")
	}
	url := fmt.Sprintf("http://%s/xmlrpc", listener.Addr())
	if s.urlFile != "" {
		err := durable.WriteFile(s.urlFile, 0o644, func(w io.Writer) error {
			_, err := fmt.Fprintln(w, url)
			return err
		})
		if err != nil {
			return cannotWrite("--url-file", "--url-file", s.urlFile, err)
		}
	}
	fmt.Fprintf(s.streams.Out, "simulated RPS at %s\n", url)

	server := &http.Server{Handler: service, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	server.Close()
	if err := s.writeState(service); err != nil {
		return err
	}
	fmt.Fprintf(s.streams.Out, "%s answered\n", count(service.Total(), "call"))
	return nil
}

// check refuses numbers that no service has.
func (s *simulate) check() error {
	o := s.options
	for flag, bad := range map[string]bool{
		"--latency":    o.Latency < 0,
		"--list-limit": o.ListLimit < 0,
		"--max-batch":  o.MaxBatch < 0,
		"--rate-limit": !(o.RateLimit >= 0),
	} {
		if bad {
			return fmt.Errorf("%s must not be negative", flag)
		}
	}
	return nil
}

func (s *simulate) service() (*rpstest.Server, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	user, password, ok := strings.Cut(s.account, ":")
	if !ok || user == "" {
		return nil, errors.New("--account must be of the form NAME:PASSWORD")
	}
	options := s.options
	options.LogLimit = 1000
	options.Accounts = map[string]string{user: password}
	if s.faults != "" {
		f, err := os.Open(s.faults)
		if err != nil {
			return nil, fmt.Errorf("--faults: %w", err)
		}
		defer f.Close()
		if options.Faults, err = rpstest.ParseFaults(f); err != nil {
			return nil, fmt.Errorf("--faults %s: %w", s.faults, err)
		}
	}
	service := rpstest.New(options)
	for _, text := range s.servers {
		name, url, ok := strings.Cut(text, "=")
		if !ok {
			return nil, fmt.Errorf("--server %q is not of the form NAME=URL", text)
		}
		service.AddServer(user, name, url)
	}
	if s.state != "" {
		f, err := os.Open(s.state)
		if err != nil {
			return nil, fmt.Errorf("--state: %w", err)
		}
		defer f.Close()
		if err := service.LoadState(f); err != nil {
			return nil, fmt.Errorf("--state %s: %w", s.state, err)
		}
	}
	return service, nil
}

func (s *simulate) writeState(service *rpstest.Server) error {
	if s.save == "" {
		return nil
	}
	if err := durable.WriteFile(s.save, 0o600, service.WriteState); err != nil {
		return cannotWrite("--save-state", "--save-state", s.save, err)
	}
	return nil
}
