package cli

import (
	"errors"
	"net"

	"rpsbatch/batch"
	"rpsbatch/csvio"
	"rpsbatch/rps"
)

// hintOf returns what to do about an error; "" if there is nothing to say.
func hintOf(err error) string {
	if h := (hinted{}); errors.As(err, &h) {
		return h.hint
	}
	if bad := (*csvio.FileError)(nil); errors.As(err, &bad) {
		return bad.Hint
	}
	return fixFor(err)
}

// fixFor returns what must be fixed before there can be an answer; "" if the service
// may answer next time.
func fixFor(err error) string {
	dns := (*net.DNSError)(nil)
	switch {
	case errors.Is(err, batch.ErrUndoes):
		return "retry with the command that wrote it; or choose rows with --only"
	case errors.Is(err, rps.Unauthorized):
		return "RPS needs the user name and password of the RPS XML API (System > Integration > API), not an AccessKey; do not retry until they are right: the account may be locked"
	case errors.Is(err, rps.Forbidden):
		return "ask the administrator of the account to allow calls to the API"
	case errors.Is(err, rps.Untrusted):
		return "check --url, or name the CA of the service with --ca-file"
	case errors.Is(err, rps.NotService):
		return "check --url: it must name the XML API itself, as " + rps.DefaultURL + " does"
	case errors.Is(err, batch.ErrStubborn):
		return "do what the message asks; if it is about some of the devices, or about how many a call has, use a smaller --batch-size, down to 1"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "check the host name in --url, and that this machine can resolve names"
	}
	return ""
}

// goOn returns the one thing to do after a run that was stopped.
func (j *job) goOn(stopped error, journal *runJournal) string {
	begun := journal.Journal != nil && journal.Used()
	return nextAfter(stopped, begun, begun && !exists(j.result+journalEnding))
}

// nextAfter is goOn for a run that has begun to make calls, or not, and whose journal
// may be gone.
func nextAfter(stopped error, begun, gone bool) string {
	fix := fixFor(stopped)
	resume := "run the same command with --resume"
	switch {
	case gone:
		resume = "run the same command again: the journal is gone, so this run cannot be resumed"
	case errors.Is(stopped, batch.ErrFailures) && begun:
		return "rps_detail says why the rows failed: fix that, then run the same command with --resume and a higher --max-failures, or with --restart if the file has changed"
	case errors.Is(stopped, batch.ErrFailures):
		return "rps_detail says why the rows failed: fix them, or run the same command with a higher --max-failures"
	case errors.Is(stopped, batch.ErrInput) && begun:
		resume = "run the same command with --restart once nothing writes to the file"
	case !begun && fix != "":
		return fix
	case !begun && errors.Is(stopped, batch.ErrUnreachable):
		resume = "check --url and the network, then run the same command again"
	case !begun:
		resume = "run the same command again"
	}
	if fix != "" {
		return fix + "; then " + resume
	}
	return resume
}
