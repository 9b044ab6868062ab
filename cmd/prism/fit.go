package main

import (
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// columnGap is what stands between two columns of a table.
const columnGap = "  "

// narrowest is how far a column of texts may shrink: 01M8…7QK still names a request.
const narrowest = 8

// least is how narrow a column can become.
func least(width int, c column) int {
	if c.right || c.whole {
		return width
	}
	return min(width, max(narrowest, text.StringWidthWithoutEscSequences(c.title())))
}

// keep tells which columns a terminal has room for: the last spare one goes first. A width of
// 0 is no limit.
func keep(widths []int, cols []column, width int) []int {
	kept := make([]int, len(cols))
	total := -len(columnGap)
	for i := range cols {
		kept[i] = i
		total += least(widths[i], cols[i]) + len(columnGap)
	}
	for width > 0 && total > width {
		last := -1
		for k, i := range kept {
			if cols[i].spare {
				last = k
			}
		}
		if last < 0 {
			break
		}
		i := kept[last]
		total -= least(widths[i], cols[i]) + len(columnGap)
		kept = slices.Delete(kept, last, last+1)
	}
	return kept
}

// pick returns the elements of list at the indexes.
func pick[T any](list []T, indexes []int) []T {
	out := make([]T, len(indexes))
	for n, i := range indexes {
		out[n] = list[i]
	}
	return out
}

// fit shrinks the widest columns of texts, one character at a time, until the row fits into
// the terminal. Numbers are never cut. A width of 0 is no limit.
func fit(widths []int, cols []column, width int) []int {
	total := len(columnGap) * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	for ; width > 0 && total > width; total-- {
		widest, most := -1, 0
		for i, w := range widths {
			if w > most && w > least(w, cols[i]) {
				widest, most = i, w
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	return widths
}

// shorten takes out the middle of s: the ends tell ids and models apart. The commands that
// take an id take this form of it too.
func shorten(s string, width int) string {
	if text.StringWidthWithoutEscSequences(s) <= width || width < 3 {
		return s
	}
	runes := []rune(s)
	head, tail := 0, len(runes)
	used := 1
	for head < tail {
		front := (head <= len(runes)-tail)
		r := runes[head]
		if !front {
			r = runes[tail-1]
		}
		if used += text.RuneWidth(r); used > width {
			break
		}
		if front {
			head++
		} else {
			tail--
		}
	}
	return string(runes[:head]) + "…" + string(runes[tail:])
}

// pad fills s up to the width that a terminal shows.
func pad(s string, width int, right bool) string {
	fill := strings.Repeat(" ", max(0, width-text.StringWidthWithoutEscSequences(s)))
	if right {
		return fill + s
	}
	return s + fill
}
