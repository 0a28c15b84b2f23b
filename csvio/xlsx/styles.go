package xlsx

import (
	"context"
	"strings"
)

const (
	maxStyles  = 1 << 17 // twice Excel's limit
	maxFormats = 1 << 12
)

// builtIn has the number formats that workbooks do not spell out, as American
// English Excel defines them.
var builtIn = map[int]string{
	0: "General", 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00",
	5: `"$"#,##0;\-"$"#,##0`, 6: `"$"#,##0;[Red]\-"$"#,##0`, 7: `"$"#,##0.00;\-"$"#,##0.00`, 8: `"$"#,##0.00;[Red]\-"$"#,##0.00`,
	9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??",
	14: "m/d/yyyy", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "m/d/yyyy h:mm",
	37: "#,##0 ;(#,##0)", 38: "#,##0 ;[Red](#,##0)", 39: "#,##0.00;(#,##0.00)", 40: "#,##0.00;[Red](#,##0.00)",
	41: `_(* #,##0_);_(* \(#,##0\);_(* "-"_);_(@_)`, 42: `_("$"* #,##0_);_("$"* \(#,##0\);_("$"* "-"_);_(@_)`,
	43: `_(* #,##0.00_);_(* \(#,##0.00\);_(* "-"??_);_(@_)`, 44: `_("$"* #,##0.00_);_("$"* \(#,##0.00\);_("$"* "-"??_);_(@_)`,
	45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
	59: "0", 60: "0.00", 61: "#,##0", 62: "#,##0.00", 67: "0%", 68: "0.00%", 69: "# ?/?", 70: "# ??/??",
}

func builtInCode(id int) string {
	// Dates in East Asian and Thai programs.
	if 27 <= id && id <= 36 || 50 <= id && id <= 58 || 71 <= id && id <= 81 {
		return builtIn[14]
	}
	return builtIn[id]
}

// styles maps cell styles to number formats, and knows which ones cross out.
type styles struct {
	ids     []int          // format IDs by style
	fonts   []int          // by style
	struck  []bool         // by font
	codes   map[int]string // format codes of the workbook
	formats map[int]*format
}

// general is the default format.
var general = compile("General")

// format returns the number format of a style, general if there is no such style.
func (s *styles) format(style int) *format {
	if style >= len(s.ids) {
		return general
	}
	id := s.ids[style]
	f := s.formats[id]
	if f == nil {
		code, ok := s.codes[id]
		if !ok {
			code = builtInCode(id)
		}
		if f = general; code != "" && !strings.EqualFold(code, "general") {
			f = compile(code)
		}
		s.formats[id] = f
	}
	return f
}

// loadStyles reads the styles if that has not been done.
func (b *Book) loadStyles(ctx context.Context) error {
	if b.styles != nil {
		return nil
	}
	st := &styles{codes: map[int]string{}, formats: map[int]*format{}}
	if b.has(b.stylesPart) { // programs leave it out and point to it all the same
		err := b.walk(ctx, b.stylesPart, 2*maxSmallPart, "styleSheet", func(s *scanner) error {
			return s.each(func() error {
				switch {
				case s.is("numFmts"):
					return s.each(func() error { return st.addCode(s) })
				case s.is("fonts"):
					return s.each(func() error { return st.addFont(s) })
				case s.is("cellXfs"):
					return s.each(func() error { return st.addStyle(s) })
				}
				return nil
			})
		})
		if err != nil {
			return err
		}
	}
	b.styles = st
	return nil
}

func (st *styles) addCode(s *scanner) error {
	code, err := s.attrText("formatCode")
	if id, ok := parseInt(s.attr("numFmtId")); ok && len(code) <= maxCode {
		st.codes[id] = code
	}
	if len(st.codes) > maxFormats {
		return tooLarge("it has too many number formats")
	}
	return err
}

func (st *styles) addStyle(s *scanner) error {
	id, _ := parseInt(s.attr("numFmtId"))
	font, _ := parseInt(s.attr("fontId"))
	st.fonts = append(st.fonts, font)
	if st.ids = append(st.ids, id); len(st.ids) > maxStyles {
		return tooLarge("it has too many cell styles")
	}
	return nil
}

func (st *styles) addFont(s *scanner) error {
	struck, err := s.strikes()
	if st.struck = append(st.struck, struck); len(st.struck) > maxStyles {
		return tooLarge("it has too many fonts")
	}
	return err
}

// strikes reports whether the font whose element is current crosses its text out.
func (s *scanner) strikes() (struck bool, err error) {
	err = s.each(func() error {
		if s.is("strike") {
			struck = s.attr("val") == nil || s.attrBool("val")
		}
		return nil
	})
	return struck, err
}

// strikes reports whether a style crosses out its cells.
func (s *styles) strikes(style int) bool {
	return style < len(s.fonts) && s.fonts[style] < len(s.struck) && s.struck[s.fonts[style]]
}
