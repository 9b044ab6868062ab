//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"prism/internal/admin"
)

// lockState takes the lock that a gateway holds while it runs, so that nobody writes the
// journal and the ledger meanwhile.
func lockState(path string) (func(), error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the state directory: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		_ = f.Close()
		return nil, &admin.Error{Code: codeBusy, Message: "another prism works in the state directory", Fix: "prism status, or try again"}
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock the state directory: %w", err)
	}
	return func() { _ = f.Close() }, nil
}

// restrictUmask makes every new file ours alone.
func restrictUmask() { unix.Umask(0o077) }
