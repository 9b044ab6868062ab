package dashboard

import (
	"bufio"
	"encoding/hex"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// peerUser returns the user whose program is at the other end of a connection from this machine, or
// [nobody] where it has let go of it; known is false where the system does not tell, such as of
// programs in another network namespace.
func peerUser(remote, local string) (uid int, known bool) {
	far, errFar := netip.ParseAddrPort(remote)
	near, errNear := netip.ParseAddrPort(local)
	if errFar != nil || errNear != nil {
		return 0, false
	}
	var c wire
	// The kernel does not stop for who reads its table: a row may be missed once.
	for tries := 0; tries < 2 && !c.found; tries++ {
		c = wire{}
		if far.Addr().Is4() {
			c.look("/proc/net/tcp", far, near)
			c.look("/proc/net/tcp6", mapped(far), mapped(near)) // of programs that speak IPv4 through a socket of IPv6
		} else {
			c.look("/proc/net/tcp6", far, near)
		}
	}
	return c.user()
}

func mapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(a.Addr().As16()), a.Port())
}

// wire is what the kernel knows of both ends of a connection.
type wire struct {
	read  bool // there is a table
	open  bool // as far as we know, the other end has not closed it
	found bool // the other end is in it
	held  bool // by a program
	uid   int
}

func (c *wire) look(table string, far, near netip.AddrPort) {
	f, err := os.Open(table)
	if err != nil {
		return
	}
	defer f.Close()
	c.scan(f, far, near)
}

// scan reads one of the kernel's tables, whose columns are those of proc_pid_net(5).
func (c *wire) scan(table io.Reader, far, near netip.AddrPort) {
	const established = "01"
	c.read = true
	there, here := procAddress(far), procAddress(near)
	for sc := bufio.NewScanner(table); sc.Scan(); {
		row := strings.Fields(sc.Text())
		if len(row) < 10 {
			continue
		}
		switch row[1] + " " + row[2] {
		case there + " " + here:
			uid, err := strconv.Atoi(row[7])
			c.found, c.held, c.uid = true, err == nil && row[9] != "0", uid
		case here + " " + there:
			c.open = row[3] == established
		}
	}
}

// user judges. Of a connection that its program has closed the kernel says that it is root's, or
// nothing at all: whoever asks and leaves is not to be taken for root.
func (c *wire) user() (uid int, known bool) {
	switch {
	case !c.read:
		return 0, false
	case c.found && c.held:
		return c.uid, true
	case c.found || !c.open:
		return nobody, true
	}
	return 0, false
}

// procAddress writes an address as the kernel's table does: words of four bytes, each in the order
// of the machine, which is little-endian wherever prism is built for.
func procAddress(a netip.AddrPort) string {
	raw := a.Addr().AsSlice()
	for i := 0; i+4 <= len(raw); i += 4 {
		slices.Reverse(raw[i : i+4])
	}
	return strings.ToUpper(hex.EncodeToString(raw)) + ":" + strings.ToUpper(hex.EncodeToString([]byte{byte(a.Port() >> 8), byte(a.Port())}))
}
