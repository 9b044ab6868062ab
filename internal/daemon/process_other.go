//go:build !linux

package daemon

import "os/exec"

// dieWithParent is left to the interrupt that ends a worker elsewhere.
func dieWithParent(*exec.Cmd) {}

// harden has nothing to ask for here beyond the file modes.
func harden() {}

// releasePages is for Linux; elsewhere the system decides.
func releasePages() {}
