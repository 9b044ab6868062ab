package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"prism/internal/ledger/duckdb"
)

// showParquet writes v as a Parquet file to stdout.
func (a *app) showParquet(v view) error {
	return a.throughFile(func(file string) error {
		return duckdb.WriteParquet(context.Background(), file, parquetColumns(v), jsonLines(v))
	})
}

// throughFile lets write make a file and copies it to stdout. Parquet ends with its index, so
// it cannot be written to a pipe; a terminal cannot show it.
func (a *app) throughFile(write func(file string) error) error {
	if a.outTTY {
		return usagef("add  > FILE.parquet", "Parquet is not for a terminal")
	}
	dir, err := os.MkdirTemp("", "prism-")
	if err != nil {
		return fmt.Errorf("make a temporary directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "out.parquet")
	if err := write(file); err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("read what was written: %w", err)
	}
	defer f.Close()
	_, err = io.Copy(a.out, f)
	return err
}

// parquetColumns gives each column of v a type: that of its values, and for texts the one that
// the end of its name stands for everywhere in prism.
func parquetColumns(v view) duckdb.Columns {
	columns := make(duckdb.Columns, len(v.columns))
	for i, c := range v.columns {
		columns[i] = duckdb.Column{Name: c.name, Type: "VARCHAR"}
		for _, r := range v.rows {
			if typ := parquetType(c.name, r[i].value); typ != "" {
				columns[i].Type = typ
				break
			}
		}
	}
	return columns
}

// parquetType is "" for a value that is not known.
func parquetType(name string, value any) string {
	switch value.(type) {
	case nil:
		return ""
	case bool:
		return "BOOLEAN"
	case int, int64:
		return "BIGINT"
	case json.Number:
		return "DOUBLE"
	case []string:
		return "VARCHAR[]"
	case json.RawMessage:
		return "JSON"
	}
	switch {
	case strings.HasSuffix(name, "_usd"):
		return "DECIMAL(38, 10)"
	case strings.HasSuffix(name, "_at"):
		return "TIMESTAMPTZ"
	default:
		return "VARCHAR"
	}
}

// jsonLines are the rows of v as JSON objects.
func jsonLines(v view) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, r := range v.rows {
			if line, err := objectOf(v.columns, r); !yield(line, err) {
				return
			}
		}
	}
}
