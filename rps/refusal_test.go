package rps

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func macs(texts ...string) (list []MAC) {
	for _, text := range texts {
		mac, err := ParseMAC(text)
		if err != nil {
			panic(err)
		}
		list = append(list, mac)
	}
	return list
}

const ticket = "\nPlease check the MAC address you entered\n - If you need to continue adding this MAC, please create a ticket " +
	"on https://ticket.yealink.com.\nWe will review your complaint. You need to provide:\n(1)Device MAC and SN\n" +
	"(2)Enterprise Name\n(3)Firmware Version\n(4)Login Account\n"

func TestRefusal(t *testing.T) {
	tests := []struct {
		text string
		kind Kind
		macs []MAC
	}{
		// The guide's, in its spellings.
		{"Invalid MAC(s):001565000001", InvalidMAC, macs("001565000001")},
		{"Error:Invalid MAC(s):00s1122334400", InvalidMAC, nil},
		{"Error:Invalid MAC(s):00s1122334400, ...", InvalidMAC, nil},
		{"Error: Invalid MAC", InvalidMAC, nil},
		{"Error:Invalid MAC(s)", InvalidMAC, nil},
		{"Invalid MAC(s)", InvalidMAC, nil},
		{"Error:Repeated MAC(s):00000000000d", RepeatedMAC, macs("00000000000D")},
		{"Error: Invalid server", InvalidServer, nil},
		{"Error:Invalid server", InvalidServer, nil},
		{"Invalid server", InvalidServer, nil},
		{"Error: The server name can only contain 'A-z 0-9 - _ . '(include space)", BadServerName, nil},
		{"Error: The server name can only contain 'A-z 0-9 - _ .' (include space)", BadServerName, nil},
		{"The server name can only contain 'A-z 0-9 - _ . '(include space)", BadServerName, nil},
		{"Are you sure you want to override MAC addresses.", OverridePrompt, nil},
		{"Are you sure you want to override MAC addresses:", OverridePrompt, nil},
		{"Only 0 or 1 can be used:1 to override, 0 to cancel", BadOverride, nil},
		{"MAC address(es) overriding failed", OverrideFailed, nil},
		{"Invalid server url", InvalidURL, nil},
		{"The url can only begin with 'http://' or 'https://' or 'ftp://' or 'tftp://'", InvalidURL, nil},
		{"The server name can not be empty.", ServerNameEmpty, nil},
		{"The server url can not be empty", ServerURLEmpty, nil},
		{"The server name has been used", ServerNameUsed, nil},
		{"Error:The server name has been used", ServerNameUsed, nil},
		{"The MAC is unknown", UnknownMAC, nil},
		{"No device(s) exists", NoDevices, nil},
		{"Error: 001565000001(MAC address)" + ticket, Foreign, macs("001565000001")},
		{"Error: 001565000001" + ticket, Foreign, macs("001565000001")},

		// What live clients show, and near it.
		{"Error:The url can only begin with 'http://' or 'https://'", InvalidURL, nil},
		{"Error:001565abcdef" + ticket, Foreign, macs("001565ABCDEF")},
		{"Error:001565abcdef", Foreign, macs("001565ABCDEF")},
		{"error :\n  00-15-65-00-00-01 , 00:15:65:00:00:02;0015.6500.0003\n00 15 65 00 00 04 00 15 65 00 00 05" + ticket, Foreign,
			macs("001565000001", "001565000002", "001565000003", "001565000004", "001565000005")},
		{"Error:001565000001,001565000001\n001565000002" + ticket, Foreign, macs("001565000001", "001565000002")},
		{"001565000001 Please check the MAC address you entered", Foreign, macs("001565000001")},
		{"Error: 001565000001, 001565000002, 0015...", Foreign, macs("001565000001", "001565000002")},
		{"Error:[001565000001]<br/>PLEASE CHECK THE MAC ADDRESS YOU ENTERED", Foreign, macs("001565000001")},
		{"Error:001565000001.\nAsk its owner", Foreign, macs("001565000001")},

		// Addresses of which something else is said.
		{"Error: 001565000001 has been registered by yourself", Refusal, macs("001565000001")},
		{"Error:001565000001, 001565000002 is not a valid MAC" + ticket, Refusal, macs("001565000001", "001565000002")},
		{"Error: 001565000001: Invalid MAC(s)", Refusal, macs("001565000001")},
		{"001565000001: Invalid MAC(s) 001565000002 has been added to other enterprise.", Refusal, macs("001565000001", "001565000002")},
		{"Error: bad 001565000001", Refusal, macs("001565000001")},
		{"Error:001565000001 已注册", Refusal, macs("001565000001")},

		// Several kinds at once: the addresses of the first.
		{"Error: 001565000001(MAC address)" + ticket + "Error:Invalid MAC(s):001565000002", Foreign, macs("001565000001")},
		{"Error:Invalid MAC(s):001565000001; Error:001565000002" + ticket + "Invalid MAC(s): 001565000003", InvalidMAC, macs("001565000001", "001565000003")},
		{"Are you sure you want to override\nMAC addresses: 001565000001 Invalid MAC(s): 001565000002", OverridePrompt, macs("001565000001")},
		{"The MAC is unknown: 001565000001. Repeated MAC(s): 001565000002", UnknownMAC, macs("001565000001")},

		{"  ERROR:\n\tINVALID\n mac(S) :\n 00-15-65-AA-00-01,\n00156500000x,001565aa0002. ", InvalidMAC, macs("001565AA0001", "001565AA0002")},
		{"Error Invalid server", InvalidServer, nil},
		{"Error:\u00a0Invalid server", InvalidServer, nil},
		{"Error:Invalid server url: x", InvalidURL, nil},
		{"are you sure you want to override MAC addresses: 001565000001?", OverridePrompt, macs("001565000001")},
		{"Existing MAC(s): 001565000001, 00-15-65-00-00-02", OverridePrompt, macs("001565000001", "001565000002")},
		{"Error:Existing MACs:001565000001", OverridePrompt, macs("001565000001")},
		{"Existing machines", Refusal, nil},

		// Too many at once, in words that nobody has seen.
		{"Error: Too many MACs", BatchTooBig, nil},
		{"Error:There are too many MAC(s) in one request, 1 at most", BatchTooBig, nil},
		{"The maximum is 50 devices per call", BatchTooBig, nil},
		{"Error:MAC list is too long", BatchTooBig, nil},
		{"At most 100 MAC addresses can be added at a time", BatchTooBig, nil},
		{"Too many requests", Refusal, nil},
		{"Too many calls for this list", Refusal, nil},
		// Limits of what an account may have: smaller batches do not help.
		{"The number of devices exceeds the limit of 50", Refusal, nil},
		{"Too many devices", Refusal, nil},
		{"You can add at most 50 MAC addresses", Refusal, nil},
		{"Too many MACs: the limit of your licence is 500", Refusal, nil},
		{"Too many MAC(s) in total, 500 at most", Refusal, nil},
		{"Too many MACs, limit reached", Refusal, nil},
		{"Error:Invalid machine id", Refusal, nil},
		{"Invalid servers are down", Refusal, nil},
		{"Error:Invalid MACs:001565000001", InvalidMAC, macs("001565000001")},
		{"Invalid MAC address(es): 001565000001", InvalidMAC, macs("001565000001")},
		{"Invalid server: nowhere", InvalidServer, nil},
		{"API rate limit exceeded for this list", Refusal, nil},
		{"The server name is too long", Refusal, nil},
		{"The account may have at most 500 devices", Refusal, nil},
		{"Device quota exceeded", Refusal, nil},

		// Others.
		{"", Refusal, nil},
		{"Error:", Refusal, nil},
		{"OK", Refusal, nil},
		{"Error: 00s565000001 Please check", Refusal, nil},
		{"001565000001", Refusal, macs("001565000001")},
		{"System busy", Refusal, nil},
		{"Errors: Invalid server", Refusal, nil},
		{"It is not an invalid MAC", Refusal, nil},
	}
	for _, test := range tests {
		e := refusal(MethodRegisterDevices, test.text)
		if e.Kind != test.kind || !slices.Equal(e.MACs, test.macs) || e.Method != MethodRegisterDevices {
			t.Errorf("%q: %v %v, want %v %v", test.text, e.Kind, e.MACs, test.kind, test.macs)
		}
		if !e.Kind.Refused() || !errors.Is(e, test.kind) {
			t.Errorf("%q: not a refusal of its kind", test.text)
		}
		if want := strings.Join(strings.Fields(test.text), " "); e.Text != want {
			t.Errorf("%q: text is %q", test.text, e.Text)
		}
	}
}

