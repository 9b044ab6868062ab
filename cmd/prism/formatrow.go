package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"io"
)

// rowWriter writes the formats in which a row does not depend on the others: CSV, TSV and
// NDJSON.
type rowWriter struct {
	a      *app
	format string
	out    *bufio.Writer
	csv    *csv.Writer
	cols   []column
}

func newRowWriter(a *app, w io.Writer, format string) *rowWriter {
	out := bufio.NewWriterSize(w, 64<<10)
	return &rowWriter{a: a, format: format, out: out, csv: csv.NewWriter(out)}
}

// head names the columns, once, before the first row.
func (w *rowWriter) head(cols []column) error {
	w.cols = cols
	switch w.format {
	case formatCSV:
		return w.csv.Write(csvNames(cols))
	case formatTSV:
		return w.line(tsvHead(cols))
	default:
		return nil
	}
}

func (w *rowWriter) row(cells []cell) error {
	switch w.format {
	case formatCSV:
		return w.csv.Write(csvRow(cells))
	case formatTSV:
		return w.line(tsvLine(cells))
	}
	obj, err := objectOf(w.cols, cells)
	if err != nil {
		return err
	}
	return w.object(obj)
}

func (w *rowWriter) object(obj json.RawMessage) error {
	if w.a.jq == "" {
		return w.line(escape(string(obj), false))
	}
	return w.a.filterTo(w.out, obj)
}

func (w *rowWriter) line(s string) error {
	if _, err := w.out.WriteString(s); err != nil {
		return err
	}
	return w.out.WriteByte('\n')
}

// flush hands on what waits. The writer may be used further.
func (w *rowWriter) flush() error {
	w.csv.Flush()
	if err := w.csv.Error(); err != nil {
		return err
	}
	return w.out.Flush()
}
