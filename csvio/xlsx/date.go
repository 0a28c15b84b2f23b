package xlsx

import (
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	lastDay     = 2958465 // the 31st of December 9999
	offset1904  = 1462    // days between the two systems of dates
	secondsADay = 24 * 60 * 60
)

// appendDate adds a date or a time. ok is false if no calendar has it.
func (s *section) appendDate(dst []byte, v float64, date1904 bool) (out []byte, ok bool) {
	// Time is rounded to what is shown of a second, and not the date.
	unit := 1
	for range s.parts {
		unit *= 10
	}
	elapsed := math.Floor(v) // in days
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
		return dst, false
	}
	year, month, day := calendar(int(serial))
	seconds := ticks / unit
	hour, minute, second := seconds/3600, seconds/60%60, seconds%60
	total := int(elapsed)*secondsADay + seconds
	for _, item := range s.items {
		switch item.kind {
		case 'y':
			if item.n <= 2 {
				dst = appendPadded(dst, year%100, 2)
			} else {
				dst = appendPadded(dst, year, 4)
			}
		case 'm':
			dst = appendName(dst, item.n, month, time.Month(month).String())
		case 'd':
			// As Excel has it, the day 1 is a Sunday.
			dst = appendName(dst, item.n, day, time.Weekday((int(serial)+6)%7).String())
		case 'h':
			shown := hour
			if s.halfDays {
				shown = (hour+11)%12 + 1
			}
			dst = appendPadded(dst, shown, min(item.n, 2))
		case 'M':
			dst = appendPadded(dst, minute, min(item.n, 2))
		case 's':
			dst = appendPadded(dst, second, min(item.n, 2))
		case 'f':
			dst = appendPadded(append(dst, '.'), ticks%unit, item.n)
		case 'a':
			dst = append(dst, "AMPM"[hour/12*2:][:item.n]...)
		case 'H':
			dst = appendPadded(dst, total/3600, item.n)
		case 'N':
			dst = appendPadded(dst, total/60, item.n)
		case 'S':
			dst = appendPadded(dst, total, item.n)
		default:
			dst = append(dst, item.text...)
		}
	}
	return dst, true
}

// appendName adds a month or a day, of so many letters in the format.
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

// calendar returns the date of a day in the system of 1900. That has a 29th of
// February 1900, and a day 0 of January before the first.
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

// parseISO reads a date as strict workbooks store it, as a number of days.
func parseISO(text string, date1904 bool) (serial float64, ok bool) {
	text = strings.TrimSuffix(text, "Z")
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		const day0 = -2209161600 // the 30th of December 1899
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

// parseNumber reads a number as workbooks store it.
func parseNumber(text string) (v float64, ok bool) {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	if text == "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil
}