func TestFault(t *testing.T) {
	const member = "<member><name>faultCode</name><value><i4>%s</i4></value></member>" +
		"<member><name>faultString</name><value>%s</value></member>"
	const cause = "<member><name>faultCause</name><value><ex:serializable><base64>c2VjcmV0IHN0YWNr</base64></ex:serializable></value></member>"
	tests := []struct {
		code, words string
		kind        Kind
		text        string
		macs        []MAC
	}{
		{"0", "Not authorized", Unauthorized, "fault 0: Not authorized", nil},
		{"401", "<string>Error: NOT\n  AUTHORIZED.</string>", Unauthorized, "fault 401: Error: NOT AUTHORIZED.", nil},
		{"0", "No such handler: redirect.x", NotService, "fault 0: No such handler: redirect.x", nil},
		{"0", "No method matching arguments: java.lang.String, java.lang.Integer", NotService,
			"fault 0: No method matching arguments: java.lang.String, java.lang.Integer", nil},
		{"1", "Unknown method", NotService, "fault 1: Unknown method", nil},
		{"1", "This is not a known method for this XML-RPC Server", NotService, "fault 1: This is not a known method for this XML-RPC Server", nil},
		{"0", "Failed to invoke method registerDevices in class a.B: Not authorized", HandlerFailed,
			"fault 0: Failed to invoke method registerDevices in class a.B: Not authorized", nil},
		{"0", "Failed to invoke method x in class a.B: null", HandlerFailed, "fault 0: Failed to invoke method x in class a.B: null", nil},
		{"0", "java.lang.NullPointerException", HandlerFailed, "fault 0: java.lang.NullPointerException", nil},
		{"0", "Failed to parse XML-RPC request: x", HandlerFailed, "fault 0: Failed to parse XML-RPC request: x", nil},
		{"0", "Not authorizedly", HandlerFailed, "fault 0: Not authorizedly", nil},
		{"-3", "<![CDATA[no <row> for 00:15:65:00:00:01]]>", HandlerFailed, "fault -3: no <row> for 00:15:65:00:00:01", macs("001565000001")},
		{"7", "<string/>", HandlerFailed, "fault 7:", nil},
	}
	for _, test := range tests {
		members := fmt.Sprintf(member, test.code, test.words)
		padded := strings.NewReplacer(">", ">\n  ", "<", "\n  <").Replace(members)
		if strings.Contains(members, "CDATA") {
			padded = members
		}
		typed := strings.Replace(strings.Replace(members, "<i4>", "<string>", 1), "</i4>", "</string>", 1)
		untyped := strings.Replace(strings.Replace(padded, "<i4>", "", 1), "</i4>", "", 1)
		inParts := strings.ReplaceAll(members, "o", "<![CDATA[o]]>")
		if strings.Contains(members, "CDATA") {
			inParts = members
		}
		for i, body := range []string{members, padded, members + cause, cause + padded, typed, untyped, inParts} {
			body = "<methodResponse xmlns:ex=\"x\"><fault><value><struct>" + body + "</struct></value></fault></methodResponse>"
			if i%2 > 0 { // with names in a namespace of their own
				body = tagNames.ReplaceAllString(body, "<${1}x:$2>")
			}
			a, e := readText(MethodRegisterDevices, body)
			if e == nil || e.Kind != test.kind || e.Text != test.text || !slices.Equal(e.MACs, test.macs) || a.macs != nil {
				t.Errorf("%s\nis read as %#v", body, e)
			}
		}
	}
}

