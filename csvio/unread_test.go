package csvio

import (
	"context"
	"errors"
	"strings"
	"testing"

	"rpsbatch/batch"
)

// What rows seem to ask for in a column that is not read stops the run, with the
// flag that decides.
func TestUnread(t *testing.T) {
	const a, b, c, d = "001565000001", "001565000002", "001565000003", "001565000004"
	const u = "https://u.example.com/s3cret"
	none := Options{Columns: map[string]string{"url": "none", "action": "none"}}
	for name, test := range map[string]struct {
		file string
		opts Options
		want string // in the error and its hint, separated by |
	}{
		"URLs":                         {"mac,server,Custom Config\n" + a + ",hq," + u + "\n", Options{}, `"Custom Config" (column 3) holds URLs but is not read|--column url="Custom Config"|--column url=none`},
		"half of them":                 {"mac,server,x\n" + a + ",hq," + u + "\n" + b + ",hq,\n", Options{}, `--column url="x"`},
		"fewer":                        {"mac,server,x\n" + a + ",hq," + u + "\n" + b + ",hq,\n" + c + ",hq,\n", Options{}, ""},
		"rows without MACs":            {"mac,server,x\n" + a + ",hq," + u + "\n,hq,\n,hq,total\n", Options{}, `--column url="x"`},
		"two columns":                  {"mac,server,x,\"y\"\"z\",\n" + a + ",hq," + u + ",\"" + u + ",1\"," + u + "\n", Options{}, `"x" (column 3), "y\"z" (column 4), (column 5) hold URLs but are not read|--column url="x"`},
		"no name":                      {"mac,server,\n" + a + ",hq," + u + "\n", Options{}, "(column 3) holds URLs|--column url=3"},
		"late":                         {"mac,server,x\n" + strings.Repeat(a+",hq,\n", 30) + strings.Repeat(a+",hq,"+u+"\n", 30), Options{}, `--column url="x"`},
		"late, no header":              {strings.Repeat(a+",hq,,Berlin,\n", 30) + strings.Repeat(a+",hq,,Bonn,"+u+"\n", 30), Options{Columns: map[string]string{"url": "3"}}, ""},
		"none, no header":              {a + ",hq," + u + "\n", none, ""},
		"none":                         {"mac,server,url,action\n" + a + ",hq," + u + ",deregister\n", none, ""},
		"a URL column":                 {"mac,server,url,page\n" + a + ",hq,," + u + "\n", Options{}, ""},
		"for deregister":               {"mac,page\n" + a + "," + u + "\n", Options{Action: batch.Deregister}, ""},
		"for check":                    {"mac,page,task\n" + a + "," + u + ",register\n", Options{Action: batch.Check}, ""},
		"result":                       {"rps_line,mac,rps_url,rps_status,server,page\n2," + a + "," + u + ",registered,hq," + u + "\n", Options{}, `"page" (column 3)`},
		"actions":                      {"mac,server,Task\n" + a + ",hq,Deregister\n" + b + ",hq,\n" + c + ",hq,register\n", Options{}, `"Task" (column 3) holds actions|--column action="Task"|--column action=none`},
		"other words":                  {"mac,server,Task\n" + a + ",hq,register\n" + b + ",hq,new\n", Options{}, ""},
		"a removal":                    {"mac,server,Task\n" + a + ",hq,new\n" + b + ",hq,De-Register\n" + c + ",hq,moved\n", Options{}, `"Task" (column 3) holds actions`},
		"a note":                       {"mac,server,Task\n" + a + ",hq,deregister it?\n" + b + ",hq,Registered\n", Options{}, ""},
		"no words":                     {"mac,server,Task\n" + a + ",hq,\n", Options{}, ""},
		"action, removal":              {"mac,Task\n" + a + ",register\n", Options{Action: batch.Deregister}, `--column action="Task"`},
		"a word for removal":           {"mac,server,Status\n" + a + ",hq,active\n" + b + ",hq, Returned\n", Options{}, `"Status" (column 3) seems to say which devices are wanted, but is not read: 1 of 2 devices is not|--column action=none`},
		"in German":                    {"mac,server,Zustand\n" + a + ",hq,GELÖSCHT\n" + b + ",hq,gekündigt\n", Options{}, `"Zustand" (column 3) seems to say which devices are wanted, but is not read: 2 of 2 devices are not`},
		"a mark below such a word":     {"mac,server,Delete?\n" + a + ",hq,\n" + b + ",hq,x\n", Options{}, `"Delete?" (column 3) seems to say|1 of 2`},
		"no mark below it":             {"mac,server,Delete\n" + a + ",hq,no\n" + b + ",hq,\n", Options{}, ""},
		"the date of a removal":        {"mac,server,deleted_at\n" + a + ",hq,NULL\n" + b + ",hq,2026-01-02 10:00:00.123\n", Options{}, `"deleted_at" (column 3) seems to say|1 of 2 devices is not`},
		"no removal on any date":       {"mac,server,deleted_at,Delivered on\n" + a + ",hq,,2026-01-02\n" + b + ",hq,NULL,2026-01-02\n", Options{}, ""},
		"a flag of a database":         {"mac,server,is_active\n" + a + ",hq,1\n" + b + ",hq,0\n", Options{}, `"is_active" (column 3) seems to say|1 of 2 devices is not`},
		"not active":                   {"mac,server,Aktiv\n" + a + ",hq,WAHR\n" + b + ",hq,FALSCH\n", Options{}, `"Aktiv" (column 3) seems to say|1 of 2 devices is not`},
		"ticked and crossed":           {"mac,server,Active\n" + a + ",hq,✓\n" + b + ",hq,✗\n", Options{}, `"Active" (column 3) seems to say|1 of 2 devices is not`},
		"crossed to go":                {"mac,server,Delete\n" + a + ",hq,\n" + b + ",hq,✗\n", Options{}, `"Delete" (column 3) seems to say|1 of 2 devices is not`},
		"inactive":                     {"mac,server,Status\n" + a + ",hq,active\n" + b + ",hq,Inactive\n", Options{}, `"Status" (column 3) seems to say|1 of 2 devices is not`},
		"all active":                   {"mac,server,enabled\n" + a + ",hq,1\n" + b + ",hq,1\n", Options{}, ""},
		"some to be registered":        {"mac,server,Register\n" + a + ",hq,x\n" + b + ",hq,\n" + c + ",hq,\n", Options{}, `"Register" (column 3) seems to say|2 of 3 devices are not`},
		"registered with the PBX":      {"mac,server,Status\n" + a + ",hq,Unregistered\n" + b + ",hq,offline\n", Options{}, ""},
		"a word in a note":             {"mac,server,Note\n" + a + ",hq,returned from repair\n", Options{}, ""},
		"all are meant":                {"mac,server,Delete\n" + a + ",hq,\n" + b + ",hq,x\n", none, ""},
		"removal of some":              {"mac,Delete\n" + a + ",\n" + b + ",x\n", Options{Action: batch.Deregister}, `"Delete" (column 2) seems to say which devices are wanted, but is not read: 1 of 2 devices is not`},
		"removal of all":               {"mac,Status\n" + a + ",returned\n" + b + ",deleted\n", Options{Action: batch.Deregister}, ""},
		"removal, and some to keep":    {"mac,Keep\n" + a + ",yes\n" + b + ",\n", Options{Action: batch.Deregister}, `"Keep" (column 2) seems to say|1 of 2`},
		"removal of what is active":    {"mac,Active\n" + a + ",yes\n" + b + ",yes\n", Options{Action: batch.Deregister}, ""},
		"a word for removal, to check": {"mac,server,Status\n" + a + ",hq,returned\n", Options{Action: batch.Check, Want: true}, ""},
		"workbook's cells":             {"mac;server;x;Task\n" + d + ";hq;\"a;b\";deregister\n", Options{}, `"Task" (column 4)`},
	} {
		f, err := OpenStream(context.Background(), strings.NewReader(test.file), "x.csv", test.opts)
		if err != nil {
			t.Fatal(name, err)
		}
		watch := f.Watch()
		source, err := f.Rows(context.Background())
		if err == nil {
			err = batch.EachRow(source, func(_ int, row *batch.Row) error {
				if name == "none" && (row.Device.URL != "" || row.Device.Action != batch.Register) {
					t.Errorf("none: %+v", row.Device)
				}
				watch.Row(row)
				return nil
			})
		}
		if err != nil {
			t.Fatal(name, err)
		}
		got := ""
		if err, bad := watch.Err(), (*FileError)(nil); errors.As(err, &bad) {
			got = err.Error() + "\n" + bad.Hint
		}
		for _, want := range strings.Split(test.want, "|") {
			if (test.want == "") != (got == "") || !strings.Contains(got, want) || strings.Contains(got, "s3cret") {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		f.Close()
	}
}

// Each of several sheets has columns of its own that are not read.
func TestUnreadOfSheets(t *testing.T) {
	first := page{name: "A", cells: table("mac,server,note", "001565000001,hq,x", "001565000002,hq", "001565000003,hq")}
	for _, test := range []struct{ second, want, passed string }{
		{"mac,server,page|001565000004,hq,https://h/1", `sheet "B": "page" (column 3) holds URLs but is not read|--column url="page"`, "page"},
		{"mac,server,note,page|001565000004,hq,,https://h/1", `sheet "B": "page" (column 4) holds URLs`, "page"},
		{"mac,server,note,task|001565000004,hq,,deregister", `sheet "B": "task" (column 4) holds actions`, ""},
		{"mac,server,task|001565000004,hq,deregister|001565000005,hq", `sheet "B": "task" (column 3) holds actions`, ""},
		{"mac,server,note,Server 2|001565000004,hq,,x", "", "Server 2"},
	} {
		for _, pages := range [][]page{{first, {name: "B", cells: table(strings.Split(test.second, "|")...)}}, {{name: "B", cells: table(strings.Split(test.second, "|")...)}, first}} {
			rows, f, err := fileOf(t, bookOfPages(t, pages...), Options{AllSheets: true})
			if err != nil {
				t.Fatal(err)
			}
			watch := f.Watch()
			for i := range rows {
				watch.Row(&rows[i])
			}
			if passed := strings.Join(f.Format().PassedOver, ", "); passed != test.passed {
				t.Errorf("%s: passed over %q", test.second, passed)
			}
			if err := watch.Err(); test.want != "" {
				checkProblem(t, errorText(err), test.want)
			} else if err != nil {
				t.Errorf("%s: %v", test.second, err)
			}
		}
	}
}

// The server's column is named by its number where there is no header.
func TestMissingServer(t *testing.T) {
	for file, want := range map[string]string{"hq,001565000001\n": "--column server=NUMBER", "mac,to\n001565000001,hq\n": "--column server=NAME"} {
		f, err := OpenStream(context.Background(), strings.NewReader(file), "x.csv", Options{})
		if err != nil {
			t.Fatal(err)
		}
		watch := f.Watch()
		rows, _ := rowsOf(t, file, Options{})
		watch.Row(&rows[0])
		checkProblem(t, watch.Missing(), want)
		f.Close()
	}
}
