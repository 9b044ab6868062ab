package lang

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// verb is a placeholder: what Sprintf replaces.
var verb = regexp.MustCompile(`%(\[\d+\])?[-+#0]*(\d+|\*)?(\.\d+)?[a-zA-Z%]`)

// pattern is a key whose verbs may be anything.
type pattern struct {
	literals []string // what stands around the verbs; one more than there are verbs
	nested   []bool   // the verb holds an error, which may itself be translated
	weight   int      // letters of the literals
	text     string   // the translation, with its verbs
}

// Letters that a key needs to recognise a sentence by, in all and in a row: "%s at %s" would fit
// everything. One that holds an error is an error, which needs less.
const (
	leastLetters = 6
	leastOfError = 3
	leastRun     = 3
	around       = 1000 // more than any key has
)

// Translate says a finished English text, which a key has made at some time and place. What was
// put into its placeholders is taken over; an error within an error (%w, %v) is translated on its
// own. A text that no key fits is returned as it is.
func (p Printer) Translate(text string) string {
	if p.English() || text == "" {
		return text
	}
	if said := p.known(text)[other]; said != "" {
		return said
	}
	p.learn.Do(func() { p.patterns = patternsOf(p.texts) })
	for _, pat := range p.patterns {
		if values, ok := pat.match(text); ok {
			return p.fill(pat, values)
		}
	}
	// An error of ours around one that no key foresees, or the other way round.
	if head, tail, ok := strings.Cut(text, ": "); ok {
		said, rest := p.sentence(head), p.sentence(tail)
		if said == head {
			return head + ": " + rest // what stays as it is keeps its mark
		}
		return p.Text("%s: %s", said, rest)
	}
	return text
}

// sentence is Translate for a part of a text. A single word is none: it may be the name of a field
// that is to be written as it is.
func (p Printer) sentence(part string) string {
	if !strings.Contains(part, " ") {
		return part
	}
	return p.Translate(part)
}

// patternsOf turns the keys with verbs into patterns, those that say the most first.
func patternsOf(texts map[string]json.RawMessage) []pattern {
	out := make([]pattern, 0, len(texts))
	for key, entry := range texts {
		spans := verb.FindAllStringIndex(key, -1)
		if len(spans) == 0 {
			continue
		}
		said := formsOf(entry)[other]
		if said == "" {
			continue
		}
		pat := pattern{text: said, literals: []string{""}}
		at := 0
		for _, s := range spans {
			pat.extend(key[at:s[0]])
			at = s[1]
			if key[s[0]:s[1]] == "%%" {
				pat.extend("%")
				continue
			}
			pat.nested = append(pat.nested, strings.ContainsAny(key[s[1]-1:s[1]], "vw"))
			pat.literals = append(pat.literals, "")
		}
		pat.extend(key[at:])
		if said == key && !slices.Contains(pat.nested, true) {
			continue // it would keep others from saying what is in it
		}
		if pat.weigh() {
			out = append(out, pat)
		}
	}
	slices.SortFunc(out, func(a, b pattern) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(len(a.nested), len(b.nested)), cmp.Compare(a.text, b.text))
	})
	return out
}

// extend adds to the literal that is being collected.
func (t *pattern) extend(s string) { t.literals[len(t.literals)-1] += s }

// weigh counts the letters; it is false where they are too few to recognise anything by.
func (t *pattern) weigh() bool {
	longest, run := 0, 0
	for _, lit := range t.literals {
		run = 0
		for _, r := range lit {
			if !unicode.IsLetter(r) {
				run = 0
				continue
			}
			t.weight++
			run++
			longest = max(longest, run)
		}
	}
	least := leastLetters
	if slices.Contains(t.nested, true) {
		least = leastOfError
	}
	if len(t.nested) == 0 || t.weight < least || longest < leastRun {
		return false
	}
	// What goes around a whole sentence is found before the sentence, which would swallow it.
	if t.nested[0] && t.literals[0] == "" && t.weight > leastLetters {
		t.weight += around
	}
	return true
}

// match returns what stands in the places of the verbs: as little as possible in each but the
// last.
func (t *pattern) match(text string) ([]string, bool) {
	rest, ok := strings.CutPrefix(text, t.literals[0])
	if !ok {
		return nil, false
	}
	last := len(t.literals) - 1
	rest, ok = strings.CutSuffix(rest, t.literals[last])
	if !ok {
		return nil, false
	}
	values := make([]string, 0, last)
	for _, lit := range t.literals[1:last] {
		value, after, found := strings.Cut(rest, lit)
		if !found {
			return nil, false
		}
		values, rest = append(values, value), after
	}
	return append(values, rest), true
}

// fill puts the values into the translation, whose verbs may be in another order.
func (p Printer) fill(t pattern, values []string) string {
	next := 0
	return verb.ReplaceAllStringFunc(t.text, func(v string) string {
		if v == "%%" {
			return "%"
		}
		if n, ok := position(v); ok {
			next = n
		}
		i := next
		next++
		if i < 0 || i >= len(values) {
			return ""
		}
		if t.nested[i] {
			return p.Translate(values[i])
		}
		return values[i]
	})
}

// position is the index of a numbered verb: 1 for %[2]s.
func position(v string) (int, bool) {
	number, _, ok := strings.Cut(strings.TrimPrefix(v, "%["), "]")
	if !ok || !strings.HasPrefix(v, "%[") {
		return 0, false
	}
	n := 0
	for _, d := range number {
		n = n*10 + int(d-'0')
	}
	return n - 1, true
}
