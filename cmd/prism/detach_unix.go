//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// detach gives the child a session of its own: the terminal's signals and its end do not
// reach it.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
