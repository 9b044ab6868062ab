package config

import "testing"

func TestGlobMatchesTheWholeName(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true},
		{"*", "a/b", true},
		{"?*", "", false},
		{"?*", "x", true},
		{"*haiku*", "claude-haiku-5-5", true},
		{"*haiku*", "vendor/claude-haiku-5-5", true},
		{"claude-*-5", "claude-opus-5", true},
		{"claude-*-5", "claude-opus-5-5", true},
		{"claude-*-5", "claude-opus-4", false},
		{"glm-5", "glm-5.1", false},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXbY", false},
		{"", "", true},
		{"", "x", false},
		{"glm-5[1m]", "glm-5[1m]", true},
	} {
		if got := Glob(c.pattern, c.s); got != c.want {
			t.Errorf("Glob(%q, %q) = %v, want %v", c.pattern, c.s, got, c.want)
		}
	}
}
