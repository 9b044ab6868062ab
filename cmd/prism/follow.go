package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"prism/internal/admin"
)

// followLogs prints the past and then what finishes, line by line, until it is interrupted.
func (a *app) followLogs(ctx context.Context, r room, v view, wanted func(admin.Exchange) bool) error {
	format, err := a.formatOf(v)
	if err != nil {
		return err
	}
	if format == formatJSON {
		format = formatNDJSON
	}
	if format == formatCSV || format == formatMarkdown {
		return usagef("prism logs -f --format ndjson", "a feed has no end, so it has no %s form", format)
	}
	for _, row := range v.rows {
		if err := a.writeLine(a.out, v.columns, row, format); err != nil {
			return err
		}
	}
	err = r.client.Follow(ctx, func(x admin.Exchange) error {
		if !wanted(x) {
			return nil
		}
		return a.writeLine(a.out, v.columns, logRow(x), format)
	})
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the user has seen enough
	}
	return err
}

// lineWidth is the width of column i of a line in a feed, which cannot wait for all its rows.
func lineWidth(i int) int { return [...]int{8, 26, 10, 22, 22, 11, 6, 6, 7, 5, 7, 9, 1, 0}[i] }

func (a *app) writeLine(w io.Writer, cols []column, row []cell, format string) error {
	if format == formatNDJSON {
		obj, err := objectOf(cols, row)
		if err != nil {
			return err
		}
		if a.jq != "" {
			return a.filter(obj)
		}
		return a.writeJSON(w, obj, false)
	}
	parts := make([]string, len(row))
	for i, c := range row {
		switch {
		case format == formatTSV:
			parts[i] = escape(c.raw(), false)
		case cols[i].right:
			parts[i] = fmt.Sprintf("%*s", lineWidth(i), escape(c.text, false))
		default:
			parts[i] = fmt.Sprintf("%-*s", lineWidth(i), escape(c.text, false))
		}
	}
	sep := "  "
	if format == formatTSV {
		sep = "\t"
	}
	_, err := fmt.Fprintln(w, strings.TrimRight(strings.Join(parts, sep), " "))
	return err
}
