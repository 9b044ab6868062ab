package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
)

// logDetail shows every column of one request that has a value, and its attempts. The id
// may be shortened to its beginning, or to beginning…end as in the list.
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
	v, err := queryView(ctx, db, `select * from requests where starts_with(request_id, $begin) and ends_with(request_id, $end) limit 2`,
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
	obj, err := objectOf(v.columns, v.rows[0])
	if err != nil {
		return err
	}
	v.object = obj
	v.text = func(w io.Writer) { writeDetail(w, v) }
	return a.show(v)
}

func writeDetail(w io.Writer, v view) {
	width := 0
	for _, c := range v.columns {
		width = max(width, len(c.name))
	}
	for i, c := range v.columns {
		if cell := v.rows[0][i]; cell.value != nil {
			fmt.Fprintf(w, "%-*s  %s\n", width, c.name, escape(cell.text, false))
		}
	}
}
