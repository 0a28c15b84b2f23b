package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A server whose answer is longer than it declares makes net/http write to the
// standard logger. That is debug output.
func TestStandardLoggerIsDebugOutput(t *testing.T) {
	t.Setenv("RPSBATCH_PASSWORD", "secret")
	before := slog.Default()
	defer func() {
		slog.SetDefault(before)
		log.SetOutput(os.Stderr)
	}()
	file := filepath.Join(t.TempDir(), "d.csv")
	if err := os.WriteFile(file, []byte("mac,server\n001565000001,hq\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ level, format, want string }{
		{"info", "text", ""},
		{"info", "json", ""},
		{"debug", "text", `level=DEBUG msg="Unsolicited response`},
		{"debug", "json", `"level":"DEBUG","msg":"Unsolicited response`},
	} {
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
			io.WriteString(conn, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nhello, who are you?")
			_, err = r.ReadByte() // until the client has logged, and closes
			closed <- err
		}()
		// The connection is read, and logged of, in a goroutine of net/http.
		var out, standard syncedBuffer
		log.SetOutput(&standard)
		code := Execute(context.Background(), []string{"register", file, "--url", "http://" + listener.Addr().String(), "--username", "u",
			"--log-level", test.level, "--log-format", test.format, "--override", "never", "-o", filepath.Join(t.TempDir(), "r.csv")},
			Streams{Out: io.Discard, Err: &out})
		if err := <-closed; err != io.EOF || code != ExitService {
			t.Fatalf("exit code %d, %v: %s", code, err, out.String())
		}
		text := out.String()
		if standard.String() != "" || strings.Contains(text, "Unsolicited") != (test.want != "") || !strings.Contains(text, test.want) {
			t.Errorf("--log-level %s: %s\nand %s", test.level, text, standard.String())
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
