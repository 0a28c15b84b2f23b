package rpstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTurnedAway(t *testing.T) {
	s := New(Options{MaxBody: 1000, Faults: []Fault{{Name: "503", Call: 1}}})
	tests := []struct {
		name   string
		change func(*http.Request)
		status int
		key    string // of a header that must be there
	}{
		{"GET", func(r *http.Request) { r.Method = "GET"; r.Body = nil }, 405, "Allow"},
		{"no password", func(r *http.Request) { r.Header.Del("Authorization") }, 401, "Www-Authenticate"},
		{"wrong password", func(r *http.Request) { r.SetBasicAuth("user", "Secret") }, 401, "Www-Authenticate"},
		{"wrong user", func(r *http.Request) { r.SetBasicAuth("", "") }, 401, "Www-Authenticate"},
		{"large", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(strings.Repeat(" ", 1001))) }, 413, "Content-Type"},
		// None of these counted as the first call.
		{"fault", func(*http.Request) {}, 503, "Content-Type"},
	}
	for i, test := range tests {
		req := newRequest(t, "http://rps/xmlrpc", encode("listDevices"))
		test.change(req)
		status, header, body, err := do(s.Transport(), req)
		if err != nil || status != test.status || header.Get(test.key) == "" || !strings.Contains(body, "<html>") {
			t.Errorf("%s: HTTP %d, %v, %v: %s", test.name, status, err, header, body)
		}
		if outcome := s.Calls()[i].Outcome; !strings.HasSuffix(outcome, fmt.Sprint(test.status)) {
			t.Errorf("%s: the log has %q", test.name, outcome)
		}
	}
}

func TestLatency(t *testing.T) {
	tests := []struct {
		timeout time.Duration
		applied bool
		outcome string
	}{
		{4 * time.Second, false, "gone"},
		{6 * time.Second, true, "ok"}, // applied, and the client cannot know
		{11 * time.Second, true, "ok"},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			s := furnished(Options{Latency: 10 * time.Second})
			ctx, cancel := context.WithTimeout(t.Context(), test.timeout)
			defer cancel()
			start := time.Now()
			_, _, _, err := do(s.Transport(), newRequest(t, "http://rps/", encode("registerDevice", free, "s1")).WithContext(ctx))
			if want := min(test.timeout, 10*time.Second); time.Since(start) != want {
				t.Errorf("it took %v, want %v", time.Since(start), want)
			}
			if gone := test.timeout < 10*time.Second; gone != errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			synctest.Wait()
			if _, applied := s.Device(free); applied != test.applied {
				t.Errorf("applied: %v, want %v", applied, test.applied)
			}
			if call := s.Calls()[0]; call.Outcome != test.outcome || !call.Time.Equal(start) {
				t.Errorf("the log has %+v", call)
			}
		})
	}
}

func limited(text string) Options {
	faults, err := ParseFaults(strings.NewReader(text))
	if err != nil {
		panic(err)
	}
	return Options{Faults: faults}
}

func TestRateLimit(t *testing.T) {
	tests := []struct {
		name    string
		options Options
		every   time.Duration
		want    string // a character for each call: the first of its outcome
		after   string // Retry-After of the last call
	}{
		{"kept to", Options{RateLimit: 3}, time.Second / 3, "oooooooo", ""},
		{"twice too fast", Options{RateLimit: 1}, 500 * time.Millisecond, "o4o4o4", ""},
		{"at once", Options{RateLimit: 1, RateBurst: 3, RateRetryAfter: true}, 0, "ooo44", "1"},
		{"slow limit", Options{RateLimit: 0.1, RateRetryAfter: true}, time.Second, "o44", "8"},
		{"none", Options{}, 0, "oooooo", ""},
		{"bucket of one", limited("* bucket rate=10 status=503 retry-after=1"), 99 * time.Millisecond, "o5o5o5", "1"},
		{"bucket of three", limited("* bucket rate=1 limit=3"), 600 * time.Millisecond, "oooooo4", ""},
		{"fixed window", limited("* fixed-window rate=2 retry-after=wait"), 300 * time.Millisecond, "oo44oo4oo", ""},
		{"two fixed windows", limited("* fixed-window rate=2 retry-after=wait"), 500 * time.Millisecond, "oooooooo", ""},
		{"sliding window", limited("* sliding-window rate=2 retry-after=wait"), 300 * time.Millisecond, "oo44oo44", "1"},
		{"sliding window of one", limited("checkDevice sliding-window rate=1"), time.Second, "ooo", ""},
		{"of another method", limited("listDevices bucket rate=1"), 0, "ooo", ""},
		{"both", limited("* bucket rate=10 limit=2\n* sliding-window rate=3 status=503"), 50 * time.Millisecond, "ooo4545", ""},
		{"turned away do not count", limited("* 2 403\n* fixed-window rate=2"), 250 * time.Millisecond, "of44oo", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := furnished(test.options)
				var header http.Header
				for i := range test.want {
					if i > 0 {
						time.Sleep(test.every)
					}
					_, header, _, _ = do(s.Transport(), newRequest(t, "http://rps/", encode("checkDevice", own)))
				}
				var got string
				for _, call := range s.Calls() {
					got += call.Outcome[:1]
				}
				if got != test.want || header.Get("Retry-After") != test.after {
					t.Errorf("got %s, Retry-After %q", got, header.Get("Retry-After"))
				}
			})
		})
	}
}

