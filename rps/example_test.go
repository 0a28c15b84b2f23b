package rps_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"rpsbatch/rps"
)

// The service refuses a batch and names the devices that are to blame.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>
<methodResponse><params><param><value><array><data>
<value><boolean>0</boolean></value>
<value>
  Error: 001565000002
  Please check the MAC address you entered
</value>
</data></array></value></param></params></methodResponse>`)
	}))
	defer server.Close()

	client, err := rps.NewClient(rps.Config{URL: server.URL, Username: "user", Password: "secret"})
	if err != nil {
		fmt.Println(err)
		return
	}
	var macs []rps.MAC
	for _, text := range []string{"00:15:65:00:00:01", "0015.6500.0002"} {
		mac, err := rps.ParseMAC(text)
		if err != nil {
			fmt.Println(err)
			return
		}
		macs = append(macs, mac)
	}

	err = client.RegisterDevices(context.Background(), macs, "head-office")
	var e *rps.Error
	switch {
	case err == nil:
		fmt.Println("registered")
	case errors.As(err, &e) && e.Kind.Refused():
		fmt.Println(e)
		fmt.Println(e.Kind.String(), e.MACs)
	case errors.Is(err, rps.Unreadable):
		fmt.Println("in doubt:", err)
	}
	// Output:
	// refused: registered by another account: "Error: 001565000002 Please check the MAC address you entered"
	// Foreign [00-15-65-00-00-02]
}
