package pricing

import (
	"strings"
	"testing"
)

// slowGlob is the definition of a glob, word for word.
func slowGlob(pattern, s string) bool {
	if pattern == "" {
		return s == ""
	}
	if pattern[0] == '*' {
		return slowGlob(pattern[1:], s) || s != "" && slowGlob(pattern, s[1:])
	}
	if s == "" {
		return false
	}
	switch pattern[0] {
	case '?':
		return slowGlob(pattern[1:], s[1:])
	case '\\':
		return len(pattern) > 1 && pattern[1] == s[0] && slowGlob(pattern[2:], s[1:])
	case '[':
		members, rest, ok := slowClass(pattern[1:])
		return ok && members[s[0]] && slowGlob(rest, s[1:])
	}
	return pattern[0] == s[0] && slowGlob(pattern[1:], s[1:])
}

// slowClass reads what follows a [ as the set of the bytes that match.
func slowClass(pattern string) (members [256]bool, rest string, ok bool) {
	pattern, invert := strings.CutPrefix(pattern, "!")
	for first := true; pattern != "" && (first || pattern[0] != ']'); first = false {
		low, high, n := int(pattern[0]), int(pattern[0]), 1
		if len(pattern) > 2 && pattern[1] == '-' {
			high, n = int(pattern[2]), 3
		}
		for b := low; b <= high; b++ {
			members[b] = true
		}
		pattern = pattern[n:]
	}
	if pattern == "" {
		return members, "", false
	}
	for b := range members {
		members[b] = members[b] != invert
	}
	return members, pattern[1:], true
}

