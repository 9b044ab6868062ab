package lang

import "golang.org/x/text/language"

// Phrase is a text that waits for its language: part of a sentence that is made where nobody
// knows yet who will read it. As a [fmt.Stringer] it is English.
type Phrase struct {
	format  string
	args    []any
	counted bool
	n       int
}

// Say is the phrase of [Printer.Text].
func Say(format string, args ...any) Phrase { return Phrase{format: format, args: args} }

// Number is the phrase of [Printer.Count].
func Number(n int, format string) Phrase { return Phrase{format: format, counted: true, n: n} }

// In says the phrase in the language of p.
func (f Phrase) In(p Printer) string {
	if f.counted {
		return p.Count(f.n, f.format)
	}
	return p.Text(f.format, f.args...)
}

// String says it in English.
func (f Phrase) String() string {
	if f.counted {
		return For(language.English).Count(f.n, f.format)
	}
	return f.In(Printer{})
}
