package csvio

import (
	"fmt"
	"slices"
	"strings"

	"rpsbatch/rps"
)

// Blocks are blocks of addresses, each identified by its first three bytes. A
// file of phones can have addresses of other makers, and other numbers: those
// outside the blocks are sent, but decide nothing by themselves.
type Blocks [][3]byte

// zerosBlock is the block whose addresses lose zeros in a spreadsheet.
var zerosBlock = [3]byte{0x00, 0x15, 0x65}

// Yealink has the blocks of Yealink's phones.
var Yealink = Blocks{zerosBlock, {0x24, 0x9a, 0xd8}, {0x44, 0xdb, 0xd2}, {0x80, 0x5e, 0x0c}, {0x80, 0x5e, 0xc0}, {0xc4, 0xfc, 0x22}}

// Has reports whether an address is in one of the blocks.
func (b Blocks) Has(mac rps.MAC) bool { return slices.Contains(b, [3]byte(mac[:3])) }

// ParseBlock reads the first half of an address, such as 24-9A-D8 or 249ad8.
func ParseBlock(text string) ([3]byte, error) {
	digits := strings.NewReplacer("-", "", ":", "", ".", "", " ", "").Replace(text)
	if len(digits) == 6 {
		if mac, err := rps.ParseMAC(digits + "000001"); err == nil {
			return [3]byte(mac[:3]), nil
		}
	}
	return [3]byte{}, fmt.Errorf("%q is not the first half of a MAC, such as 24-9A-D8", text)
}
