package xlsx

import "testing"

func TestFormats(t *testing.T) {
	tests := []struct {
		code  string
		v     float64
		shown string
		kind  Format
	}{
		{"General", 0, "0", General},
		{"General", -1565000001, "-1565000001", General},
		{"General", 12345678901, "12345678901", General},
		{"General", 123456789012, "1.23457E+11", General},
		{"General", 805000000012, "8.05E+11", General},
		{"General", 1234567890.12, "1234567890", General},
		{"General", 1234.56789012, "1234.56789", General},
		{"General", 99999999999.9, "1E+11", General},
		{"General", 0.1 + 0.2, "0.3", General},
		{"General", 0.000123456789, "0.000123457", General},
		{"General", 0.0000123456, "1.23456E-05", General},
		{"General", 0.0000001, "0.0000001", General},
		{"General", 1.23e-10, "1.23E-10", General},
		{"general", 42, "42", General},
		{`General" x"`, 42, "42 x", General},
		{"", 42, "", Numeric},
		{"0", 0.5, "1", Numeric},
		{"0", 1.4999999, "1", Numeric},
		{"0", -0.4, "0", Numeric},
		{"0", 123456789012345678, "123456789012346000", Numeric},
		{"0.00", 1.005, "1.01", Numeric},
		{"0.00", -2.5, "-2.50", Numeric},
		{"0000", 42, "0042", Numeric},
		{"000000000000", 1565000001, "001565000001", Numeric},
		{`00\-00\-00\-00\-00\-00`, 1565000001, "00-15-65-00-00-01", Numeric},
		{`00":"00":"00":"00":"00":"00`, 1565000001, "00:15:65:00:00:01", Numeric},
		{"00-00-00", 1234567, "123-45-67", Numeric},
		{"#", 0, "", Numeric},
		{"#.##", 5, "5.", Numeric},
		{".00", 12.5, "12.50", Numeric},
		{"0.##", 1.5, "1.5", Numeric},
		{"?0.0?", 1.5, " 1.5 ", Numeric},
		{"#,##0", 1234567, "1,234,567", Numeric},
		{"0,000", 42, "0,042", Numeric},
		{"#,##0.00", -1234.5, "-1,234.50", Numeric},
		{"0,", 12345, "12", Numeric},
		{"0.0,,", 12345678, "12.3", Numeric},
		{"0%", 0.42, "42%", Numeric},
		{"0.0%", 0.4267, "42.7%", Numeric},
		{`"SIP-"0000`, 42, "SIP-0042", Numeric},
		{`0" units"`, 3, "3 units", Numeric},
		{`0\x`, 3, "3x", Numeric},
		{"[$€-407] #,##0.00", 3, "€ 3.00", Numeric},
		{"[Red]0", 3, "3", Numeric},
		{"0_);(0)", 3, "3 ", Numeric},
		{"0_);(0)", -3, "(3)", Numeric},
		{`0;-0;"zero"`, 0, "zero", Numeric},
		{";;", 7, "", Numeric},
		{"[>=1000]#,##0;0", 999, "999", Numeric},
		{"[>=1000]#,##0;0", 1000, "1,000", Numeric},
		{`[=1]"yes";[=0]"no";0.0`, 0, "no", Numeric},
		{`[=1]"yes";[=0]"no";0.0`, 2, "2.0", Numeric},
		{`[<0]"minus "0;0`, -5, "minus 5", Numeric},
		{"# ?/?", 2.5, "2.5", Numeric},
		{"0.00E+00", 1565000001, "1.57E+09", Scientific},
		{"0.00E+00", 0.00042, "4.20E-04", Scientific},
		{"0.00E+00", 9.999, "1.00E+01", Scientific},
		{"0.00E+00", 0, "0.00E+00", Scientific},
		{"0E-0", 12000, "1E4", Scientific},
		{".00E+00", 1234, ".12E+04", Scientific},
		{"##0.0E+0", 12345, "12.3E+3", Scientific},
		{`0" E+0"`, 3, "3 E+0", Numeric},
		{"@", 42, "42", AsText},
		{"0;0;0;@", 42, "42", Numeric},
		{"yyyy-mm-dd", 36692, "2000-06-15", Date},
		{"m/d/yyyy", 36692.9, "6/15/2000", Date},
		{"dd/mm/yy", 36692, "15/06/00", Date},
		{"d-mmm-yy", 36692, "15-Jun-00", Date},
		{"dddd, mmmm d, yyyy", 36692, "Thursday, June 15, 2000", Date},
		{"ddd mmmmm", 36692, "Thu J", Date},
		{`yyyy"年"m"月"`, 36692, "2000年6月", Date},
		{"[$-409]d. mmm", 36692, "15. Jun", Date},
		{"e", 36692, "2000", Date},
		{"hh:mm", 36692.75, "18:00", Date},
		{"h:mm AM/PM", 36692.75, "6:00 PM", Date},
		{"h A/P", 36692.0, "12 A", Date},
		{"hh:mm:ss", 36692.54166666, "13:00:00", Date},
		{"yyyy-mm-dd hh:mm", 36692.99999999, "2000-06-16 00:00", Date},
		{"mm:ss.0", 0.0001, "00:08.6", Date},
		{"ss.000", 0.0001, "08.640", Date},
		{"h:mm:ss;@", 0.5, "12:00:00", Date},
		{"[h]:mm", 1.5, "36:00", Date},
		{"[mm]:ss", 0.5, "720:00", Date},
		{"[ss]", 0.5, "43200", Date},
		{"mmm ss", 36692, "Jun 00", Date},
		{"yyyymmdd", 36692, "20000615", Date},
		{"m", 36692, "6", Date},
		{"yyyy-mm-dd", 1, "1900-01-01", Date},
		{"yyyy-mm-dd", 60, "1900-02-29", Date},
		{"yyyy-mm-dd", 61, "1900-03-01", Date},
		{"ddd", 1, "Sun", Date},
		{"yyyy-mm-dd", -1, "-1", Date},
		{"yyyy-mm-dd", 2958465, "9999-12-31", Date},
		{"yyyy-mm-dd", 2958466, "2958466", Date},
		{`"unfinished`, 5, "unfinished", Numeric},
		{"[unfinished", 5, "", Numeric},
		{`0\`, 5, "5", Numeric},
		{"0;0;0;0;0;0", -5, "5", Numeric},
	}
	for _, test := range tests {
		shown, kind := compile(test.code).show(nil, test.v, false)
		if string(shown) != test.shown || kind != test.kind {
			t.Errorf("%q of %v: got %q of kind %d, want %q of %d", test.code, test.v, shown, kind, test.shown, test.kind)
		}
	}
}

func TestTextFormats(t *testing.T) {
	for code, want := range map[string]string{"General": "x", "@": "x", `"SIP-"@`: "SIP-x", `0;0;0;@" (old)"`: "x (old)", ";;;": "", "0;0;0": "x", "0;@": "x"} {
		f := compile(code)
		got := "x"
		if !f.plainText() {
			got = string(f.showText(nil, "x"))
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", code, got, want)
		}
	}
}

func TestDates1904(t *testing.T) {
	if shown, _ := compile("yyyy-mm-dd").show(nil, 36692-offset1904, true); string(shown) != "2000-06-15" {
		t.Errorf("got %s", shown)
	}
	if shown, _ := compile("[h]").show(nil, 1, true); string(shown) != "24" {
		t.Errorf("got %s hours", shown)
	}
}

func TestISODates(t *testing.T) {
	tests := []struct {
		text     string
		date1904 bool
		want     float64
	}{
		{"2000-06-15", false, 36692},
		{"2000-06-15", true, 35230},
		{"2000-06-15T12:00:00", false, 36692.5},
		{"2000-06-15T06:00:00.000Z", false, 36692.25},
		{"1900-01-01", false, 1},
		{"1900-02-28", false, 59},
		{"1900-03-01", false, 61},
		{"9999-12-31", false, 2958465},
		{"12:00:00", false, 0.5},
	}
	for _, test := range tests {
		if got, ok := parseISO(test.text, test.date1904); !ok || got != test.want {
			t.Errorf("%s: got %v %v, want %v", test.text, got, ok, test.want)
		}
	}
	for _, text := range []string{"", "today", "1812-06-24", "2000-13-01", "10000-01-01"} {
		if got, ok := parseISO(text, false); ok {
			t.Errorf("%s: got %v", text, got)
		}
	}
}

// A format of any code shows any number, in bounded length.
func FuzzFormat(f *testing.F) {
	for _, code := range officeFormats {
		f.Add(code, 1565000001.5)
	}
	f.Add(`[>=1]0.0,%"x"\y_z*w?/?E+0;@`, -1e300)
	f.Fuzz(func(t *testing.T, code string, v float64) {
		if len(code) > maxCode || v != v || v > 1e308 || v < -1e308 {
			return
		}
		format := compile(code)
		if shown, _ := format.show(nil, v, false); len(shown) > 1000*(len(code)+1) {
			t.Fatalf("%d bytes", len(shown))
		}
		if !format.plainText() {
			format.showText(nil, code)
		}
	})
}
