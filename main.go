// Command rpsbatch makes Yealink's Redirection and Provisioning Service match a
// spreadsheet of phones.
//
// # Unmaintained dependencies
//
// The vulnerability check in .ci/run does not show which modules no longer get
// fixes. The program uses these nevertheless:
//
//   - github.com/kolo/xmlrpc (last changed in 2022) encodes calls, and has the type
//     of faults; the format has been frozen since 2003. Package rps reads answers
//     itself, since engines write faults in forms that the library does not take.
//   - github.com/inconshreveable/mousetrap (2022) comes with cobra. On Windows it
//     checks whether Explorer started the program.
//   - github.com/mitchellh/colorstring (archived) comes with progressbar, which gets
//     no colours and only the program's own text.
//   - github.com/munnerz/goautoneg (2019) comes with prometheus/common, for servers;
//     nothing here calls it.
//
// Only roaring's tests need github.com/mschoch/smat (2020).
package main

import (
	"os"
	"runtime/debug"

	"rpsbatch/batch/cli"
)

func main() {
	// Rows stream through, and little of what is allocated lives long: collecting
	// more often costs little time and saves a third of the memory.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(40)
	}
	cli.Main(os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, os.Exit)
}
