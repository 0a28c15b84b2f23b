package xlsx

import (
	"bytes"
	"strconv"
)

// precision is the number of significant digits that spreadsheet programs keep.
const precision = 15

// A decimal is the number 0.d1d2d3... times ten to the power of point, without
// trailing zeros.
type decimal struct {
	digits   [precision + 9]byte // 1.00000000000000e-308
	n, point int
}

// set sets d to a non-negative number.
func (d *decimal) set(v float64) {
	text := strconv.AppendFloat(d.digits[:0], v, 'e', precision-1, 64)
	e := bytes.IndexByte(text, 'e')
	exponent, _ := strconv.Atoi(string(text[e+1:]))
	d.n, d.point = copy(text[1:], text[2:e])+1, exponent+1 // closing the gap of the point
	d.trim()
}

func (d *decimal) trim() {
	for d.n > 0 && d.digits[d.n-1] == '0' {
		d.n--
	}
	if d.n == 0 {
		d.point = 0
	}
}

// round rounds d to a number of decimal places.
func (d *decimal) round(places int) {
	keep := d.point + places
	if keep >= d.n {
		return
	}
	d.n = max(keep, 0)
	if keep >= 0 && d.digits[keep] >= '5' {
		for d.n > 0 && d.digits[d.n-1] == '9' {
			d.n--
		}
		if d.n > 0 {
			d.digits[d.n-1]++
		} else {
			d.digits[0], d.n = '1', 1
			d.point++
		}
	}
	d.trim()
}

// at returns the digit at a power of ten.
func (d *decimal) at(power int) byte {
	if i := d.point - 1 - power; i >= 0 && i < d.n {
		return d.digits[i]
	}
	return '0'
}

// exponent scales d so that at most ints digits are left before the point, rounds
// it, and returns the exponent. With several digits the exponent is a multiple of
// their number.
func (d *decimal) exponent(ints, fracs int) int {
	if d.n == 0 {
		return 0
	}
	power := func() int {
		e := d.point - min(ints, 1)
		if ints > 1 {
			e -= ((e % ints) + ints) % ints
		}
		return e
	}
	e := power()
	d.point -= e
	d.round(fracs)
	more := power() // if rounding added a digit
	d.point -= more
	return e + more
}

// appendNumber appends the absolute value of a number. minus puts a minus sign in
// front unless the number rounds to zero.
func (s *section) appendNumber(dst []byte, v float64, minus bool) []byte {
	if s.fraction {
		s = &general.sections[0]
	}
	var d decimal
	d.set(v)
	exponent := 0
	if d.n > 0 {
		d.point += s.scale
	}
	if s.kind == Scientific {
		exponent = d.exponent(s.ints, s.fracs)
	} else {
		d.round(s.fracs)
	}
	if minus && len(s.items) > 0 && (d.n > 0 || s.has('G')) {
		dst = append(dst, '-')
	}
	last := d.point - d.n // power of ten of the last digit
	power := s.ints - 1   // of the next placeholder
	for _, item := range s.items {
		switch item.kind {
		case '0', '#', '?':
			if power == s.ints-1 && power >= 0 {
				for p := d.point - 1; p > power; p-- {
					dst = s.appendDigit(dst, d.at(p), p)
				}
			}
			switch {
			case power >= 0 && power < d.point, power < 0 && power >= last && d.n > 0, item.kind == '0':
				dst = s.appendDigit(dst, d.at(power), power)
			case item.kind == '?':
				dst = append(dst, ' ')
			}
			power--
		case '.':
			for p := d.point - 1; s.ints == 0 && s.fracs > 0 && power == -1 && p >= 0; p-- {
				dst = append(dst, d.at(p))
			}
			dst = append(dst, '.')
		case 'E':
			dst = appendExponent(dst, exponent, item.n, item.text[1] == '+')
		case 'G':
			dst = appendGeneral(dst, v)
		default:
			dst = append(dst, item.text...)
		}
	}
	return dst
}

func (s *section) appendDigit(dst []byte, digit byte, power int) []byte {
	dst = append(dst, digit)
	if s.grouped && power > 0 && power%3 == 0 {
		dst = append(dst, ',')
	}
	return dst
}

func appendExponent(dst []byte, exponent, digits int, plus bool) []byte {
	dst = append(dst, 'E')
	if exponent < 0 {
		dst = append(dst, '-')
		exponent = -exponent
	} else if plus {
		dst = append(dst, '+')
	}
	return appendPadded(dst, exponent, digits)
}

func appendPadded[N int | int64](dst []byte, n N, digits int) []byte {
	text := strconv.FormatInt(int64(n), 10)
	for i := len(text); i < digits; i++ {
		dst = append(dst, '0')
	}
	return append(dst, text...)
}

// appendGeneral appends a number in the format General: rounded to eleven
// characters, or in scientific notation if its integer part is longer.
func appendGeneral(dst []byte, v float64) []byte {
	const width = 11
	if v < 0 {
		dst = append(dst, '-')
		v = -v
	}
	var d decimal
	d.set(v)
	if places := width - 2; v < 1 {
		short := d
		short.round(width) // digits beyond are negligible
		if v >= 1e-4 || short.point-short.n >= -places && short.n > 0 {
			d.round(places)
			return d.appendPlain(dst)
		}
	} else if d.point <= width {
		if d.round(max(width-1-d.point, 0)); d.point <= width {
			return d.appendPlain(dst)
		}
	}
	if d.n == 0 {
		return append(dst, '0')
	}
	const mantissa = 5
	exponent := d.exponent(1, mantissa)
	return appendExponent(d.appendPlain(dst), exponent, 2, true)
}

func (d *decimal) appendPlain(dst []byte) []byte {
	for p := max(d.point-1, 0); p >= 0; p-- {
		dst = append(dst, d.at(p))
	}
	for p := -1; p >= d.point-d.n && d.n > 0; p-- {
		if p == -1 {
			dst = append(dst, '.')
		}
		dst = append(dst, d.at(p))
	}
	return dst
}
