//go:build unix

package main

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// restrictUmask makes every new file ours alone.
func restrictUmask() { unix.Umask(0o077) }

// checksMode is true where the permissions of a file are kept in its mode.
const checksMode = true

// noFollow makes opening a symbolic link fail.
const noFollow = syscall.O_NOFOLLOW

// ours tells whether a file belongs to the user.
func ours(st fs.FileInfo) bool {
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && int(sys.Uid) == os.Geteuid()
}

// maxDescriptors is how many this process may have.
func maxDescriptors() uint64 {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return 0
	}
	return uint64(lim.Max) //nolint:unconvert // int64 on some systems
}
