package main

import (
	"encoding/csv"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

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
	formatParquet  = "parquet"
)

// formats are all of them, as --format names them.
func formats() []string {
	return []string{formatTable, formatJSON, formatNDJSON, formatCSV, formatTSV, formatMarkdown, formatParquet}
}

// column is one column of a view: its name in JSON and CSV, and its head in tables.
type column struct {
	name  string
	head  string // "" = the name, in upper case
	right bool
	whole bool // is never shortened
	spare bool // is left out of a table that is too wide for the terminal
	data  bool // stands only in the formats that are for machines

	theirs bool // was named by a query: its head is in no language
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

// forPeople leaves out the columns that only machines need.
func (v view) forPeople() view {
	var kept []int
	for i, c := range v.columns {
		if !c.data {
			kept = append(kept, i)
		}
	}
	if len(kept) == len(v.columns) {
		return v
	}
	rows := make([][]cell, len(v.rows))
	for i, r := range v.rows {
		rows[i] = pick(r, kept)
	}
	v.columns, v.rows = pick(v.columns, kept), rows
	if v.total != nil {
		v.total = pick(v.total, kept)
	}
	return v
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
	case formatParquet:
		return a.showParquet(v)
	case formatTable:
		if v.text != nil {
			v.text(a.out)
			return nil
		}
	}
	if format == formatTable || format == formatMarkdown {
		v = v.forPeople()
	}
	if len(v.rows) == 0 && v.empty != "" && format == formatTable {
		a.note("%s", a.said(v.empty))
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
	switch {
	case format == "" && (a.outTTY || v.text != nil):
		return formatTable, nil
	case format == "":
		return formatTSV, nil
	case !slices.Contains(formats(), format):
		return "", usagef("--format "+strings.Join(formats(), "|"), "unknown format %q", format)
	}
	if a.jq != "" && format != formatJSON && format != formatNDJSON {
		return "", usagef("--json --jq EXPR", "--jq filters JSON, not %s", format)
	}
	return format, nil
}

// render writes the rows. Tables and markdown are for people, the other formats hold the
// values that JSON holds.
func (a *app) render(v view, format string) string {
	switch format {
	case formatTable:
		return a.renderTable(v)
	case formatTSV:
		return renderTSV(v)
	case formatCSV:
		return renderCSV(v)
	default:
		return a.renderMarkdown(v)
	}
}

// renderMarkdown leaves the quoting to go-pretty.
func (a *app) renderMarkdown(v view) string {
	t := table.NewWriter()
	head := make(table.Row, len(v.columns))
	configs := make([]table.ColumnConfig, len(v.columns))
	for i, c := range v.columns {
		head[i] = unmarked(escape(a.head(c), false))
		configs[i] = table.ColumnConfig{Number: i + 1}
		if c.right {
			configs[i].Align, configs[i].AlignHeader, configs[i].AlignFooter = text.AlignRight, text.AlignRight, text.AlignRight
		}
	}
	t.AppendHeader(head)
	t.SetColumnConfigs(configs)
	for _, r := range v.rows {
		t.AppendRow(markdownRow(r))
	}
	if v.total != nil {
		t.AppendRow(markdownRow(v.total))
	}
	return t.RenderMarkdown()
}

func markdownRow(cells []cell) table.Row {
	row := make(table.Row, len(cells))
	for i, c := range cells {
		row[i] = unmarked(escape(c.text, false))
	}
	return row
}

func renderCSV(v view) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(csvNames(v.columns)) // a builder takes everything
	for _, r := range v.rows {
		_ = w.Write(csvRow(r))
	}
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n")
}

// columnNames are the heads for programs. Those of a query are whatever somebody wrote there.
func columnNames(cols []column) []string {
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = escape(c.name, false)
	}
	return names
}

func csvRow(cells []cell) []string {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = unformula(escape(c.raw(), false), c.value)
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
	// Decimals are text, so that money is never a float; a loss is a number all the same.
	first, _ := utf8.DecodeRuneInString(s)
	if strings.ContainsRune("=+-@＝＋－＠", first) && !signed.MatchString(s) {
		return "'" + s
	}
	return s
}

// signed is a negative number and nothing else.
var signed = regexp.MustCompile(`^-\d+(\.\d+)?$`)
