package ledger

import (
	"os"

	"golang.org/x/sys/unix"
)

// allocate reserves blocks behind the end of f without making it longer, so that appending to
// it needs no space. It must not be what fills the disk: half as much stays free.
func allocate(f *os.File, size int64) error {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err == nil && !roomy(&fs, size) {
		return unix.ENOSPC
	}
	return unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
}

func roomy(fs *unix.Statfs_t, size int64) bool {
	return int64(fs.Bavail)*fs.Bsize >= size+size/2
}

// roomFor tells, before a file is made in dir, what allocate would say of it.
func roomFor(dir string, size int64) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err == nil && !roomy(&fs, size) {
		return unix.ENOSPC
	}
	return nil
}

// giveBack frees blocks that were allocated behind the end of a file.
func giveBack(path string) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err == nil && st.Blocks*512 >= st.Size+minReserve {
		_ = unix.Truncate(path, st.Size)
	}
}

// minReserve is more than any file system allocates ahead by itself for long.
const minReserve = 1 << 20

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
