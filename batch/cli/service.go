package cli

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"rpsbatch/batch"
	"rpsbatch/rps"
	"rpsbatch/rps/rpstest"
)

// client returns the client of the service, or in the sandbox of a simulated one;
// nil stands for a new one. On a terminal it asks for missing credentials.
func (f *callFlags) client(ctx context.Context, streams Streams, sandbox *rpstest.Server) (*rps.Client, error) {
	config := rps.Config{
		URL:         f.url,
		Timeout:     f.timeout,
		Connections: f.workers,
		UserAgent:   "rpsbatch/" + version(),
	}
	if f.sandbox {
		if sandbox == nil {
			sandbox, _ = newSandbox()
		}
		config.URL = rps.DefaultURL // nothing leaves the process
		f.username = sandboxUser
		config.Username, config.Password = sandboxUser, sandboxPassword
		config.Transport = sandbox.Transport()
		return rps.NewClient(config)
	}
	if f.caFile != "" {
		pem, err := readSmall(f.caFile)
		if err != nil {
			return nil, fmt.Errorf("--ca-file: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, hint(fmt.Errorf("--ca-file %s has no certificate", f.caFile), "it must be in PEM format: -----BEGIN CERTIFICATE-----")
		}
	}
	// A bad URL is an error before the password prompt.
	if _, err := rps.NewClient(config); err != nil {
		return nil, err
	}
	var err error
	if config.Username, config.Password, err = f.credentials(ctx, streams); err != nil {
		return nil, err
	}
	f.username = config.Username // as typed at the prompt
	return rps.NewClient(config)
}

// knowsAccount reports whether credentials were given, so that nobody need be
// asked.
func (f *callFlags) knowsAccount() bool {
	has := func(name string) bool {
		text, err := systemdCredential(name)
		return text != "" && err == nil
	}
	return (f.username != "" || has("rpsbatch-username")) &&
		(f.passwordFile != "" || os.Getenv("RPSBATCH_PASSWORD") != "" || has("rpsbatch-password"))
}

// credentials returns those of the account: from flags, else from the
// environment, else from systemd, else from a person at the terminal.
func (f *callFlags) credentials(ctx context.Context, streams Streams) (username, password string, err error) {
	username = f.username
	if username == "" {
		if username, err = systemdCredential("rpsbatch-username"); err != nil {
			return "", "", err
		}
	}
	if username == "" && streams.terminalIn() && streams.terminalErr() {
		fmt.Fprint(streams.Err, "RPS username: ")
		if username, err = readLine(ctx, streams.In); err != nil {
			return "", "", err
		}
	}
	if username == "" {
		return "", "", hint(errors.New("no user name"), "set RPSBATCH_USERNAME or use --username; --sandbox needs none")
	}
	if f.passwordFile != "" {
		password, err = firstLine(f.passwordFile, "--password-file")
		return username, password, err
	}
	if password = os.Getenv("RPSBATCH_PASSWORD"); password != "" {
		return username, password, nil
	}
	if password, err = systemdCredential("rpsbatch-password"); err != nil || password != "" {
		return username, password, err
	}
	if !streams.terminalIn() || !streams.terminalErr() {
		return "", "", hint(fmt.Errorf("no password for %s", username), "set RPSBATCH_PASSWORD or use --password-file")
	}
	password, err = promptPassword(ctx, streams, username)
	if err == nil && password == "" {
		err = hint(errors.New("the password is empty"), "type the password of the RPS XML API")
	}
	return username, password, err
}

// systemdCredential returns a credential that systemd passes to this service
// only, with LoadCredential= in its unit; "" if there is none of that name.
func systemdCredential(name string) (string, error) {
	folder := os.Getenv("CREDENTIALS_DIRECTORY")
	if folder == "" {
		return "", nil
	}
	text, err := firstLine(filepath.Join(folder, name), "credential")
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return text, err
}

// readSmall returns the contents of a file smaller than 16 MiB: all certificates
// of a system take a fraction of that.
func readSmall(name string) ([]byte, error) {
	const most = 16 << 20
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most))
	if err == nil && len(data) == most {
		err = fmt.Errorf("%s has more than %d MiB", name, most>>20)
	}
	return data, err
}

// firstLine returns the first line of a file, which must not be empty. A byte
// order mark shows that it is UTF-8 or UTF-16, as Windows programs write it.
func firstLine(name, what string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", hint(fmt.Errorf("%s: %w", what, err), "name a file that you may read; its first line is taken")
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(transform.NewReader(f, unicode.BOMOverride(transform.Nop)), 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	switch line = strings.TrimRight(line, "\r\n"); {
	case line == "":
		return "", hint(fmt.Errorf("%s %s: the first line is empty", what, name), "only the first line is read")
	case strings.Contains(line, "\x00"):
		return "", hint(fmt.Errorf("%s %s: the first line has a NUL byte", what, name), "save the file as UTF-8")
	}
	return line, nil
}

// promptPassword reads a password without showing it: the echo is off before the
// prompt appears. When ctx ends, the terminal is restored.
func promptPassword(ctx context.Context, streams Streams, username string) (string, error) {
	fd := int(streams.In.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return "", fmt.Errorf("cannot ask for the password: %w", err)
	}
	defer term.Restore(fd, before)
	password, err := awaited(ctx, func() (string, error) {
		t := term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{streams.In, streams.Err}, "")
		return t.ReadPassword(fmt.Sprintf("RPS password of %s: ", rps.Printable(username)))
	})
	switch {
	case errors.Is(err, batch.ErrInterrupted), errors.Is(err, io.EOF): // Ctrl-C and Ctrl-D are ordinary keys here
		fmt.Fprint(streams.Err, "\r\n")
		return "", &batch.StopError{Reason: batch.ErrInterrupted}
	case err != nil:
		return "", fmt.Errorf("cannot read the password: %w", err)
	}
	return password, nil
}

// readLine reads a line that a person types, and no byte beyond it.
func readLine(ctx context.Context, in io.Reader) (string, error) {
	return awaited(ctx, func() (string, error) {
		var line []byte
		var b [1]byte
		for {
			n, err := in.Read(b[:])
			if n == 1 && b[0] != '\n' {
				line = append(line, b[0])
				continue
			}
			if n == 1 || errors.Is(err, io.EOF) {
				err = nil
			}
			return strings.TrimSpace(string(line)), err
		}
	})
}

// awaited returns what a person has typed, unless ctx ends first: the read of a
// terminal cannot be interrupted.
func awaited(ctx context.Context, read func() (string, error)) (string, error) {
	type reply struct {
		text string
		err  error
	}
	replies := make(chan reply, 1)
	go func() {
		text, err := read()
		replies <- reply{text, err}
	}()
	select {
	case r := <-replies:
		return r.text, r.err
	case <-ctx.Done():
		return "", &batch.StopError{Reason: batch.ErrInterrupted}
	}
}
