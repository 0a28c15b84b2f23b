package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
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
		Long: `Serve a simulated RPS until interrupted, for trials and rehearsals: the whole API
of Yealink's guide, with its refusals. It prints the URL to use with --url. It is
for this machine only: it speaks plain HTTP, and its password is not a secret.

--state FILE has the state at the start, one record per line:

  server,NAME,URL                a server of the account
  server,NAME,URL,ACCOUNT        a server of another account
  device,ACCOUNT,MAC,SERVER,URL  a registered device; URL may be omitted
  stock,MAC                      a known device that nobody has registered

--faults FILE scripts what goes wrong, one fault per line:

` + rpstest.FaultHelp() + `
For example:

  # the third registerDevices is applied 8 s after a proxy answered 502
  registerDevices 3 502 apply-after=8s
  * throws mac=001565000009 times=-1 text=duplicate key
  * 5 colleague text=device,user,001565000002,hq`,
		Example: `  rpsbatch simulate --server hq=https://hq.example.com/
  RPSBATCH_PASSWORD=secret rpsbatch register devices.csv --username user --url http://127.0.0.1:8480/xmlrpc`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return s.run(c.Context()) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&s.listen, "listen", "127.0.0.1:8480", "listen on `ADDRESS`; port 0 picks a free one")
	flags.StringVar(&s.account, "account", "user:secret", "`NAME:PASSWORD` the account")
	flags.StringArrayVar(&s.servers, "server", nil, "`NAME=URL` a server of the account (repeatable)")
	flags.StringVar(&s.state, "state", "", "start with the state in `FILE`, in the form above")
	flags.StringVar(&s.save, "save-state", "", "write the final state to `FILE`, in the same form")
	flags.StringVar(&s.faults, "faults", "", "read a script of faults from `FILE`, such as: registerDevices 3 close-after")
	flags.BoolVar(&s.options.Partial, "partial", false, "apply refused batches in part")
	flags.BoolVar(&s.options.NameOne, "name-one", false, "name only one MAC in the refusal of a batch")
	flags.BoolVar(&s.options.Unnamed, "unnamed", false, "name no MAC in the refusal of a batch")
	flags.BoolVar(&s.options.PromptElsewhere, "prompt-elsewhere", false, "answer with the override prompt for devices of other accounts too")
	flags.BoolVar(&s.options.OverrideElsewhere, "override-elsewhere", false, "let isOverride 1 take devices from other accounts")
	flags.BoolVar(&s.options.URLWithoutServer, "url-without-server", false, "accept a unique URL without a server")
	flags.DurationVar(&s.options.Latency, "latency", 0, "`TIME` how long each call takes")
	flags.IntVar(&s.options.ListLimit, "list-limit", 0, "cut listDevices after `N` devices (0: never)")
	flags.IntVar(&s.options.MaxBatch, "max-batch", 0, "refuse batches of more than `N` MACs (0: none)")
	flags.Float64Var(&s.options.RateLimit, "rate-limit", 0, "answer HTTP 429 above `N` calls per second (0: never)")
	flags.StringVar(&s.urlFile, "url-file", "", "write the URL to `FILE` once it is listening")
	return c
}

func (s *simulate) run(ctx context.Context) error {
	service, err := s.service()
	if err != nil {
		return err
	}
	if s.save != "" {
		if err := durable.Check(s.save); err != nil { // not when hours have passed
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

	server := s.server(service)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	server.Close()
	if n := service.ApplyPending(); n > 0 {
		fmt.Fprintf(s.streams.Out, "%s that the script had delayed: applied now\n", count(n, "change"))
	}
	if err := s.writeState(service); err != nil {
		return err
	}
	fmt.Fprintf(s.streams.Out, "%s answered\n", count(service.Total(), "call"))
	return nil
}

// server returns the HTTP server of a service. Pages in the user's browser must
// not reach it, and a slow client must not hold it up.
func (s *simulate) server(service http.Handler) *http.Server {
	return &http.Server{
		Handler:           s.guard(service),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}

// maxCall is the size limit of a call in bytes: some 100,000 MACs.
const maxCall = 16 << 20

// guard refuses what a web page could make a browser send: requests from another
// site, bodies of a type that needs no preflight, and host names that resolve to
// this machine only because the page's owner says so.
func (s *simulate) guard(service http.Handler) http.Handler {
	own := hostOf(s.listen)
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostOf(r.Host)
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		switch {
		case host != "localhost" && host != own && net.ParseIP(host) == nil:
			http.Error(w, "the host must be an address, localhost or that of --listen", http.StatusMisdirectedRequest)
		case protection.Check(r) != nil:
			http.Error(w, "requests from other sites are refused", http.StatusForbidden)
		case r.Method == http.MethodPost && kind != "text/xml" && kind != "application/xml":
			http.Error(w, "a call must have the Content-Type text/xml", http.StatusUnsupportedMediaType)
		default:
			service.ServeHTTP(w, r)
		}
	})
}

// hostOf returns a host without its port and brackets.
func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return strings.Trim(address, "[]")
}

// check refuses limits that no service has.
func (s *simulate) check() error {
	o := s.options
	for flag, bad := range map[string]bool{
		"--latency":    o.Latency < 0,
		"--list-limit": o.ListLimit < 0,
		"--max-batch":  o.MaxBatch < 0,
		"--rate-limit": !(o.RateLimit >= 0 && o.RateLimit <= 1e9),
	} {
		if bad {
			return fmt.Errorf("%s must not be negative or huge", flag)
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
		return nil, errors.New("--account must have the form NAME:PASSWORD")
	}
	options := s.options
	options.LogLimit = 1000
	options.MaxBody = maxCall
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
			return nil, fmt.Errorf("--server %q does not have the form NAME=URL", text)
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
