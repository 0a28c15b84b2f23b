package csvio

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"rpsbatch/rps"
)

// The kinds of a MAC's faults.
const (
	kindNoMAC      = "empty MAC"
	kindBadMAC     = "invalid MAC"
	kindZeros      = "MAC without its leading zeros"
	kindDecimal    = "MAC turned into a decimal number"
	kindScientific = "MAC in scientific notation"
	kindDate       = "MAC turned into a date or a time"
	kindFormula    = "MAC is a formula"
	kindError      = "MAC is a spreadsheet error"
	kindLookAlike  = "MAC with a letter that looks like another"
	kindOther      = "another kind of number instead of a MAC"
)

// fewestDigits is the length of a number that can be a MAC without its leading
// zeros. In a shorter one the vendor's six digits would all be zeros, which no
// phone has: it is another number, such as a row's.
const fewestDigits = 7

const asText = "format the column as text, enter it again and export again"

// A macReader reads the cells of the MAC column.
type macReader struct {
	repair bool // restore leading zeros
	blocks Blocks
}

// parse reads a cell's MAC, fixing it where that is safe; note says what was
// done. kind is "" if there is a MAC. Otherwise mac is still set if the cell is
// an address that is not sent.
func (m *macReader) parse(cell string) (mac rps.MAC, note, kind, text string) {
	mac, err := rps.ParseMAC(cell)
	if err != nil {
		cell = cleanMAC(cell)
		mac, err = rps.ParseMAC(cell)
	}
	if err != nil && strings.IndexByte(cell, ' ') > 0 {
		if spaceless, err2 := rps.ParseMAC(strings.ReplaceAll(cell, " ", "")); err2 == nil {
			mac, err = spaceless, nil
		}
	}
	if err != nil {
		if bare, err2 := rps.ParseMAC(unlabelled(cell)); err2 == nil {
			mac, err = bare, nil
		}
	}
	switch {
	case err != nil:
		if digits, ok := asNumber(cell); ok && m.repair {
			if mac, why := restored(digits); why == "" {
				return mac, "leading zeros were restored: " + mac.Bare() + " was " + cell, "", ""
			}
		}
		kind, text = macFault(cell, err)
		return rps.MAC{}, "", kind, text
	case len(cell) == 12 && !m.blocks.Has(mac) && isDigits(cell):
		return mac, "", kindOther, "a number of 12 digits outside Yealink's address blocks is more likely an article, order or telephone number: if it is a MAC, write it with hyphens, or use " + flagVendor + " " + mac.String()[:8]
	}
	return mac, "", "", ""
}

// isMAC reports whether a cell is a MAC.
func (m *macReader) isMAC(cell string) bool {
	_, _, kind, _ := m.parse(cell)
	return kind == ""
}

// isPhone reports whether a cell is a MAC in one of the blocks, which is needed
// to recognize a column or record of devices if nobody names it.
func (m *macReader) isPhone(cell string) bool {
	mac, _, kind, _ := m.parse(cell)
	return kind == "" && m.blocks.Has(mac)
}

// macFault returns what happened to a MAC, as far as it shows.
func macFault(cell string, err error) (kind, text string) {
	digits, number := asNumber(cell)
	switch {
	case cell == "":
		return kindNoMAC, "the MAC is empty"
	case number && digits == cell:
		return kindZeros, numberText(cell, digits)
	case number:
		return kindDecimal, numberText(cell, digits)
	case isScientific(cell) && (len(cell) != 12 || strings.ContainsAny(cell, "+-.,")): // 01005E000001 still has all its digits
		return kindScientific, "the MAC was turned into a number in scientific notation and has lost digits; they may have been an address with an E, such as 0015651E0005: " + asText
	case isDate(cell):
		return kindDate, "the MAC was turned into a date or a time: " + asText
	case cell[0] == '=':
		return kindFormula, "the MAC is a formula: replace it with its value, as text"
	case cell == uncalculated:
		return kindError, uncalculatedText
	case isSheetError(cell):
		return kindError, "the MAC is a spreadsheet error: fix its formula there, or replace it with the MAC, as text"
	}
	if found := macsIn(cell); len(found) > 1 {
		return kindBadMAC, "the cell has several MACs: put each in its own row"
	} else if len(found) == 1 {
		return kindBadMAC, "the cell has other text besides the MAC: leave only " + found[0].String()
	}
	if text := lookAlikes(cell); text != "" {
		return kindLookAlike, text
	}
	if likely := otherNumber(cell); likely != "" {
		return kindOther, "not a MAC, but more likely " + likely + ": put the MAC in its place, or remove the row"
	}
	var bad *rps.MACError
	if !errors.As(err, &bad) {
		return kindBadMAC, "not a valid MAC"
	}
	return kindBadMAC, "not a valid MAC: " + bad.Reason
}

// unlabelled returns a text without the word MAC before it, as on labels and in their
// barcodes.
func unlabelled(text string) string {
	const label = "mac"
	if len(text) > len(label) && strings.EqualFold(text[:len(label)], label) {
		return strings.TrimLeft(text[len(label):], " :=-")
	}
	return text
}

// macsIn returns the MACs among the words of a text.
func macsIn(text string) (found []rps.MAC) {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" ,;/|\r\n\t()[]{}<>\"'", r) }) {
		if mac, err := rps.ParseMAC(unlabelled(word)); err == nil {
			found = append(found, mac)
		}
	}
	return found
}

