package ledger

import (
	"os"

	"golang.org/x/sys/unix"
)

// allocate reserves blocks behind the end of f without making it longer, so that appending to
// it needs no space.
func allocate(f *os.File, size int64) error {
	return unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
}

// datasync leaves out what is not needed to read the bytes back, such as the time of change.
func datasync(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = unix.Fdatasync(int(fd)) }); err != nil {
		return err
	}
	return failed
}
