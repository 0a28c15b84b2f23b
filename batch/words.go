package batch

import (
	"fmt"
	"strings"

	"rpsbatch/rps"
)

// longest is how much of the service's words a row repeats: a refusal may name
// every device of a large batch.
const longest = 400

// says quotes the service.
func says(text string) string {
	switch {
	case text == "":
		return "the service refused it without saying why"
	case len(text) > longest:
		head, tail := text[:longest*2/3], text[len(text)-longest/3:]
		text = strings.ToValidUTF8(head, "") + " ... " + strings.ToValidUTF8(tail, "")
	}
	return fmt.Sprintf("the service says: %s", text)
}

// sentence adds the service's words, if there are any, to a finding.
func sentence(finding, text string) string {
	if text == "" {
		return finding
	}
	return finding + "; " + says(text)
}

// wordsOf returns the service's text, or a substitute if HTTP refused the call.
func wordsOf(err *rps.Error) string {
	if err.Text != "" {
		return err.Text
	}
	return err.Error()
}
