package csvio

import (
	"errors"
	"strings"
	"testing"

	"rpsbatch/batch"
)

func TestHeader(t *testing.T) {
	flag := func(pairs ...string) map[string]string {
		columns := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			columns[pairs[i]] = pairs[i+1]
		}
		return columns
	}
	tests := []struct {
		name, header string
		columns      map[string]string
		ignore       bool   // servers and URLs
		want         [3]int // columns of MAC, server, URL, from 1 on; 0: none
		err          string // parts of the error split by |
	}{
		{name: "usual", header: "mac,server,url", want: [3]int{1, 2, 3}},
		{name: "any order", header: "Site,URL,Server,MAC", want: [3]int{4, 3, 2}},
		{name: "case, space, punctuation", header: "MAC-Address:, SERVER_name ,Unique Server URL", want: [3]int{1, 2, 3}},
		{name: "camel case", header: "macAddr,serverName,uniqueServerUrl", want: [3]int{1, 2, 3}},
		{name: "quoted", header: `"MAC-Adresse","RPS Server","Provisioning ""URL"""`, want: [3]int{1, 2, 3}},
		{name: "German", header: "Geräte-MAC,Konfigurations-Server,Eindeutige URL", want: [3]int{1, 2, 3}},
		{name: "German, without umlauts", header: "GERAETE MAC,Servername", want: [3]int{1, 2, 0}},
		{name: "French", header: "Adresse MAC,Nom du serveur,URL de provisionnement", want: [3]int{1, 2, 3}},
		{name: "Spanish", header: "Dirección MAC,Nombre del servidor,URL única", want: [3]int{1, 2, 3}},
		{name: "Spanish, accents of their own", header: "Direccio\u0301n MAC,Servidor", want: [3]int{1, 2, 0}},
		{name: "Italian", header: "Indirizzo MAC,Nome server,URL univoca", want: [3]int{1, 2, 3}},
		{name: "Dutch", header: "MAC-adres,Servernaam,Unieke URL", want: [3]int{1, 2, 3}},
		{name: "full-width", header: "ＭＡＣ,ＵＲＬ", want: [3]int{1, 0, 2}},
		{name: "invisible characters", header: "\u00a0MAC\u00a0Address\u200b,\ufeffser\u200bver", want: [3]int{1, 2, 0}},
		{name: "apostrophe and formula", header: `'mac,="server"`, want: [3]int{1, 2, 0}},
		{name: "Polish", header: "Adres MAC,Nazwa serwera", want: [3]int{1, 2, 0}},
		{name: "Russian", header: "MAC-адрес,Сервер", want: [3]int{1, 2, 0}},
		{name: "Chinese", header: "设备 MAC 地址,服务器名称", want: [3]int{1, 2, 0}},
		{name: "Japanese", header: "MACアドレス,サーバー", want: [3]int{1, 2, 0}},
		{name: "device MAC", header: "Device,Device MAC", want: [3]int{2, 0, 0}},
		{name: "only MAC", header: "mac", want: [3]int{1, 0, 0}},
		{name: "server URL is no unique URL", header: "mac,server,server url", want: [3]int{1, 2, 0}},
		{name: "deregister", header: "mac,server,url", ignore: true, want: [3]int{1, 0, 0}},
		{name: "deregister, two servers", header: "mac,server,server name", ignore: true, want: [3]int{1, 0, 0}},
		{name: "flag", header: "id,server", columns: flag("mac", "id"), want: [3]int{1, 2, 0}},
		{name: "flag, other case", header: "Phone ID,server", columns: flag("mac", "phone_id"), want: [3]int{1, 2, 0}},
		{name: "flag settles two", header: "MAC,mac id", columns: flag("mac", "MAC"), want: [3]int{1, 0, 0}},
		{name: "flag, exact name first", header: "Mac,mac", columns: flag("mac", "mac"), want: [3]int{2, 0, 0}},
		{name: "flag takes a column from another role", header: "mac,url,server", columns: flag("server", "url"), want: [3]int{1, 2, 0}},
		{name: "flag for server url", header: "mac,server url", columns: flag("url", "server url"), want: [3]int{1, 0, 2}},
		{name: "earlier result", header: "rps_url,mac,rps_mac,server", want: [3]int{2, 4, 0}},
		{name: "two others alike", header: "mac,notes,notes", want: [3]int{1, 0, 0}},
		{name: "unnamed columns", header: "mac,,", want: [3]int{1, 0, 0}},

		{name: "no MAC", header: "Site,Server", err: `line 1: no column|"Site", "Server"|--column mac=NAME`},
		{name: "only ours", header: "rps_line,rps_status", err: "no column"},
		{name: "device is no MAC", header: "Device", err: "no column"},
		{name: "two MACs", header: "MAC,Site,Mac Address", err: `both "MAC" (column 1) and "Mac Address" (column 3) can be the mac|--column mac="MAC"`},
		{name: "same name twice", header: "mac,mac", err: "both|--column mac=1"},
		{name: "two servers", header: "mac,server,RPS server", err: `"server"|"RPS server"|--column server=`},
		{name: "two URLs", header: "mac,url,unique url", err: `"url"|"unique url"|--column url=`},
		{name: "flag names none", header: "mac,server", columns: flag("server", "srv"), err: `there is no column "srv"|"mac", "server"`},
		{name: "flag names ours", header: "mac,rps_mac", columns: flag("mac", "rps_mac"), err: `there is no column "rps_mac"`},
		{name: "flag names two", header: "a,x,x", columns: flag("mac", "x"), err: `2 columns named "x"`},
		{name: "flag names none, not needed", header: "mac", columns: flag("url", "x"), ignore: true, err: `no column "x"`},
		{name: "one column for two roles", header: "x,y", columns: flag("mac", "x", "url", "x"), err: "two roles"},
		{name: "unknown role", header: "mac", columns: flag("name", "mac"), err: "no such role"},
		{name: "a URL is kept secret", header: "00156500000l,s1,https://h/s3cret", err: `if this line is a device, use --no-header|"s1", "(a URL)"`},
		{name: "another delimiter", header: "serial;server", err: `columns seen: "serial", "server"`},
		{name: "many and long columns", header: strings.Repeat(strings.Repeat("x", 50)+",", 25), err: `x...", "|and 6 more`},
		{name: "too far down", header: strings.Repeat("note\n", 30) + "mac", err: "line 1: no column|if the header is further down, remove the rows above it"},
		{name: "one quote", header: `"`, err: "line 1: a quote in the header is never closed"},
		{name: "unclosed quote", header: `mac,"server`, err: "line 1: a quote in the header is never closed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := NewReader(strings.NewReader(test.header+"\n"), Options{Columns: test.columns, Action: map[bool]batch.Action{true: batch.Check}[test.ignore]})
			if test.err != "" {
				if err == nil {
					t.Fatal("no error")
				}
				checkProblem(t, errorText(err), test.err)
				if strings.Contains(err.Error(), "s3cret") {
					t.Error("a URL in an error")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for role, want := range test.want {
				if at := r.header.at[role]; at+1 != want {
					t.Errorf("%s is column %d, want %d", roleNames[role], at+1, want)
				}
			}
		})
	}
}

