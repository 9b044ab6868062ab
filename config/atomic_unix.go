//go:build unix

package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

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

func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
