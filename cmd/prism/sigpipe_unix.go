//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// survivePipes makes writing to a pipe that nobody reads any more an error. Without it the
// runtime ends the process when that pipe is stdout or stderr.
func survivePipes() (stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGPIPE)
	return func() { signal.Stop(c) }
}
