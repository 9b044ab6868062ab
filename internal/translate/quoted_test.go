package translate_test

import (
	"strings"
	"testing"

	"prism/internal/translate"
)

// TestQuotedIsWrittenAsItWouldBe holds what is copied against what would be decoded and written anew.
func TestQuotedIsWrittenAsItWouldBe(t *testing.T) {
	for raw, same := range map[string]bool{
		``:                                   true,
		`plain words, 27 of them.`:           true,
		`a line\n\tand \"quoted\" \\ back\r`: true,
		"ü🙂數 and \u2028":                     true,
		`\u00fc`:                             false,
		`\/ \b \f`:                           false,
		`\x`:                                 false,
		"\x01":                               false,
		"in two\nlines":                      false,
		"no UTF-8 \xff":                      false,
		"half a rune \xe2\x82":               false,
		strings.Repeat("x", 9) + `\`:         false,
	} {
		q, ok := translate.ReadQuoted([]byte(raw + `",`))
		if ok != same || ok && string(q.Raw) != raw {
			t.Errorf("%q: %v, %q", raw, ok, q.Raw)
		}
		checkQuoted(t, []byte(raw+`",`))
	}
}

func checkQuoted(t *testing.T, b []byte) {
	t.Helper()
	q, ok := translate.ReadQuoted(b)
	if !ok {
		return
	}
	said := translate.Unescape(nil, q.Raw)
	if again := translate.Quote(nil, string(said)); string(again) != `"`+string(q.Raw)+`"` || len(said) != q.Size || b[len(q.Raw)] != '"' {
		t.Errorf("%q, which says %q in %d bytes, would be written %s", q.Raw, said, q.Size, again)
	}
}

// FuzzQuoted holds the same for any bytes, and that everything that is written can be copied but
// control characters.
func FuzzQuoted(f *testing.F) {
	for _, s := range []string{``, `a"`, `\n\"ü"`, "12345678\\\\\"", "\xff\"", `1234567é\t"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		checkQuoted(t, b)
		s := strings.ToValidUTF8(string(b), "\ufffd")
		odd := strings.ContainsFunc(s, func(c rune) bool { return c < ' ' && !strings.ContainsRune("\n\r\t", c) })
		if q, ok := translate.ReadQuoted(translate.Quote(nil, s)[1:]); ok == odd || ok && q.Size != len(s) {
			t.Errorf("%q: %v, %d bytes", s, ok, q.Size)
		}
	})
}

// TestWriterCopiesOnlyWhatGoesOn lets the writer copy wherever it can, and holds the stream against
// one that copies nothing.
func TestWriterCopiesOnlyWhatGoesOn(t *testing.T) {
	type step struct{ kind, text string }
	say := func(w *translate.Writer, s step, copies bool) bool {
		raw := translate.Quote(nil, s.text)
		q, ok := translate.ReadQuoted(raw[1:])
		if !ok {
			t.Fatalf("%q is not written so", s.text)
		}
		switch s.kind {
		case "text":
			if copies && w.TextQuoted(&q) {
				return true
			}
			w.Text(s.text)
		case "thinking":
			if copies && w.ThinkingQuoted(&q) {
				return true
			}
			w.Thinking(s.text)
		case "tool":
			w.Tool(int(s.text[0]), "", "Ls")
		case "done":
			w.ToolDone(int(s.text[0]))
		default:
			if copies && w.ArgsQuoted(int(s.kind[0]), &q) {
				return true
			}
			w.Args(int(s.kind[0]), s.text)
		}
		return false
	}
	for name, steps := range map[string][]step{
		"text":               {{"text", "a"}, {"text", "b\n"}, {"text", ""}, {"text", " "}},
		"white space first":  {{"text", " "}, {"text", "\n"}, {"text", "a"}, {"text", "b"}},
		"thinking and text":  {{"thinking", "a"}, {"thinking", "b"}, {"text", " "}, {"thinking", "c"}, {"text", "d"}, {"text", "e"}},
		"calls":              {{"tool", "0"}, {"0", "{"}, {"0", "}"}, {"tool", "1"}, {"1", "{"}, {"0", " "}, {"1", "}"}, {"done", "0"}, {"1", " "}, {"0", "no"}},
		"text behind a call": {{"tool", "0"}, {"0", "{"}, {"text", "a"}, {"text", "b"}, {"0", "}"}},
		"unknown call":       {{"0", "{"}, {"text", "a"}},
	} {
		for _, stops := range [][]string{nil, {"b"}} {
			plain, copied, n := newWriter(stops...), newWriter(stops...), 0
			for _, s := range steps {
				say(plain, s, false)
				if say(copied, s, true) {
					n++
				}
			}
			plain.End()
			copied.End()
			if a, b := string(plain.Take()), string(copied.Take()); a != b {
				t.Errorf("%s, stops %q:\n%s\nis\n%s", name, stops, a, b)
			}
			if n > 0 && stops != nil {
				t.Errorf("%s: copied although a stop sequence may stand there", name)
			}
		}
	}
}
