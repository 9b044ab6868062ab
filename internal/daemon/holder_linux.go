package daemon

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// tcpListen is the state of a listening socket in /proc/net/tcp.
const tcpListen = "0A"

// portHolder names the process that listens on the port of address, as far as the system
// lets us see it: our own processes, or all of them for root. It is "" where nobody is found.
func portHolder(address string) string {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return ""
	}
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.SplitSeq(string(b), "\n") {
			f := strings.Fields(line)
			if len(f) > 9 && f[3] == tcpListen && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", ap.Port())) {
				sockets["socket:["+f[9]+"]"] = true
			}
		}
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil || len(sockets) == 0 {
		return ""
	}
	for _, p := range processes {
		fds, err := os.ReadDir(filepath.Join(p, "fd"))
		if err != nil {
			continue
		}
		for _, fd := range fds {
			if to, err := os.Readlink(filepath.Join(p, "fd", fd.Name())); err == nil && sockets[to] {
				return processName(filepath.Base(p))
			}
		}
	}
	return ""
}

func processName(pid string) string {
	name, err := os.ReadFile(filepath.Join("/proc", pid, "comm"))
	if err != nil {
		return "PID " + pid
	}
	// A process may call itself anything.
	return fmt.Sprintf("%s (PID %s)", strings.Trim(strconv.QuoteToASCII(strings.TrimSpace(string(name))), `"`), pid)
}
