package rps

import (
	"context"
	"encoding/xml"
	"io"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// guideBlocks returns the blocks of XML in the guide that begin so, by section.
func guideBlocks(t testing.TB, prolog string) map[string]string {
	t.Helper()
	guide, err := os.ReadFile("testdata/rps-xml-api-guide.txt")
	if err != nil {
		t.Fatal(err)
	}
	heading := regexp.MustCompile(`^(4\.\d+\.\d+(?:\.\d+)?) `)
	blocks := make(map[string]string)
	section, block, within := "", "", false
	for line := range strings.Lines(string(guide)) {
		switch found := heading.FindStringSubmatch(line); {
		case strings.HasPrefix(line, "```"):
			if within && strings.HasPrefix(block, prolog) {
				if blocks[section] != "" {
					t.Fatalf("section %s has two blocks", section)
				}
				blocks[section] = block
			}
			within, block = !within, ""
		case within:
			block += line
		case found != nil:
			section = found[1]
		}
	}
	return blocks
}

var guideMethods = []string{ // by section, from 4.1
	MethodRegisterDevice, MethodRegisterDevice, MethodDeRegisterDevice, MethodListDevices,
	MethodCheckDevice, MethodRegisterDevices, MethodRegisterDevices, MethodDeRegisterDevices,
	MethodAddServer, MethodEditDevice, MethodEditDevice, MethodRegisterDeviceWithUniqueURL,
	MethodEditDeviceWithUniqueURL, MethodCheckDeviceExt, MethodRegisterDeviceWithUniqueURL,
	MethodEditDeviceWithUniqueURL,
}

func TestGuideAnswers(t *testing.T) {
	answers := guideBlocks(t, `<?xml version="1.0" encoding="UTF-8"?>`)
	if len(answers) != 32 {
		t.Fatalf("the guide has %d answers, want 32", len(answers))
	}
	granted := map[string]answer{ // but for those that are just OK
		"4.4.4.1":  {macs: []MAC{{0x00, 0x11, 0x22, 0x33, 0x44, 0x02}}},
		"4.5.5.1":  {status: Registered},
		"4.14.5.1": {status: Registered, url: "http://www.test.com"},
	}
	refused := map[string]Error{ // but for Error:Invalid MAC(s):00s1122334400
		"4.3.5.2":  {Kind: InvalidMAC, Text: "Error:Invalid MAC(s):001122334401", MACs: []MAC{{0x00, 0x11, 0x22, 0x33, 0x44, 0x01}}},
		"4.4.4.2":  {Kind: NoDevices, Text: "No device(s) exists"},
		"4.5.5.2":  {Kind: InvalidMAC, Text: "Error:Invalid MAC(s)"},
		"4.6.5.2":  {Kind: InvalidMAC, Text: "Error:Invalid MAC(s):00s1122334400, ..."},
		"4.8.5.2":  {Kind: InvalidMAC, Text: "Error:Invalid MAC(s):001122334401", MACs: []MAC{{0x00, 0x11, 0x22, 0x33, 0x44, 0x01}}},
		"4.9.5.2":  {Kind: ServerNameUsed, Text: "Error:The server name has been used"},
		"4.14.5.2": {Kind: InvalidMAC, Text: "Error:Invalid MAC(s)"},
	}
	for number, method := range guideMethods {
		part := "5"
		if method == MethodListDevices {
			part = "4"
		}
		section := "4." + itoa(number+1) + "." + part + "."

		body, ok := answers[section+"1"]
		if !ok {
			t.Fatalf("the guide has no %s1", section)
		}
		got, err := readText(method, body)
		if want := granted[section+"1"]; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s1: %+v, %v; want %+v", section, got, err, want)
		}

		body, ok = answers[section+"2"]
		if !ok {
			t.Fatalf("the guide has no %s2", section)
		}
		_, err = readText(method, body)
		want, ok := refused[section+"2"]
		if !ok {
			want = Error{Kind: InvalidMAC, Text: "Error:Invalid MAC(s):00s1122334400"}
		}
		want.Method = method
		if err == nil || !reflect.DeepEqual(*err, want) {
			t.Errorf("%s2: %+v; want %+v", section, err, want)
		}
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

// wireCall is a request as encoding/xml reads it, apart from the library that
// writes it.
type wireCall struct {
	XMLName xml.Name `xml:"methodCall"`
	Method  string   `xml:"methodName"`
	Params  []struct {
		Value struct {
			String *string  `xml:"string"`
			Array  []string `xml:"array>data>value>string"`
		} `xml:"value"`
	} `xml:"params>param"`
}

// params returns the parameters: a text each, or a list.
func (w wireCall) params() (params [][]string) {
	for _, p := range w.Params {
		switch {
		case p.Value.String != nil:
			params = append(params, []string{*p.Value.String})
		default:
			params = append(params, append([]string{"list"}, p.Value.Array...))
		}
	}
	return params
}

// roundTrip is a transport that is a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func reply(body string) *http.Response {
	return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: -1, Body: io.NopCloser(strings.NewReader(body))}
}

