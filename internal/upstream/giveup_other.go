//go:build !linux

package upstream

import (
	"syscall"
	"time"
)

// giveUpAfter is left to the system's own patience here.
func giveUpAfter(syscall.RawConn, time.Duration) error { return nil }
