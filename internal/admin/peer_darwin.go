package admin

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// peerIsUs tells whether the process at the other end has our user id, or is root, who
// could read our memory anyway.
func peerIsUs(conn *net.UnixConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	ok := false
	err = raw.Control(func(fd uintptr) {
		cred, err := unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
		ok = err == nil && (int(cred.Uid) == os.Geteuid() || cred.Uid == 0)
	})
	return err == nil && ok
}
