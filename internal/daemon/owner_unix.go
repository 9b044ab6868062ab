//go:build unix

package daemon

import (
	"os"
	"syscall"
)

const checksMode = true

func ownedByUs(st os.FileInfo) bool {
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && int(sys.Uid) == os.Geteuid()
}

// descriptors is how many the process may have; the runtime has raised it to the hard limit.
func descriptors() uint64 {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return 1024
	}
	return uint64(lim.Cur) //nolint:unconvert // int64 on some systems
}
