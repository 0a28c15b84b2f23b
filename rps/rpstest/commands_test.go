package rpstest

import (
	"strings"
	"testing"
)

type commandTest struct {
	name    string
	options Options
	request string
	want    []string // values of the answer
	changed string   // MAC=server URL of the devices that differ afterwards
}

func l(macs ...string) []string { return macs }

var (
	yes     = []string{"true", "OK"}
	chars   = "Error: The server name can only contain 'A-z 0-9 - _ . '"
	chars2  = "Error: The server name can only contain 'A-z 0-9 - _ . '(include space)"
	chars3  = "Error: The server name can only contain 'A-z 0-9 - _ .' (include space)"
	prompt  = "Are you sure you want to override MAC addresses."
	failed  = "MAC address(es) overriding failed"
	only01  = "Only 0 or 1 can be used:1 to override, 0 to cancel"
	invalid = "Error:Invalid MAC(s):"
)

func no(text string) []string { return []string{"false", text} }

var commandTests = []commandTest{
	// 4.1
	{"4.1 free", Options{}, encode("registerDevice", free, "s1"), yes, free + "=s1 http://one.example/"},
	{"4.1 hyphens", Options{}, encode("registerDevice", "00-15-65-00-00-02", "s1"), yes, free + "=s1 http://one.example/"},
	{"4.1 colons", Options{}, encode("registerDevice", "00:15:65:00:00:02", "s1"), yes, free + "=s1 http://one.example/"},
	{"4.1 blanks", Options{}, encode("registerDevice", "00 15 65 00 00 02", "s1"), yes, free + "=s1 http://one.example/"},
	{"4.1 stock, lower case", Options{}, encode("registerDevice", "0015650000cc", "s 2"), yes, stock + "=s 2 https://two.example/?a=1&b=2"},
	{"4.1 format", Options{}, encode("registerDevice", "00s1122334400", "s1"), no(invalid + "00s1122334400"), ""},
	{"4.1 mixed separators", Options{}, encode("registerDevice", "00-15:65-00-00-02", "s1"), no(invalid + "00-15:65-00-00-02"), ""},
	{"4.1 dots", Options{}, encode("registerDevice", "0015.6500.0002", "s1"), no(invalid + "0015.6500.0002"), ""},
	{"4.1 escaped echo", Options{}, encode("registerDevice", "<&>", "s1"), no(invalid + "<&>"), ""},
	{"4.1 server", Options{}, encode("registerDevice", free, "S1"), no("Error: Invalid server"), ""},
	{"4.1 server of another account", Options{}, encode("registerDevice", free, "theirs"), no("Error: Invalid server"), ""},
	{"4.1 server characters", Options{}, encode("registerDevice", free, "s1!"), no(chars), ""},
	{"4.1 own", Options{}, encode("registerDevice", own, "s 2"), no(prompt), ""},
	{"4.1 foreign", Options{}, encode("registerDevice", foreign, "s1"), no(foreignText("0015650000fa")), ""},
	{"4.1 foreign, prompt", Options{PromptElsewhere: true}, encode("registerDevice", foreign, "s1"), no(prompt), ""},
	// 4.2
	{"4.2 free 0", Options{}, encode("registerDevice", free, "s1", "0"), yes, free + "=s1 http://one.example/"},
	{"4.2 free 1", Options{}, encode("registerDevice", free, "s1", "1"), yes, free + "=s1 http://one.example/"},
	{"4.2 format", Options{}, encode("registerDevice", "1", "s1", "0"), no(invalid + "1"), ""},
	{"4.2 server", Options{}, encode("registerDevice", free, "none", "0"), no("Error:Invalid server"), ""},
	{"4.2 server characters", Options{}, encode("registerDevice", free, "[", "0"), no(chars2), ""},
	{"4.2 isOverride", Options{}, encode("registerDevice", free, "s1", "2"), no(only01), ""},
	{"4.2 own 0", Options{}, encode("registerDevice", own, "s 2", "0"), no(failed), ""},
	{"4.2 own 1", Options{}, encode("registerDevice", own, "s 2", "1"), yes, own + "=s 2 https://two.example/?a=1&b=2"},
	{"4.2 own 1 drops the unique URL", Options{}, encode("registerDevice", own2, "s1", "1"), yes, own2 + "=s1 http://one.example/"},
	{"4.2 foreign 1", Options{}, encode("registerDevice", foreign, "s1", "1"), no(foreignText("0015650000fa")), ""},
	{"4.2 foreign 1, prompt", Options{PromptElsewhere: true}, encode("registerDevice", foreign, "s1", "1"), no(failed), ""},
	{"4.2 foreign 0, prompt", Options{PromptElsewhere: true, OverrideElsewhere: true}, encode("registerDevice", foreign, "s1", "0"), no(failed), ""},
	{"4.2 foreign 1, prompt, taken", Options{PromptElsewhere: true, OverrideElsewhere: true}, encode("registerDevice", foreign, "s1", "1"), yes, "0015650000FA=s1 http://one.example/"},
	{"4.2 foreign 1, taken", Options{OverrideElsewhere: true}, encode("registerDevice", foreign, "s1", "1"), yes, "0015650000FA=s1 http://one.example/"},
	// 4.3
	{"4.3 own", Options{}, encode("deRegisterDevice", own), yes, own + "= "},
	{"4.3 free", Options{}, encode("deRegisterDevice", free), no(invalid + free), ""},
	{"4.3 foreign, as sent", Options{}, encode("deRegisterDevice", foreign), no(invalid + foreign), ""},
	{"4.3 stock", Options{}, encode("deRegisterDevice", stock), no(invalid + stock), ""},
	{"4.3 format", Options{}, encode("deRegisterDevice", "zz"), no(invalid + "zz"), ""},
	// 4.4
	{"4.4", Options{}, encode("listDevices"), []string{"true", "00-15-65-00-00-01", "00-15-65-00-00-0B"}, ""},
	{"4.4 cut", Options{ListLimit: 1}, encode("listDevices"), []string{"true", "00-15-65-00-00-01"}, ""},
	// 4.5
	{"4.5 own", Options{}, encode("checkDevice", own), []string{"true", "Registered"}, ""},
	{"4.5 stock", Options{}, encode("checkDevice", stock), []string{"true", "Unregistered"}, ""},
	{"4.5 foreign", Options{}, encode("checkDevice", foreign), []string{"true", "Registered Elsewhere"}, ""},
	{"4.5 unknown", Options{}, encode("checkDevice", free), []string{"true", "Unknown"}, ""},
	{"4.5 format", Options{}, encode("checkDevice", "?"), no("Error: Invalid MAC"), ""},
	// 4.6
	{"4.6 free", Options{}, encode("registerDevices", l(free, stock), "s1"), yes, free + "=s1 http://one.example/ " + stock + "=s1 http://one.example/"},
	{"4.6 formats", Options{}, encode("registerDevices", l(free, "x", "y"), "s1"), no(invalid + "x, y"), ""},
	{"4.6 none", Options{}, encode("registerDevices", l(), "s1"), no(invalid), ""},
	{"4.6 repeated", Options{}, encode("registerDevices", l("00000000000D", free, "00-00-00-00-00-0d"), "s1"), no("Error:Repeated MAC(s):00000000000d"), ""},
	{"4.6 server", Options{}, encode("registerDevices", l(free), "none"), no("Error:Invalid server"), ""},
	{"4.6 server characters", Options{}, encode("registerDevices", l(free), "ü"), no(chars3), ""},
	{"4.6 own", Options{}, encode("registerDevices", l(free, own), "s1"), no(prompt), ""},
	{"4.6 own, named", Options{Prompt: "Existing MAC(s): {macs}"}, encode("registerDevices", l(free, own, own2), "s1"), no("Existing MAC(s): 001565000001, 00156500000b"), ""},
	{"4.6 foreign", Options{}, encode("registerDevices", l(free, foreign), "s1"), no(foreignText("0015650000fa")), ""},
	{"4.6 format before repeated", Options{}, encode("registerDevices", l(free, free, "x"), "none"), no(invalid + "x"), ""},
	{"4.6 repeated before server", Options{}, encode("registerDevices", l(free, free), "none"), no("Error:Repeated MAC(s):001565000002"), ""},
	{"4.6 server before foreign", Options{}, encode("registerDevices", l(foreign), "none"), no("Error:Invalid server"), ""},
	{"4.6 foreign before own", Options{}, encode("registerDevices", l(own, foreign), "s1"), no(foreignText("0015650000fa")), ""},
	{"4.6 too many", Options{MaxBatch: 1, Partial: true}, encode("registerDevices", l(free, free2), "s1"), no("Error:There are too many MAC(s) in one request, 1 at most"), ""},
	{"4.6 as many as allowed", Options{MaxBatch: 1}, encode("registerDevices", l(free), "s1"), yes, free + "=s1 http://one.example/"},
	// 4.7
	{"4.7 own and free 1", Options{}, encode("registerDevices", l(own, free), "s 2", "1"), yes, own + "=s 2 https://two.example/?a=1&b=2 " + free + "=s 2 https://two.example/?a=1&b=2"},
	{"4.7 own 0", Options{}, encode("registerDevices", l(own, free), "s1", "0"), no(failed), ""},
	{"4.7 format", Options{}, encode("registerDevices", l("x"), "s1", "0"), no(invalid + "x"), ""},
	{"4.7 server", Options{}, encode("registerDevices", l(free), "none", "0"), no("Error:Invalid server"), ""},
	{"4.7 server characters", Options{}, encode("registerDevices", l(free), "a/b", "0"), no(chars3), ""},
	{"4.7 repeated", Options{}, encode("registerDevices", l(free, free), "s1", "0"), no("Error:Repeated MAC(s):001565000002"), ""},
	{"4.7 isOverride", Options{Partial: true}, encode("registerDevices", l(free), "s1", "yes"), no(only01), ""},
	{"4.7 isOverride empty", Options{}, encode("registerDevices", l(free), "s1", ""), no(only01), ""},
	{"4.7 foreign", Options{}, encode("registerDevices", l(foreign), "s1", "1"), no(foreignText("0015650000fa")), ""},
	// 4.8
	{"4.8 own", Options{}, encode("deRegisterDevices", l(own, own2)), yes, own + "=  " + own2 + "= "},
	{"4.8 formats and others", Options{}, encode("deRegisterDevices", l(own, "x", foreign, free)), no(invalid + "x, " + foreign + ", " + free), ""},
	{"4.8 twice", Options{}, encode("deRegisterDevices", l(own, own)), no(invalid + own), ""},
	{"4.8 none", Options{}, encode("deRegisterDevices", l()), no(invalid), ""},
	{"4.8 too many", Options{MaxBatch: 1}, encode("deRegisterDevices", l(own, own2)), no("Error:There are too many MAC(s) in one request, 1 at most"), ""},
	// 4.9
	{"4.9", Options{}, encode("addServer", "new one", "tftp://10.0.0.1/"), yes, ""},
	{"4.9 url", Options{}, encode("addServer", "new", "gopher://x"), no("Error:The url can only begin with 'http://' or 'https://' or 'ftp://' or 'tftp://'"), ""},
	{"4.9 no name", Options{}, encode("addServer", "", "http://x"), no("Error:The server name can not be empty."), ""},
	{"4.9 no url", Options{}, encode("addServer", "new", ""), no("Error:The server url can not be empty"), ""},
	{"4.9 used", Options{}, encode("addServer", "s1", "http://x"), no("Error:The server name has been used"), ""},
	{"4.9 used elsewhere", Options{}, encode("addServer", "theirs", "http://x"), no("Error:The server name has been used"), ""},
	{"4.9 characters", Options{}, encode("addServer", "new,one", "http://x"), no("Error:The server name can only contain 'A-z 0-9 - _ . '(include space)"), ""},
	// 4.10, 4.11
	{"4.10 own", Options{}, encode("editDevice", own2, "s1"), yes, own2 + "=s1 http://one.example/"},
	{"4.10 format", Options{}, encode("editDevice", "00156500001", "s1"), no(invalid + "00156500001"), ""},
	{"4.10 foreign", Options{}, encode("editDevice", foreign, "s1"), no(invalid + foreign), ""},
	{"4.10 stock", Options{}, encode("editDevice", stock, "s1"), no(invalid + stock), ""},
	{"4.10 server", Options{}, encode("editDevice", own, "none"), no("Error: Invalid server"), ""},
	{"4.10 unknown", Options{}, encode("editDevice", free, "s1"), no("The MAC is unknown"), ""},
	{"4.11 own", Options{}, encode("editDevice", own, "s 2", "0"), yes, own + "=s 2 https://two.example/?a=1&b=2"},
	{"4.11 format", Options{}, encode("editDevice", "-", "s1", "0"), no(invalid + "-"), ""},
	{"4.11 server", Options{}, encode("editDevice", own, "", "0"), no("Error: Invalid server"), ""},
	{"4.11 unknown", Options{}, encode("editDevice", free, "s1", "0"), no("The MAC is unknown"), ""},
	{"4.11 isOverride", Options{}, encode("editDevice", own, "s1", "x"), no(only01), ""},
	// 4.12
	{"4.12 URL over server", Options{}, encode("registerDeviceWithUniqueUrl", free, "s1", "HTTPS://u.example/x"), yes, free + "=s1 HTTPS://u.example/x"},
	{"4.12 no URL", Options{}, encode("registerDeviceWithUniqueUrl", free, "s1", ""), yes, free + "=s1 http://one.example/"},
	{"4.12 no server", Options{}, encode("registerDeviceWithUniqueUrl", free, "", "http://u/"), no("Error:Invalid server"), ""},
	{"4.12 no server, allowed", Options{URLWithoutServer: true}, encode("registerDeviceWithUniqueUrl", free, "", "http://u/"), yes, free + "= http://u/"},
	{"4.12 neither", Options{URLWithoutServer: true}, encode("registerDeviceWithUniqueUrl", free, "", ""), no("Error:Invalid server"), ""},
	{"4.12 format", Options{}, encode("registerDeviceWithUniqueUrl", "x", "s1", "http://u/"), no(invalid + "x"), ""},
	{"4.12 server", Options{}, encode("registerDeviceWithUniqueUrl", free, "none", "http://u/"), no("Error:Invalid server"), ""},
	{"4.12 server characters", Options{}, encode("registerDeviceWithUniqueUrl", free, "&", "http://u/"), no(chars3), ""},
	{"4.12 url", Options{}, encode("registerDeviceWithUniqueUrl", free, "s1", "u.example"), no("Invalid server url"), ""},
	{"4.12 url, live", Options{LiveURLText: true}, encode("registerDeviceWithUniqueUrl", free, "s1", "u.example"), no("Error:The url can only begin with 'http://' or 'https://' or 'ftp://' or 'tftp://'"), ""},
	{"4.12 own", Options{}, encode("registerDeviceWithUniqueUrl", own, "s1", "http://u/"), no("Are you sure you want to override MAC addresses:"), ""},
	{"4.12 foreign", Options{}, encode("registerDeviceWithUniqueUrl", foreign, "s1", "http://u/"), no(foreignText("0015650000fa")), ""},
	{"4.12 foreign, prompt", Options{PromptElsewhere: true}, encode("registerDeviceWithUniqueUrl", foreign, "s1", "http://u/"), no("Are you sure you want to override MAC addresses:"), ""},
	// 4.13
	{"4.13 own", Options{}, encode("editDeviceWithUniqueUrl", own, "s1", "ftp://u/"), yes, own + "=s1 ftp://u/"},
	{"4.13 format", Options{}, encode("editDeviceWithUniqueUrl", "x", "s1", "http://u/"), no(invalid + "x"), ""},
	{"4.13 foreign", Options{}, encode("editDeviceWithUniqueUrl", foreign, "s1", "http://u/"), no(invalid + foreign), ""},
	{"4.13 server", Options{}, encode("editDeviceWithUniqueUrl", own, "", "http://u/"), no("Invalid server"), ""},
	{"4.13 unknown", Options{}, encode("editDeviceWithUniqueUrl", free, "s1", "http://u/"), no("The MAC is unknown"), ""},
	{"4.13 url", Options{}, encode("editDeviceWithUniqueUrl", own, "s1", "//u/"), no("Invalid server url"), ""},
	// 4.14
	{"4.14 own", Options{}, encode("checkDeviceExt", own), []string{"true", "Registered", "http://one.example/"}, ""},
	{"4.14 own, unique", Options{}, encode("checkDeviceExt", own2), []string{"true", "Registered", "http://unique.example/b"}, ""},
	{"4.14 stock", Options{}, encode("checkDeviceExt", stock), []string{"true", "Unregistered"}, ""},
	{"4.14 foreign", Options{}, encode("checkDeviceExt", foreign), []string{"true", "Registered Elsewhere"}, ""},
	{"4.14 unknown", Options{}, encode("checkDeviceExt", free), []string{"true", "Unknown"}, ""},
	{"4.14 format", Options{}, encode("checkDeviceExt", ""), no("Error:Invalid MAC(s)"), ""},
	// 4.15
	{"4.15 own 1", Options{}, encode("registerDeviceWithUniqueUrl", own, "s1", "http://u/", "1"), yes, own + "=s1 http://u/"},
	{"4.15 own 0", Options{}, encode("registerDeviceWithUniqueUrl", own, "s1", "http://u/", "0"), no(failed), ""},
	{"4.15 format", Options{}, encode("registerDeviceWithUniqueUrl", "x", "s1", "http://u/", "0"), no(invalid + "x"), ""},
	{"4.15 server", Options{}, encode("registerDeviceWithUniqueUrl", free, "none", "http://u/", "0"), no("Invalid server"), ""},
	{"4.15 server characters", Options{}, encode("registerDeviceWithUniqueUrl", free, "%", "http://u/", "0"), no(chars3), ""},
	{"4.15 url", Options{}, encode("registerDeviceWithUniqueUrl", free, "s1", "mailto:u", "0"), no("Invalid server url"), ""},
	{"4.15 isOverride", Options{}, encode("registerDeviceWithUniqueUrl", free, "s1", "http://u/", "true"), no(only01), ""},
	{"4.15 foreign", Options{}, encode("registerDeviceWithUniqueUrl", foreign, "s1", "http://u/", "1"), no(foreignText("0015650000fa")), ""},
	// 4.16
	{"4.16 own", Options{}, encode("editDeviceWithUniqueUrl", own, "s1", "http://u/", "whatever"), yes, own + "=s1 http://u/"},
	{"4.16 server", Options{}, encode("editDeviceWithUniqueUrl", own, "none", "http://u/", "0"), no("Invalid server"), ""},
	{"4.16 unknown", Options{}, encode("editDeviceWithUniqueUrl", free, "s1", "http://u/", "0"), no("The MAC is unknown"), ""},
	{"4.16 url", Options{}, encode("editDeviceWithUniqueUrl", own, "s1", "u", "0"), no("Invalid server url"), ""},
	{"4.16 format", Options{}, encode("editDeviceWithUniqueUrl", "x", "s1", "http://u/", "0"), no(invalid + "x"), ""},
	// what Apache says
	{"unknown method", Options{}, encode("register", own), []string{"fault", "No such handler: redirect.register"}, ""},
	{"arguments", Options{}, encode("registerDevice", free), []string{"fault", "No method matching arguments: java.lang.String"}, ""},
	{"isOverride as int", Options{}, encode("registerDevice", free, "s1", 1), []string{"fault", "No method matching arguments: java.lang.String, java.lang.String, java.lang.Integer"}, ""},
	{"a text for a list", Options{}, encode("deRegisterDevices", own), []string{"fault", "No method matching arguments: java.lang.String"}, ""},
	{"bad XML", Options{}, "<methodCall>", []string{"fault", "Failed to parse XML-RPC request: unexpected EOF"}, ""},

	// Refused batches: how they name, and what is left of them.
	{"partial: format", Options{Partial: true}, encode("registerDevices", l("x", free, own), "s1"), no(invalid + "x"), free + "=s1 http://one.example/"},
	{"partial: repeated", Options{Partial: true}, encode("registerDevices", l(free, free2, free2), "s1"), no("Error:Repeated MAC(s):001565000003"), free + "=s1 http://one.example/"},
	{"partial: foreign", Options{Partial: true}, encode("registerDevices", l(free, foreign), "s1"), no(foreignText("0015650000fa")), free + "=s1 http://one.example/"},
	{"partial: prompt", Options{Partial: true}, encode("registerDevices", l(free, own), "s 2"), no(prompt), free + "=s 2 https://two.example/?a=1&b=2"},
	{"partial: cancelled", Options{Partial: true}, encode("registerDevices", l(free, own), "s 2", "0"), no(failed), free + "=s 2 https://two.example/?a=1&b=2"},
	{"partial: foreign, own overridden", Options{Partial: true}, encode("registerDevices", l(own2, free, foreign), "s1", "1"), no(foreignText("0015650000fa")), own2 + "=s1 http://one.example/ " + free + "=s1 http://one.example/"},
	{"partial: bad format, bad server", Options{Partial: true}, encode("registerDevices", l("x", free), "none"), no(invalid + "x"), ""},
	{"partial: removal", Options{Partial: true}, encode("deRegisterDevices", l(own, free)), no(invalid + free), own + "= "},
	{"name one", Options{NameOne: true}, encode("registerDevices", l("x", "y", free), "s1"), no(invalid + "x"), ""},
	{"name one: repeated", Options{NameOne: true}, encode("registerDevices", l(free, free2, free2, free), "s1"), no("Error:Repeated MAC(s):001565000003"), ""},
	{"name one: removal", Options{NameOne: true}, encode("deRegisterDevices", l(free, foreign)), no(invalid + free), ""},
	{"unnamed", Options{Unnamed: true}, encode("registerDevices", l("x", "y"), "s1"), no("Error:Invalid MAC(s)"), ""},
	{"unnamed: repeated", Options{Unnamed: true}, encode("registerDevices", l(free, free), "s1"), no("Error:Repeated MAC(s)"), ""},
	{"unnamed: removal", Options{Unnamed: true}, encode("deRegisterDevices", l(free, foreign)), no("Error:Invalid MAC(s)"), ""},
	{"unnamed: single", Options{Unnamed: true}, encode("deRegisterDevice", free), no(invalid + free), ""},
}

