package cli_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rpsbatch/batch/cli"
)

// TestReportInBrowser opens the page of a report in a real browser: its counts
// are those of the CSV, its filter filters, and it asks nobody for anything.
func TestReportInBrowser(t *testing.T) {
	if !cli.Long() {
		t.Skip("Chromium takes seconds to start: RPSBATCH_TESTS=long runs it")
	}
	browser := chromium(t)
	dir := t.TempDir()
	result, page := filepath.Join(dir, "devices.result.csv"), filepath.Join(dir, "report.html")
	records := writeResult(t, result)
	if code := cli.Execute(t.Context(), []string{"report", result, "--html", page}, streamsTo(t, dir)); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	want := countResult(records)

	t.Run("counts", func(t *testing.T) {
		dom, log := browser.open(t, "file://"+page, "")
		for id, n := range map[string]int{"rows": want.rows, "succeeded": want.good, "not-ok": want.rows - want.good} {
			if got := regexp.MustCompile(`id="` + id + `">([0-9,]+)<`).FindStringSubmatch(dom); got == nil || plainNumber(got[1]) != n {
				t.Errorf("%s is %q, not %d", id, got, n)
			}
		}
		if got := countsIn(dom, "by-status"); !maps.Equal(got, want.statuses) {
			t.Errorf("by status: %v, not %v", got, want.statuses)
		}
		if got := countsIn(dom, "by-server"); !maps.Equal(got, want.servers) {
			t.Errorf("by server: %v, not %v", got, want.servers)
		}
		if got, all := shownRows(dom), failedLines(records, nil); !slices.Equal(got, all) {
			t.Errorf("lines %v are shown, not %v", got, all)
		}
		if strings.Contains(log, "CONSOLE") || strings.Contains(log, "Content Security Policy") {
			t.Errorf("the browser complains: %s", log)
		}
	})

	for _, test := range []struct {
		name, hash string
		match      func(record []string) bool
	}{
		{"a word", "#q=WAREHOUSE", func(r []string) bool { return r[1] == "warehouse" }},
		{"a MAC in another form", "#q=00:15:65:00:00:0A", func(r []string) bool { return r[0] == "00156500000a" }},
		{"a part of a MAC", "#q=00:15:65:00:00:1", func(r []string) bool { return strings.HasPrefix(r[0], "00156500001") }},
		{"statuses and a word", "#status=exists,failed&q=branch", func(r []string) bool {
			return r[1] == "branch" && (r[5] == "exists" || r[5] == "failed")
		}},
		{"nothing", "#q=there+is+no+such+thing", func([]string) bool { return false }},
	} {
		t.Run("filter "+test.name, func(t *testing.T) {
			dom, _ := browser.open(t, "file://"+page+test.hash, "")
			all, lines := failedLines(records, nil), failedLines(records, test.match)
			if test.name != "nothing" && (len(lines) == 0 || len(lines) == len(all)) {
				t.Fatalf("the filter is none: it leaves %d of %d rows", len(lines), len(all))
			}
			if got := shownRows(dom); !slices.Equal(got, lines) {
				t.Errorf("lines %v are shown, not %v", got, lines)
			}
			told := fmt.Sprintf(`id="shown" role="status" aria-live="polite">%d of %d rows<`, len(lines), len(all))
			if !strings.Contains(dom, told) {
				t.Errorf("it is not told that %d of %d rows are shown", len(lines), len(all))
			}
		})
	}

	// The page in a frame of another, whose script does what a user does.
	t.Run("typing and clicking", func(t *testing.T) {
		asked, url := serve(t, page)
		dom, _ := browser.open(t, url+"/", "")
		for step, match := range []func([]string) bool{
			func(r []string) bool { return r[1] == "warehouse" },
			func(r []string) bool { return r[1] == "warehouse" && r[5] == "exists" },
			nil,
			func(r []string) bool { return r[5] == "failed" },
		} {
			got := regexp.MustCompile(fmt.Sprintf(`<li id="step%d">([^<]*)</li>`, step)).FindStringSubmatch(dom)
			if want := strings.Join(failedLines(records, match), " "); got == nil || got[1] != want {
				t.Errorf("step %d: lines %q are shown, not %s", step, got, want)
			}
		}
		if want := []string{"/", "/report.html"}; !slices.Equal(asked(), want) {
			t.Errorf("the server was asked for %q, not %q", asked(), want)
		}
	})

	t.Run("no request", func(t *testing.T) {
		log := filepath.Join(dir, "net.json")
		browser.open(t, "file://"+page+"#q=warehouse", log)
		if asked := requests(t, log); len(asked) > 0 {
			t.Errorf("the page makes the browser ask for %q", asked)
		}
		// That the log would have had one.
		other := filepath.Join(dir, "other.html")
		if err := os.WriteFile(other, []byte(`<img src="http://picture.example/">`), 0o600); err != nil {
			t.Fatal(err)
		}
		browser.open(t, "file://"+other, log)
		if asked := requests(t, log); !slices.Contains(asked, "http://picture.example/") {
			t.Errorf("a page with a picture makes the browser ask for %q", asked)
		}
	})
}

