package config

import (
	"strconv"
	"strings"
)

// quote puts text in quotes; characters that do not print are escaped.
func quote(text string) string { return strconv.Quote(text) }

// nearest returns the candidate a typo of which name may be, or "".
func nearest(name string, candidates []string) string {
	best, limit := "", max(1, len(name)/3)
	if len(name) > 64 {
		return ""
	}
	lower := strings.ToLower(strings.ReplaceAll(name, "-", "_"))
	for _, c := range candidates {
		if d := distance(lower, strings.ToLower(strings.ReplaceAll(c, "-", "_"))); d <= limit {
			best, limit = c, d-1
		}
	}
	return best
}

// distance counts the edits between two names: insert, delete, replace, exchange neighbours.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before := make([]int, len(y)+1)
	last := make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row := make([]int, len(y)+1)
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(y)]
}

// oneOf lists choices for a sentence: a, b or c.
func oneOf(choices []string) string {
	if len(choices) < 2 {
		return strings.Join(choices, "")
	}
	n := len(choices) - 1
	return strings.Join(choices[:n], ", ") + " or " + choices[n]
}
