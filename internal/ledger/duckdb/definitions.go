package duckdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// definitionsSQL lists what a schema consists of.
const definitionsSQL = `select 'table ' || table_name, coalesce(sql, '') || coalesce(comment, '') from duckdb_tables() where not internal and not temporary
	union all select 'column ' || table_name || '.' || column_name, data_type || coalesce(comment, '') from duckdb_columns()
		where not internal and table_name in (select table_name from duckdb_tables())
	union all select 'view ' || view_name, coalesce(sql, '') || coalesce(comment, '') from duckdb_views() where not internal
	union all select 'macro ' || function_name, string_agg(coalesce(macro_definition, '') || coalesce(parameters::varchar, '') || coalesce(comment, ''), chr(10)
		order by macro_definition) from duckdb_functions() where not internal group by function_name
	order by 1`

// definitions compares tables, views and macros with those that this version makes, and the
// price book with the one in use. Those of another version are not compared: the next fold
// replaces them.
func (v *verifier) definitions(ctx context.Context, conn *sql.Conn, m *meta) error {
	if m.ViewsHash != viewsHash() {
		v.report.Notes = append(v.report.Notes, "views and macros are those of another version; the next fold replaces them")
		return nil
	}
	return v.withModel(ctx, m, func(model *sql.Conn) error {
		if err := v.same(ctx, conn, model, definitionsSQL); err != nil {
			return err
		}
		if v.opt.Prices == nil {
			return nil
		}
		return v.same(ctx, conn, model, pricesOrder)
	})
}

// pricesOrder lists the price book.
const pricesOrder = `select 'price ' || id || coalesce(' of ' || profile, ''), to_json(p)::varchar from prices p`

// withModel makes an empty ledger to compare with. It is a file that was closed: DuckDB prints
// what it has read from a file in other words than what it was told.
func (v *verifier) withModel(ctx context.Context, m *meta, fn func(*sql.Conn) error) (err error) {
	dir, err := os.MkdirTemp("", "prism-verify-")
	if err != nil {
		return fmt.Errorf("make a ledger to compare with: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f := folder{opt: FoldOptions{File: filepath.Join(dir, "model.duckdb"), JournalDir: dir, ArchiveDir: dir, Prices: v.book(m)}}
	if err := f.once(ctx); err != nil {
		return fmt.Errorf("make a ledger to compare with: %w", err)
	}
	db, err := OpenReader(ctx, f.opt.File, ReaderOptions{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("make a ledger to compare with: %w", err)
	}
	defer conn.Close()
	return fn(conn)
}

// book is the price book, if it is the one that was folded last.
func (v *verifier) book(m *meta) []PriceRow {
	book, err := json.Marshal(v.opt.Prices)
	if err != nil || v.opt.Prices == nil || m.PricesHash != fingerprint(string(book)) {
		v.opt.Prices = nil
	}
	return v.opt.Prices
}

// same compares two columns of names and texts.
func (v *verifier) same(ctx context.Context, conn, model *sql.Conn, statement string) error {
	got, err := pairs(ctx, conn, statement)
	if err != nil {
		return err
	}
	want, err := pairs(ctx, model, statement)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		text := want[name]
		if have, ok := got[name]; !ok || have != text {
			what := name + " is missing"
			if ok {
				what = name + " is not as prism made it"
			}
			v.report.add(Finding{Store: StoreDatabase, File: v.opt.File, Offset: -1, Row: -1, What: what})
		}
	}
	return nil
}

func pairs(ctx context.Context, conn *sql.Conn, statement string) (map[string]string, error) {
	rows, err := conn.QueryContext(ctx, statement)
	if err != nil {
		return nil, fmt.Errorf("read definitions: %w", err)
	}
	defer rows.Close()
	out := make(map[string]string)
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, fmt.Errorf("read definitions: %w", err)
		}
		out[name] = words(text)
	}
	return out, rows.Err()
}

// words brings a definition into a form that does not depend on the order in which DuckDB lists
// the columns of an EXCLUDE, which changes from one opening of the file to the next.
func words(text string) string {
	list := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,()", r) })
	slices.Sort(list)
	return strings.Join(list, " ")
}
