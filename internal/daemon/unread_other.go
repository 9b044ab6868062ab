//go:build !linux

package daemon

import "net"

// unread is for Linux; elsewhere a moment's patience has to do.
func unread(net.Conn) bool { return false }
