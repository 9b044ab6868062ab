package admin

import (
	"fmt"
	"net"
)

// Inherit guards a control socket that was opened for us, such as by systemd. Its place and its
// mode are the affair of whoever did; connections of other users are closed before a byte is
// read all the same.
func Inherit(ln net.Listener) (net.Listener, error) {
	u, ok := ln.(*net.UnixListener)
	if !ok {
		return nil, fmt.Errorf("control socket: %s is a socket of the kind %s, not unix", ln.Addr(), ln.Addr().Network())
	}
	return ownListener{u}, nil
}
