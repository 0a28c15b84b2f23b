// Package rps is a client of Yealink's Redirection and Provisioning Service
// (RPS): the sixteen signatures of its "XML-API Development Guide" of September
// 2018, whose sections the comments here name.
//
// # What it promises
//
// A method returns no error only if the service answered true, in the form that
// the guide has for that answer. An empty, truncated or foreign body, a fault,
// an unknown text: all of these are errors. Where the service spells the same
// thing in several ways, all of them are read, and so are the damaged answers
// that the guide itself prints.
//
// Every error is an *Error, and its Kind says what may be concluded. After a
// kind that is Refused, the service has read the call and said no. After
// NotSent, Untrusted and Unencodable it has surely not seen the call. After
// Unreadable and HandlerFailed the call may have been applied: only asking
// (ListDevices, CheckDeviceExt) can tell. Unauthorized, Forbidden, Throttled,
// PayloadTooLarge and NotService mean that something in front of the handler
// turned the call away: a proxy, the web server, or the XML-RPC engine.
//
// A call is sent once. Nothing is repeated, delayed or split here, redirects are
// not followed, and credentials go to no host but the configured one, over TLS
// unless that is this machine. Passwords and unique URLs are in no error.
//
// Answers are read in the encoding that they declare, as they arrive. An answer
// is at most 1 MiB long, decompressed; that of ListDevices is at most 128 MiB, and
// takes little more memory than its MACs.
//
// Methods may be called from several goroutines at once. Each takes a context
// first, and ends soon after the context does.
//
// # What it leaves open
//
// The guide does not say whether a refused batch is applied in part, whether
// listDevices is complete, how many MACs a call may carry, or how many calls a
// second are allowed. The client assumes nothing: see ListDevices,
// RegisterDevices and BatchTooBig.
package rps
