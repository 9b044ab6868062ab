package upstream

import (
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestADeadPeerIsGivenUpBeforeTheClientDoes looks at the option itself: a network that drops
// everything cannot be had without privileges.
func TestADeadPeerIsGivenUpBeforeTheClientDoes(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	p := NewPool(Target{Address: ln.Addr().String()}, Timeouts{})
	c, err := p.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	sc, ok := c.raw.(syscall.Conn)
	if !ok {
		t.Fatalf("the connection is a %T", c.raw)
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var ms int
	if err := rc.Control(func(fd uintptr) { ms, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT) }); err != nil {
		t.Fatal(err)
	}
	if err != nil || ms != 20_000 {
		t.Errorf("it is given up after %d ms, %v; want 20 s", ms, err)
	}
}
