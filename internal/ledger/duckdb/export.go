package duckdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"

	duck "github.com/duckdb/duckdb-go/v2"
)

// OpenExporter is [OpenReader] for one who also writes files: COPY may write below dir, an
// absolute path, and nowhere else. The ledger itself stays read-only.
func OpenExporter(ctx context.Context, file, dir string, opt ReaderOptions) (*sql.DB, error) {
	return openReader(ctx, file, opt, allow(dir))
}

// allow lets statements reach the files below dir although they reach no others.
func allow(dir string) string {
	return "set allowed_directories = [" + quote(strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator)) + "];"
}

// Stream runs one statement and calls head with the columns of its result, then row for each
// row, which may keep its argument. An error of either ends the query and is returned.
func Stream(ctx context.Context, db *sql.DB, q Statement, head func(Columns) error, row func(values []any) error) error {
	rows, err := db.QueryContext(ctx, q.SQL, q.Args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	columns := make(Columns, len(types))
	for i, t := range types {
		columns[i] = Column{t.Name(), t.DatabaseTypeName()}
	}
	if err := head(columns); err != nil {
		return err
	}
	into, within := make([]any, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		if strings.Contains(c.Type, "MAP(") {
			within[i] = c.Type
		}
	}
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i := range values {
			values[i] = plain(values[i], within[i])
		}
		if err := row(values); err != nil {
			return err
		}
	}
	return rows.Err()
}

// CopyParquet writes the result of a query, which must be one without a semicolon, to a new
// Parquet file and returns the number of its rows.
func CopyParquet(ctx context.Context, db *sql.DB, q Statement, file string) (int64, error) {
	// The line feed ends a comment that the query may end with.
	res, err := db.ExecContext(ctx, "copy ("+q.SQL+"\n) to "+quote(file)+" (format parquet, compression zstd)", q.Args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// WriteParquet writes rows, each a JSON object with the columns as names, to a new Parquet
// file. The file must have an absolute path.
func WriteParquet(ctx context.Context, file string, columns Columns, rows iter.Seq2[[]byte, error]) (err error) {
	dir := filepath.Dir(file)
	db, err := connect(ctx, "", guards+"set TimeZone = 'UTC'; set threads = 2; set memory_limit = '1GB';"+allow(dir)+
		"set enable_external_access = false; set lock_configuration = true;")
	if err != nil {
		return fmt.Errorf("open a database in memory: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, "create table result ("+definitions(columns)+")"); err != nil {
		return fmt.Errorf("make the table of %s: %w", file, err)
	}
	if err := fill(ctx, db, columns, rows); err != nil {
		return err
	}
	if _, err := CopyParquet(ctx, db, Statement{SQL: "from result"}, file); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

func definitions(columns Columns) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = identifier(c.Name) + " " + c.Type
	}
	return strings.Join(list, ", ")
}

// identifier returns s as the name of a column, whatever it holds.
func identifier(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// fill appends the rows to table result.
func fill(ctx context.Context, db *sql.DB, columns Columns, rows iter.Seq2[[]byte, error]) error {
	types := make(map[string]string, len(columns))
	for _, c := range columns {
		types[c.Name] = c.Type
	}
	shape, err := json.Marshal(types)
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(raw any) error {
		c, ok := raw.(*duck.Conn)
		if !ok {
			return fmt.Errorf("fill a table: connection is a %T", raw)
		}
		a, err := stage(c, "result by name", string(shape))
		if err != nil {
			return err
		}
		for row, err := range rows {
			if err == nil {
				err = a.AppendRow(string(row))
			}
			if err != nil {
				return errors.Join(err, a.Close())
			}
		}
		return a.Close()
	})
}

// ParsesAsSelect is [IsSelect] without a ledger.
func ParsesAsSelect(ctx context.Context, statement string) (bool, error) {
	db, err := connect(ctx, "", guards+"set enable_external_access = false; set lock_configuration = true;")
	if err != nil {
		return false, fmt.Errorf("open a database in memory: %w", err)
	}
	ok, err := IsSelect(ctx, db, statement)
	return ok, errors.Join(err, db.Close())
}
