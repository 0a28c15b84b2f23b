package rpstest

import (
	"fmt"
	"strings"
)

const helpHead = `  METHOD [CALL] FAULT [KEY=VALUE ...] [text=WORDS]

METHOD is one of the API, * for any, or login for calls with wrong credentials.
CALL is the first call to hit, counted from 1 among those that METHOD and mac
select; without it, the next one is hit. The keys:

`

var classHelp = map[class]string{
	ofAnswer: `
Faults of the answer. At most one hits a call: the first line that is due. Each
hits once, unless times or every is set. The call is not applied with -before,
and is with -after; a plain name stands for the form listed first:

`,
	trait: `
Traits of the service. All that are due hold at once, for good unless times is
set:

`,
	event: `
Events, which happen as a call arrives, before it is handled:

`,
	limit: `
Limits, which hold for good. The calls that they turn away are not counted:

`,
}

// FaultHelp explains the lines that [ParseFaults] reads, for the help of a
// command: the grammar, the keys and all names.
func FaultHelp() string {
	var b strings.Builder
	b.WriteString(helpHead)
	for _, k := range keys {
		helpLine(&b, k.name+"="+k.value, k.help)
	}
	for i := 0; i < len(faultNames); {
		n := faultNames[i]
		if i == 0 || n.class != faultNames[i-1].class {
			b.WriteString(classHelp[n.class])
		}
		label := n.name
		for i++; i < len(faultNames) && faultNames[i].help == ""; i++ {
			label += " " + faultNames[i].name
		}
		switch n.forms {
		case plainBefore:
			label += " -before -after"
		case plainAfter:
			label += " -after -before"
		}
		helpLine(&b, label, n.help)
	}
	return b.String()
}

// helpLine writes a name and what it means; the lines of the help align.
func helpLine(b *strings.Builder, label, help string) {
	for line := range strings.Lines(help) {
		fmt.Fprintf(b, "  %-22s  %s\n", label, strings.TrimSuffix(line, "\n"))
		label = ""
	}
}
