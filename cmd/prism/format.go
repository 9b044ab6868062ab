package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/itchyny/gojq"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Output formats.
const (
	formatTable    = "table"
	formatJSON     = "json"
	formatNDJSON   = "ndjson"
	formatCSV      = "csv"
	formatTSV      = "tsv"
	formatMarkdown = "markdown"
)

// column is one column of a view: its name in JSON and CSV, and its head in tables.
type column struct {
	name  string
	head  string // "" = the name, in upper case
	right bool
	whole bool // is never shortened
	spare bool // is left out of a table that is too wide for the terminal
}

func (c column) title() string {
	if c.head != "" {
		return c.head
	}
	return strings.ToUpper(strings.ReplaceAll(c.name, "_", " "))
}

// view is what a command answers. All formats are rendered from it, so that they cannot
// say different things.
type view struct {
	columns []column
	rows    [][]cell
	total   []cell // a last line of tables and markdown only

	object any             // JSON of a command that answers one object; nil = the rows
	text   func(io.Writer) // the form for people, where it is not a table
	empty  string          // what stderr says when there are no rows
}

// show writes v to stdout in the format that was asked for.
func (a *app) show(v view) error {
	format, err := a.formatOf(v)
	if err != nil {
		return err
	}
	switch format {
	case formatJSON, formatNDJSON:
		return a.showJSON(v, format)
	case formatTable:
		if v.text != nil {
			v.text(a.out)
			return nil
		}
	}
	if len(v.rows) == 0 && v.empty != "" && format == formatTable {
		a.note("%s", v.empty)
		return nil
	}
	_, err = io.WriteString(a.out, a.render(v, format)+"\n")
	return err
}

// formatOf chooses: what was asked for, else a table on a terminal and TSV in a pipe.
func (a *app) formatOf(v view) (string, error) {
	format := a.format
	if a.asJSON || a.jq != "" && format == "" {
		format = formatJSON
	}
	switch format {
	case "":
		if a.outTTY || v.text != nil {
			return formatTable, nil
		}
		return formatTSV, nil
	case formatTable, formatJSON, formatNDJSON, formatCSV, formatTSV, formatMarkdown:
	default:
		return "", usagef("--format table|json|ndjson|csv|tsv|markdown", "unknown format %q", format)
	}
	if a.jq != "" && format != formatJSON && format != formatNDJSON {
		return "", usagef("--json --jq EXPR", "--jq filters JSON, not %s", format)
	}
	return format, nil
}

// render writes the rows. Tables and markdown are for people, the other formats hold the
// values that JSON holds. CSV and markdown come from go-pretty, which knows their quoting.
func (a *app) render(v view, format string) string {
	switch format {
	case formatTable:
		return a.renderTable(v)
	case formatTSV:
		return renderTSV(v)
	}
	human := format == formatMarkdown
	t := table.NewWriter()
	head := make(table.Row, len(v.columns))
	configs := make([]table.ColumnConfig, len(v.columns))
	for i, c := range v.columns {
		head[i] = c.name
		if human {
			head[i] = c.title()
		}
		configs[i] = table.ColumnConfig{Number: i + 1}
		if c.right {
			configs[i].Align, configs[i].AlignHeader, configs[i].AlignFooter = text.AlignRight, text.AlignRight, text.AlignRight
		}
	}
	t.AppendHeader(head)
	t.SetColumnConfigs(configs)
	for _, r := range v.rows {
		t.AppendRow(rowOf(r, human))
	}
	if human && v.total != nil {
		t.AppendRow(rowOf(v.total, true))
	}
	if human {
		return t.RenderMarkdown()
	}
	return t.RenderCSV()
}

func rowOf(cells []cell, markdown bool) table.Row {
	row := make(table.Row, len(cells))
	for i, c := range cells {
		if markdown {
			row[i] = unmarked(escape(c.text, false))
		} else {
			row[i] = unformula(escape(c.raw(), false), c.value)
		}
	}
	return row
}

// unmarked keeps a name from becoming a tag, an image or a link where the markdown is shown.
func unmarked(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", "[", `\[`).Replace(s)
}

// unformula keeps a spreadsheet from running a model's name: text that starts like a
// formula gets an apostrophe in front. Numbers stay numbers.
func unformula(s string, value any) string {
	if _, ok := value.(string); !ok || s == "" {
		return s
	}
	if strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}

func (a *app) showJSON(v view, format string) error {
	value := v.object
	if value == nil {
		rows := make([]json.RawMessage, 0, len(v.rows))
		for _, r := range v.rows {
			b, err := objectOf(v.columns, r)
			if err != nil {
				return err
			}
			rows = append(rows, b)
		}
		value = rows
		if format == formatNDJSON {
			return a.showNDJSON(rows)
		}
	}
	if a.jq != "" {
		return a.filter(value)
	}
	return a.writeJSON(a.out, value, format == formatJSON)
}

// showNDJSON writes a row per line; --jq sees one row at a time, as in a feed.
func (a *app) showNDJSON(rows []json.RawMessage) error {
	for _, r := range rows {
		write := func() error { return a.writeJSON(a.out, r, false) }
		if a.jq != "" {
			write = func() error { return a.filter(r) }
		}
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

// objectOf keeps the order of the columns, which a map would not.
func objectOf(cols []column, row []cell) (json.RawMessage, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, c := range cols {
		if i > 0 {
			b.WriteByte(',')
		}
		k, err := marshal(c.name)
		if err != nil {
			return nil, err
		}
		val, err := marshal(row[i].value)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.name, err)
		}
		b.Write(k)
		b.WriteByte(':')
		b.Write(val)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// marshal is json.Marshal without the \u003c that it writes for the sake of web pages.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// writeJSON writes one value and a line feed, with hostile characters as \u escapes.
func (a *app) writeJSON(w io.Writer, v any, indent bool) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if indent {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, escape(b.String(), true))
	return err
}

// filter runs the jq expression; texts are printed bare, as jq -r does.
func (a *app) filter(value any) error {
	q, err := gojq.Parse(a.jq)
	if err != nil {
		return usagef("see https://jqlang.org/manual", "--jq: %v", err)
	}
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	var in any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&in); err != nil {
		return err
	}
	for it := q.Run(in); ; {
		out, ok := it.Next()
		if !ok {
			return nil
		}
		if err, failed := out.(error); failed {
			return usagef("see https://jqlang.org/manual", "--jq: %v", err)
		}
		if s, isText := out.(string); isText {
			fmt.Fprintln(a.out, escape(s, true))
			continue
		}
		if err := a.writeJSON(a.out, out, false); err != nil {
			return err
		}
	}
}
