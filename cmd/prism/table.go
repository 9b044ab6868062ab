package main

import (
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// renderTable aligns the columns; on a terminal, texts are shortened until the rows fit.
func (a *app) renderTable(v view) string {
	out := a.tableLines(v, a.width())
	if a.colour() {
		out[0] = text.Bold.Sprint(out[0])
	}
	return strings.Join(out, "\n")
}

// head is the head of a column in the language of this run.
func (a *app) head(c column) string {
	if c.theirs {
		return c.title()
	}
	return a.said(c.title())
}

// headed gives the columns the heads that people read.
func (a *app) headed(cols []column) []column {
	out := slices.Clone(cols)
	for i := range out {
		out[i].head = escape(a.head(out[i]), false)
	}
	return out
}

// tableLines aligns the columns within a width: the head first, then a line per row. A width of
// 0 is no limit.
func (a *app) tableLines(v view, width int) []string {
	v.columns = a.headed(v.columns)
	lines := make([][]string, 0, len(v.rows)+2)
	head := make([]string, len(v.columns))
	for i, c := range v.columns {
		head[i] = c.title()
	}
	lines = append(lines, head)
	all := v.rows
	if v.total != nil {
		all = append(append([][]cell{}, v.rows...), v.total)
	}
	for _, r := range all {
		line := make([]string, len(r))
		for i, c := range r {
			line[i] = escape(c.text, false)
		}
		lines = append(lines, line)
	}
	widths := make([]int, len(v.columns))
	for _, line := range lines {
		for i, s := range line {
			widths[i] = max(widths[i], text.StringWidthWithoutEscSequences(s))
		}
	}
	kept := keep(widths, v.columns, width)
	cols := pick(v.columns, kept)
	widths = fit(pick(widths, kept), cols, width)
	out := make([]string, len(lines))
	for n, line := range lines {
		out[n] = tableLine(pick(line, kept), widths, cols)
	}
	return out
}

func tableLine(line []string, widths []int, cols []column) string {
	parts := make([]string, len(line))
	for i, s := range line {
		if !cols[i].right && !cols[i].whole {
			s = shorten(s, widths[i])
		}
		parts[i] = pad(s, widths[i], cols[i].right)
	}
	return strings.TrimRight(strings.Join(parts, columnGap), " ")
}

// renderTSV quotes nothing: a value holds neither a tab nor a line feed once it is escaped,
// and what reads the lines splits them at tabs.
func renderTSV(v view) string {
	lines := []string{tsvHead(v.columns)}
	for _, r := range v.rows {
		lines = append(lines, tsvLine(r))
	}
	return strings.Join(lines, "\n")
}

func tsvHead(cols []column) string { return strings.Join(columnNames(cols), "\t") }

func tsvLine(row []cell) string {
	values := make([]string, len(row))
	for i, c := range row {
		values[i] = escape(c.raw(), false)
	}
	return strings.Join(values, "\t")
}