// asNumber returns the digits of a number left of an all-digit MAC: 1565000001,
// or 1565000001.0 from programs that know only floats.
func asNumber(cell string) (digits string, ok bool) {
	digits = cell
	if i := strings.LastIndexAny(cell, ".,"); i > 0 && i < len(cell)-1 && strings.Trim(cell[i+1:], "0") == "" {
		digits = cell[:i]
	}
	return digits, len(digits) >= fewestDigits && len(digits) < 12 && digits[0] != '0' && isDigits(digits)
}

// restored returns the address whose leading zeros a number has lost, or why it
// cannot be known. Yealink has one block that begins with zeros: any other
// address would be a guess, and most likely not a phone's. An address with an E,
// such as 0015651234E2, is read as 15651234 times 100: a number that ends in two
// zeros may have been one.
func restored(digits string) (mac rps.MAC, why string) {
	mac, err := rps.ParseMAC("000000000000"[len(digits):] + digits)
	switch {
	case err != nil || [3]byte(mac[:3]) != zerosBlock:
		return rps.MAC{}, "with leading zeros it is not in Yealink's block 00-15-65"
	case strings.HasSuffix(digits, "00"):
		return rps.MAC{}, "it ends in 00, so it may have been an address with an E, such as 0015651234E2"
	}
	return mac, ""
}

// numberText says what to do about a number that may be a MAC, given its digits;
// cell has the decimals that it got.
func numberText(cell, digits string) string {
	mac, why := restored(digits)
	switch {
	case why != "":
		return fmt.Sprintf("the MAC is a number of %d digits, 12 are needed, and %s: %s", len(digits), why, asText)
	case cell != digits:
		return "the MAC was turned into a decimal number; use " + flagRepair + " to read it as " + mac.String() + ", or format the column as text and export again"
	}
	return fmt.Sprintf("the MAC has lost its leading zeros: it has %d digits, 12 are needed; use %s to read it as %v, or format the column as text and export again", len(digits), flagRepair, mac)
}

// otherNumber says what a text is instead of a MAC; "" if unknown.
func otherNumber(cell string) string {
	if len(cell) < 10 || strings.Trim(strings.ToUpper(cell), "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" || !hasDigit(cell) {
		return ""
	}
	switch {
	case strings.HasPrefix(cell, "001565"): // one digit too many
	case isDigits(cell) && (len(cell) == 13 || len(cell) == 14):
		return "an article number (EAN)"
	case isDigits(cell) && len(cell) > 14, len(cell) > 12 && !isHex(cell):
		return "a serial number"
	}
	return ""
}

func isDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

func isHex(text string) bool { return strings.Trim(strings.ToUpper(text), "0123456789ABCDEF") == "" }

// isScientific reports whether a text is a number such as 1.565E+09 or 8,05E+11.
func isScientific(cell string) bool {
	mantissa, exponent, ok := strings.Cut(strings.ToUpper(cell), "E")
	if !ok || mantissa == "" || strings.Trim(exponent, "+-0123456789") != "" || strings.Trim(mantissa, "+-.,0123456789") != "" {
		return false
	}
	if _, err := strconv.Atoi(exponent); err != nil {
		return false
	}
	_, err := strconv.ParseFloat(strings.Replace(mantissa, ",", ".", 1), 64)
	return err == nil
}

// spoilt reports whether a fault means that a spreadsheet took a MAC for
// something else.
func spoilt(kind string) bool {
	return kind == kindZeros || kind == kindDecimal || kind == kindScientific || kind == kindDate
}

// wasMAC reports whether a cell is what a spreadsheet leaves of a MAC that it
// took for a number, as it takes 001565100E05 for 1565100 and five zeros. A number
// that is rounded may be any of a vendor's.
func wasMAC(cell string, mac rps.MAC) bool {
	digits := mac.Bare()
	number, ok := asFloat(digits)
	if mac == (rps.MAC{}) || !ok {
		return false
	}
	cell = cleanMAC(cell)
	shown, ok := asFloat(strings.Replace(cell, ",", ".", 1))
	if ok && shown == number {
		return true
	}
	// In groups of three: 156,510,000,000.
	shown, ok = asFloat(strings.NewReplacer(",", "", ".", "", " ", "", "'", "", "\u2019", "").Replace(cell))
	return ok && shown == number
}

// asFloat returns the number that a text of digits is, with decimals or an exponent.
func asFloat(text string) (float64, bool) {
	if strings.Trim(text, "0123456789.+-Ee") != "" {
		return 0, false
	}
	number, err := strconv.ParseFloat(text, 64)
	return number, err == nil
}

// isSheetError reports whether a text is #REF!, #NAME?, #N/A or the like, in any
// language, or the ##### of a column that is too narrow.
func isSheetError(cell string) bool {
	if rest, ok := strings.CutPrefix(cell, "#"); ok {
		switch rest {
		case "N/A", "NV", "N/D", "NB", "ND", "I/T", "N/DISP", "NUL":
			return true
		}
		return strings.Trim(rest, "#") == "" || strings.HasSuffix(rest, "!") || strings.HasSuffix(rest, "?")
	}
	return strings.HasPrefix(cell, "Err:")
}
