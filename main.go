// Command rpsbatch makes Yealink's Redirection and Provisioning Service agree
// with a spreadsheet of phones.
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
