//go:build unix

package upstream

import "syscall"

// quiet tells whether nothing can be read from an idle connection: neither bytes nor its end.
func quiet(rc syscall.RawConn) bool {
	ok := false
	err := rc.Read(func(fd uintptr) bool {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		ok = n <= 0 && (err == syscall.EAGAIN || err == syscall.EWOULDBLOCK)
		return true
	})
	return err == nil && ok
}
