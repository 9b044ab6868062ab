//go:build unix

package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/renameio/v2"
)

// replace exchanges the file at path for one that fill writes, or leaves it alone if fill
// fails. The temporary file lies in the same directory.
func replace(path string, perm fs.FileMode, fill func(*os.File) error) error {
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithStaticPermissions(perm))
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }()
	if err := fill(f.File); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// lockPatience is how long a writer waits for another one; an exchange takes milliseconds.
const lockPatience = 2 * time.Second

// lockDir keeps two writers from exchanging a file of the directory at the same time: both would
// find it unchanged, and what the first one wrote would be lost. The lock goes with the process.
// Where a file system has no locks, or somebody sits on it, there is none.
func lockDir(dir string) (unlock func()) {
	d, err := os.Open(dir)
	if err != nil {
		return func() {}
	}
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if again := errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR); !again || time.Since(began) > lockPatience {
			return func() { _ = d.Close() }
		}
	}
}

func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