// TestWindows holds that calls at the very end of a window count in the next one.
func TestWindows(t *testing.T) {
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, name := range []string{"fixed-window", "sliding-window"} {
		l := newLimiter(&Fault{Name: name, Rate: 2})
		var got []time.Duration
		for _, at := range []time.Duration{0, 0, 999, 1000, 1000, 1000, 1250} {
			got = append(got, l.take(start.Add(at*time.Millisecond))/time.Millisecond)
		}
		if want := "[0 0 1 0 0 1000 750]"; fmt.Sprintf("%d", got) != want {
			t.Errorf("%s: pauses of %d ms, want %s", name, got, want)
		}
	}
}

func TestHangInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := furnished(Options{Faults: []Fault{{Name: "hang-before"}}})
		client := &http.Client{Transport: s.Transport(), Timeout: 30 * time.Second}
		start := time.Now()
		_, err := client.Do(newRequest(t, "https://rps/xmlrpc", encode("listDevices")))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 30*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		synctest.Wait() // and no goroutine is left, or the bubble panics
	})
}

func TestTransportContext(t *testing.T) {
	s := furnished(Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("enough")
	cancel(reason)
	req := newRequest(t, "http://rps/", encode("listDevices")).WithContext(ctx)
	if _, err := s.Transport().RoundTrip(req); err != reason {
		t.Errorf("error %v, want %v", err, reason)
	}
	if n := s.Total(); n != 0 {
		t.Errorf("%d calls of a context that had ended", n)
	}
}

func manyDevices(n int) *Server {
	s := New(Options{})
	s.AddServer("user", "s1", "http://one.example/")
	id := s.state.serverIDs[serverKey{s.state.account("user"), "s1"}]
	for i := range n {
		m := mac{0x00, 0x15, 0x65, byte(i >> 16), byte(i >> 8), byte(i)}
		s.state.bind(m, binding{s.state.account("user"), id}, "")
	}
	return s
}

func TestLongList(t *testing.T) {
	s := manyDevices(5000) // some 450 KB
	server := httptest.NewServer(s)
	defer server.Close()
	for _, way := range []struct {
		rt  http.RoundTripper
		url string
	}{{s.Transport(), "http://rps/"}, {server.Client().Transport, server.URL}} {
		_, _, body, err := do(way.rt, newRequest(t, way.url, encode("listDevices")))
		if err != nil {
			t.Fatal(err)
		}
		got := values(t, body)
		if len(got) != 5001 || got[1] != "00-15-65-00-00-00" || got[5000] != "00-15-65-00-13-87" {
			t.Errorf("%d values: %q ... %q", len(got), got[1], got[len(got)-1])
		}
	}
}

// TestLongListAbandoned holds that the handler ends with its caller.
func TestLongListAbandoned(t *testing.T) {
	s := manyDevices(5000)
	t.Run("closed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			resp, err := s.Transport().RoundTrip(newRequest(t, "http://rps/", encode("listDevices")))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		})
	})
	t.Run("cancelled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			resp, err := s.Transport().RoundTrip(newRequest(t, "http://rps/", encode("listDevices")).WithContext(ctx))
			if err != nil {
				t.Fatal(err)
			}
			cancel()
			synctest.Wait()
			if _, err := io.Copy(io.Discard, resp.Body); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			resp.Body.Close()
		})
	})
}

func TestLog(t *testing.T) {
	s := furnished(Options{LogMACs: true, LogLimit: 3})
	for range 10 {
		ask(t, s, encode("checkDevice", own))
	}
	ask(t, s, encode("registerDevices", l(free, "x"), "s1", "0"))
	ask(t, s, encode("registerDeviceWithUniqueUrl", free, "s1", "http://u/"))
	calls := s.Calls()
	if len(calls) != 3 || s.Total() != 12 {
		t.Fatalf("%d calls of %d", len(calls), s.Total())
	}
	got := fmt.Sprintf("%s %s %d %q %s %s %s %d %s", calls[1].User, calls[1].Method, calls[1].N, calls[1].MACs,
		calls[1].Server, calls[1].URL, calls[1].Override, calls[1].Applied, calls[1].Outcome)
	if want := `user redirect.registerDevices 2 ["001565000002" "x"] s1  0 0 Error:Invalid MAC(s):x`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if last := calls[2]; last.URL != "http://u/" || last.Applied != 1 || last.Override != "" {
		t.Errorf("got %+v", last)
	}
	s.ResetCalls()
	if len(s.Calls()) != 0 || s.Total() != 0 {
		t.Error("the log was not reset")
	}
}

