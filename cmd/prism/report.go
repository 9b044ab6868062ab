package main

import (
	"errors"
	"fmt"
	"strings"

	"prism/config"
	"prism/internal/admin"
)

// report prints err once: as JSON on stdout where JSON was asked for, else on stderr with
// the fix on the last line.
func (a *app) report(err error) {
	var child childError
	var q quietError
	if errors.As(err, &child) || errors.As(err, &q) {
		return
	}
	e := describe(err)
	if a.asJSON || a.format == formatJSON || a.format == formatNDJSON {
		_ = a.writeJSON(a.out, struct {
			Error *admin.Error `json:"error"`
		}{e}, a.format != formatNDJSON)
		return
	}
	var ps config.Problems
	if errors.As(err, &ps) && len(ps) > 0 {
		fmt.Fprint(a.err, escape(problemsText(ps), true))
		return
	}
	fmt.Fprintln(a.err, escape("error: "+e.Message, true))
	if e.At != nil && e.At.File != "" {
		fmt.Fprintln(a.err, escape("   at "+placeOf(a, e.At), false))
	}
	if e.Fix != "" {
		fmt.Fprintln(a.err, escape("fix: "+e.Fix, false))
	}
}

// problemsText is what check prints, without the count: the last line is the last fix.
func problemsText(ps config.Problems) string {
	var b strings.Builder
	b.WriteString(ps[0].File + "\n")
	for i := range ps {
		if ps[i].Severity == config.SeverityError {
			b.WriteString(ps[i].Text())
		}
	}
	text := b.String()
	if i := strings.LastIndex(text, "\n   fix: "); i >= 0 {
		text = text[:i+1] + text[i+len("\n   "):]
	}
	return text
}

func placeOf(a *app, p *admin.Position) string {
	s := a.tilde(p.File)
	if p.Line > 0 {
		s += fmt.Sprintf(":%d", p.Line)
		if p.Column > 0 {
			s += fmt.Sprintf(":%d", p.Column)
		}
	}
	if p.Path != "" {
		s += "  " + p.Path
	}
	return s
}

// note says something on stderr that is not data.
func (a *app) note(format string, args ...any) {
	fmt.Fprintln(a.err, escape(fmt.Sprintf(format, args...), true))
}
