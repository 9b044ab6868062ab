package upstream

import (
	"net"
	"net/url"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestAnOutboundProxyThatIsDeadIsGivenUpLikeAnyPeer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	u := &Upstream{pool: NewPool(Target{}, Timeouts{Dial: time.Second})}
	nc, err := u.transport(&url.URL{Scheme: "http", Host: ln.Addr().String()}).DialContext(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	sc, ok := nc.(syscall.Conn)
	if !ok {
		t.Fatalf("the connection is a %T", nc)
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var ms int
	if failed := rc.Control(func(fd uintptr) { ms, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT) }); failed != nil {
		t.Fatal(failed)
	}
	if err != nil || ms != int(deadPeer.Milliseconds()) {
		t.Errorf("it is given up after %d ms, %v; want %v", ms, err, deadPeer)
	}
}
