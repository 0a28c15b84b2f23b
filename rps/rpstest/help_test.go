package rpstest

import (
	"fmt"
	"strings"
	"testing"
)

func ExampleFaultHelp() {
	fmt.Print(FaultHelp())
	// Output:
	//   METHOD [CALL] FAULT [KEY=VALUE ...] [text=WORDS]
	//
	// METHOD is one of the API, * for any, or login for calls with wrong credentials.
	// CALL is the first call to hit, counted from 1 among those that METHOD and mac
	// select; without it, the next one is hit. The keys:
	//
	//   mac=MAC,...             hit only calls that carry one of these
	//   times=N                 hit N calls; -1: all
	//   every=N                 hit each Nth call
	//   apply-after=8s or 3     apply the call 8 s, or 3 calls, after it arrived; for
	//                           an event: make the change then
	//   limit=N                 with -after, apply only the first N devices; see below
	//   rate=N                  for a limit: calls per second
	//   status=429 or 503       for a limit: HTTP status; 429 by default
	//   delay=5s                for hang and slow
	//   keep=BYTES              for truncated and cut
	//   retry-after=VALUE       that header, for an HTTP status; for a limit, wait is
	//                           the seconds until it allows a call
	//   retry-after-date=5s     that header as a date, 5 s from now
	//   cause=BYTES             member faultCause of an XML-RPC fault, sent as base64
	//   text=WORDS              what the service says, up to the end of the line;
	//                           {macs} stands for the MACs concerned, {mac} for the
	//                           first of them
	//
	// Faults of the answer. At most one hits a call: the first line that is due. Each
	// hits once, unless times or every is set. The call is not applied with -before,
	// and is with -after; a plain name stands for the form listed first:
	//
	//   refused                 no connection; behind a listener, as reset-before
	//   close -before -after    the connection is closed without an answer
	//   reset -before -after    the connection is reset
	//   hang -before -after     no answer until the client leaves or delay (5m) ends
	//   slow                    applied, and answered after delay
	//   401 403 404 413 429     an HTTP status with an HTML page
	//   500 502 503 504 -before -after  the same
	//   redirect                HTTP 302 to a login page
	//   truncated -after -before  the XML ends after keep bytes; half of it by default
	//   cut -after -before      the same, but Content-Length promises all of it
	//   empty -after -before    HTTP 200 without a body
	//   html -after -before     HTTP 200 with an HTML page
	//   foreign -after -before  HTTP 200 with XML of another kind
	//   throws -before -after   "Failed to invoke method M in class C: text"; or null
	//   fault -before -after    an XML-RPC fault in the words of text
	//   bad-list                the list has entries that are not MACs
	//   says                    refused in the words of text
	//   says-after              the same, but the call is applied
	//   pretend                 answered as if it were applied, which it is not
	//   replay -after -before   the previous answer to the same method, once more
	//   crossed -after -before  the previous answer to another method
	//
	// Traits of the service. All that are due hold at once, for good unless times is
	// set:
	//
	//   partial                 apply a refused batch to its good devices
	//   partial-until           apply it to those before the first bad one
	//   name-one                name one MAC in the refusal of a batch
	//   unnamed                 name none
	//   prompt                  say text instead of the override prompt, such as
	//                           Existing MAC(s): {macs}
	//   prompt-elsewhere        prompt for devices of other accounts, too
	//   override-elsewhere      let isOverride 1 take devices from other accounts
	//   url-without-server      accept a unique URL without a server
	//   live-url-text           refuse a bad URL in the words of the live service
	//   max-batch               refuse batches of more than limit MACs
	//   quota                   an account holds limit devices: register those that
	//                           fit, then refuse the call in the words of text
	//   apache                  answer without white space, as Apache ws-xmlrpc does
	//   twice                   handle the call twice and send the second answer
	//   list-first              list only the first limit devices, or none at all
	//   list-hides              list all devices but those of mac
	//   url-case                return the URL with its host in another case
	//   url-port                add the default port, or drop it
	//   url-slash               add the slash of an empty path, or drop it
	//   url-escape              escape more than needed
	//
	// Events, which happen as a call arrives, before it is handled:
	//
	//   colleague               change the account: text is a record of a state file
	//
	// Limits, which hold for good. The calls that they turn away are not counted:
	//
	//   bucket                  rate calls a second, of which limit (1) at once
	//   fixed-window            rate calls in each second of the clock
	//   sliding-window          rate calls in any second
}

func TestHelpFits(t *testing.T) {
	for line := range strings.Lines(FaultHelp()) {
		if len(line) > 81 {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
	}
}
