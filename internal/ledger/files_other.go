//go:build !linux

package ledger

import (
	"errors"
	"os"
)

// allocate has no portable form: without a reserve, memory takes the records.
func allocate(*os.File, int64) error { return errors.ErrUnsupported }

func roomFor(string, int64) error { return nil }

// giveBack has nothing to do without a reserve.
func giveBack(string) {}

func datasync(f *os.File) error { return f.Sync() }
