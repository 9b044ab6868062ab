package duckdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Confine takes from this process, for good, what reading one ledger does not need. It writes to
// no file (a limit of zero bytes, which alone keeps COPY off the ledger's own log: DuckDB allows
// that whatever its settings say), gets no new privileges, dies with its parent, and has bounds on
// processor time, memory and descriptors. Where the kernel knows Landlock, the thread of the
// caller and those that it starts open the ledger and no other file, start no program and connect
// to nothing. So the caller must call DuckDB from the same goroutine.
func Confine(c Confinement) error {
	runtime.LockOSThread()
	// Without this a write beyond the limit would end the process instead of failing.
	signal.Ignore(unix.SIGXFSZ)
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("confine: die with the parent: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("confine: no new privileges: %w", err)
	}
	size, err := addressSpace()
	if err != nil {
		return fmt.Errorf("confine: %w", err)
	}
	seconds := uint64((c.CPU + time.Second - 1) / time.Second)
	for _, l := range []struct {
		name     string
		resource int
		value    uint64
	}{
		{"core", unix.RLIMIT_CORE, 0},
		{"file size", unix.RLIMIT_FSIZE, 0},
		{"processor time", unix.RLIMIT_CPU, seconds},
		{"address space", unix.RLIMIT_AS, size + uint64(c.Memory)},
		{"descriptors", unix.RLIMIT_NOFILE, uint64(c.Files)},
	} {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.value, Max: l.value}); err != nil {
			return fmt.Errorf("confine: limit of %s: %w", l.name, err)
		}
	}
	if err := landlock(c.File); err != nil {
		return fmt.Errorf("confine: landlock: %w", err)
	}
	return nil
}

// addressSpace is what the process has reserved by now: Go reserves far more than it uses, and
// the limit counts it all.
func addressSpace() (uint64, error) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, fmt.Errorf("size of the process: %w", err)
	}
	var pages uint64
	if _, err := fmt.Sscan(string(b), &pages); err != nil {
		return 0, fmt.Errorf("size of the process: %w", err)
	}
	return pages * uint64(os.Getpagesize()), nil
}

// landlock denies the thread every file but the ledger, its log and the figures of its control
// group, which it may read. A kernel
// without it is no error: the limits stand either way.
func landlock(file string) error {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return nil
	}
	attr, size := handled(int(abi))
	rules, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0) //nolint:gosec // a system call without a wrapper
	if errno != 0 {
		return errno
	}
	defer unix.Close(int(rules)) //nolint:errcheck // nothing depends on it
	// DuckDB looks for the memory of its control group when it starts, and dies where it is denied.
	for _, path := range []string{file, file + ".wal", "/proc/self/cgroup", "/sys/fs/cgroup"} {
		if err := mayRead(int(rules), path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, rules, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// handled is everything that a version of Landlock can deny.
func handled(abi int) (attr unix.LandlockRulesetAttr, size uintptr) {
	const first = unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1 // version 1 knows all up to this one
	attr.Handled_access_fs = first
	if abi >= 2 {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if abi >= 3 {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if abi >= 5 {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	size = unsafe.Sizeof(attr.Handled_access_fs)
	if abi >= 4 {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
		size += unsafe.Sizeof(attr.Handled_access_net)
	}
	return attr, size
}

func mayRead(rules int, path string) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd) //nolint:errcheck // nothing was written
	rule := unix.LandlockPathBeneathAttr{Allowed_access: unix.LANDLOCK_ACCESS_FS_READ_FILE, Parent_fd: int32(fd)}
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(rules), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 { //nolint:gosec // a system call without a wrapper
		return errno
	}
	return nil
}