func TestConcurrentCalls(t *testing.T) {
	s := furnished(Options{Faults: []Fault{{Name: "close-after", Every: 7}}})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 25 {
				mac := fmt.Sprintf("001566%02d%04d", i, j)
				req, _ := http.NewRequest("POST", "http://rps/", strings.NewReader(encode("registerDevice", mac, "s1")))
				req.SetBasicAuth("user", "secret")
				do(s.Transport(), req)
				s.Devices("user")
				s.Calls()
				s.WriteState(io.Discard)
			}
		})
	}
	wg.Wait()
	var closed int
	for _, call := range s.Calls() {
		if call.Applied != 1 {
			t.Errorf("not applied: %+v", call)
		}
		if call.Outcome == "fault:close-after" {
			closed++
		}
	}
	if closed != 200/7 {
		t.Errorf("%d calls were closed, want %d", closed, 200/7)
	}
}

const stateText = `server,s 2,https://two.example/?a=1&b=2
server,s1,http://one.example/
server,theirs,http://other.example/,other
device,user,001565000001,s1,
device,user,00156500000B,s 2,http://unique.example/b
device,other,0015650000FA,theirs,
stock,0015650000CC
`

func TestState(t *testing.T) {
	var got bytes.Buffer
	if err := furnished(Options{}).WriteState(&got); err != nil || got.String() != stateText {
		t.Errorf("got %v\n%s", err, got.String())
	}
	s := New(Options{})
	if err := s.LoadState(strings.NewReader(stateText)); err != nil {
		t.Fatal(err)
	}
	got.Reset()
	if s.WriteState(&got); got.String() != stateText {
		t.Errorf("read and written again:\n%s", got.String())
	}
	if d, ok := s.Device("00:15:65:00:00:0b"); !ok || d != (Device{"user", "00156500000B", "s 2", "http://unique.example/b"}) {
		t.Errorf("got %+v %v", d, ok)
	}

	two := New(Options{Accounts: map[string]string{"b": "", "a": ""}})
	if err := two.LoadState(strings.NewReader("# both have it\nserver,s,http://s/\ndevice,a,00:00:00:00:00:01,s\n")); err != nil {
		t.Fatal(err)
	}
	got.Reset()
	want := "server,s,http://s/,a\nserver,s,http://s/,b\ndevice,a,000000000001,s,\n"
	if two.WriteState(&got); got.String() != want {
		t.Errorf("two accounts:\n%s", got.String())
	}

	for _, test := range []struct{ text, want string }{
		{"\n# a\nphone,1", `line 3: unknown record "phone"`},
		{"server,s1", "line 1: a server needs a name and a URL"},
		{"server,s,http://s/,user,x", "line 1: 5 fields in a server: at most 4"},
		{"device,user,0015", `line 1: "0015" is not a MAC in one of the four forms`},
		{"device,,001565000001", "line 1: a device needs an account"},
		{"device,user,001565000001,s", `line 1: account "user" has no server "s"`},
		{"stock,", `line 1: "" is not a MAC`},
		{"stock,\"001565000001", "state: "},
	} {
		if err := New(Options{}).LoadState(strings.NewReader(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v, want %q in it", test.text, err, test.want)
		}
	}
}

func TestMillionDevices(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := manyDevices(1_000_000)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if mb := int64(after.HeapAlloc-before.HeapAlloc) >> 20; mb > 60 {
		t.Errorf("a million devices take %d MB", mb)
	} else {
		t.Logf("%d MB", mb)
	}
	runtime.KeepAlive(s)
}

// BenchmarkRegisterDevices is a call with 100 MACs, without a network.
func BenchmarkRegisterDevices(b *testing.B) {
	macs := make([]string, 100)
	for i := range macs {
		macs[i] = fmt.Sprintf("0015650000%02X", i)
	}
	s := New(Options{LogLimit: 1000})
	s.AddServer("user", "s1", "http://one.example/")
	body := encode("registerDevices", macs, "s1", "1")
	req := newRequest(b, "http://rps/", "")
	b.ReportAllocs()
	for b.Loop() {
		req.Body = io.NopCloser(strings.NewReader(body))
		w := httptest.NewRecorder()
		s.ServeHTTP(w, req)
		if !strings.Contains(w.Body.String(), "OK") {
			b.Fatal(w.Body.String())
		}
	}
}
