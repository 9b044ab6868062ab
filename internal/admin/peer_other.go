//go:build !linux && !darwin

package admin

import "net"

// peerIsUs relies on the permissions of the socket where the platform names no peer.
func peerIsUs(*net.UnixConn) bool { return true }
