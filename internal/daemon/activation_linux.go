package daemon

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"prism/internal/admin"
)

// firstInherited is the number of the first descriptor that systemd passes on.
const firstInherited = 3

// mostInherited bounds what LISTEN_FDS is believed: prism has three sockets.
const mostInherited = 16

// Inherited takes the sockets that systemd opened for this process and keeps open between two
// processes: sd_listen_fds(3). A socket is told by the name that its unit gives it, data,
// dashboard or control; without such a name, a TCP socket is the data port and a Unix socket
// the control socket.
func Inherited(getenv func(string) string) (Sockets, error) {
	n, _ := strconv.Atoi(getenv("LISTEN_FDS")) // 0 where it is no number
	if pid, _ := strconv.Atoi(getenv("LISTEN_PID")); pid != os.Getpid() || n <= 0 {
		return Sockets{}, nil // they were meant for somebody else, or there are none
	}
	names := strings.Split(getenv("LISTEN_FDNAMES"), ":")
	var files []*os.File
	for i := range min(n, mostInherited) {
		fd := firstInherited + i
		syscall.CloseOnExec(fd)
		name := ""
		if i < len(names) {
			name = names[i]
		}
		files = append(files, os.NewFile(uintptr(fd), name))
	}
	return socketsOf(files)
}

// socketsOf makes listeners of files, which it closes.
func socketsOf(files []*os.File) (Sockets, error) {
	var s Sockets
	var problem error
	for _, f := range files {
		if problem == nil {
			problem = s.take(f)
		}
		_ = f.Close() // a listener has a descriptor of its own
	}
	if problem != nil {
		s.Close()
		return Sockets{}, problem
	}
	return s, nil
}

// take adds the socket of f.
func (s *Sockets) take(f *os.File) error {
	ln, err := listenerOf(f)
	if err != nil {
		return badSocket(f.Name(), "is not a socket that listens", "write Accept=no and ListenStream= into its unit")
	}
	place, want := s.place(f.Name(), ln)
	switch {
	case want != ln.Addr().Network():
		err = badSocket(f.Name(), fmt.Sprintf("is of the kind %s, not %s", ln.Addr().Network(), want), "see prism help, or docs/running.md")
	case *place != nil:
		err = badSocket(f.Name(), fmt.Sprintf("is the second one for its purpose, after %s", (*place).Addr()), "give the socket units FileDescriptorName=data, dashboard and control")
	case want == "tcp" && !isLoopback(ln.Addr()):
		err = badSocket(f.Name(), fmt.Sprintf("listens on %s, where other machines can reach it", ln.Addr()), "ListenStream=127.0.0.1:3000")
	}
	if err != nil {
		_ = ln.Close()
		return err
	}
	*place = ln
	return nil
}

// place tells where a socket belongs, and of which network it must be.
func (s *Sockets) place(name string, ln net.Listener) (place *net.Listener, network string) {
	switch {
	case name == "data":
		return &s.Data, "tcp"
	case name == "dashboard":
		return &s.Dashboard, "tcp"
	case name == "control", ln.Addr().Network() == "unix":
		return &s.Control, "unix"
	}
	return &s.Data, "tcp"
}

// listenerOf refuses what net.FileListener takes although nobody can be accepted from it.
func listenerOf(f *os.File) (net.Listener, error) {
	listening, err := syscall.GetsockoptInt(int(f.Fd()), syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	if err != nil {
		return nil, err
	}
	if listening == 0 {
		return nil, syscall.EINVAL
	}
	return net.FileListener(f)
}

func isLoopback(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.IP.IsLoopback()
}

func badSocket(name, what, fix string) error {
	if name == "" {
		name = "without a name"
	}
	return &admin.Error{Code: "config_invalid", Message: fmt.Sprintf("the inherited socket %q %s", name, what), Fix: fix}
}
