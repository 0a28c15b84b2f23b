// Command rpsbatch makes Yealink's Redirection and Provisioning Service agree
// with a spreadsheet of phones.
//
// # Dependencies that nobody maintains
//
// What .ci/run finds of known vulnerabilities does not say which modules get no
// fixes. These are in the program all the same:
//
//   - github.com/kolo/xmlrpc (last changed in 2022) encodes calls and reads faults,
//     both of them frozen since 2003. It reads at most 1 MiB, and package rps fuzzes
//     what it makes of that; its client is not used.
//   - github.com/inconshreveable/mousetrap (2022) comes with cobra. On Windows it
//     looks whether Explorer started the program.
//   - github.com/mitchellh/colorstring (archived) comes with progressbar, which is
//     given no colours and no text but the program's own.
//   - github.com/munnerz/goautoneg (2019) comes with prometheus/common, for servers;
//     nothing here calls it.
//
// github.com/mschoch/smat (2020) is needed by tests of roaring alone.
package main

import (
	"os"
	"runtime/debug"

	"rpsbatch/batch/cli"
)

func main() {
	// Rows pass through, and little of what is allocated lives long: to collect
	// it more often costs little time and saves a third of the memory.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(40)
	}
	cli.Main(os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, os.Exit)
}
