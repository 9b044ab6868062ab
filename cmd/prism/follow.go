package main

import (
	"context"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/text"

	"prism/internal/admin"
)

// followLogs prints the past and then what finishes, line by line, until it is interrupted.
func (a *app) followLogs(ctx context.Context, r room, v view, wanted func(admin.Exchange) bool) error {
	f, err := a.newFeed(v)
	if err != nil {
		return err
	}
	for _, row := range v.rows {
		if err := f.write(row); err != nil {
			return err
		}
	}
	err = r.client.Events(ctx, func(ev admin.Event) error {
		switch {
		case ev.Health != nil:
			return f.remark(f.a.changeLine(ev.Health))
		case ev.Exchange == nil || !wanted(*ev.Exchange):
			return nil
		}
		return f.write(a.logRow(*ev.Exchange))
	})
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the user has seen enough
	}
	return err
}

// feed writes rows as they come. Its widths are fixed: it cannot wait for all its rows.
type feed struct {
	a      *app
	format string
	cols   []column
	kept   []int // the columns that a table has room for
	widths []int // of the kept ones
}

// newFeed chooses the form for v and its successors, and names the columns where a person
// reads them.
func (a *app) newFeed(v view) (*feed, error) {
	format, err := a.formatOf(v)
	if err != nil {
		return nil, err
	}
	f := &feed{a: a, format: format, cols: v.columns}
	switch format {
	case formatJSON:
		f.format = formatNDJSON
	case formatCSV, formatMarkdown, formatParquet:
		return nil, usagef("prism logs -f --format ndjson", "a feed has no end, so it has no %s form", format)
	case formatTable:
		v = v.forPeople()
		f.cols = a.headed(v.columns)
		widths := []int{8, 26, 10, 22, 18, 11, 5, 5, 6, 6, 6, 8, 5, 16}
		for _, row := range v.rows {
			widths[0] = max(widths[0], len(row[0].text)) // a day other than today
		}
		f.kept = keep(widths, f.cols, a.width())
		f.widths = fit(pick(widths, f.kept), pick(f.cols, f.kept), a.width())
		f.head()
	}
	return f, nil
}

func (f *feed) head() {
	if !f.a.outTTY {
		return
	}
	titles := make([]string, len(f.cols))
	for i, c := range f.cols {
		titles[i] = c.title()
	}
	head := tableLine(pick(titles, f.kept), f.widths, pick(f.cols, f.kept))
	if f.a.colour() {
		head = text.Bold.Sprint(head)
	}
	fmt.Fprintln(f.a.out, head)
}

// remark writes a line between the rows, where a person reads them.
func (f *feed) remark(text string) error {
	if f.format != formatTable {
		return nil
	}
	_, err := fmt.Fprintln(f.a.out, escape(text, false))
	return err
}

func (f *feed) write(row []cell) error {
	switch f.format {
	case formatNDJSON:
		obj, err := objectOf(f.cols, row)
		if err != nil {
			return err
		}
		if f.a.jq != "" {
			return f.a.filter(obj)
		}
		return f.a.writeJSON(f.a.out, obj, false)
	case formatTSV:
		_, err := fmt.Fprintln(f.a.out, tsvLine(row))
		return err
	}
	line := make([]string, len(row))
	for i, c := range row {
		line[i] = escape(c.text, false)
	}
	_, err := fmt.Fprintln(f.a.out, tableLine(pick(line, f.kept), f.widths, pick(f.cols, f.kept)))
	return err
}
