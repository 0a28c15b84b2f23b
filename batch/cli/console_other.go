//go:build !windows

package cli

import "io"

// obeysEscapes reports whether a terminal takes escape codes for what they are.
func obeysEscapes(io.Writer) bool { return true }
