package cli

import (
	"io"
	"os"

	"golang.org/x/sys/windows"
)

// obeysEscapes reports whether a console interprets escape codes, and makes it do
// so: by default it prints them.
func obeysEscapes(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	console := windows.Handle(f.Fd())
	var mode uint32
	return windows.GetConsoleMode(console, &mode) == nil &&
		windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
