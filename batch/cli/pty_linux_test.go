package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	// terminal N DIALOGUE SCREEN PROGRAM ARG... runs a program on a terminal of
	// its own: all its streams are that. DIALOGUE has lines "wait TEXT", for
	// what the terminal must show next, "type TEXT", for a line that is typed
	// then, and "interrupt", for Ctrl-C. SCREEN gets all that the terminal
	// showed. It must end with the code N, after the whole dialogue.
	scriptCommands["terminal"] = command("terminal N DIALOGUE SCREEN PROGRAM ARG...", 4, -1, func(ts *script, args []string) {
		shown, talk, err := onTerminal(start(ts, args[3:]), ts.ReadFile(args[1]))
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), shown, 0o644))
		ts.Stdout().Write(shown)
		ts.Check(talk)
		checkCode(ts, args[0], err)
	})
}

// onTerminal runs a program on a terminal of its own: it returns what that showed,
// what was wrong with the dialogue, and how the program ended.
func onTerminal(p *exec.Cmd, dialogue string) (shown []byte, talk, err error) {
	master, tty, err := openTerminal()
	if err != nil {
		return nil, err, nil
	}
	defer master.Close()
	p.Stdin, p.Stdout, p.Stderr = tty, tty, tty
	p.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	err = p.Start()
	tty.Close()
	if err != nil {
		return nil, err, nil
	}
	s := &screen{}
	read := make(chan struct{})
	go func() {
		io.Copy(s, master) // ends with EIO when the program is gone
		close(read)
	}()
	if talk = s.talk(master, dialogue); talk != nil {
		p.Process.Kill()
	}
	err = p.Wait()
	<-read
	return s.all.Bytes(), talk, err
}

// openTerminal returns both ends of a new pseudo-terminal of 80 columns.
func openTerminal() (master, tty *os.File, err error) {
	// Non-blocking, so that it can be closed while it is read.
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("open /dev/ptmx: %w", err)
	}
	master = os.NewFile(uintptr(fd), "/dev/ptmx")
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	err = errors.Join(err,
		unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0),
		unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}))
	if err == nil {
		tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		master.Close()
		return nil, nil, err
	}
	return master, tty, nil
}

// screen is what a terminal showed.
type screen struct {
	mu   sync.Mutex
	all  bytes.Buffer
	seen int // of all, bytes that were waited for
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.Write(p)
}

func (s *screen) talk(keyboard io.Writer, dialogue string) error {
	for line := range strings.Lines(dialogue) {
		verb, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch verb {
		case "wait":
			if !s.wait(text) {
				return fmt.Errorf("the terminal never showed %q", text)
			}
		case "type":
			if _, err := io.WriteString(keyboard, text+"\n"); err != nil {
				return err
			}
		case "interrupt":
			if _, err := io.WriteString(keyboard, "\x03"); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%q is neither wait, type nor interrupt", verb)
		}
	}
	return nil
}

// wait waits for a text behind the one that was waited for before.
func (s *screen) wait(text string) bool {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		at := bytes.Index(s.all.Bytes()[s.seen:], []byte(text))
		if at >= 0 {
			s.seen += at + len(text)
		}
		s.mu.Unlock()
		if at >= 0 {
			return true
		}
	}
	return false
}
