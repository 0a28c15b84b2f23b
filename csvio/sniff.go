package csvio

import (
	"path/filepath"
	"strings"
)

// lockFile refuses what a spreadsheet program leaves beside a workbook while it
// is open, which wildcards and file dialogs offer like the workbook itself.
func lockFile(name string) error {
	base := filepath.Base(name)
	of, ok := strings.CutPrefix(base, "~$")
	if !ok {
		if of, ok = strings.CutPrefix(base, ".~lock."); ok {
			of = strings.TrimSuffix(of, "#")
		}
	}
	if !ok {
		return nil
	}
	return &FileError{Reason: "this is the lock file of a workbook that is open, not the workbook", Hint: "close the workbook and give " + of}
}
