// Command rpsbatch makes Yealink's Redirection and Provisioning Service agree
// with a spreadsheet of phones.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"rpsbatch/cmd"
)

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		<-signals
		stop() // no new calls; those in flight are awaited
		<-signals
		os.Exit(cmd.ExitInterrupted)
	}()
	os.Exit(cmd.Execute(ctx, os.Args[1:], cmd.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
