package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"text/template"
	"time"
)

// line is what is shown without a template. What is not known is left out.
func (f *lineFacts) line(a *app) string {
	who := f.Profile
	switch f.State {
	case "down":
		who = a.text("prism down")
	case "direct":
		who = a.text("direct")
	}
	limit := ""
	if f.FiveHour != "" {
		limit = "5h " + f.FiveHour
		if f.Reset != "" {
			limit += " ↻" + f.Reset
		}
	}
	var parts []string
	for _, p := range []string{who, f.Model, a.around("ctx %s", f.Context), a.around("%s session", f.Session), a.around("%s today", f.Today), limit, f.Budget} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, " · ")
}

// around puts s into format; nothing stays nothing.
func (a *app) around(format, s string) string {
	if s == "" {
		return ""
	}
	return strings.Replace(a.said(format), "%s", s, 1)
}

// fill fills a template, which can count to any number: when ctx ends it has failed.
func (f *lineFacts) fill(ctx context.Context, text string) (string, error) {
	t, err := template.New("line").Parse(text)
	if err != nil {
		return "", err
	}
	b := &limitedText{ctx: ctx}
	done := make(chan error, 1)
	go func() { done <- t.Execute(b, f) }()
	select {
	case err := <-done:
		return b.text.String(), err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// limitedText takes text until ctx ends.
type limitedText struct {
	ctx  context.Context //nolint:containedctx // a writer has no other way to end what fills it
	text strings.Builder
}

// Write implements io.Writer.
func (l *limitedText) Write(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	return l.text.Write(p)
}

// dated is the end of a model's name that tells nobody anything in a line.
var dated = regexp.MustCompile(`([-@]20[0-9]{6})?(\[1m\])?$`)

// maxModel bounds the name of a model in a line, in characters.
const maxModel = 40

// shortModel is a model's name as people say it.
func shortModel(id string) string {
	id = id[strings.LastIndexByte(id, '/')+1:]
	id = strings.TrimPrefix(dated.ReplaceAllString(id, ""), "claude-")
	return shorten(id, maxModel)
}

// until writes how long it is until then; "" once it is over.
func until(now, then time.Time) string {
	switch d := then.Sub(now); {
	case d <= 0:
		return ""
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd%dh", int(d.Hours())/24, int(d.Hours())%24)
	}
}
