package rpstest

import (
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestAppliedLate holds that the service goes on with a call whose connection
// has ended.
func TestAppliedLate(t *testing.T) {
	for _, name := range []string{"close", "close-after", "reset", "hang", "500", "502", "503", "504", "throws",
		"truncated", "cut", "empty", "html", "foreign", "fault", "says-after", "pretend", "replay"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fault := Fault{Name: name, ApplyAfter: 8 * time.Second}
				switch name {
				case "hang":
					fault.Delay = 3 * time.Second
				case "says-after":
					fault.Text = "no"
				}
				s := furnished(Options{Faults: []Fault{fault}})
				do(s.Transport(), newRequest(t, "http://rps/", encode("registerDevices", l(free, free2), "s1")))
				time.Sleep(8*time.Second - time.Since(s.Calls()[0].Time) - 1)
				if got := ask(t, s, encode("checkDevice", free)); got[1] != "Unknown" {
					t.Errorf("just before: %q", got)
				}
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				if got := ask(t, s, encode("checkDevice", free)); got[1] != "Registered" {
					t.Errorf("just after: %q", got)
				}
				if call := s.Calls()[0]; call.Applied != 2 || call.Outcome != "fault:"+name {
					t.Errorf("the log has %+v", call)
				}
				if n := s.ApplyPending(); n != 0 {
					t.Errorf("%d changes are still to be made", n)
				}
			})
		})
	}
}

func TestAppliedCallsLater(t *testing.T) {
	s := furnished(Options{Faults: parsed(t, "registerDevice 502 apply-after=2")})
	do(s.Transport(), newRequest(t, "http://rps/", encode("registerDevice", free, "s1")))
	var got []string
	for range 4 {
		got = append(got, ask(t, s, encode("checkDevice", free))[1])
	}
	if want := "Unknown Unknown Registered Registered"; strings.Join(got, " ") != want {
		t.Errorf("got %s", got)
	}
}

// TestApplyPending holds that a late call meets the state of its time.
func TestApplyPending(t *testing.T) {
	s := furnished(Options{Faults: parsed(t, "* close times=3 apply-after=100\n* reset apply-after=1h")})
	for _, body := range []string{
		encode("registerDevice", free, "s1"),
		encode("registerDevice", free2, "s1"),
		encode("deRegisterDevice", free),
		encode("deRegisterDevice", own),
	} {
		do(s.Transport(), newRequest(t, "http://rps/", body))
	}
	s.AddDevice("user", free2, "s 2", "")
	if n := s.ApplyPending(); n != 4 {
		t.Errorf("%d changes were made, want 4", n)
	}
	got := outcomes(t, s, "secret", encode("checkDevice", free), encode("checkDeviceExt", free2))
	if want := "fault:close 1\nfault:close 0\nfault:close 1\nfault:reset 1\nok 0\nok 0"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if d, _ := s.Device(free2); d.Server != "s 2" {
		t.Errorf("a late call overrode %+v", d)
	}
}

func TestAppliedInPart(t *testing.T) {
	s := furnished(Options{Faults: parsed(t, "* throws-after limit=2\n* close limit=1 apply-after=1\n* 503-after limit=9")})
	got := outcomes(t, s, "secret",
		encode("registerDevices", l(free, free2, free3), "s1"),
		encode("deRegisterDevices", l(free, free2)),
		encode("registerDevices", l(stock), "s1"),
		encode("listDevices"))
	if want := "fault:throws-after 2\nfault:close 1\nfault:503-after 1\nok 0"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPretend(t *testing.T) {
	s := furnished(Options{Faults: parsed(t, "* pretend times=-1 apply-after=1")})
	var got []string
	for _, body := range []string{
		encode("addServer", "late", "http://late.example/"),
		encode("registerDevice", free, "late"),        // the server is not there yet
		encode("registerDevices", l(free, own), "s1"), // this would be refused
		encode("deRegisterDevice", own),
		encode("editDevice", own, "late"), // the removal has not been made
		encode("checkDevice", own),        // it has now
		encode("checkDeviceExt", own),
	} {
		got = append(got, ask(t, s, body)[1])
	}
	want := []string{"OK", "Error: Invalid server", prompt, "OK", "OK", "Unregistered", "Unregistered"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestOtherAnswers(t *testing.T) {
	s := furnished(Options{Faults: parsed(t, "checkDeviceExt 2 replay\ncheckDeviceExt 4 crossed\ndeRegisterDevice crossed-before\nlistDevices 1 replay")})
	list := []string{"true", "00-15-65-00-00-01", "00-15-65-00-00-0B"}
	for i, call := range []struct {
		body string
		want []string
	}{
		{encode("listDevices"), list}, // there is no other answer yet
		{encode("checkDeviceExt", own), []string{"true", "Registered", "http://one.example/"}},
		{encode("checkDeviceExt", own2), []string{"true", "Registered", "http://one.example/"}},
		{encode("checkDeviceExt", own2), []string{"true", "Registered", "http://unique.example/b"}},
		{encode("checkDeviceExt", own2), list},
		{encode("deRegisterDevice", own), []string{"true", "Registered", "http://unique.example/b"}},
		{encode("checkDevice", own), []string{"true", "Registered"}},
	} {
		if got := ask(t, s, call.body); !reflect.DeepEqual(got, call.want) {
			t.Errorf("call %d: got %q, want %q", i+1, got, call.want)
		}
	}
}