// A program that opens a page in a browser without a window.
type headless string

func chromium(t *testing.T) headless {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return headless(path)
		}
	}
	t.Skip("Chromium is not installed: the page of report is not tested in a browser")
	return ""
}

// open returns the page as it stands when its script has run, and what the
// browser said. It logs what goes over the network to netLog, if that is one.
func (h headless) open(t *testing.T, url, netLog string) (dom, said string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	args := []string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions", "--no-proxy-server",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--user-data-dir=" + t.TempDir(),
		"--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom",
	}
	if netLog != "" {
		args = append(args, "--log-net-log="+netLog)
	}
	p := exec.CommandContext(ctx, string(h), append(args, url)...)
	p.WaitDelay = 5 * time.Second
	var out, errs strings.Builder
	p.Stdout, p.Stderr = &out, &errs
	if err := p.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", h, err, errs.String())
	}
	if !strings.Contains(out.String(), "</html>") {
		t.Fatalf("%s gave no page: %q\n%s", h, out.String(), errs.String())
	}
	return out.String(), errs.String()
}

// requests returns the URLs in a log of the network, those aside that Chromium
// asks for itself, whatever the page: they have no initiator.
func requests(t *testing.T, netLog string) (urls []string) {
	t.Helper()
	data, err := os.ReadFile(netLog)
	if err != nil {
		t.Fatal(err)
	}
	var log struct {
		Events []struct {
			Params struct {
				URL       string `json:"url"`
				Initiator string `json:"initiator"`
			} `json:"params"`
		} `json:"events"`
	}
	if err := json.Unmarshal(data, &log); err != nil {
		t.Fatal(err)
	}
	if len(log.Events) == 0 {
		t.Fatal("the log of the network is empty")
	}
	for _, e := range log.Events {
		local := strings.HasPrefix(e.Params.URL, "file:") || strings.HasPrefix(e.Params.URL, "data:")
		if e.Params.URL != "" && !local && e.Params.Initiator != "" && e.Params.Initiator != "not an origin" {
			urls = append(urls, e.Params.URL)
		}
	}
	return urls
}

// serve returns the page, and one that uses it as a user does. asked returns what
// the browser wanted, its icon aside.
func serve(t *testing.T, page string) (asked func() []string, url string) {
	const user = `<!DOCTYPE html><title>user</title><ol></ol>
<iframe src="/report.html" width="1200" height="800"></iframe>
<script>
const wait = ms => new Promise(done => setTimeout(done, ms));
onload = async () => {
  const page = document.querySelector("iframe").contentDocument;
  const step = async (n, act) => {
    act();
    await wait(300);
    const lines = Array.from(page.querySelectorAll("#failed tbody tr"))
      .filter(row => row.checkVisibility()).map(row => row.cells[0].textContent);
    const item = document.createElement("li");
    item.id = "step" + n;
    item.textContent = lines.join(" ");
    document.querySelector("ol").append(item);
  };
  const type = text => {
    const q = page.getElementById("q");
    q.value = text;
    q.dispatchEvent(new Event("input"));
  };
  await step(0, () => type("Warehouse"));
  await step(1, () => page.querySelector("#controls input[value=exists]").click());
  await step(2, () => page.getElementById("clear").click());
  await step(3, () => page.querySelector("#by-status a[href='#status=failed']").click());
};
</script>`
	var mu sync.Mutex
	var paths []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		if r.URL.Path != "/favicon.ico" {
			paths = append(paths, r.URL.Path)
		}
		mu.Unlock()
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, user)
		case "/report.html":
			http.ServeFile(w, r, page)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(paths)
	}, server.URL
}

