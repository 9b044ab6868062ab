//go:build !unix

package config

import (
	"io/fs"
	"os"
	"path/filepath"
)

// replace exchanges the file at path for one that fill writes, or leaves it alone if fill
// fails. The temporary file lies in the same directory.
func replace(path string, _ fs.FileMode, fill func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func isReadOnly(error) bool { return false }
