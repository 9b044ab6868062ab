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

// lockDir does nothing here: the look at the file just before its exchange has to do.
func lockDir(string) (unlock func()) { return func() {} }

func isReadOnly(error) bool { return false }
