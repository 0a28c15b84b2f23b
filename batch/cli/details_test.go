package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"rpsbatch/batch"
	"rpsbatch/rps/rpstest"
)

// TestNothingDependsOnDetails runs every command that reads a result or a journal
// twice: with it as it was written, and with other words in the place of each
// detail. The calls, the exit codes and the results are the same.
func TestNothingDependsOnDetails(t *testing.T) {
	t.Setenv("RPSBATCH_PASSWORD", "secret")
	if runtime.GOOS != "windows" {
		t.Setenv("XDG_CACHE_HOME", t.TempDir())
	}
	start := &place{t: t, dir: t.TempDir(), state: detailsState}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { start.sim.ServeHTTP(w, r) }))
	defer server.Close()
	start.first, start.url = start, server.URL
	start.write("devices.csv", detailsFile)
	start.write("servers.csv", "name,url\nhq,https://hq.example.com/\n")

	run := *start
	run.faults = `registerDevices 4 close-after
registerDevices 3 says text="no such model"
* throws times=-1 mac=001565000008 text=overflow
registerDeviceWithUniqueUrl 1 close-after
checkDeviceExt 502-before times=-1 mac=001565000021
`
	run.register("devices.csv")
	statuses, details := run.tally("devices.result.csv")
	if len(statuses) < 8 || len(details) < 8 {
		t.Fatalf("the result has too little to tell: %v %v", statuses, details)
	}
	for _, args := range [][]string{
		{"register", "devices.result.csv"},
		{"register", "devices.result.csv", "--retry"},
		{"register", "devices.result.csv", "--only", "refused,exists", "--override", "own"},
		{"register", "devices.csv"}, // the last result is a baseline
		{"register", "devices.csv", "--baseline", "devices.result.csv", "-o", "new.csv", "--override", "own"},
		{"register", "devices.csv", "--baseline", "devices.result.csv", "-o", "new.csv", "--verify", "--servers", "servers.csv"},
		{"sync", "devices.csv", "--baseline", "devices.result.csv", "-o", "new.csv", "--yes"},
		{"edit", "devices.result.csv", "--only", "exists"},
		{"deregister", "devices.result.csv", "--only", "registered"},
		{"check", "devices.result.csv", "--want", "--servers", "servers.csv"},
		{"report", "devices.result.csv"},
		{"report", "devices.result.csv", "--html", "page.html"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) { run.compare(t, args) })
	}

	for name, faults := range map[string]string{
		"access denied":     "* 7 401",
		"lost, then denied": "registerDevices 1 close-after\nregisterDevices 2 says text=\"no such model\"\n* 8 401",
		"refused, then denied": "registerDevices 2 says text=busy\n" +
			"registerDevices 3 says text=busy mac=001565000001\n* 9 401",
	} {
		t.Run("resume after "+name, func(t *testing.T) {
			killed := *start
			killed.t, killed.dir, killed.faults = t, start.copied(t), faults
			if code, out := killed.register("devices.csv"); code != ExitService {
				t.Fatalf("exit code %d: %s", code, out)
			}
			killed.compare(t, []string{"register", "devices.csv", "--resume"})
		})
	}
}

const detailsState = `server,hq,https://hq.example.com/
server,branch,https://branch.example.com/
server,theirs,https://theirs.example.com/,other
device,user,001565000002,branch,
device,user,001565000003,hq,
device,other,001565000004,theirs,
device,user,001565000021,hq,https://u.example.com/old
`

const detailsFile = `mac,server,url
001565000001,hq,
001565000002,hq,
001565000003,hq,
001565000004,hq,
001565000005,hq,
001565000006,hq,
001565000007,hq,
001565000008,hq,
001565000009,branch,
001565000010,branch,
001565000011,nowhere,
001565000012,nowhere,
00156500001,hq,
001565000001,hq,
001565000013,hq,
001565000013,branch,
001565000020,hq,https://u.example.com/20
001565000021,hq,https://u.example.com/21
001565000022,hq,https://u.example.com/22
`

// A place is a directory, and a service with a state and a script.
type place struct {
	t      *testing.T
	first  *place // whose sim is the one that answers
	sim    *rpstest.Server
	url    string // a journal knows it
	dir    string
	state  string
	faults string
	calls  []string
}

