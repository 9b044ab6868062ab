//go:build !linux

package duckdb

// Confine gives [ErrNotConfined]: on macOS the limit of the address space does not hold, and
// Windows has none of them.
func Confine(Confinement) error { return ErrNotConfined }
