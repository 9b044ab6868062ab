//go:build !linux

package main

import (
	"io"

	"prism/internal/ledger/duckdb"
)

// copyThroughPipe is for a process that is confined, which only Linux does.
func copyThroughPipe(io.Writer, func() (int64, error)) (int64, error) {
	return 0, duckdb.ErrNotConfined
}
