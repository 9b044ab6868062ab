//go:build unix

package sealed

import (
	"os"
	"os/exec"
	"syscall"
)

// detach gives the command a session of its own: it has no terminal to ask on, and its children end with it.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// openFlags keep a FIFO in the place of a key file from hanging the reader.
const openFlags = os.O_RDONLY | syscall.O_NONBLOCK

// openToOthers tells whether somebody else may read or write the file, or owns it. Root's files may be readable by a
// group: that is how container platforms mount secrets.
func openToOthers(st os.FileInfo) bool {
	owner, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	if owner.Uid == 0 {
		return st.Mode().Perm()&0o037 != 0
	}
	return int(owner.Uid) != os.Geteuid() || st.Mode().Perm()&0o077 != 0
}
