package rpstest

// mac is the key of a device.
type mac [6]byte

// parseMAC reads the four forms of section 4.1.4 in either case, and nothing
// else: 001565000001, 00-15-65-00-00-01, 00 15 65 00 00 01 and
// 00:15:65:00:00:01.
func parseMAC(text string) (m mac, ok bool) {
	stride := 2
	switch len(text) {
	case 12:
	case 17:
		stride = 3
		if c := text[2]; c != '-' && c != ' ' && c != ':' {
			return mac{}, false
		}
		for i := 5; i < 17; i += 3 {
			if text[i] != text[2] {
				return mac{}, false
			}
		}
	default:
		return mac{}, false
	}
	for i := range m {
		high, ok1 := hexDigit(text[i*stride])
		low, ok2 := hexDigit(text[i*stride+1])
		if !ok1 || !ok2 {
			return mac{}, false
		}
		m[i] = high<<4 | low
	}
	return m, true
}

func hexDigit(c byte) (value byte, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

const (
	upperDigits = "0123456789ABCDEF"
	lowerDigits = "0123456789abcdef"
)

// append appends the address in the given digits, with the separator between
// octets unless it is zero.
func (m mac) append(b []byte, digits string, separator byte) []byte {
	for i, octet := range m {
		if i > 0 && separator != 0 {
			b = append(b, separator)
		}
		b = append(b, digits[octet>>4], digits[octet&15])
	}
	return b
}

// upper returns the form of Device.MAC and of the state file, lower that of
// refusals that do not echo what was sent.
func (m mac) upper() string { return string(m.append(make([]byte, 0, 12), upperDigits, 0)) }
func (m mac) lower() string { return string(m.append(make([]byte, 0, 12), lowerDigits, 0)) }
