//go:build unix

package cli_test

import (
	"os"
	"os/exec"
	"syscall"
)

// signals are those that end a run as a person asks it to.
var signals = []os.Signal{os.Interrupt, syscall.SIGTERM}

// interruptible has a program take interrupts of its own.
func interruptible(*exec.Cmd) {}

func send(p *os.Process, signal os.Signal) error { return p.Signal(signal) }
