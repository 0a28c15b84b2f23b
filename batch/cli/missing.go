package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rpsbatch/batch"
)

// missing is what rows need that their file or the account lacks, for the
// summary.
type missing struct {
	column  string         // what to do about a file without a column of servers; ""
	servers map[string]int // rows by the names of servers that the account lacks
}

// counting counts the rows of unknown servers on their way to the results.
func (m *missing) counting(results batch.Results) batch.Results {
	m.servers = map[string]int{}
	return counted{results, m}
}

type counted struct {
	batch.Results
	missing *missing
}

func (c counted) Write(row *batch.Row, v batch.Verdict) error {
	if v.Status == batch.UnknownServer {
		c.missing.servers[strings.Clone(row.Device.Server)]++ // not the whole record
	}
	return c.Results.Write(row, v)
}

// remedy returns what to do about rows of a status if something is missing; else
// "".
func (m *missing) remedy(status batch.Status) string {
	switch {
	case status == batch.Invalid:
		return m.column
	case status != batch.UnknownServer || len(m.servers) == 0:
		return ""
	}
	const nameless = "RPS wants the name of a server beside a unique URL: give --server NAME, or fill in the column"
	named := maps.Clone(m.servers)
	delete(named, "")
	if len(named) == 0 {
		return nameless
	}
	names := slices.SortedFunc(maps.Keys(named), func(a, b string) int {
		return cmp.Or(cmp.Compare(m.servers[b], m.servers[a]), cmp.Compare(a, b))
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%q (%s)", name, count(m.servers[name], "row"))
	}
	text := "add them with 'rpsbatch server add', or fix the name: " + shortList(names)
	if len(named) < len(m.servers) {
		text += "; " + nameless
	}
	return text
}
