package report

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"rpsbatch/batch"
)

// words stand for those of package cli.
var words = Page{
	Remedy: func(s batch.Status) string { return "fix " + string(s) },
	Number: strconv.Itoa,
}

func written(t *testing.T, tally *Tally) string {
	t.Helper()
	var b strings.Builder
	page := Page{Name: "devices.result.csv", Tally: tally, Remedy: words.Remedy, Number: words.Number}
	if err := page.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The policy allows the style and the script that are in the page, and nothing
// else; and nothing in the page would be refused by it.
func TestPolicyFitsThePage(t *testing.T) {
	page := written(t, tallied(t, Options{Rows: 10}, "1,hq,,2,,invalid,no,,0,\n"))
	policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)
	if policy == nil {
		t.Fatal("the page has no policy")
	}
	allowed := html.UnescapeString(policy[1])
	if !strings.HasPrefix(allowed, "default-src 'none'; ") || strings.Contains(allowed, "unsafe") {
		t.Errorf("the policy is %s", allowed)
	}
	for _, tag := range []string{"style", "script"} {
		parts := regexp.MustCompile(`(?s)<`+tag+`>(.*?)</`+tag+`>`).FindAllStringSubmatch(page, -1)
		if len(parts) != 1 {
			t.Fatalf("%d elements %s", len(parts), tag)
		}
		sum := sha256.Sum256([]byte(parts[0][1]))
		if digest := base64.StdEncoding.EncodeToString(sum[:]); !strings.Contains(allowed, tag+"-src 'sha256-"+digest+"'") {
			t.Errorf("the policy does not allow the %s of the page", tag)
		}
	}
	body := regexp.MustCompile(`(?s)<(style|script)>.*?</(style|script)>`).ReplaceAllString(page, "")
	if found := regexp.MustCompile(`\s(style|src|srcset|on[a-z]+)=|<(link|img|iframe|object|form|base)\b|url\(|@import`).FindString(body + pageStyle); found != "" {
		t.Errorf("the page has %q", found)
	}
	for _, link := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(link[1], "#") {
			t.Errorf("the page has a link to %s", link[1])
		}
	}
}

func TestPageEscapes(t *testing.T) {
	const evil = "</script><img src=x onerror=alert(1)>\u202e\u009b31m"
	page := written(t, tallied(t, Options{Rows: 10, ShowURLs: true},
		"1,"+evil+",,2,"+evil+","+evil+","+evil+","+evil+",0,\n"))
	if strings.Contains(page, "<img") {
		t.Errorf("a cell is markup in the page: %s", page[strings.Index(page, "<img")-80:][:120])
	}
	if n := strings.Count(page, "&lt;img src=x"); n < 6 {
		t.Errorf("the cells are there %d times", n)
	}
	if strings.ContainsAny(page, "\u202e\u009b") {
		t.Error("a cell turns the line or commands the terminal")
	}
}

func TestPageSaysWhatItLeavesOut(t *testing.T) {
	var b strings.Builder
	for i := range 30 {
		name := strings.Repeat("x", i+1)
		b.WriteString("1," + name + ",,2,,invalid,no " + name + ",,0,\n")
	}
	page := written(t, tallied(t, Options{Rows: 7}, b.String()))
	for _, want := range []string{
		"The table has the first 7 of 30 rows.",
		"and 18 more servers with 18 rows",
		"and 15 more with 15 rows",
		`<span>invalid <b>7</b></span>`,
		"<td role=\"cell\">fix invalid</td>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if n := strings.Count(page, `<tr role="row" data-status=`); n != 7 {
		t.Errorf("the table has %d rows", n)
	}
}

func TestPageWithNothingToMend(t *testing.T) {
	page := written(t, tallied(t, Options{Rows: 7}, "001565000001,hq,,2,00-15-65-00-00-01,registered,,,1,\n"))
	if !strings.Contains(page, "Every row succeeded") || strings.Contains(page, `id="failed"`) {
		t.Error("the page of a success has a table of what did not succeed")
	}
	page = written(t, tallied(t, Options{Rows: 7}, "\n"))
	if strings.Contains(page, "NaN") || strings.Contains(page, "Every row succeeded.") {
		t.Error("the page of no rows tells of a success, or of no number")
	}
}

func TestShare(t *testing.T) {
	for _, test := range []struct {
		n, of int
		want  string
	}{
		{0, 0, "0%"}, {0, 5, "0%"}, {5, 5, "100%"}, {1, 3, "33.3%"}, {1, 1_000_000, "<0.1%"},
		{999_999, 1_000_000, ">99.9%"}, {1, 2, "50%"},
	} {
		if got := Share(test.n, test.of); got != test.want {
			t.Errorf("%d of %d: %s, not %s", test.n, test.of, got, test.want)
		}
	}
}
