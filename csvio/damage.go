package csvio

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"rpsbatch/rps"
)

// The kinds of a MAC's faults.
const (
	kindNoMAC      = "MAC empty"
	kindBadMAC     = "MAC not valid"
	kindZeros      = "MAC without its leading zeros"
	kindScientific = "MAC in scientific notation"
	kindDate       = "MAC turned into a date or a time"
	kindFormula    = "MAC is a formula"
	kindError      = "MAC is an error of the spreadsheet"
	kindLookAlike  = "MAC with a letter that looks like another"
)

// fewestDigits is the length of a number that can be a MAC without its leading
// zeros. In a shorter one the vendor's six digits would be zeros throughout,
// which no phone has: it is another number, such as a row's.
const fewestDigits = 7

const asText = "format the column as text, enter it again and export again"

// parseMAC reads a cell's MAC, mended where that is safe. repaired is set if
// it was given its leading zeros back; kind is "" if there is a MAC.
func parseMAC(cell string, repair bool) (mac rps.MAC, repaired bool, kind, text string) {
	mac, err := rps.ParseMAC(cell)
	if err == nil {
		return mac, false, "", ""
	}
	cell = mendedMAC(cell)
	if mac, err = rps.ParseMAC(cell); err == nil {
		return mac, false, "", ""
	}
	if bare := strings.ReplaceAll(cell, " ", ""); bare != cell {
		if mac, bareErr := rps.ParseMAC(bare); bareErr == nil {
			return mac, false, "", ""
		}
	}
	if lostZeros(cell) && repair {
		if mac, err = rps.ParseMAC(withZeros(cell)); err == nil {
			return mac, true, "", ""
		}
		return rps.MAC{}, false, kindBadMAC, "the MAC is not valid, with its leading zeros neither"
	}
	kind, text = macFault(cell, err)
	return rps.MAC{}, false, kind, text
}

// macFault tells what became of a MAC, as far as it shows.
func macFault(cell string, err error) (kind, text string) {
	switch {
	case cell == "":
		return kindNoMAC, "the MAC is empty"
	case lostZeros(cell):
		return kindZeros, fmt.Sprintf("the MAC has lost its leading zeros: it has %d digits, 12 are needed; give %s to restore them, or format the column as text and export again", len(cell), flagRepair)
	case isScientific(cell) && (len(cell) != 12 || strings.ContainsAny(cell, "+-.,")): // 01005E000001 is all its digits
		return kindScientific, "the MAC was turned into a number in scientific notation and has lost digits; they may have been an address with an E, such as 0015651E0005: " + asText
	case isDate(cell):
		return kindDate, "the MAC was turned into a date or a time: " + asText
	case cell[0] == '=':
		return kindFormula, "the MAC is a formula: replace it by its value, as text"
	case isSheetError(cell):
		return kindError, "the MAC is an error of the spreadsheet: mend its formula there, or replace it by the MAC, as text"
	}
	if text := lookAlikes(cell); text != "" {
		return kindLookAlike, text
	}
	var bad *rps.MACError
	if !errors.As(err, &bad) {
		return kindBadMAC, "the MAC is not valid"
	}
	return kindBadMAC, "the MAC is not valid: " + bad.Reason
}

// lostZeros reports a number such as is left of a MAC of digits only.
func lostZeros(cell string) bool {
	if len(cell) < fewestDigits || len(cell) >= 12 || cell[0] == '0' {
		return false
	}
	return strings.Trim(cell, "0123456789") == ""
}

func withZeros(digits string) string { return "000000000000"[len(digits):] + digits }

// isScientific reports numbers such as 1.565E+09 and 8,05E+11.
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

// wasMAC tells whether a cell is what a spreadsheet leaves of a MAC that it took
// for a number.
func wasMAC(cell string, mac rps.MAC) bool {
	digits := mac.Bare()
	if mac == (rps.MAC{}) || strings.Trim(digits, "0123456789") != "" {
		return false
	}
	cell = mendedMAC(cell)
	if lostZeros(cell) {
		return withZeros(cell) == digits
	}
	if !isScientific(cell) {
		return false
	}
	// Rounded, it may be any of a vendor's.
	shown, err := strconv.ParseFloat(strings.Replace(cell, ",", ".", 1), 64)
	number, err2 := strconv.ParseFloat(digits, 64)
	return err == nil && err2 == nil && shown == number
}

func isSheetError(cell string) bool {
	return cell[0] == '#' || strings.HasPrefix(cell, "Err:")
}

