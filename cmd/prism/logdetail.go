package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// logDetail shows one request whole. The id may be shortened to its beginning, or to
// beginning…end as in the list.
func (a *app) logDetail(ctx context.Context, r room, id string) error {
	db, err := a.reader(ctx, r)
	if errors.Is(err, errNoLedger) {
		return notFound("prism logs", "no request has the id %s", id)
	}
	if err != nil {
		return err
	}
	defer db.Close()
	begin, end, _ := strings.Cut(id, "…")
	v, err := queryView(ctx, db, `select * from priced where starts_with(request_id, $begin) and ends_with(request_id, $end) limit 2`,
		[]any{sql.Named("begin", begin), sql.Named("end", end)})
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	switch len(v.rows) {
	case 0:
		return notFound("prism logs", "no request has the id %s", id)
	case 1:
	default:
		return usagef("prism logs ID with more characters", "more than one request has an id like %s", id)
	}
	d := detail{a: a, v: v, cells: map[string]cell{}}
	for i, c := range v.columns {
		d.cells[c.name] = v.rows[0][i]
	}
	if d.repeatedBy, err = repeats(ctx, db, d.text("request_id")); err != nil {
		return err
	}
	if v.object, err = objectOf(v.columns, v.rows[0]); err != nil {
		return err
	}
	v.text = d.write
	return a.show(v)
}

// repeats are the ids of what the client sent again after id did not end well.
func repeats(ctx context.Context, db *sql.DB, id string) ([]string, error) {
	rows, err := db.QueryContext(ctx, "select request_id from requests where retry_of = $id order by started_at", sql.Named("id", id))
	if err != nil {
		return nil, fmt.Errorf("look for repetitions: %w", err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// detail is one row of the ledger as people read it.
type detail struct {
	a          *app
	v          view
	cells      map[string]cell // by column
	repeatedBy []string
}

// text is the value of a column, "" where it is not known.
func (d *detail) text(column string) string { return d.cells[column].raw() }

// count is a number of the row.
func (d *detail) count(column string) *int64 {
	n, ok := d.cells[column].value.(int64)
	if !ok {
		return nil
	}
	return &n
}

func (d *detail) instant(column string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, d.text(column)) // the zero time where it is not known
	return t
}

// into decodes a column that is a list; what is not known stays as it is.
func (d *detail) into(column string, list any) {
	if raw, ok := d.cells[column].value.(json.RawMessage); ok {
		_ = json.Unmarshal(raw, list) // it was marshalled a moment ago
	}
}

func (d *detail) write(w io.Writer) {
	d.summary(w)
	d.timeline(w)
	d.money(w)
	d.iterations(w)
	d.columns(w)
}

// parts joins what is known; each part is a text with one place (%s) for a column.
func (d *detail) parts(pairs ...string) string {
	var known []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if value := d.text(pairs[i+1]); value != "" {
			known = append(known, strings.ReplaceAll(d.a.said(pairs[i]), "%s", value))
		}
	}
	return strings.Join(known, "   ")
}

// summary says what was asked, where it went and how it ended.
func (d *detail) summary(w io.Writer) {
	started := d.instant("started_at").Local()
	model := firstOf(d.text("request_model"), d.text("operation"))
	if sent := d.text("upstream_model"); sent != "" && sent != model {
		model += " → " + sent
	}
	status := d.parts("%s", "http_status", "%s", "outcome")
	fmt.Fprintln(w, escape(strings.Join([]string{d.text("request_id"), model, status, started.Format("2006-01-02 15:04:05 MST")}, "   "), false))
	retry := d.parts("repeats %s", "retry_of", "retry %s by the client's count", "retry_count")
	if len(d.repeatedBy) > 0 {
		retry = strings.TrimSpace(retry + "   " + d.a.text("repeated by %s", strings.Join(d.repeatedBy, ", ")))
	}
	for _, line := range [][2]string{
		{"route", d.parts("%s", "profile", "provider %s", "provider", "at %s", "server_address", "by %s", "route_reason", "generation %s", "generation")},
		{"client", d.parts("%s", "client_name", "%s", "client_version", "class %s", "request_class", "session %s", "session_id", "agent %s", "agent_id", "of %s", "parent_agent_id")},
		{"project", d.parts("%s", "project", "branch %s", "git_branch", "directory %s", "cwd", "tags %s", "tags")},
		{"error", d.parts("%s", "error_type", "%s", "error_message")},
		{"retry", retry},
		{"limits", d.limits()},
	} {
		if line[1] != "" {
			fmt.Fprintln(w, pad(d.a.said(line[0]), labelWidth, false)+" "+escape(line[1], false))
		}
	}
}

// limits says how far the plan was used up, as the provider reported it.
func (d *detail) limits() string {
	var out []string
	for _, name := range []string{"5h", "7d"} {
		used := amount(d.text("rl_" + name + "_used"))
		if used == nil {
			continue
		}
		s := name + " " + percentOf(used)
		if at := d.instant("rl_" + name + "_reset_at"); !at.IsZero() {
			s = d.a.text("%s used, until %s", s, at.Local().Format("Jan 2 15:04"))
		}
		out = append(out, s)
	}
	return strings.Join(out, "   ")
}

// columns lists every column that has a value and was not drawn already.
func (d *detail) columns(w io.Writer) {
	fmt.Fprintln(w)
	width := 0
	for _, c := range d.v.columns {
		width = max(width, len(c.name))
	}
	for i, c := range d.v.columns {
		if cell := d.v.rows[0][i]; cell.value != nil && c.name != "attempts" && c.name != "iterations" {
			fmt.Fprintf(w, "%-*s  %s\n", width, c.name, escape(cell.text, false))
		}
	}
}
