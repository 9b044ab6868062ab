//go:build !unix

package main

// survivePipes has nothing to do where pipes send no signals.
func survivePipes() (stop func()) { return func() {} }
