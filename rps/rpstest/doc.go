// Package rpstest is a simulated Redirection and Provisioning Service, for
// tests, for trials without an account, and for rehearsing what a real service
// does only on its bad days. It stands beside package rps as net/http/httptest
// stands beside net/http.
//
//	sim := rpstest.New(rpstest.Options{})
//	sim.AddServer("user", "head office", "https://prov.example.com/")
//	client := &http.Client{Transport: sim.Transport()} // no socket is opened
//
// A [Server] is an http.Handler: httptest.NewServer(sim) puts it behind a real
// listener, [Server.Transport] reaches it inside the process and works in the
// bubbles of testing/synctest.
//
// # What it promises
//
// The sixteen signatures of chapter 4 of the XML-API guide are answered in the
// layout of the guide and with the words of the section that describes them,
// contradictions included: section 4.1 says "Error: Invalid server", 4.2
// "Error:Invalid server" and 4.13 "Invalid server", and so does the Server.
// Values are untyped and padded with line breaks, MACs come back in another
// case or form than they were sent in, and a refusal may span several lines.
// What the guide leaves open is an option: see [Options]. What can go wrong
// between two machines is a [Fault]: scripted in order, never random.
//
// The package shares no code with the client. It reads and writes XML and MACs
// with its own hands, so that a mistake of the client is not mirrored here.
//
// All methods are safe for concurrent use. A million devices take some tens of
// megabytes; listDevices streams its answer.
//
// # What the guide leaves open, and how it is decided here
//
//   - isOverride "0" registers a free device. For one that is registered
//     already it means "cancel", and the answer is "MAC address(es) overriding
//     failed": sections 4.2 and 4.7 do not have the prompt among their answers.
//   - isOverride must be a string. Another type is a fault, as is a wrong
//     number of arguments. Section 4.16 calls it invalid: any string will do.
//   - In a batch the checks are made in this order: format of the MACs,
//     repeated MACs, server, isOverride, other owners, registered already.
//   - Section 4.8 knows no "Repeated MAC(s)": the second removal of a MAC in one
//     list is an "Invalid MAC(s)", as of any device that is not one's own.
//   - Any well-formed MAC can be registered, also one that was never added as
//     stock. A device that was removed is Unregistered, not Unknown.
//   - An empty list of MACs is an "Invalid MAC(s)" with no name.
//   - editDevice drops the unique URL of a device. An empty uniqueServerUrl
//     binds the device to the server alone.
//   - Server names belong to an account, but addServer refuses a name that any
//     account uses.
//   - "A-z" means the letters, not the six signs between Z and a.
//
// # Where it differs from the live service
//
// It answers on any path, does not look at Content-Type, trims white space
// around every value (the guide's own examples have it inside <string>), reads
// UTF-8 alone, and forgets everything when the process ends unless
// [Server.WriteState] saved it. How the live service treats refused batches,
// how large a batch it takes and how many calls a second it bears is not known;
// a Server shows both faces of each, at the caller's choice. Its HTML pages and
// the details of its faults are made up in the manner of Apache ws-xmlrpc.
package rpstest
