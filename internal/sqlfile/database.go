package sqlfile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver
)

// database is the SQLite file.
type database struct {
	db   *sql.DB
	tell func(int64)
}

// openDatabase opens the file read-only: its owner may be writing to it. The schema is not trusted,
// it comes with the file.
func openDatabase(ctx context.Context, path string, tell func(int64)) (*database, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	name := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(full), RawQuery: url.Values{
		"mode": {"ro"}, "_pragma": {"query_only(1)", "trusted_schema(0)", "busy_timeout(5000)"},
	}.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(unreadable(err), db.Close())
	}
	return &database{db, tell}, nil
}

func (d *database) close() error { return d.db.Close() }

func (d *database) each(ctx context.Context, table string, fn func(Row) error) error {
	columns, err := d.columns(ctx, table)
	if err != nil {
		return err
	}
	quoted := make([]string, len(columns))
	for i, name := range columns {
		quoted[i] = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
	}
	rows, err := d.db.QueryContext(ctx, "select "+strings.Join(quoted, ", ")+" from "+table) //nolint:gosec // a constant of the program, and names that are quoted
	if err != nil {
		return unreadable(err)
	}
	defer rows.Close()
	list := make([]any, len(columns))
	into := make([]any, len(columns))
	for i := range list {
		into[i] = &list[i]
	}
	r := make(Row, len(columns))
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return unreadable(err)
		}
		for i, name := range columns {
			r[name] = list[i]
		}
		if err := fn(r); err != nil {
			return err
		}
		d.tell(rowBytes)
	}
	if err := rows.Err(); err != nil {
		return unreadable(err)
	}
	return nil
}

// columns are those of a table that hold what was written into them. Generated ones are left out: they
// are programs that came with the file. A virtual table, which is one as a whole, counts as none.
func (d *database) columns(ctx context.Context, table string) ([]string, error) {
	rows, err := d.db.QueryContext(ctx, `select x.name from sqlite_schema s, pragma_table_xinfo(s.name) x
		where s.type = 'table' and s.rootpage > 0 and s.name = ? and x.hidden = 0 order by x.cid`, table)
	if err != nil {
		return nil, unreadable(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, unreadable(err)
		}
		names = append(names, name)
	}
	switch err := rows.Err(); {
	case err != nil:
		return nil, unreadable(err)
	case len(names) == 0:
		return nil, ErrNoTable
	}
	return names, nil
}

func unreadable(err error) error { return fmt.Errorf("%w: %w", ErrDatabase, err) }

// rowBytes is about what a row takes, for whoever watches the progress.
const rowBytes = 300
