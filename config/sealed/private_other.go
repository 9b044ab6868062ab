//go:build !unix

package sealed

import (
	"os"
	"os/exec"
)

// detach does nothing where there are no sessions.
func detach(*exec.Cmd) {}

// openFlags are plain where opening a file cannot block.
const openFlags = os.O_RDONLY

// openToOthers leaves the question to the access lists of the system.
func openToOthers(os.FileInfo) bool { return false }
