package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// copyThroughPipe runs a function that writes to the standard output, and keeps what it writes. It is
// the only way out of a process that may not write to any file.
func copyThroughPipe(out io.Writer, write func() (int64, error)) (int64, error) {
	from, to, err := os.Pipe()
	if err != nil {
		return 0, fmt.Errorf("make a pipe: %w", err)
	}
	kept, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return 0, errors.Join(fmt.Errorf("keep the output: %w", err), from.Close(), to.Close())
	}
	copied := make(chan error, 1)
	go func() {
		_, err := io.Copy(out, from)
		if err != nil {
			_, _ = io.Copy(io.Discard, from) // whoever writes must not wait for ever
		}
		copied <- err
	}()
	if err = unix.Dup3(int(to.Fd()), 1, 0); err != nil {
		err = fmt.Errorf("put the pipe in place: %w", err)
	}
	var n int64
	if err == nil {
		n, err = write()
	}
	err = errors.Join(err, unix.Dup3(kept, 1, 0), unix.Close(kept), to.Close()) // the last end of the pipe: the copy ends
	return n, errors.Join(err, <-copied, from.Close())
}
