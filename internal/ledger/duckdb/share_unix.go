//go:build unix

package duckdb

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// share takes the lock that DuckDB takes on a file, for reading or for writing, so that no fold
// writes meanwhile. It goes when the process closes the file, however often it is open.
func share(f *os.File, write bool) error {
	kind := int16(syscall.F_RDLCK)
	if write {
		kind = syscall.F_WRLCK
	}
	err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: kind, Whence: io.SeekStart})
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		return &BusyError{}
	}
	return err
}
