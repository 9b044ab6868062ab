package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// ErrInUse means that another process answers at the socket.
var ErrInUse = errors.New("another prism answers at the socket")

// maxSocketPath is what every platform's sockaddr_un holds, without the final zero.
const maxSocketPath = 103

// Listen opens the control socket. Its directory is made if it does not exist and must be
// ours alone (0700); a socket that nobody answers at is a leftover and replaced; anything
// else at the path is refused. Connections of other users are closed before a byte is read.
func Listen(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("control socket %s: the path has %d bytes, a socket's may have %d", path, len(path), maxSocketPath)
	}
	if err := ownDirectory(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := ClearStale(path); err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	// Nobody else could connect before this line either: the directory lets only us in.
	if err := os.Chmod(path, 0o600); err != nil {
		_ = ln.Close()
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return ownListener{ln}, nil
}

// ClearStale removes the socket of a process that is gone, and returns [ErrInUse] where somebody
// answers. The test is a connection, never a PID: PIDs are used again.
func ClearStale(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Mode().Type() != os.ModeSocket {
		return errors.New("something that is not a socket lies there")
	}
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "unix", path)
	if err == nil {
		_ = conn.Close()
		return ErrInUse
	}
	if !absent(err) {
		return err
	}
	return os.Remove(path)
}

// ownDirectory makes dir 0700, or checks that it is ours and closed to others.
func ownDirectory(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	st, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !st.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	if !ownedByUs(st) {
		return fmt.Errorf("%s belongs to somebody else", dir)
	}
	if perm := st.Mode().Perm(); perm&0o077 != 0 && checksMode {
		return fmt.Errorf("%s is open to others (mode %04o); fix: chmod 700 %s", dir, perm, dir)
	}
	return nil
}

// ownListener lets in only connections of the user who runs the gateway.
type ownListener struct{ *net.UnixListener }

// Accept returns the next connection of our own user.
func (l ownListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if peerIsUs(conn) {
			return conn, nil
		}
		_ = conn.Close()
	}
}
