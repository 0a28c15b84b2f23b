//go:build !windows

package cli

import "io"

// obeysEscapes reports whether a terminal interprets escape codes.
func obeysEscapes(io.Writer) bool { return true }