func TestHeaderErrorHasColumns(t *testing.T) {
	_, err := NewReader(strings.NewReader("\r\n\r\nrps_line,Site, Name \r\n"), Options{Action: batch.Check})
	var bad *FileError
	if !errors.As(err, &bad) {
		t.Fatal(err)
	}
	if bad.Line != 3 || len(bad.Columns) != 2 || bad.Columns[1] != "Name" || bad.Hint == "" {
		t.Errorf("%+v", bad)
	}
}

func TestUnreadableFiles(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"empty", "", "the file is empty; it needs a header"},
		{"only a byte order mark", "\ufeff", "the file is empty"},
		{"only blank lines", "\n\r\n,,\n", "only blank lines; it needs a header"},
		{"xlsx", "PK\x03\x04\x14\x00\x06\x00", "not a text file|CSV UTF-8"},
		{"xls", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "not a text file"},
		{"only a mark of UTF-16", "\xff\xfe", "the file is empty"},
		{"blank lines in UTF-16", "\xff\xfe\n\x00", "only blank lines"},
		{"zero bytes in UTF-16", "\xff\xfem\x00\x00\x00", "line 1|NUL byte"},
		{"zero bytes", "\x7fELF\x02\x01\x01\x00", "line 1: this is not a text file: it contains a NUL byte"},
		{"a zero byte", "mac,server\r\n001565000001,hq\r\n0015650\x0000002,hq\r\n", "line 3: this is not a text file: it contains a NUL byte; remove that"},
		{"control characters", strings.Repeat("a\x01", 100), "not a text file"},
		{"compressed", strings.Repeat("\x1f\x8b\x99\xf0a", 100), "compressed by gzip; unpack it"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := NewReader(strings.NewReader(test.file), Options{Action: batch.Check})
			var bad *FileError
			if !errors.As(err, &bad) {
				t.Fatalf("error %v", err)
			}
			checkProblem(t, errorText(err), test.want)
		})
	}

	// Names in an older encoding are no reason to refuse a file.
	rows, _ := rowsOf(t, "mac,n\n001565000001,\xc4pfel f\xfcr Gr\xf6\xdfe, caf\xe9, d\xe9j\xe0\n", Options{Action: batch.Check})
	if len(rows) != 1 || rows[0].Problem != "" {
		t.Errorf("%+v", rows)
	}
}

