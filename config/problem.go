package config

import (
	"cmp"
	"slices"
)

// Severity tells whether a problem keeps a file from being used.
type Severity string

// The severities of a [Problem].
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Codes of problems: the stable names that scripts branch on.
const (
	CodeInvalid      = "config_invalid"  // shape, values, references
	CodeUnsealed     = "config_unsealed" // the file is in clear text and that is not allowed
	CodeSecretFormat = "secret_format"   // a key in clear text in a sealed file, or one no header can carry
	CodePinMismatch  = "pin_mismatch"    // a key beside a host it was not confirmed for
)

// maxProblems bounds what one file can make us say.
const maxProblems = 100

// Pos is a place in a file: line and column, both counted from 1, the column in characters.
// The zero value is no place.
type Pos struct{ Line, Column int }

// IsZero tells whether p is no place.
func (p Pos) IsZero() bool { return p.Line == 0 }

// Problem is one thing wrong with a file: what, where and how to mend it.
type Problem struct {
	Severity Severity
	Code     string // one of the Code constants
	File     string
	Line     int    // from 1; 0 when the file as a whole is meant
	Column   int    // from 1, in characters
	Path     string // profiles[local].dialect
	Message  string // what is wrong, lower case, without a full stop
	Fix      string // a command, or the line to write
	Excerpt  string // the line, the one before it and a caret; keys are redacted
}

// Problems are all the problems of a file, errors first, then by place. As an error they
// read like the output of prism check.
type Problems []Problem //nolint:errname // first of all a list, which is an error only if one of them is

// Err returns ps as an error if one of them is an error, else nil.
func (ps Problems) Err() error {
	if ps.Errors() == 0 {
		return nil
	}
	return ps
}

// Errors returns how many problems are errors; the rest are warnings.
func (ps Problems) Errors() int {
	n := 0
	for i := range ps {
		if ps[i].Severity == SeverityError {
			n++
		}
	}
	return n
}

// Error implements error; it is [Problems.Text].
func (ps Problems) Error() string { return ps.Text() }

// Locate completes problems that know their place but not their file: the file name and the
// excerpt from its text. The pins report such problems.
func (ps Problems) Locate(file string, src []byte) Problems {
	out := slices.Clone(ps)
	lines := newExcerpts(src)
	for i := range out {
		if out[i].File == "" {
			out[i].File = file
		}
		if out[i].Excerpt == "" && out[i].Line > 0 {
			out[i].Excerpt = lines.at(Pos{out[i].Line, out[i].Column})
		}
	}
	return out
}

func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.Severity, b.Severity),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
		)
	})
}

// report gathers the problems of one file.
type report struct {
	file    string
	lines   *excerpts
	all     Problems
	dropped int
}

func newReport(file string, src []byte) *report {
	return &report{file: file, lines: newExcerpts(src)}
}

// note is a problem before it has severity, code and excerpt.
type note struct {
	pos     Pos
	path    string
	message string
	fix     string
	bare    bool // no excerpt: the line holds a secret and nothing else of interest
}

func (r *report) error(n note)   { r.add(SeverityError, CodeInvalid, n) }
func (r *report) warning(n note) { r.add(SeverityWarning, CodeInvalid, n) }
func (r *report) secret(n note)  { n.bare = true; r.add(SeverityError, CodeSecretFormat, n) }

func (r *report) add(severity Severity, code string, n note) {
	if len(r.all) >= maxProblems {
		r.dropped++
		return
	}
	p := Problem{Severity: severity, Code: code, File: r.file, Path: n.path, Message: n.message, Fix: n.fix}
	if !n.pos.IsZero() {
		n.pos = r.lines.clamp(n.pos)
		p.Line, p.Column = n.pos.Line, n.pos.Column
		if !n.bare {
			p.Excerpt = r.lines.at(n.pos)
		}
	}
	r.all = append(r.all, p)
}

// problems returns what was gathered, sorted, with a last line that says how many were left out.
func (r *report) problems() Problems {
	r.all.sort()
	if r.dropped > 0 {
		r.all = append(r.all, Problem{
			Severity: SeverityError, Code: CodeInvalid, File: r.file,
			Message: "too many problems, " + plural(r.dropped, "more is", "more are") + " not shown",
			Fix:     "mend those above and check again",
		})
	}
	return r.all
}
