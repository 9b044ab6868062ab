package dashboard

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
)

// rows are those of a table of the kernel. The connection goes from 127.0.0.1:40000 to 127.0.0.1:3001.
func rows(list ...string) string {
	return "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" + strings.Join(list, "\n") + "\n"
}

func TestWhoeverAsksAndLeavesIsNotTakenForRoot(t *testing.T) {
	const (
		near     = "   1: 0100007F:0BB9 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 111 1 0000000000000000 20 4 30 10 -1"
		nearShut = "   1: 0100007F:0BB9 0100007F:9C40 08 00000000:00000000 00:00000000 00000000  1000        0 111 1 0000000000000000 20 4 30 10 -1"
		far      = "   2: 0100007F:9C40 0100007F:0BB9 01 00000000:00000000 00:00000000 00000000  4711        0 112 1 0000000000000000 20 4 30 10 -1"
		root     = "   2: 0100007F:9C40 0100007F:0BB9 01 00000000:00000000 00:00000000 00000000     0        0 112 1 0000000000000000 20 4 30 10 -1"
		left     = "   2: 0100007F:9C40 0100007F:0BB9 05 00000000:00000000 00:00000000 00000000     0        0 0 1 0000000000000000 20 4 30 10 -1"
		waits    = "   2: 0100007F:9C40 0100007F:0BB9 06 00000000:00000000 03:00001763 00000000     0        0 0 3 0000000000000000"
		other    = "   3: 0100007F:9C41 0100007F:0BB9 01 00000000:00000000 00:00000000 00000000  1000        0 113 1 0000000000000000 20 4 30 10 -1"
	)
	for _, c := range []struct {
		name  string
		table string
		uid   int
		known bool
	}{
		{"a program of a user", rows(near, other, far), 4711, true},
		{"one of root", rows(other, root, near), 0, true},
		{"one that has closed it", rows(nearShut, left), nobody, true},
		{"one that closed it long ago", rows(nearShut, waits), nobody, true},
		{"one that reset it", rows(other), nobody, true},
		{"one that is gone, and ours is shut", rows(nearShut, other), nobody, true},
		{"one of another network namespace", rows(near, other), 0, false},
		{"nonsense", rows(near, "   2: 0100007F:9C40 0100007F:0BB9 01", "x"), 0, false},
	} {
		var e wire
		e.scan(strings.NewReader(c.table), netip.MustParseAddrPort("127.0.0.1:40000"), netip.MustParseAddrPort("127.0.0.1:3001"))
		if uid, known := e.user(); uid != c.uid || known != c.known {
			t.Errorf("%s: user %d, known %t", c.name, uid, known)
		}
	}
	if _, known := (&wire{}).user(); known {
		t.Error("without a table something is known")
	}
}

// A socket of IPv6 reaches a port of IPv4, and stands in the other table.
func TestIPv4ThroughASocketOfIPv6HasAUser(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	fd, err := syscall.Socket(syscall.AF_INET6, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Skip("this machine has no IPv6")
	}
	defer syscall.Close(fd) //nolint:errcheck // nothing was written
	to := &syscall.SockaddrInet6{Port: ln.Addr().(*net.TCPAddr).Port, Addr: netip.MustParseAddr("::ffff:127.0.0.1").As16()}
	if err := syscall.Connect(fd, to); err != nil {
		t.Skipf("this machine maps no addresses: %v", err)
	}
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	if uid, known := peerUser(far.RemoteAddr().String(), far.LocalAddr().String()); !known || uid != os.Getuid() {
		t.Errorf("user %d, known %t", uid, known)
	}
}

func TestAConnectionThatWasClosedHasNoUser(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for name, linger := range map[string]int{"closed": -1, "reset": 0} {
		near, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		far, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if err := near.(*net.TCPConn).SetLinger(linger); err != nil {
			t.Fatal(err)
		}
		_ = near.Close()
		for err = nil; err == nil; { // until the other end has heard of it
			_, err = far.Read(make([]byte, 1))
		}
		if uid, known := peerUser(far.RemoteAddr().String(), far.LocalAddr().String()); uid != nobody || !known {
			t.Errorf("%s: user %d, known %t", name, uid, known)
		}
		_ = far.Close()
	}
}
