package pricing

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// exactSpecificity is that of a pattern without wildcards: above that of every glob.
const exactSpecificity = 1000

// pattern is a glob as DuckDB reads it: * any text, ? one byte, [abc], [a-z] and [!a-z] one
// byte of a class, \ takes the next byte as it is. Case matters. A pattern that is broken
// matches nothing.
type pattern struct {
	text        string
	literal     bool // stands for its own text only
	specificity int  // the number of characters that are no * and no ?
}

func newPattern(text string) pattern {
	p := pattern{text: text, literal: !strings.ContainsAny(text, `*?[\`), specificity: exactSpecificity}
	if strings.ContainsAny(text, `*?[`) {
		p.specificity = utf8.RuneCountInString(text) - strings.Count(text, "*") - strings.Count(text, "?")
	}
	return p
}

// problem says why the pattern can match nothing; empty means that it can.
func (p pattern) problem() string {
	if p.text == "" {
		return "missing"
	}
	for rest := p.text; rest != ""; {
		n := 1
		switch rest[0] {
		case '[':
			if _, n = bracket(rest, 0); n == 0 {
				return "\"" + p.text + "\" has a [ without a ]"
			}
		case '\\':
			if n = 2; len(rest) < n {
				return "\"" + p.text + "\" ends with a \\"
			}
		}
		rest = rest[n:]
	}
	return ""
}

// matches tells whether the whole of s is one of the texts that p stands for.
func (p pattern) matches(s string) bool {
	if p.literal {
		return p.text == s
	}
	return glob(p.text, s)
}

// glob compares byte by byte. After a mismatch it goes back to the last * only, which makes
// it len(pattern) x len(s) at worst.
func glob(pattern, s string) bool {
	p, i := 0, 0
	star, mark := -1, 0
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			star, mark = p, i
			p++
			continue
		}
		if n := one(pattern[p:], s[i]); n > 0 {
			p += n
			i++
			continue
		}
		if star < 0 {
			return false
		}
		mark++
		p, i = star+1, mark
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// one returns the length of the element at the start of pattern if it matches b, else 0.
func one(pattern string, b byte) int {
	if pattern == "" {
		return 0
	}
	switch pattern[0] {
	case '?':
		return 1
	case '[':
		if ok, n := bracket(pattern, b); ok {
			return n
		}
		return 0
	case '\\':
		if len(pattern) > 1 && pattern[1] == b {
			return 2
		}
		return 0
	}
	if pattern[0] == b {
		return 1
	}
	return 0
}

// bracket reads the class at the start of pattern: whether b is in it, and its length, which
// is 0 if it has no end. A ] that stands first is a member; a - between two bytes always
// makes a range, even where the second one is a ].
func bracket(pattern string, b byte) (in bool, n int) {
	i := 1
	invert := i < len(pattern) && pattern[i] == '!'
	if invert {
		i++
	}
	for first := i; i < len(pattern); {
		low, high := pattern[i], pattern[i]
		if low == ']' && i > first {
			return in != invert, i + 1
		}
		i++
		if i+1 < len(pattern) && pattern[i] == '-' {
			high = pattern[i+1]
			i += 2
		}
		in = in || low <= b && b <= high
	}
	return false, 0
}

// trimBracket takes a suffix such as [1m] from a model's name.
func trimBracket(model string) string {
	if !strings.HasSuffix(model, "]") {
		return model
	}
	body := model[:len(model)-1]
	last := strings.LastIndexByte(body, ']') + 1
	if open := strings.IndexByte(body[last:], '['); open >= 0 {
		return model[:last+open]
	}
	return model
}

// trimDate takes a date such as -20250929, or as OpenAI writes it -2025-09-29, from a model's name.
func trimDate(model string) string {
	for _, form := range [...]string{"-20######", "-20##-##-##"} {
		if name, ok := trimForm(model, form); ok {
			return name
		}
	}
	return model
}

// trimForm takes what has a form from the end of a model's name; a # is a digit.
func trimForm(model, form string) (name string, ok bool) {
	from := len(model) - len(form)
	if from < 0 {
		return "", false
	}
	for i := range len(form) {
		switch c := model[from+i]; {
		case form[i] == '#' && (c < '0' || c > '9'), form[i] != '#' && c != form[i]:
			return "", false
		}
	}
	return model[:from], true
}

// Names of Claude at the clouds. Amazon's stand in an ARN or behind a region, and end with a version;
// at Google a version stands behind an @.
var (
	atAmazon = regexp.MustCompile(`^(?:arn:[^/]*/)?(?:[a-z-]+\.)?anthropic\.(.*?)(?:-v[0-9]+(?::[0-9]+k?)*)?$`)
	atGoogle = regexp.MustCompile(`@(?:20[0-9]{6}|default|latest)$`)
)

// trimCloud takes from a model's name what a cloud puts around it: eu.anthropic.claude-opus-5-5-v1:0
// and claude-opus-5-5@default are claude-opus-5-5. The name behind an inference profile of one's own
// is not in its ARN, which stays.
func trimCloud(model string) string {
	if !strings.Contains(model, "anthropic.") && !strings.Contains(model, "@") {
		return model
	}
	return atGoogle.ReplaceAllString(atAmazon.ReplaceAllString(model, "$1"), "")
}

// Matches tells whether the whole of name is one of the texts that a pattern of the book, such as
// claude-opus-*, stands for.
func Matches(pattern, name string) bool { return newPattern(pattern).matches(name) }