func TestServerOption(t *testing.T) {
	if _, err := NewReader(strings.NewReader("mac\n"), Options{Server: "a/b"}); err == nil || !strings.Contains(err.Error(), "--server") {
		t.Errorf("error %v", err)
	}
	rows, _ := rowsOf(t, "mac,server\n001565000001,\n001565000002,own\n", Options{Server: " d "})
	if rows[0].Device.Server != "d" || rows[1].Device.Server != "own" {
		t.Errorf("%+v", rows)
	}
}

// In a sheet errors are about its rows.
func TestErrorsOfSheets(t *testing.T) {
	for _, test := range []struct{ file, want string }{
		{"", "the sheet is empty"},
		{"\r\n,\r\n", "the sheet contains only blank lines"},
		{"\r\nCover,x\r\n", "row 2: no column was recognized"},
		{"mac,\"x", "row 1: a quote in the header"},
	} {
		_, err := NewReader(strings.NewReader(byteOrderMark+test.file), Options{Action: batch.Check, records: true, Comma: ',', Encoding: "utf-8"})
		if err == nil {
			t.Fatalf("%q: no error", test.file)
		}
		checkProblem(t, errorText(err), test.want)
	}
}

// A column that seems to be meant for a server or a URL, or that has phones of its
// own, is not passed over in silence.
func TestPassedOver(t *testing.T) {
	for _, test := range []struct{ file, read, passed string }{
		{"MAC,Server,Prov URL\n001565000001,hq,\n", `mac "MAC", server "Server", url "Prov URL"`, ""},
		{"MAC,Server,URL of it\n001565000001,hq,\n", `mac "MAC", server "Server"`, "URL of it"},
		{"MAC,Server,Page\n001565000001,hq,https://u.example.com/1\n", `mac "MAC", server "Server"`, "Page"},
		{"MAC,Serveradresse\n001565000001,hq\n", `mac "MAC"`, "Serveradresse"},
		{"MAC,Server,Site\n001565000001,hq,Cologne\n", `mac "MAC", server "Server"`, ""},
		{"MAC,Server,MAC 2\n001565000001,hq,001565000002\n", `mac "MAC", server "Server"`, "MAC 2"},
		{"MAC,Server,Switch\n001565000001,hq,00-1A-6F-00-00-02\n", `mac "MAC", server "Server"`, ""},
	} {
		_, format := rowsOf(t, test.file, Options{Server: "d"})
		if read, passed := strings.Join(format.Read, ", "), strings.Join(format.PassedOver, ", "); read != test.read || passed != test.passed {
			t.Errorf("%q: read %s, passed over %s", test.file, read, passed)
		}
	}
	decided := Options{Columns: map[string]string{"url": "none"}}
	if _, format := rowsOf(t, "MAC,Server,Page\n001565000001,hq,https://u.example.com/1\n", decided); format.PassedOver != nil {
		t.Errorf("%q though that is decided", format.PassedOver)
	}
	if _, format := rowsOf(t, "MAC,MAC 2\n001565000001,001565000002\n", Options{Columns: map[string]string{"mac": "MAC"}}); format.PassedOver != nil {
		t.Errorf("%q though the other is named", format.PassedOver)
	}
	if _, format := rowsOf(t, "MAC,MAC 2\n001565000001,001565000002\n", Options{Action: batch.Deregister}); len(format.PassedOver) != 1 {
		t.Errorf("%q for deregister", format.PassedOver)
	}
	if _, format := rowsOf(t, "mac,url of it\n001565000001,x\n", Options{Action: batch.Check}); format.PassedOver != nil {
		t.Errorf("%q where none is needed", format.PassedOver)
	}
}
