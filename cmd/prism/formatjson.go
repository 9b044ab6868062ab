package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/itchyny/gojq"
)

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
	out := make([]byte, 0, 32*len(cols))
	var err error
	for i, c := range cols {
		out = append(out, "{,"[min(i, 1)])
		if out, err = appendJSON(out, c.name); err != nil {
			return nil, err
		}
		out = append(out, ':')
		if out, err = appendJSON(out, row[i].value); err != nil {
			return nil, fmt.Errorf("column %s: %w", c.name, err)
		}
	}
	if len(cols) == 0 {
		out = append(out, '{')
	}
	return append(out, '}'), nil
}

// appendJSON writes the values that exports are made of without the detour of reflection.
func appendJSON(out []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return append(out, "null"...), nil
	case int64:
		return strconv.AppendInt(out, v, 10), nil
	case string:
		if plainJSON(v) {
			return append(append(append(out, '"'), v...), '"'), nil
		}
	}
	b, err := marshal(value)
	return append(out, b...), err
}

// plainJSON tells whether s needs nothing but quotes.
func plainJSON(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
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
func (a *app) filter(value any) error { return a.filterTo(a.out, value) }

func (a *app) filterTo(w io.Writer, value any) error {
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
			if _, err := fmt.Fprintln(w, escape(s, true)); err != nil {
				return err
			}
			continue
		}
		if err := a.writeJSON(w, out, false); err != nil {
			return err
		}
	}
}
