package config

import (
	"fmt"
	"strings"
)

// diffContext is how many unchanged lines stand around a change.
const diffContext = 2

// Diff shows how one text of profiles.yaml differs from another, line by line, in the unified
// format. Keys are redacted and ciphertexts shortened in both, so that what differs in these alone
// is not shown. It returns "" where nothing is left to show.
func Diff(before, after []byte) string {
	d := differ{a: redactedLines(before), b: redactedLines(after)}
	d.compare()
	return d.text()
}

func redactedLines(src []byte) []string {
	e := newExcerpts(src)
	out := make([]string, len(e.lines))
	for i := range e.lines {
		out[i] = e.redact(i)
	}
	if n := len(out); out[n-1] == "" {
		out = out[:n-1] // what follows the last line end is no line
	}
	return out
}

// region is a stretch of lines that became others: a[a0:a1] became b[b0:b1].
type region struct{ a0, a1, b0, b1 int }

type differ struct {
	a, b    []string
	changes []region
}

// compare walks through both texts and goes on where they meet again soonest. That is not always
// the shortest difference, but one that holds, and edits of this file are few and small.
func (d *differ) compare() {
	i, j := 0, 0
	for i < len(d.a) || j < len(d.b) {
		if i < len(d.a) && j < len(d.b) && d.a[i] == d.b[j] {
			i, j = i+1, j+1
			continue
		}
		x, y := d.meet(i, j)
		for x > i && y > j && d.a[x-1] == d.b[y-1] {
			x, y = x-1, y-1 // blank lines before the place
		}
		d.changes = append(d.changes, region{i, x, j, y})
		i, j = x, y
	}
}

// meet returns where the texts are the same again, both as early as can be. Blank lines are the
// same everywhere and prove nothing.
func (d *differ) meet(i, j int) (x, y int) {
	const far = 2_000 // lines; further apart than this, the rest counts as changed
	for n := 1; n <= far; n++ {
		for k := range n + 1 {
			x, y := i+k, j+n-k
			if x < len(d.a) && y < len(d.b) && d.a[x] == d.b[y] && strings.TrimSpace(d.a[x]) != "" {
				return x, y
			}
		}
	}
	return len(d.a), len(d.b)
}

func (d *differ) text() string {
	var b strings.Builder
	for n := 0; n < len(d.changes); {
		// Changes that are near to each other share their context.
		end := n + 1
		for end < len(d.changes) && d.changes[end].a0-d.changes[end-1].a1 <= 2*diffContext {
			end++
		}
		d.hunk(&b, d.changes[n:end])
		n = end
	}
	return b.String()
}

// hunk writes changes that follow each other closely.
func (d *differ) hunk(b *strings.Builder, changes []region) {
	first, last := changes[0], changes[len(changes)-1]
	lead := min(diffContext, first.a0)
	tail := min(diffContext, len(d.a)-last.a1)
	fmt.Fprintf(b, "@@ -%s +%s @@\n", span(first.a0-lead, last.a1+tail), span(first.b0-lead, last.b1+tail))
	at := first.a0 - lead
	for _, c := range changes {
		writeLines(b, " ", d.a[at:c.a0])
		writeLines(b, "-", d.a[c.a0:c.a1])
		writeLines(b, "+", d.b[c.b0:c.b1])
		at = c.a1
	}
	writeLines(b, " ", d.a[at:last.a1+tail])
}

// span names lines as the unified format does: from 1, with their number; none by the line before.
func span(from, to int) string {
	if from == to {
		return fmt.Sprintf("%d,0", from)
	}
	return fmt.Sprintf("%d,%d", from+1, to-from)
}

func writeLines(b *strings.Builder, mark string, lines []string) {
	for _, line := range lines {
		b.WriteString(mark + line + "\n")
	}
}
