package rps

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

func TestParseMAC(t *testing.T) {
	want := MAC{0x00, 0x15, 0x65, 0xab, 0xcd, 0xef}
	for _, text := range []string{
		"001565abcdef", "001565ABCDEF", "00-15-65-ab-cd-ef", "00 15 65 AB CD EF",
		"00:15:65:aB:Cd:ef", "0015.65ab.cdef",
	} {
		mac, err := ParseMAC(text)
		if err != nil || mac != want {
			t.Errorf("ParseMAC(%q) = %v, %v", text, mac, err)
		}
	}
	if got := want.String(); got != "00-15-65-AB-CD-EF" {
		t.Errorf("String returns %q", got)
	}
	if got := want.Bare(); got != "001565ABCDEF" {
		t.Errorf("Bare returns %q", got)
	}
	if n := want.Uint64(); n != 0x001565abcdef || MACFromUint64(n) != want || MACFromUint64(n|0xffff<<48) != want {
		t.Errorf("Uint64 returns %#x, and back %v", n, MACFromUint64(n))
	}
}

func TestParseMACRefuses(t *testing.T) {
	for text, reason := range map[string]string{
		"":                      "it is empty",
		"00s1122334400":         `"s" is not a hexadecimal digit`,
		"00156500001":           "it has 11 hexadecimal digits, 12 are needed",
		"0015650000011":         "it has 13 hexadecimal digits, 12 are needed",
		"00-15-65-00-00":        "it has 10 hexadecimal digits, 12 are needed",
		"001565é00001":          `"é" is not a hexadecimal digit`,
		"00-15:65-00-00-01":     "it mixes separators",
		"0015.65-00.0001":       "it mixes separators",
		"001-56-50-00-00-1":     "its separators are not between whole groups of digits",
		"0-01-56-50-00-001":     "its separators are not between whole groups of digits",
		"001.56500.0001":        "its separators are not between whole groups of digits",
		"00.15.65.00.00.01":     "its separators are not between whole groups of digits",
		"0015-6500-0001":        "its separators are not between whole groups of digits",
		"001565-000001":         "its separators are not between whole groups of digits",
		"-00-15-65-00-00-01":    "its separators are not between whole groups of digits",
		"00-15-65-00-00-01-":    "its separators are not between whole groups of digits",
		"00--15-65-00-00-01":    "its separators are not between whole groups of digits",
		" 001565000001":         "its separators are not between whole groups of digits",
		"001565000001 ":         "its separators are not between whole groups of digits",
		"00-00-00-00-00-00":     "all zeros is not the address of a device",
		"FFFFFFFFFFFF":          "all ones is the broadcast address, not a device",
		"01-00-5e-00-00-01":     "it is a multicast address, not a device",
		"001565000001\n":        `"\n" is not a hexadecimal digit`,
		"00-15-65-00-00-01\xff": `"�" is not a hexadecimal digit`,
	} {
		mac, err := ParseMAC(text)
		var e *MACError
		if !errors.As(err, &e) || e.Text != text || e.Reason != reason || mac != (MAC{}) {
			t.Errorf("ParseMAC(%q) = %v, %v; want %s", text, mac, err, reason)
		}
	}
}

func TestParseMACAllocatesNothing(t *testing.T) {
	for _, text := range []string{"001565000001", "00:15:65:00:00:01", "0015.6500.0001"} {
		if n := testing.AllocsPerRun(100, func() { ParseMAC(text) }); n != 0 {
			t.Errorf("ParseMAC(%q) allocates %v times", text, n)
		}
	}
}

// macForms is what ParseMAC accepts, said in another way.
var macForms = regexp.MustCompile(`^(?i:[0-9a-f]{12}|[0-9a-f]{2}(-[0-9a-f]{2}){5}|[0-9a-f]{2}(:[0-9a-f]{2}){5}|` +
	`[0-9a-f]{2}( [0-9a-f]{2}){5}|[0-9a-f]{4}(\.[0-9a-f]{4}){2})$`)

func FuzzParseMAC(f *testing.F) {
	for _, text := range []string{"001565000001", "00-15-65-00-00-01", "0015.6500.0001", "001-56-50-00-00-1", "ffffffffffff", "0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		mac, err := ParseMAC(text)
		digits := strings.NewReplacer("-", "", ":", "", " ", "", ".", "").Replace(strings.ToUpper(text))
		if err != nil {
			if macForms.MatchString(text) && strings.Trim(digits, "0") != "" && strings.IndexByte("02468ACE", digits[1]) >= 0 {
				t.Fatalf("ParseMAC(%q) refuses: %v", text, err)
			}
			return
		}
		if !macForms.MatchString(text) {
			t.Fatalf("ParseMAC(%q) accepts", text)
		}
		if mac.Bare() != digits {
			t.Fatalf("ParseMAC(%q) returns %s", text, mac)
		}
		for _, form := range []string{mac.String(), mac.Bare()} {
			if again, err := ParseMAC(form); err != nil || again != mac {
				t.Fatalf("ParseMAC(%q) returns %v, %v; want %v", form, again, err, mac)
			}
		}
		if MACFromUint64(mac.Uint64()) != mac {
			t.Fatalf("%v does not survive Uint64", mac)
		}
	})
}

func BenchmarkParseMAC(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		ParseMAC("00-15-65-00-00-01")
	}
}
