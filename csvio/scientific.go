package csvio

import (
	"math"
	"regexp"
	"strconv"

	"github.com/xuri/excelize/v2"

	"rpsbatch/rps"
)

// scientificMark stands in front of the numbers that are shown under a
// scientific format. It is of the private use area, and in no text.
const scientificMark = "\ue000"

var (
	quotedFormat     = regexp.MustCompile(`"[^"]*"|\\.|\[[^\]]*\]`)
	scientificFormat = regexp.MustCompile(`(?i)[0#?]E[+-]`)
)

// markScientific makes numbers under a scientific format be shown with a mark
// in front. What is shown would not tell: the library shows 8.05E+11 for the
// format General too, as spreadsheets do, and leaves out some such formats.
func markScientific(book *excelize.File) {
	var found []int
	for i := 0; ; i++ {
		style, err := book.GetStyle(i)
		if err != nil {
			break // there are no more, or none at all
		}
		code := ""
		if style.CustomNumFmt != nil {
			code = quotedFormat.ReplaceAllString(*style.CustomNumFmt, "")
		}
		// The formats 11 and 48 are 0.00E+00 and ##0.0E+0.
		if style.NumFmt == 11 || style.NumFmt == 48 || scientificFormat.MatchString(code) {
			found = append(found, i)
		}
	}
	if len(found) == 0 {
		return
	}
	// The library cannot add a style to a sheet of styles that lacks parts, as
	// some programs write it. Those give no format because of what was typed.
	defer func() { _ = recover() }()
	mark := `"` + scientificMark + `"0`
	id, err := book.NewStyle(&excelize.Style{CustomNumFmt: &mark})
	if err != nil {
		return
	}
	formats := book.Styles.CellXfs.Xf
	for _, i := range found {
		formats[i].NumFmtID = formats[id].NumFmtID
	}
}

// scientificText gives the text of a number under a scientific format. A
// spreadsheet gives it that format when somebody enters an address such as
// 0015651E0005: the number 1565100000 is then no address without its zeros, and
// is written as it is shown, which is refused. If it cannot be one it is exact.
func scientificText(stored string) (text string, ok bool) {
	number, err := strconv.ParseFloat(stored, 64)
	if err != nil || !wasHexadecimal(number) {
		return "", false
	}
	return strconv.FormatFloat(number, 'E', 2, 64), true
}

// wasHexadecimal tells whether a number can be what a spreadsheet makes of the
// twelve digits of an address that has one E, and other than that decimal ones.
func wasHexadecimal(number float64) bool {
	if number != math.Trunc(number) || number < 0 {
		return false
	}
	if number >= 1<<53 {
		return true // not exact any more, and too long for another address
	}
	const size = 12
	mantissa := uint64(number)
	for exponent := 0; ; exponent++ {
		m, e := strconv.FormatUint(mantissa, 10), strconv.Itoa(exponent)
		for digits := len(m); digits+1+len(e) <= size; digits++ {
			const zeros = "000000000000"
			if _, err := rps.ParseMAC(zeros[:digits-len(m)] + m + "E" + zeros[:size-1-digits-len(e)] + e); err == nil {
				return true
			}
		}
		if mantissa%10 != 0 || mantissa == 0 {
			return false
		}
		mantissa /= 10
	}
}