func TestGlobMatchesAsInDuckDB(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"claude-opus-5-5", "claude-opus-5-5", true},
		{"claude-opus-5-5", "claude-opus-5-5x", false},
		{"Claude*", "claude-opus", false},
		{"*", "", true},
		{"**", "x", true},
		{"*haiku*", "claude-haiku-5-5", true},
		{"*haiku", "claude-haiku-5-5", false},
		{"claude-*-4-?", "claude-opus-4-8", true},
		{"claude-*-4-?", "claude-opus-4-", false},
		{"?", "", false},
		{"glm-[45].[0-9]", "glm-4.7", true},
		{"glm-[45].[0-9]", "glm-6.7", false},
		{"glm-[!45]*", "glm-6.7", true},
		{"glm-[!45]*", "glm-4.7", false},
		{"[]]", "]", true},
		{"[!]]", "]", false},
		{"[a-]", "a", false}, // a range from a to ], and then no end
		{"[-a]", "-", true},
		{"[a-c-]", "-", true},
		{"[c-a]", "b", false},
		{"x[[]1m]", "x[1m]", true},
		{"x[1m]", "x[1m]", false},
		{"x[1m]", "xm", true},
		{`x\[1m]`, "x[1m]", true},
		{`x\*`, "x*", true},
		{`x\*`, "xy", false},
		{`x\`, `x\`, false},
		{"[", "[", false},
		{"a[", "a", false},
		{"[abc", "a", false},
		{"[]", "]", false},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "a-c-b", false},
	} {
		if got := newPattern(c.pattern).matches(c.s); got != c.want {
			t.Errorf("%q matches %q: %t", c.pattern, c.s, got)
		}
		if got := slowGlob(c.pattern, c.s); got != c.want {
			t.Errorf("%q matches %q by definition: %t", c.pattern, c.s, got)
		}
	}
}

func FuzzGlobIsItsDefinition(f *testing.F) {
	for _, seed := range [][2]string{
		{"*haiku*", "claude-haiku-5-5"}, {"a*b*c", "abcbc"}, {"[!a-c]?*", "xyz"}, {`\*[]`, "*"}, {"[a-", "a"}, {"[]-a]", "^"}, {"***a", "aaab"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if strings.Count(pattern, "*") > 6 || len(s) > 40 || len(pattern) > 40 {
			t.Skip("the definition takes too long")
		}
		p := newPattern(pattern)
		if got, want := p.matches(s), slowGlob(pattern, s); got != want {
			t.Errorf("%q matches %q: %t, by definition %t", pattern, s, got, want)
		}
		if problem := p.problem(); problem != "" && pattern != "" && p.matches(s) {
			t.Errorf("%q matches %q but: %s", pattern, s, problem)
		}
		if p.literal && !p.matches(pattern) {
			t.Errorf("%q does not match itself", pattern)
		}
	})
}

// A pattern from a file may not keep a request waiting: the definition would take hours.
func TestGlobWithManyStarsIsFast(t *testing.T) {
	pattern := strings.Repeat("*a", 60) + "b"
	if glob(pattern, strings.Repeat("a", 4000)) {
		t.Error("matched")
	}
}

func TestSpecificityCountsWhatIsNoWildcard(t *testing.T) {
	for text, want := range map[string]int{
		"claude-opus-5-5": exactSpecificity, "*": 0, "claude-*": 7, "claude-?-*": 8, "glm-[45]": 8, "modèle-*": 7, `x\y`: exactSpecificity,
	} {
		if got := newPattern(text).specificity; got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestSuffixAndDateAreTrimmedAtTheEndOnly(t *testing.T) {
	for name, want := range map[string][2]string{
		"claude-opus-5-5":          {"claude-opus-5-5", "claude-opus-5-5"},
		"claude-opus-5-5[1m]":      {"claude-opus-5-5", "claude-opus-5-5[1m]"},
		"claude-opus-4-5-20251101": {"claude-opus-4-5-20251101", "claude-opus-4-5"},
		"a[x][1m]":                 {"a[x]", "a[x][1m]"},
		"a[b[c]":                   {"a", "a[b[c]"},
		"a[]":                      {"a", "a[]"},
		"a]":                       {"a]", "a]"},
		"[1m]a":                    {"[1m]a", "[1m]a"},
		"a-20251101-20251102":      {"a-20251101-20251102", "a-20251101"},
		"gpt-5.6-sol-2026-07-09":   {"gpt-5.6-sol-2026-07-09", "gpt-5.6-sol"},
		"gpt-5.6-sol-2026-7-9":     {"gpt-5.6-sol-2026-7-9", "gpt-5.6-sol-2026-7-9"},
		"gpt-5.6-sol-2026-0709":    {"gpt-5.6-sol-2026-0709", "gpt-5.6-sol-2026-0709"},
		"a-19991101":               {"a-19991101", "a-19991101"},
		"a-2025110":                {"a-2025110", "a-2025110"},
		"a-20x51101":               {"a-20x51101", "a-20x51101"},
		"-20251101":                {"-20251101", ""},
		"":                         {"", ""},
	} {
		if got := trimBracket(name); got != want[0] {
			t.Errorf("without suffix, %q is %q", name, got)
		}
		if got := trimDate(name); got != want[1] {
			t.Errorf("without date, %q is %q", name, got)
		}
	}
}

func TestWhatACloudPutsAroundANameIsTrimmed(t *testing.T) {
	const inside = "claude-opus-5-5"
	for name, want := range map[string]string{
		"anthropic.claude-opus-5-5":             inside,
		"anthropic.claude-opus-5-5-v1":          inside,
		"anthropic.claude-opus-5-5-v1:0":        inside,
		"anthropic.claude-opus-5-5-v2:0:200k":   inside,
		"eu.anthropic.claude-opus-5-5-v1:0":     inside,
		"us-gov.anthropic.claude-opus-5-5-v1:0": inside,
		"arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-opus-5-5-v1:0": inside,
		"arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/anthropic.claude-opus-5-5-v1:0":         inside,
		"claude-opus-5-5@20260922": inside,
		"claude-opus-5-5@default":  inside,
		"claude-opus-5-5@latest":   inside,

		"apac.anthropic.claude-sonnet-4-5-20250929-v1:0": "claude-sonnet-4-5-20250929",
		"anthropic.claude-opus-4-8-v":                    "claude-opus-4-8-v",
		"claude-opus-5-5-v1:0":                           "claude-opus-5-5-v1:0", // no name of Amazon's
		"claude-opus-5-5@2026":                           "claude-opus-5-5@2026",
		"meta.llama4-v1:0":                               "meta.llama4-v1:0",
		"xanthropic.claude-opus-5-5":                     "xanthropic.claude-opus-5-5",
		"arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/ab12cd34": "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/ab12cd34",
		"anthropic.": "",
		"":           "",
	} {
		if got := trimCloud(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}