// isDate reports what spreadsheets write for a date or a time: numbers that
// can be a day, a month and a year, or a month's name with one or two of them,
// and a time behind. What can be neither, such as 00-15-65, is a MAC cut short.
func isDate(cell string) bool {
	if len(cell) > 40 {
		return false
	}
	if len(cell) > 10 && cell[10] == 'T' { // of ISO 8601
		cell = cell[:10] + " " + cell[11:]
	}
	fields := strings.FieldsFunc(cell, func(r rune) bool { return r == ' ' || r == ',' })
	if len(fields) == 0 {
		return false
	}
	// "15. June 2000" is three fields, "2000-06-15 12:30" two.
	if last := len(fields) - 1; isClock(fields[last]) || last > 0 && isHalfDay(fields[last]) && isClock(fields[last-1]) {
		if isHalfDay(fields[last]) {
			last--
		}
		if fields = fields[:last]; len(fields) == 0 {
			return true
		}
	}
	parts := strings.FieldsFunc(strings.Join(fields, " "), func(r rune) bool { return strings.ContainsRune(" .-/", r) })
	var numbers []int
	months := 0
	for _, part := range parts {
		if n, err := strconv.Atoi(part); err == nil && n >= 0 && len(part) <= 4 {
			numbers = append(numbers, n)
		} else if isMonth(part) {
			months++
		} else if !isWeekday(part) && part != "de" {
			return false
		}
	}
	switch {
	case months == 1:
		return len(numbers) == 1 || len(numbers) == 2 // also Jun-65
	case months > 1 || len(numbers) != 3 || len(numbers) != len(parts):
		return false
	}
	a, b, c := numbers[0], numbers[1], numbers[2]
	day := func(n int) bool { return 1 <= n && n <= 31 }
	month := func(n int) bool { return 1 <= n && n <= 12 }
	year := func(n int) bool { return n < 100 || 1000 <= n && n <= 9999 }
	return year(a) && month(b) && day(c) || day(a) && month(b) && year(c) || month(a) && day(b) && year(c)
}

// isClock reports a time, 12:30 or 12:30:15 with parts of a second.
func isClock(text string) bool {
	text, _, _ = strings.Cut(strings.TrimSuffix(text, "Z"), ".")
	parts := strings.Split(text, ":")
	if len(parts) != 2 && len(parts) != 3 {
		return false
	}
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil || len(part) > 2 || n < 0 || i == 0 && n > 24 || i > 0 && n > 59 {
			return false
		}
	}
	return true
}

func isHalfDay(text string) bool {
	return strings.EqualFold(text, "AM") || strings.EqualFold(text, "PM")
}

// The months as spreadsheets abbreviate them in English, German, French,
// Spanish, Italian, Dutch and Portuguese: three letters tell them, with or
// without the rest.
const (
	months   = " jan feb mar apr may jun jul aug sep oct nov dec mär mrz mai okt dez fév avr jui aoû déc ene abr ago dic gen mag giu lug set ott mrt mei maa fev out "
	weekdays = " mon tue wed thu fri sat sun die mit don fre sam son mo di do fr sa so "
)

func isMonth(word string) bool { return beginsLike(word, months, 3) }

func isWeekday(word string) bool {
	return beginsLike(word, weekdays, 2) || beginsLike(word, weekdays, 3)
}

func beginsLike(word, list string, letters int) bool {
	r := []rune(strings.ToLower(word))
	if len(r) < letters || len(r) > 10 {
		return false
	}
	for _, c := range r {
		if !unicode.IsLetter(c) {
			return false
		}
	}
	return strings.Contains(list, " "+string(r[:letters])+" ")
}

// lookAlike has the hexadecimal digit that a character looks like.
var lookAlike = map[rune]rune{
	'O': '0', 'o': '0', 'Q': '0', 'I': '1', 'i': '1', 'l': '1', 'L': '1', '|': '1',
	'S': '5', 's': '5', 'Z': '2', 'z': '2', 'G': '6',
	// Cyrillic
	'А': 'A', 'а': 'A', 'В': 'B', 'в': 'B', 'Ь': 'B', 'ь': 'B', 'С': 'C', 'с': 'C', 'Е': 'E', 'е': 'E', 'О': '0', 'о': '0', 'З': '3', 'з': '3', 'І': '1', 'б': '6',
	// Greek
	'Α': 'A', 'α': 'A', 'Β': 'B', 'β': 'B', 'Ε': 'E', 'Ο': '0', 'ο': '0', 'Ι': '1', 'Ϲ': 'C',
}

// lookAlikes names the characters of a text that would be a MAC with the digits
// that they look like; "" if it would be none. They are not put right: whoever
// wrote an l for a 1 may have meant another digit elsewhere.
func lookAlikes(cell string) string {
	var found []string
	place := 0
	mended := strings.Map(func(r rune) rune {
		place++
		digit, ok := lookAlike[r]
		if !ok {
			return r
		}
		found = append(found, fmt.Sprintf("character %d is %s where %c was likely meant", place, letterName(r), digit))
		return digit
	}, cell)
	if len(found) == 0 {
		return ""
	}
	if _, err := rps.ParseMAC(mended); err != nil {
		return ""
	}
	const most = 3
	if n := len(found) - most; n > 0 {
		found = append(found[:most], fmt.Sprintf("and %d more", n))
	}
	return "the MAC has letters that only look like its digits: " + strings.Join(found, ", ") + "; type it again"
}

func letterName(r rune) string {
	switch {
	case r < utf8.RuneSelf && unicode.IsLetter(r):
		return fmt.Sprintf("the letter %c", r)
	case unicode.Is(unicode.Cyrillic, r):
		return fmt.Sprintf("the Cyrillic letter %c (%U)", r, r)
	case unicode.Is(unicode.Greek, r):
		return fmt.Sprintf("the Greek letter %c (%U)", r, r)
	}
	return strconv.QuoteRune(r)
}
