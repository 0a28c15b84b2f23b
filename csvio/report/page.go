package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"strings"
	"time"

	"rpsbatch/batch"
)

// A Page shows a Tally as HTML: one file with its style and script, which loads
// nothing and forbids the browser to load anything.
type Page struct {
	Name    string // of the result file, without its folder
	Account string // and host; "" if unknown
	Next    []Step // what to do next
	Tally   *Tally
	Remedy  func(batch.Status) string // what to do about the rows of a status
	Number  func(int) string          // a number as people read it
}

// A Step is something to do, and the command for it; "" if there is none to copy.
type Step struct{ Why, Command string }

// How much of each list a page shows.
const (
	pageServers  = 12
	pageRefusals = 15
)

//go:embed page.html
var pageText string

//go:embed page.css
var styleFile string

//go:embed page.js
var scriptFile string

// A browser reads line ends as LF before it computes a digest, whatever a
// checkout made of them.
var (
	pageStyle  = strings.ReplaceAll(styleFile, "\r\n", "\n")
	pageScript = strings.ReplaceAll(scriptFile, "\r\n", "\n")
)

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"number": func(int) string { return "" }, // the page's own, see Write
	"remedy": func(batch.Status) template.HTML { return "" },
	"flags":  withFlags,
}).Parse(pageText))

// policy allows the page's own script and style by their digests, so that a text
// of the service that slipped through the escaping would still do nothing.
// Everything else is forbidden: pictures, fonts, frames, requests, forms.
var policy = fmt.Sprintf("default-src 'none'; style-src %s; script-src %s; base-uri 'none'; form-action 'none'",
	digest(pageStyle), digest(pageScript))

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// view is what the template reads.
type view struct {
	*Tally
	Name      string
	Account   string
	Next      []Step
	Policy    string
	Style     template.CSS
	Script    template.JS
	NotOK     int
	ByStatus  []bar
	ByServer  []bar
	Chips     []Count // the statuses in the table
	Refusals  []Refusal
	More      more
	Cut       bool // the table is cut short
	Masked    bool
	Unmatched int // rows whose refusals are not distinguished
}

// more is what the lists leave out.
type more struct{ Servers, ServerRows, Refusals, RefusalRows int }

// A bar is a count and its lengths, in hundredths of all rows.
type bar struct {
	Count
	Good, Bad string
	Share     string // of all rows
	Linked    bool   // the table has such rows
}

// Write writes the page.
func (p Page) Write(w io.Writer) error {
	t := p.Tally
	v := view{
		Tally: t, Name: p.Name, Account: p.Account, Next: p.Next, Policy: policy, Style: template.CSS(pageStyle), Script: template.JS(pageScript),
		NotOK: t.Rows - t.Succeeded, Cut: t.Rows-t.Succeeded > len(t.Failed), Masked: !t.opts.ShowURLs,
	}
	statuses, servers := t.Statuses(), t.Servers()
	v.ByStatus = bars(statuses, t.Rows)
	v.Chips = chips(statuses, t.Failed)
	for i := range v.ByStatus {
		for _, c := range v.Chips {
			v.ByStatus[i].Linked = v.ByStatus[i].Linked || c.Name == v.ByStatus[i].Name
		}
	}
	servers, v.More.Servers, v.More.ServerRows = Head(servers, pageServers)
	v.ByServer = bars(servers, t.Rows)
	v.Refusals, v.Unmatched = t.Refusals()
	v.Refusals, v.More.Refusals, v.More.RefusalRows = Head(v.Refusals, pageRefusals)

	page, err := pageTemplate.Clone()
	if err != nil {
		return err
	}
	return page.Funcs(template.FuncMap{"number": p.Number, "remedy": func(s batch.Status) template.HTML {
		return withFlags(p.Remedy(s))
	}}).Execute(w, v)
}

var flagInText = regexp.MustCompile(`--[a-z][a-z-]*`)

// withFlags marks the flags in a text, which a browser would break at their
// hyphens.
func withFlags(text string) template.HTML {
	return template.HTML(flagInText.ReplaceAllString(template.HTMLEscapeString(text), `<span class="flag">$0</span>`))
}

func bars(counts []Count, rows int) []bar {
	list := make([]bar, len(counts))
	for i, c := range counts {
		list[i] = bar{Count: c, Share: Share(c.Rows, rows)}
		list[i].Good, list[i].Bad = lengths(c, max(rows, 1))
	}
	return list
}

// lengths returns the lengths of both parts. A part that is not empty is always
// visible, even one row of a million.
func lengths(c Count, rows int) (good, bad string) {
	const least = 0.5
	part := func(n int) float64 {
		if n == 0 {
			return 0
		}
		return max(least, 100*float64(n)/float64(rows))
	}
	g, b := part(c.Succeeded), part(c.Failed())
	if over := g + b - 100; over > 0 {
		if g > b {
			g -= over
		} else {
			b -= over
		}
	}
	return fmt.Sprintf("%.2f", g), fmt.Sprintf("%.2f", b)
}

// chips counts the rows of the table by status.
func chips(statuses []Count, rows []Row) (list []Count) {
	in := map[batch.Status]int{}
	for _, r := range rows {
		in[r.Status]++
	}
	for _, c := range statuses {
		if n := in[batch.Status(c.Name)]; n > 0 {
			list = append(list, Count{Name: c.Name, Rows: n})
		}
	}
	return list
}

// Share returns a part of a whole in percent. It says 0% and 100% only if that is
// exact.
func Share(n, of int) string {
	if of == 0 {
		return "0%"
	}
	switch percent := 100 * float64(n) / float64(of); {
	case n > 0 && percent < 0.1:
		return "<0.1%"
	case n < of && percent > 99.9:
		return ">99.9%"
	default:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", percent), ".0") + "%"
	}
}

// When returns the time of the verdicts; "" if none has one.
func (t *Tally) When() string {
	const layout = "2006-01-02 15:04:05"
	from, to := t.From.UTC(), t.To.UTC()
	switch {
	case t.From.IsZero():
		return ""
	case from.Equal(to):
		return "at " + from.Format(layout) + " UTC"
	case from.Format(time.DateOnly) == to.Format(time.DateOnly):
		return "from " + from.Format(layout) + " to " + to.Format(time.TimeOnly) + " UTC"
	}
	return "from " + from.Format(layout) + " to " + to.Format(layout) + " UTC"
}

// Whole returns the bar of all rows.
func (v view) Whole() bar {
	return bars([]Count{{Rows: v.Rows, Succeeded: v.Succeeded}}, v.Rows)[0]
}

// Part returns a part of all rows in percent.
func (v view) Part(n int) string { return Share(n, v.Rows) }
