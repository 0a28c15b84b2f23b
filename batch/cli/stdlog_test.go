package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A server whose answer is longer than it declares makes net/http write the rest
// to the standard logger, with the secrets that it holds. That is nowhere, at any
// level.
func TestStandardLoggerIsSilent(t *testing.T) {
	t.Setenv("RPSBATCH_PASSWORD", "secret")
	defer log.SetOutput(os.Stderr)
	file := filepath.Join(t.TempDir(), "d.csv")
	if err := os.WriteFile(file, []byte("mac,server\n001565000001,hq\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"text", "json"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		closed := make(chan error, 1)
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				closed <- err
				return
			}
			defer conn.Close()
			r := bufio.NewReader(conn)
			request, err := http.ReadRequest(r)
			if err != nil {
				closed <- err
				return
			}
			io.Copy(io.Discard, request.Body)
			io.WriteString(conn, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nhello, secret")
			_, err = r.ReadByte() // until the client has logged, and closes
			closed <- err
		}()
		// The connection is read, and logged of, in a goroutine of net/http.
		var out, standard syncedBuffer
		log.SetOutput(&standard)
		code := Execute(context.Background(), []string{"register", file, "--url", "http://" + listener.Addr().String(), "--username", "u",
			"--log-level", "debug", "--log-format", format, "--override", "never", "-o", filepath.Join(t.TempDir(), "r.csv")},
			Streams{Out: io.Discard, Err: &out})
		if err := <-closed; err != io.EOF || code != ExitService {
			t.Fatalf("exit code %d, %v: %s", code, err, out.String())
		}
		if text := out.String() + standard.String(); strings.Contains(text, "Unsolicited") || strings.Contains(text, "secret") {
			t.Errorf("%s: %s", format, text)
		}
	}
}

// syncedBuffer is a buffer for several goroutines.
type syncedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
