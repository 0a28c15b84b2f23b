package csvio

import (
	"strconv"
	"strings"
	"unicode"
)

// isDate reports whether a text is what spreadsheets write for a date or a time:
// numbers that can be a day, a month and a year, or a month's name with one or
// two of them, perhaps followed by a time. A text that cannot be one, such as
// 00-15-65, is a truncated MAC.
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

// isClock reports whether a text is a time: 12:30, or 12:30:15 with fractions of
// a second.
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

// The months as spreadsheets abbreviate them in English, German, French, Spanish,
// Italian, Dutch and Portuguese: the first three letters are enough.
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
