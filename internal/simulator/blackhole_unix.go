//go:build unix

package simulator

import (
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// BlackHole returns an address (host:port) where a connection is never established and never
// refused, as behind a firewall that drops packets. Unlike [Silence] it does not even accept.
func BlackHole() (address string, closeIt func(), err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return "", nil, fmt.Errorf("open socket: %w", err)
	}
	fds := []int{fd}
	closeIt = func() {
		for _, fd := range fds {
			_ = syscall.Close(fd)
		}
	}
	loopback := &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	if err = syscall.Bind(fd, loopback); err == nil {
		err = syscall.Listen(fd, 0)
	}
	if err != nil {
		closeIt()
		return "", nil, fmt.Errorf("listen on loopback: %w", err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		closeIt()
		return "", nil, fmt.Errorf("find port: %w", err)
	}
	loopback.Port = name.(*syscall.SockaddrInet4).Port
	// The queue of a listener that never accepts is full after a few connections; from then on
	// the kernel drops what would open another one.
	for range 4 {
		c, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			closeIt()
			return "", nil, fmt.Errorf("open socket: %w", err)
		}
		fds = append(fds, c)
		_ = syscall.SetNonblock(c, true)
		_ = syscall.Connect(c, loopback)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(loopback.Port)), closeIt, nil
}