func TestCommands(t *testing.T) {
	for _, test := range commandTests {
		t.Run(test.name, func(t *testing.T) {
			s := furnished(test.options)
			before := snapshot(s)
			got := ask(t, s, test.request)
			if strings.Join(got, "|") != strings.Join(test.want, "|") {
				t.Errorf("the answer is\n%q, want\n%q", got, test.want)
			}
			// The devices in the order of the call, which is that of changed.
			var changed []string
			for mac, now := range snapshot(s) {
				if before[mac] != now {
					changed = append(changed, mac+"="+now)
				}
			}
			rest := test.changed
			for _, c := range changed {
				if !strings.Contains(rest, c) {
					t.Errorf("changed %q, want %q", c, test.changed)
				}
				rest = strings.Replace(rest, c, "", 1)
			}
			if strings.Trim(rest, " ") != "" {
				t.Errorf("changed %q, want %q", changed, test.changed)
			}
			call := s.Calls()[0]
			if call.Applied != len(changed) {
				t.Errorf("the log has %d devices applied, changed %d", call.Applied, len(changed))
			}
			outcome := test.want[len(test.want)-1]
			if test.want[0] == "true" {
				outcome = "ok"
			}
			if call.Outcome != outcome {
				t.Errorf("the log has the outcome %q, want %q", call.Outcome, outcome)
			}
		})
	}
}

// snapshot has server and URL of the devices of all accounts.
func snapshot(s *Server) map[string]string {
	devices := make(map[string]string)
	for _, user := range []string{"", "user", "other"} {
		for _, d := range s.Devices(user) {
			devices[d.MAC] = d.Server + " " + d.URL
		}
	}
	return devices
}

func TestNoDevices(t *testing.T) {
	if got := ask(t, New(Options{}), encode("listDevices")); strings.Join(got, "|") != "false|No device(s) exists" {
		t.Errorf("got %q", got)
	}
}
