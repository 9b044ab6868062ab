//go:build !linux

package main

// diskOf knows nothing here.
func diskOf(string) (disk, bool) { return disk{}, false }

// watchable has no limit here that could be asked for.
func watchable() error { return nil }

// gateways cannot be told from other processes here.
func gateways() []int { return nil }
