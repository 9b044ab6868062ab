//go:build unix

package admin

import (
	"os"
	"syscall"
)

const checksMode = true

func ownedByUs(st os.FileInfo) bool {
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && int(sys.Uid) == os.Geteuid()
}
