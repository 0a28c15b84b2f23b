package xlsx

import (
	"math"
	"strings"
	"time"
)

const (
	lastDay     = 2958465 // December 31, 9999
	offset1904  = 1462    // days between the two date systems
	secondsADay = 24 * 60 * 60
)

// A moment is a date and a time as a format shows them.
type moment struct {
	serial           int // day in the 1900 date system
	year, month, day int
	hour, minute     int
	second, fraction int   // fraction in the unit that is shown
	total            int64 // seconds, of a duration
}

// moment returns what a number is as a date and a time. ok is false if it is
// outside the calendar.
func (s *section) moment(v float64, date1904 bool) (m moment, ok bool) {
	// Times are rounded to the unit shown; dates alone are not.
	unit := 1
	for range s.parts {
		unit *= 10
	}
	elapsed := math.Floor(v) // days
	ticks := 0
	if s.clock {
		if ticks = int(math.Round((v - elapsed) * float64(secondsADay*unit))); ticks == secondsADay*unit {
			ticks = 0
			elapsed++
		}
	}
	serial := elapsed
	if date1904 {
		serial += offset1904
	}
	if v < 0 || serial > lastDay {
		return m, false
	}
	seconds := ticks / unit
	m = moment{serial: int(serial), hour: seconds / 3600, minute: seconds / 60 % 60, second: seconds % 60, fraction: ticks % unit,
		total: int64(elapsed)*secondsADay + int64(seconds)}
	m.year, m.month, m.day = calendar(m.serial)
	return m, true
}

// appendDate appends a date or a time. ok is false if v is outside the calendar.
func (s *section) appendDate(dst []byte, v float64, date1904 bool) (out []byte, ok bool) {
	m, ok := s.moment(v, date1904)
	if !ok {
		return dst, false
	}
	for _, item := range s.items {
		switch item.kind {
		case 'y':
			if item.n <= 2 {
				dst = appendPadded(dst, m.year%100, 2)
			} else {
				dst = appendPadded(dst, m.year, 4)
			}
		case 'm':
			dst = appendName(dst, item.n, m.month, time.Month(m.month).String())
		case 'd':
			// In Excel's calendar day 1 is a Sunday.
			dst = appendName(dst, item.n, m.day, time.Weekday((m.serial+6)%7).String())
		case 'h':
			shown := m.hour
			if s.halfDays {
				shown = (m.hour+11)%12 + 1
			}
			dst = appendPadded(dst, shown, min(item.n, 2))
		case 'M':
			dst = appendPadded(dst, m.minute, min(item.n, 2))
		case 's':
			dst = appendPadded(dst, m.second, min(item.n, 2))
		case 'f':
			dst = appendPadded(append(dst, '.'), m.fraction, item.n)
		case 'a':
			dst = append(dst, "AMPM"[m.hour/12*2:][:item.n]...)
		case 'H':
			dst = appendPadded(dst, m.total/3600, item.n)
		case 'N':
			dst = appendPadded(dst, m.total/60, item.n)
		case 'S':
			dst = appendPadded(dst, m.total, item.n)
		default:
			dst = append(dst, item.text...)
		}
	}
	return dst, true
}

// appendName appends a month or a day as a number or a name, depending on the
// number of letters in the format.
func appendName(dst []byte, letters, n int, name string) []byte {
	switch {
	case letters <= 2:
		return appendPadded(dst, n, letters)
	case letters == 3:
		return append(dst, name[:3]...)
	case letters == 5:
		return append(dst, name[:1]...)
	}
	return append(dst, name...)
}

// calendar returns the date of a serial number in the 1900 date system, which has
// a February 29, 1900 and a January 0 before it.
func calendar(serial int) (year, month, day int) {
	switch {
	case serial == 60:
		return 1900, 2, 29
	case serial < 60:
		if serial == 0 {
			return 1900, 1, 0
		}
		serial++
	}
	y, m, d := time.Date(1899, 12, 30+serial, 0, 0, 0, 0, time.UTC).Date()
	return y, int(m), d
}

// parseISO converts an ISO 8601 date, as strict workbooks store it, to a serial
// number.
func parseISO(text string, date1904 bool) (serial float64, ok bool) {
	text = strings.TrimSuffix(text, "Z")
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		const day0 = -2209161600 // December 30, 1899
		serial = (float64(t.Unix()-day0) + float64(t.Nanosecond())/1e9) / secondsADay
		if serial < 61 {
			serial--
		}
		if date1904 {
			serial -= offset1904
		}
		return serial, serial >= 0 && serial < lastDay+1
	}
	if t, err := time.Parse("15:04:05", text); err == nil {
		return (float64(t.Hour()*3600+t.Minute()*60+t.Second()) + float64(t.Nanosecond())/1e9) / secondsADay, true
	}
	return 0, false
}