func (p *place) path(name string) string { return filepath.Join(p.dir, name) }

func (p *place) write(name, text string) {
	if err := os.WriteFile(p.path(name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) copied(t *testing.T) string {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(p.dir)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (p *place) register(args ...string) (int, string) {
	return p.run(append([]string{"register"}, args...)...)
}

// run runs a command in the place, with a service that begins in its state, and
// keeps what that is in the end.
func (p *place) run(args ...string) (code int, out string) {
	faults, err := rpstest.ParseFaults(strings.NewReader(p.faults))
	if err != nil {
		p.t.Fatal(err)
	}
	sim := rpstest.New(rpstest.Options{Accounts: map[string]string{"user": "secret", "other": "secret"}, Faults: faults, LogMACs: true})
	if err := sim.LoadState(strings.NewReader(p.state)); err != nil {
		p.t.Fatal(err)
	}
	p.first.sim = sim
	p.t.Chdir(p.dir)
	if args[0] != "report" {
		args = append(args, "--url", p.url, "--username", "user", "--rate", "100000", "--workers", "1", "--batch-size", "5",
			"--max-attempts", "2", "--timeout", "300ms", "--log-level", "error")
	}
	var text bytes.Buffer
	code = Execute(context.Background(), args, Streams{Out: &text, Err: &text})
	sim.ApplyPending()
	p.calls = nil
	for _, c := range sim.Calls() {
		p.calls = append(p.calls, fmt.Sprint(c.Method, " ", c.Override, " ", c.MACs))
	}
	var state bytes.Buffer
	if err := sim.WriteState(&state); err != nil {
		p.t.Fatal(err)
	}
	p.state, p.faults = state.String(), ""
	return code, text.String()
}

// compare runs a command in two copies of the place, of which one has other words.
func (p *place) compare(t *testing.T, args []string) {
	words := &rewording{}
	plain, reworded := *p, *p
	plain.t, plain.dir = t, p.copied(t)
	reworded.t, reworded.dir = t, p.copied(t)
	plain.reword(&rewording{off: true})
	reworded.reword(words)
	if len(words.words) < 3 {
		t.Fatalf("only %d details are reworded", len(words.words))
	}
	code, out := plain.run(args...)
	code2, out2 := reworded.run(args...)
	if code != code2 {
		t.Errorf("exit codes %d and %d\n%s\n%s", code, code2, out, out2)
	}
	slices.Sort(plain.calls)
	slices.Sort(reworded.calls)
	if !slices.Equal(plain.calls, reworded.calls) {
		t.Errorf("calls\n%s\nand\n%s", strings.Join(plain.calls, "\n"), strings.Join(reworded.calls, "\n"))
	}
	if args[0] != "report" && len(plain.calls) == 0 {
		t.Errorf("no call was made: %s", out)
	}
	if a, b := plain.shape(out), reworded.shape(words.back(out2)); a != b {
		t.Errorf("it says\n%s\nand\n%s", a, b)
	}
	names, names2 := plain.files(), reworded.files()
	if !slices.Equal(names, names2) {
		t.Errorf("files %v and %v", names, names2)
	}
	for _, name := range names {
		switch filepath.Ext(name) {
		case ".csv", ".bak":
			if a, b := plain.undetailed(name), reworded.undetailed(name); a != b {
				t.Errorf("%s is\n%s\nand\n%s", name, a, b)
			}
		case ".html":
			text := func(page string) string { // the flags in a detail are marked
				return html.UnescapeString(strings.NewReplacer(`<span class="flag">`, "", "</span>", "").Replace(page))
			}
			if a, b := text(plain.read(name)), words.back(text(reworded.read(name))); plain.shape(a) != reworded.shape(b) {
				t.Errorf("%s is\n%s\nand\n%s", name, plain.shape(a), plain.shape(b))
			}
		}
	}
}

// similar is what a report takes out of details to show those that are alike once.
var similar = strings.NewReplacer("line 16: server", "line N: server", "line 17: server", "line N: server", "Error: 001565000004", "Error: MAC")

var varying = regexp.MustCompile(`\d+(\.\d+)?(ms|µs|s)\b|(\d{4}-\d\d-\d\d[T ])?\d\d:\d\d(:\d\d)?Z?`)

// shape returns a text without what is never the same, its lines in order: what
// is sorted by its words stands elsewhere with others.
func (p *place) shape(text string) string {
	text = varying.ReplaceAllString(similar.Replace(strings.ReplaceAll(text, p.dir, "DIR")), "TIME")
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (p *place) files() (names []string) {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (p *place) read(name string) string {
	data, err := os.ReadFile(p.path(name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(data)
}

func (p *place) records(name string) [][]string {
	records, err := csv.NewReader(strings.NewReader(p.read(name))).ReadAll()
	if err != nil {
		p.t.Fatalf("%s: %v", name, err)
	}
	return records
}

// undetailed returns a file without the details and times that it may have.
func (p *place) undetailed(name string) string {
	var text strings.Builder
	records := p.records(name)
	for _, record := range records {
		for i, cell := range record {
			if column := records[0][i]; column != "rps_detail" && column != "rps_time" {
				text.WriteString(cell + ",")
			}
		}
		text.WriteString("\n")
	}
	return text.String()
}

// tally returns the statuses and the details of a result.
func (p *place) tally(name string) (statuses, details map[string]bool) {
	records := p.records(name)
	status, detail := slices.Index(records[0], "rps_status"), slices.Index(records[0], "rps_detail")
	statuses, details = map[string]bool{}, map[string]bool{}
	for _, record := range records[1:] {
		statuses[record[status]], details[record[detail]] = true, true
	}
	return statuses, details
}

// A rewording puts other words in the place of details, the same for the same ones.
type rewording struct {
	off   bool // it leaves them as they are
	words map[string]string
}

func (r *rewording) of(detail string) string {
	if r.off || detail == "" {
		return detail
	}
	if r.words[detail] == "" {
		if r.words == nil {
			r.words = map[string]string{}
		}
		r.words[detail] = fmt.Sprintf("registered: the answer was lost (%03d)", len(r.words))
	}
	return r.words[detail]
}

// back puts the details back into a text that quotes them.
func (r *rewording) back(text string) string {
	for detail, words := range r.words {
		text = strings.ReplaceAll(text, words, detail)
	}
	return text
}

// reword rewords the result and the journal of a place.
func (p *place) reword(r *rewording) {
	records := p.records("devices.result.csv")
	at := slices.Index(records[0], "rps_detail")
	for _, record := range records[1:] {
		record[at] = r.of(record[at])
	}
	var out bytes.Buffer
	if err := csv.NewWriter(&out).WriteAll(records); err != nil {
		p.t.Fatal(err)
	}
	before := sumOf(p.path("devices.result.csv"))
	p.write("devices.result.csv", out.String())
	if slices.Contains(p.files(), "devices.result.csv.journal") {
		p.rewordJournal(r, before, sumOf(p.path("devices.result.csv")))
	}
}

// rewordJournal rewords a journal, which knows the sum of the result.
func (p *place) rewordJournal(r *rewording, before, after batch.Sum) {
	const name = "devices.result.csv.journal"
	var out strings.Builder
	for line := range strings.Lines(p.read(name)) {
		d := json.NewDecoder(strings.NewReader(line[9:]))
		d.UseNumber()
		var record any
		if err := d.Decode(&record); err != nil {
			p.t.Fatal(err)
		}
		data, err := json.Marshal(r.values(record, fmt.Sprint(before.CRC), after))
		if err != nil {
			p.t.Fatal(err)
		}
		fmt.Fprintf(&out, "%08x %s\n", crc32.Checksum(data, batch.Castagnoli), data)
	}
	p.write(name, out.String())
}

// values rewords what has the names of details in a journal. Until when a call may
// be applied is long ago, so that it does not matter how fast the test is.
func (r *rewording) values(v any, before string, after batch.Sum) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = r.values(v[i], before, after)
		}
	case map[string]any:
		for key, value := range v {
			switch text, isText := value.(string); {
			case isText && (key == "detail" || key == "text"):
				v[key] = r.of(text)
			case key == "until" && !isText:
				v[key] = 1
			default:
				v[key] = r.values(value, before, after)
			}
		}
		if fmt.Sprint(v["sum"]) == before {
			v["size"], v["sum"] = after.Size, after.CRC
		}
	}
	return v
}
