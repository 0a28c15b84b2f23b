package csvio_test

import (
	"fmt"
	"io"
	"os"
	"strings"

	"rpsbatch/batch"
	"rpsbatch/csvio"
)

// The first pass finds the width of the widest record, the second writes the
// result.
func Example() {
	const file = `Site,"MAC Address",Server
Berlin,001565000001,"hq"
Oslo,00156500000,hq,"moved, see notes"
`
	opts := csvio.Options{}
	width := 0
	each(file, opts, func(_ csvio.Format, row *batch.Row) {
		width = max(width, row.Cells)
	})

	var w *csvio.Writer
	each(file, opts, func(format csvio.Format, row *batch.Row) {
		if w == nil {
			w, _ = csvio.NewWriter(os.Stdout, format, width)
		}
		verdict := batch.Verdict{Status: batch.Registered, Calls: 1}
		if row.Problem != "" {
			verdict = batch.Verdict{Status: batch.Invalid, Detail: row.Problem}
		}
		if err := w.Write(row, verdict); err != nil {
			fmt.Println(err)
		}
	})
	if err := w.Flush(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Site,"MAC Address",Server,,rps_line,rps_mac,rps_server,rps_status,rps_proof,rps_detail,rps_url,rps_calls,rps_time
	// Berlin,001565000001,"hq",,2,00-15-65-00-00-01,hq,registered,,,,1,
	// Oslo,00156500000,hq,"moved, see notes",3,,hq,invalid,,"it has more cells than the header: an unquoted comma may have shifted them; not a valid MAC: it has 11 hexadecimal digits, 12 are needed",,0,
}

func each(file string, opts csvio.Options, do func(csvio.Format, *batch.Row)) {
	r, err := csvio.NewReader(strings.NewReader(file), opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	for {
		var row batch.Row
		if err := r.Read(&row); err == io.EOF {
			return
		} else if err != nil {
			fmt.Println(err)
			return
		}
		do(r.Format(), &row)
	}
}
