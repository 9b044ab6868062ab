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
		fmt.Fprint(a.err, escape(a.refusalText(ps), true))
		return
	}
	fmt.Fprintln(a.err, escape(a.text("error: %s", a.said(e.Message)), true))
	if e.At != nil && e.At.File != "" {
		fmt.Fprintln(a.err, escape("   "+a.text("at %s", placeOf(a, e.At)), false))
	}
	if e.Fix != "" {
		fmt.Fprintln(a.err, escape(a.fixText(e.Fix), false))
	}
}

// fixText is what stands on the last line of an error.
func (a *app) fixText(fix string) string { return a.text("fix: %s", a.said(fix)) }

// refusalText is what check prints, without the count: the last line is the last fix.
func (a *app) refusalText(ps config.Problems) string {
	var b strings.Builder
	b.WriteString(ps[0].File + "\n")
	for i := range ps {
		if ps[i].Severity == config.SeverityError {
			b.WriteString(a.problemText(ps[i]))
		}
	}
	text := b.String()
	if i := strings.LastIndex(text, "\n   "+a.text("fix: %s", "")); i >= 0 {
		text = text[:i+1] + text[i+len("\n   "):]
	}
	return text
}

// problemText is the text of a problem without its file, in the language of this run.
func (a *app) problemText(p config.Problem) string {
	if a.lang.English() {
		return p.Text()
	}
	p.Message, p.Fix = a.said(p.Message), a.said(p.Fix)
	text := a.said(string(p.Severity)) + strings.TrimPrefix(p.Text(), string(p.Severity))
	return strings.Replace(text, "\n   fix: ", "\n   "+a.text("fix: %s", ""), 1)
}

// problemsText is the text of all problems, with their count.
func (a *app) problemsText(ps config.Problems) string {
	if a.lang.English() {
		return ps.Text()
	}
	var b strings.Builder
	file := ""
	for i := range ps {
		if ps[i].File != file {
			file = ps[i].File
			b.WriteString(file + "\n")
		}
		b.WriteString(a.problemText(ps[i]))
	}
	b.WriteString(a.countText(ps) + "\n")
	return b.String()
}

// countText is [config.Problems.Summary] in the language of this run.
func (a *app) countText(ps config.Problems) string {
	errs := ps.Errors()
	warnings := len(ps) - errs
	switch {
	case errs > 0 && warnings > 0:
		return a.text("%s, %s", plural(errs, "%d errors"), plural(warnings, "%d warnings"))
	case errs > 0:
		return a.count(errs, "%d errors")
	case warnings > 0:
		return a.count(warnings, "%d warnings")
	}
	return a.text("no problems")
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
	fmt.Fprintln(a.err, escape(a.text(format, args...), true))
}
