//go:build unix

package main

import "golang.org/x/sys/unix"

// restrictUmask makes every new file ours alone.
func restrictUmask() { unix.Umask(0o077) }
