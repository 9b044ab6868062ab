//go:build !unix

package daemon

import (
	"fmt"
	"os"
)

// TakeLock opens the lock of a state directory. Here the system has no advisory locks of the
// kind that go with the process; the control socket is what a second prism meets.
func TakeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}
