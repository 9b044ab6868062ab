//go:build !linux

package main

// forbidDumps has nothing to ask for here.
func forbidDumps() {}
