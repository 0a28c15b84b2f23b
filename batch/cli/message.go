package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"rpsbatch/rps"
)

// messages is a slog.Handler for people at a terminal: each record is a sentence,
// with its attributes in parentheses.
type messages struct {
	out   io.Writer
	level slog.Level
	attrs []slog.Attr
}

func (m messages) Enabled(_ context.Context, level slog.Level) bool { return level >= m.level }

func (m messages) Handle(_ context.Context, r slog.Record) error {
	var details []string
	add := func(a slog.Attr) bool {
		a = printableAttr(nil, a)
		details = append(details, strings.ReplaceAll(a.Key, "_", " ")+": "+a.Value.String())
		return true
	}
	for _, a := range m.attrs {
		add(a)
	}
	r.Attrs(add)
	text := rps.Printable(r.Message)
	if details != nil {
		text += " (" + strings.Join(details, ", ") + ")"
	}
	switch {
	case r.Level >= slog.LevelError:
		text = "error: " + text
	case r.Level >= slog.LevelWarn:
		text = "warning: " + text
	}
	_, err := fmt.Fprintln(m.out, text)
	return err
}

func (m messages) WithAttrs(attrs []slog.Attr) slog.Handler {
	m.attrs = append(m.attrs[:len(m.attrs):len(m.attrs)], attrs...)
	return m
}

// WithGroup returns m: nothing here logs groups.
func (m messages) WithGroup(string) slog.Handler { return m }
