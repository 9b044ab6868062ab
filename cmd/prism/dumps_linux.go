package main

import "golang.org/x/sys/unix"

// forbidDumps keeps the memory of this process out of core files and from other processes of the
// user. It ends with the next exec, so that a client that prism run starts is not touched by it.
func forbidDumps() { _ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }
