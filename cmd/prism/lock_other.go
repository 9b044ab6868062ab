//go:build !unix

package main

import (
	"fmt"
	"os"
)

// lockState makes a file that a second process cannot open; it goes away with the process.
func lockState(path string) (func(), error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the state directory: %w", err)
	}
	return func() { _ = f.Close() }, nil
}

func restrictUmask() {}
