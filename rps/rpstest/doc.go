// Package rpstest simulates the Redirection and Provisioning Service: for tests,
// for trials without an account, and to rehearse a bad day of the real service.
// It is to package rps what net/http/httptest is to net/http.
//
//	sim := rpstest.New(rpstest.Options{})
//	sim.AddServer("user", "head office", "https://prov.example.com/")
//	client := &http.Client{Transport: sim.Transport()} // no socket is opened
//
// A [Server] is an http.Handler: httptest.NewServer(sim) puts it behind a real
// listener. [Server.Transport] reaches it inside the process and works in a
// bubble of testing/synctest.
//
// # What it promises
//
// The sixteen signatures of chapter 4 of the XML-API guide are answered in the
// guide's layout and in the words of their section, contradictions included:
// section 4.1 says "Error: Invalid server", 4.2 "Error:Invalid server" and 4.13
// "Invalid server", and so does the Server. Values are untyped and padded with
// line breaks, MACs come back in another case or form than they were sent, and a
// refusal may span several lines. What the guide leaves open is one of the
// [Options].
//
// The package shares no code with the client. It has its own readers and writers
// of XML and MACs, so it does not mirror the client's mistakes.
//
// All methods are safe for concurrent use. A million devices take less than 60
// MB; listDevices streams its answer.
//
// # Scripts
//
// What can go wrong is a [Fault]: scripted in order, never random. A script is a
// list of them, written in Go or as lines of a file that [ParseFaults] reads:
//
//	registerDevices 3 close-after apply-after=8s
//
// There are faults of the answer, which may lose it, change it or put the call
// off; traits of the service, such as a quota or a list that hides devices; events,
// in which a colleague changes the account; and limits of the rate. They combine:
// see Fault. [FaultHelp] lists them all. A call that a script puts off is applied
// later, whoever waits for it; [Server.ApplyPending] applies it at once, after
// which the state is what a client's verdicts can be compared with.
//
// # Decisions where the guide is silent
//
//   - isOverride "0" registers a free device. For a device that is registered
//     already it means "cancel", and the answer is "MAC address(es) overriding
//     failed": sections 4.2 and 4.7 do not list the prompt.
//   - isOverride must be a string. Another type is a fault, as is a wrong
//     number of arguments. Section 4.16 calls it invalid: any string is accepted.
//   - A batch is checked in this order: format of the MACs, repeated MACs,
//     server, isOverride, other owners, registered already.
//   - Section 4.8 has no "Repeated MAC(s)": the second removal of a MAC in one
//     list is an "Invalid MAC(s)", as for any device that is not the account's.
//   - Any well-formed MAC can be registered, even if it was never in stock. A
//     device that was removed is Unregistered, not Unknown.
//   - An empty list of MACs is an "Invalid MAC(s)" that names none.
//   - editDevice drops the unique URL of a device. An empty uniqueServerUrl
//     binds the device to the server alone.
//   - Server names belong to an account, but addServer refuses a name that any
//     account uses.
//   - "A-z" means the letters, not the six characters between Z and a.
//
// # Differences from the live service
//
// A Server answers on any path, ignores Content-Type, trims white space around
// every value (the guide's own examples have it inside <string>), reads only
// UTF-8, and forgets everything when the process ends unless [Server.WriteState]
// saved it. How the live service treats refused batches, how large a batch may be
// and how many calls a second it allows are unknown: a Server can do either, as
// the caller chooses. Its HTML pages and the details of its faults are made up in
// the style of Apache ws-xmlrpc.
package rpstest