// writeResult writes a result with something of each kind.
func writeResult(t *testing.T, name string) (records [][]string) {
	t.Helper()
	servers := []string{"Head office", "branch", "warehouse"}
	kinds := []struct{ status, detail string }{
		{"registered", ""}, {"registered", ""}, {"unchanged", ""}, {"overridden", ""},
		{"exists", "registered already"}, {"failed", "surely not applied: lookup failed"}, {"refused", "Error: <b>no</b> & no"},
		{"registered", ""}, {"in-doubt", "it may have been applied"}, {"registered", ""}, {"invalid", "the cell is wrong"},
	}
	records = [][]string{{"mac", "server", "url", "rps_line", "rps_mac", "rps_status", "rps_detail", "rps_url", "rps_calls", "rps_time"}}
	for i := range 200 {
		mac := fmt.Sprintf("0015650000%02x", i)
		kind := kinds[i%len(kinds)]
		records = append(records, []string{mac, servers[i%len(servers)], "", strconv.Itoa(i + 2),
			strings.ToUpper(regexp.MustCompile(`..`).ReplaceAllString(mac, "-$0")[1:]), kind.status, kind.detail, "", "1", ""})
	}
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := csv.NewWriter(f).WriteAll(records); err != nil {
		t.Fatal(err)
	}
	return records[1:]
}

type resultCounts struct {
	rows, good        int
	statuses, servers map[string]int
}

func countResult(records [][]string) resultCounts {
	c := resultCounts{statuses: map[string]int{}, servers: map[string]int{}}
	for _, r := range records {
		c.rows++
		if good(r) {
			c.good++
		}
		c.statuses[r[5]]++
		c.servers[r[1]]++
	}
	return c
}

func good(record []string) bool {
	return slices.Contains([]string{"registered", "unchanged", "overridden"}, record[5])
}

// failedLines returns the lines of the rows that did not succeed and that match.
func failedLines(records [][]string, match func([]string) bool) (lines []string) {
	for _, r := range records {
		if !good(r) && (match == nil || match(r)) {
			lines = append(lines, r[3])
		}
	}
	return lines
}

var (
	countRow = regexp.MustCompile(`<tr><th scope="row">(?:<[^>]*>)*([^<]*)(?:</[a-z]+>)*<td class="num[^"]*">([0-9,]+)</td>`)
	tableRow = regexp.MustCompile(`<tr role="row" data-status="[^"]*"( hidden="")?><td role="cell" class="num">([0-9]+)</td>`)
)

// countsIn returns the counts in a table of the page.
func countsIn(dom, id string) map[string]int {
	_, table, _ := strings.Cut(dom, `id="`+id+`"`)
	table, _, _ = strings.Cut(table, "</table>")
	counts := map[string]int{}
	for _, row := range countRow.FindAllStringSubmatch(table, -1) {
		counts[row[1]] = plainNumber(row[2])
	}
	return counts
}

// shownRows returns the lines of the table's rows that are not hidden.
func shownRows(dom string) (lines []string) {
	for _, row := range tableRow.FindAllStringSubmatch(dom, -1) {
		if row[1] == "" {
			lines = append(lines, row[2])
		}
	}
	return lines
}

func plainNumber(text string) int {
	n, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
	if err != nil {
		return -1
	}
	return n
}

func streamsTo(t *testing.T, dir string) cli.Streams {
	t.Helper()
	out, err := os.Create(filepath.Join(dir, "out.txt"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	return cli.Streams{In: os.Stdin, Out: out, Err: os.Stderr}
}