func TestGuideRequests(t *testing.T) {
	requests := guideBlocks(t, `<?xml version='1.0' encoding='UTF-8'?>`)
	if len(requests) != 16 {
		t.Fatalf("the guide has %d requests, want 16", len(requests))
	}
	answers := guideBlocks(t, `<?xml version="1.0"`)

	var sent wireCall
	var request *http.Request
	var next string
	c, err := NewClient(Config{Username: "user", Password: "pass", UserAgent: "test/1",
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			request, sent = r, wireCall{}
			if err := xml.NewDecoder(r.Body).Decode(&sent); err != nil {
				t.Fatal(err)
			}
			return reply(next), nil
		})})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	const url = "http://httpconfig.vonag.net/"
	mac := func(text string) MAC {
		m, err := ParseMAC(text)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	list := []MAC{mac("001565000001"), mac("001565000002")}
	calls := []func() error{
		func() error { return c.RegisterDevice(ctx, list[0], "serverName") },
		func() error { return c.RegisterDeviceOverride(ctx, list[0], "serverName", false) },
		func() error { return c.DeRegisterDevice(ctx, mac("001122334401")) },
		func() error { _, err := c.ListDevices(ctx); return err },
		func() error { _, err := c.CheckDevice(ctx, list[0]); return err },
		func() error { return c.RegisterDevices(ctx, list, "serverName") },
		func() error { return c.RegisterDevicesOverride(ctx, list, "serverName", true) },
		func() error { return c.DeRegisterDevices(ctx, list) },
		func() error { return c.AddServer(ctx, "serverName", "serverUrl") },
		func() error { return c.EditDevice(ctx, list[0], "serverName") },
		func() error { return c.EditDeviceOverride(ctx, list[0], "serverName", false) },
		func() error {
			return c.RegisterDeviceWithUniqueURL(ctx, mac("1A6F654D839B"), "serverName", url+"xxtty")
		},
		func() error {
			return c.EditDeviceWithUniqueURL(ctx, mac("1A6F654D839B"), "serverName", url+"xxtty")
		},
		func() error { _, _, err := c.CheckDeviceExt(ctx, mac("001122334400")); return err },
		func() error {
			return c.RegisterDeviceWithUniqueURLOverride(ctx, mac("1A6F654D839B"), "serverName", url+"xxtty", false)
		},
		func() error {
			return c.EditDeviceWithUniqueURLOverride(ctx, mac("1A6F654D839B"), "serverName", url+"xxxtty", false)
		},
	}
	for i, call := range calls {
		section := "4." + itoa(i+1) + "."
		part := section + "4"
		next = answers[section+"5.1"]
		if guideMethods[i] == MethodListDevices {
			part, next = section+"3", answers[section+"4.1"]
		}
		var want wireCall
		if err := xml.Unmarshal([]byte(requests[part]), &want); err != nil {
			t.Fatalf("%s: %v", part, err)
		}
		params := want.params()
		for _, p := range params {
			for j, text := range p {
				p[j] = strings.TrimSpace(text)
				switch { // what the guide writes in another form, or wrongly
				case text == "0/1":
					p[j] = "1"
				case text == "00156500001":
					p[j] = "001565000001"
				case text == "1A-6F-65-4D-83-9B":
					p[j] = "1A6F654D839B"
				}
			}
		}
		if section == "4.16." { // its example lacks the parameter of its signature
			params = append(params, []string{"0"})
		}
		if err := call(); err != nil {
			t.Errorf("%s: %v", part, err)
		}
		if sent.Method != want.Method || sent.Method != guideMethods[i] || !slices.EqualFunc(sent.params(), params, slices.Equal) {
			t.Errorf("%s: sent %s%q, want %s%q", part, sent.Method, sent.params(), want.Method, params)
		}
		username, password, _ := request.BasicAuth()
		h := request.Header
		if request.Method != "POST" || request.URL.String() != DefaultURL || username != "user" || password != "pass" ||
			!strings.HasPrefix(h.Get("Content-Type"), "text/xml") || h.Get("User-Agent") != "test/1" {
			t.Errorf("%s: sent %s %s with %v", part, request.Method, request.URL, h)
		}
	}
}

func TestOverrideIsSentAsText(t *testing.T) {
	for yes, want := range map[bool]string{true: "1", false: "0"} {
		var sent wireCall
		c, _ := NewClient(Config{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			xml.NewDecoder(r.Body).Decode(&sent)
			return nil, io.EOF
		})})
		c.RegisterDevicesOverride(context.Background(), []MAC{{2}}, `<&">`, yes)
		if got := sent.params(); len(got) != 3 || got[1][0] != `<&">` || got[2][0] != want {
			t.Errorf("%v: sent %q", yes, got)
		}
	}
}
