package report

import (
	"strings"
	"testing"
)

func TestMask(t *testing.T) {
	const token = "7f3a91"
	for _, test := range []struct{ name, text, want string }{
		{"alone", "https://prov.example.com/u/7f3a91", "https://•••"},
		{"in a sentence", "bound to https://prov.example.com/u/7f3a91, not yours.", "bound to https://•••, not yours."},
		{"quoted", `it says "tftp://10.0.0.1/7f3a91".`, `it says "tftp://•••".`},
		{"behind a colon", "Error:HTTP://h/7f3a91 is used", "Error:HTTP://••• is used"},
		{"two", "http://h/7f3a91 and ftp://u:7f3a91@h", "http://••• and ftp://•••"},
		{"in brackets", "(https://h/7f3a91)", "(https://•••)"},
		{"in the host", "https://7f3a91.example.com", "https://•••"},
		{"the row's own, without a scheme", "bad URL prov.example.com/u/7f3a91!", "bad URL •••!"},
		{"the row's own, with what ends others", `no "h/<7f3a91>"`, `no "•••"`},
		{"no URL", "the URL must begin with http://, https://, ftp:// or tftp://", "the URL must begin with http://, https://, ftp:// or tftp://"},
		{"where owners turn", "a ticket on https://ticket.yealink.com. We will", "a ticket on https://ticket.yealink.com. We will"},
		{"nearly there", "https://ticket.yealink.com/7f3a91", "https://•••"},
		{"none", "none of these", "none of these"},
	} {
		m := masker{secrets: [...]string{"prov.example.com/u/7f3a91", "https://h/<7f3a91>"}}
		got := m.text(test.text)
		if got != test.want {
			t.Errorf("%s: got %q, not %q", test.name, got, test.want)
		}
		if strings.Contains(got, token) {
			t.Errorf("%s: the secret is in %q", test.name, got)
		}
		if m.show = true; m.text(test.text) != test.text {
			t.Errorf("%s: masked where URLs are to be shown", test.name)
		}
	}
	for _, slip := range []string{"none", "http", "a", "."} {
		m := masker{secrets: [...]string{slip, slip}}
		if got := m.text("none. a http"); got != "none. a http" {
			t.Errorf("a cell with %q makes a detail %q", slip, got)
		}
	}
}

func TestMaskNames(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"Head office", "Head office"},
		{"https://h/7f3a91", maskedName},
		{"prov/u/7f3a91", maskedName},
		{"7f3a91@host", maskedName},
		{strings.Repeat("ü", longestName+1), strings.Repeat("ü", longestName) + "..."},
	} {
		if got := (masker{}).name(test.text); got != test.want {
			t.Errorf("%q: got %q, not %q", test.text, got, test.want)
		}
	}
}

// Wherever a URL stands in a row, it is in nothing that a Tally returns.
func TestTallyMasks(t *testing.T) {
	const text = `
001565000001,hq,https://h/u/7f3a91,2,00-15-65-00-00-01,refused,"bound to https://h/u/7f3a91, see h/u/7f3a91",https://h/u/7f3a91,1,
001565000002,https://h/u/7f3a91,,3,00-15-65-00-00-02,invalid,no,,0,
001565000003,hq,h/u/7f3a91,4,https://h/u/7f3a91,https://h/u/7f3a91,no h/u/7f3a91,h/u/7f3a91,0,
`
	all := func(tally *Tally) string {
		var b strings.Builder
		page := Page{Name: "x", Tally: tally, Remedy: words.Remedy, Number: words.Number}
		if err := page.Write(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if page := all(tallied(t, Options{Rows: 10}, text)); strings.Contains(page, "7f3a91") {
		t.Errorf("the secret is in the page: %s", page[strings.Index(page, "7f3a91")-60:][:100])
	}
	if n := strings.Count(all(tallied(t, Options{Rows: 10, ShowURLs: true}, text)), "7f3a91"); n < 6 {
		t.Errorf("with --show-urls the URL is there %d times", n)
	}
}
