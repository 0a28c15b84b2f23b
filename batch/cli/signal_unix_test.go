//go:build unix

package cli_test

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// signals are those that end a run as a person asks it to.
var signals = []os.Signal{os.Interrupt, syscall.SIGTERM}

// A closed terminal ends a run too, but not where it is ignored, as under nohup(1).
func init() {
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
}

// interruptible has a program take interrupts of its own.
func interruptible(*exec.Cmd) {}

func send(p *os.Process, signal os.Signal) error { return p.Signal(signal) }
