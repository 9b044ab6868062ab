package dashboard

import (
	"bufio"
	"encoding/hex"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// peerUser returns the user whose program is at the other end of a connection from this machine;
// known is false where the system does not tell.
func peerUser(remote, local string) (uid int, known bool) {
	from, errFrom := netip.ParseAddrPort(remote)
	to, errTo := netip.ParseAddrPort(local)
	if errFrom != nil || errTo != nil {
		return 0, false
	}
	table := "/proc/net/tcp"
	if from.Addr().Is6() {
		table = "/proc/net/tcp6"
	}
	f, err := os.Open(table)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	// The other end sees the addresses the other way round.
	want := procAddress(from) + " " + procAddress(to)
	for sc := bufio.NewScanner(f); sc.Scan(); {
		fields := strings.Fields(sc.Text())
		if len(fields) < 8 || fields[1]+" "+fields[2] != want {
			continue
		}
		uid, err := strconv.Atoi(fields[7])
		return uid, err == nil
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
