package cli

import (
	"context"
	"fmt"
	"strings"

	"rpsbatch/batch"
)

// examples is how many devices a question shows.
const examples = 5

// confirmOverride asks whether to move devices that are already registered, and
// that nothing shows bound as the file asks.
func confirmOverride(ctx context.Context, streams Streams, account string, c batch.Changes) (bool, error) {
	if c.Listed {
		streams.say("%s", hanging("", "Already registered, and perhaps bound to something else: "+affected(c.Moves, c)))
	} else {
		streams.say("The account's devices could not be listed. Some of the %s in the file may already be registered.", count(c.Moves.Count, "device"))
	}
	question := fmt.Sprintf("Move them in the account %s to where the file says? [y]es, [N]o", account)
	if c.Listed && c.Moves.Count > examples {
		question += ", [l]ist them all"
	}
	return confirm(ctx, streams, question, func() {
		for mac := range c.Moves.MACs() {
			streams.say("  %s", mac)
		}
	})
}

// confirm asks a question until the answer is yes or no. list, if not nil,
// answers an l.
func confirm(ctx context.Context, streams Streams, question string, list func()) (bool, error) {
	for {
		fmt.Fprintf(printable{streams.Err}, "%s: ", question)
		reply, err := readLine(ctx, streams.In)
		if err != nil {
			streams.say("")
			return false, err
		}
		switch reply = strings.ToLower(reply); {
		case reply == "y" || reply == "yes":
			return true, nil
		case reply == "n" || reply == "no" || reply == "":
			return false, nil
		case list != nil && (reply == "l" || reply == "list"):
			list()
		default:
			streams.say("Please answer y or n.")
		}
	}
}

func count(n int, what string) string {
	return fmt.Sprintf("%s %s", thousands(n), plural(n, what, what+"s"))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// thousands returns a number with its digits in groups: 12,345.
func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