var tagNames = regexp.MustCompile(`<(/?)(fault|value|struct|member|name|i4|string)>`)

func TestNamedMACs(t *testing.T) {
	for text, want := range map[string][]MAC{
		"MAC(s):00:15:65:00:00:01":                                macs("001565000001"),
		"mac:001565000001,mac:00:15:65:00:00:02.":                 macs("001565000001", "001565000002"),
		"(001565000001)[00-15-65-00-00-02]":                       macs("001565000001", "001565000002"),
		"0015.6500.0001.":                                         macs("001565000001"),
		"x001565000001 001565000001x 001565000001_ 0015650000012": nil,
		"10-22-00-15-65-00-00-01":                                 nil, // an EUI-64
		"10:22:00:15:65:00:00:01":                                 nil,
		"1022.0015.6500.0001":                                     nil,
		"00-15-65-00-00-0 00-15-65-00-00-1z 00-15":                nil,
		"000000000000 ffffffffffff 010000000000":                  nil, // no devices
		"001565000001":                                            macs("001565000001"),
	} {
		if got := namedMACs(text); !slices.Equal(got, want) {
			t.Errorf("%q names %v, want %v", text, got, want)
		}
	}
}

func TestKinds(t *testing.T) {
	names := map[string]bool{}
	for k := range kinds {
		if names[k.String()] || k.String() == "" || k.Error() == "" || k.Refused() != (k < HandlerFailed) {
			t.Errorf("%v: %q", k, k.Error())
		}
		names[k.String()] = true
	}
	if len(kinds) != 26 {
		t.Errorf("%d kinds have names", len(kinds))
	}
	for k := Refusal; k <= Unencodable; k++ {
		if _, ok := kinds[k]; !ok && (k.Refused() || k >= NotSent) {
			t.Errorf("kind %d has no name", k)
		}
	}
	if k := Kind(0); k.Refused() || k.Error() != "Kind(0)" {
		t.Errorf("the zero kind is %v", k)
	}
}
