package rps

import (
	"fmt"
)

// MAC is the hardware address of a device: six bytes, comparable, so it can be
// the key of a map. The zero value is not a valid device address.
type MAC [6]byte

// MACError explains why a text is not the MAC address of a device.
type MACError struct {
	Text   string // what was read
	Reason string // what is wrong with it, in words for the user
}

func (e *MACError) Error() string { return fmt.Sprintf("MAC %q: %s", e.Text, e.Reason) }

// ParseMAC reads the four forms of the guide (section 4.1.4: 001565000001,
// 00-15-65-00-00-01, 00 15 65 00 00 01, 00:15:65:00:00:01) and the dotted form
// 0015.6500.0001, in either case, with nothing around them. An error is always a
// *MACError. Addresses that no device can have (all zeros, all ones, multicast)
// are refused as well.
func ParseMAC(text string) (MAC, error) {
	if len(text) == 12 || len(text) == 17 {
		if mac, ok := parseUsual(text); ok {
			return mac, nil
		}
	}
	mac, reason := parseMAC(text)
	if reason != "" {
		return MAC{}, &MACError{Text: text, Reason: reason}
	}
	return mac, nil
}

// parseUsual reads the forms that nearly all files have, 12 digits or six pairs
// of them, in a fraction of the time. The rest is left to parseMAC.
func parseUsual(text string) (MAC, bool) {
	var n uint64
	var bad byte
	step := 2
	if len(text) == 17 {
		step = 3
		separator := text[2]
		if separator != '-' && separator != ':' && separator != ' ' || text[5] != separator ||
			text[8] != separator || text[11] != separator || text[14] != separator {
			return MAC{}, false
		}
	}
	for i := 0; i < len(text); i += step {
		high, low := hexValue[text[i]], hexValue[text[i+1]]
		bad |= high | low
		n = n<<8 | uint64(high&15)<<4 | uint64(low&15)
	}
	mac := MACFromUint64(n)
	return mac, bad < 16 && mac[0]&1 == 0 && n != 0
}

func parseMAC(text string) (mac MAC, reason string) {
	var digits int      // hex digits seen
	var separator byte  // the one in use, 0 before the first
	var mixed, bad bool // more than one separator; one in the wrong place
	for i := 0; i < len(text); i++ {
		c := text[i]
		value := hexValue[c]
		if value < 16 {
			if digits < 12 {
				mac[digits/2] = mac[digits/2]<<4 | value
			}
			digits++
			continue
		}
		switch c {
		case '-', ':', ' ', '.':
		default:
			return MAC{}, fmt.Sprintf("%q is not a hexadecimal digit", firstRune(text[i:]))
		}
		mixed = mixed || separator != 0 && separator != c
		separator = c
		group := 2
		if c == '.' {
			group = 4
		}
		// Each separator follows a whole group: its position follows from the
		// digits and the separators before it.
		bad = bad || digits == 0 || digits >= 12 || digits%group != 0 || i != digits+digits/group-1
	}
	switch {
	case text == "":
		return MAC{}, "it is empty"
	case digits == 1:
		return MAC{}, "it has 1 hexadecimal digit, 12 are needed"
	case digits != 12:
		return MAC{}, fmt.Sprintf("it has %d hexadecimal digits, 12 are needed", digits)
	case mixed:
		return MAC{}, "it mixes separators"
	case bad, separator != 0 && separator != '.' && len(text) != 17, separator == '.' && len(text) != 14:
		return MAC{}, "its separators are not between whole groups of digits"
	case mac == MAC{}:
		return MAC{}, "all zeros is not the address of a device"
	case mac == MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}:
		return MAC{}, "all ones is the broadcast address, not a device"
	case mac[0]&1 != 0:
		return MAC{}, "it is a multicast address, not a device"
	}
	return mac, ""
}

func firstRune(text string) string {
	for _, r := range text {
		return string(r)
	}
	return ""
}

// hexValue has the value of each hexadecimal digit, and 16 for any other byte.
var hexValue = func() (table [256]byte) {
	for i := range table {
		table[i] = 16
	}
	for i, c := range "0123456789" {
		table[c] = byte(i)
	}
	for i, c := range "abcdef" {
		table[c], table[c-'a'+'A'] = byte(10+i), byte(10+i)
	}
	return table
}()

// String returns the form 00-15-65-00-00-01, in upper case: a spreadsheet takes
// it for neither a number nor a time.
func (m MAC) String() string {
	const digits = "0123456789ABCDEF"
	var b [17]byte
	for i, octet := range m {
		if i > 0 {
			b[3*i-1] = '-'
		}
		b[3*i], b[3*i+1] = digits[octet>>4], digits[octet&15]
	}
	return string(b[:])
}

// Bare returns the form 001565000001, in which it is sent to the service.
func (m MAC) Bare() string {
	const digits = "0123456789ABCDEF"
	var b [12]byte
	for i, octet := range m {
		b[2*i], b[2*i+1] = digits[octet>>4], digits[octet&15]
	}
	return string(b[:])
}

// Uint64 returns the address as a number, its first octet the highest, so that
// the devices of a vendor lie close together.
func (m MAC) Uint64() uint64 {
	return uint64(m[0])<<40 | uint64(m[1])<<32 | uint64(m[2])<<24 |
		uint64(m[3])<<16 | uint64(m[4])<<8 | uint64(m[5])
}

// MACFromUint64 is the inverse of MAC.Uint64; the upper 16 bits are ignored.
func MACFromUint64(n uint64) MAC {
	return MAC{byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
}
