//go:build !unix

package daemon

import "os"

// checksMode is false where permissions are not kept in a mode.
const checksMode = false

func ownedByUs(os.FileInfo) bool { return true }

// descriptors has no limit of its own here.
func descriptors() uint64 { return 1 << 20 }
