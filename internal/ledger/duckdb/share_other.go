//go:build !unix

package duckdb

import "os"

// share does nothing: where DuckDB opens a file, nobody else can replace it anyway.
func share(*os.File, bool) error { return nil }
