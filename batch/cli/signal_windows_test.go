package cli_test

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// signals are those that end a run as a person asks it to. There is no other on
// Windows: what a service manager sends is NOT covered there.
var signals = []os.Signal{os.Interrupt}

// Events go to those who share a console, which a service has none of.
func init() { windows.NewLazySystemDLL("kernel32.dll").NewProc("AllocConsole").Call() }

// interruptible has a program take interrupts of its own.
func interruptible(p *exec.Cmd) {
	p.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

// send interrupts a program as Ctrl-Break does.
func send(p *os.Process, _ os.Signal) error {
	return windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(p.Pid))
}
