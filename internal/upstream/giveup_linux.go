package upstream

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// giveUpAfter ends a connection whose peer acknowledges nothing for that long.
func giveUpAfter(rc syscall.RawConn, d time.Duration) error {
	var err error
	if failed := rc.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d.Milliseconds()))
	}); failed != nil {
		return failed
	}
	return err
}
