package rpstest_test

import (
	"fmt"
	"net/http"
	"strings"

	"rpsbatch/rps/rpstest"
)

// The service applies a call and then closes the connection: what the caller
// is told and what is true are two things.
func Example() {
	sim := rpstest.New(rpstest.Options{
		Faults: []rpstest.Fault{{Name: "close-after", Method: "deRegisterDevice"}},
	})
	sim.AddServer("user", "head office", "https://prov.example.com/")
	sim.AddDevice("user", "00-15-65-00-00-01", "head office", "")

	const body = `<?xml version='1.0' encoding='UTF-8'?>
<methodCall><methodName>redirect.deRegisterDevice</methodName><params>
<param><value><string>001565000001</string></value></param>
</params></methodCall>`
	req, _ := http.NewRequest("POST", "https://rps.example/xmlrpc", strings.NewReader(body))
	req.Header.Set("Content-Type", "text/xml")
	req.SetBasicAuth("user", "secret")
	client := &http.Client{Transport: sim.Transport()}
	_, err := client.Do(req)
	fmt.Println(err)

	device, known := sim.Device("001565000001")
	fmt.Printf("known %v, owner %q\n", known, device.Owner)
	call := sim.Calls()[0]
	fmt.Println(call.Method, call.Applied, call.Outcome)
	// Output:
	// Post "https://rps.example/xmlrpc": EOF
	// known true, owner ""
	// redirect.deRegisterDevice 1 fault:close-after
}
