package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

var (
	// ErrChanged is returned when a file is no longer the one that was read.
	ErrChanged = errors.New("the file changed meanwhile")
	// ErrReadOnly is returned when a file must not or cannot be written: a nix store, a
	// read-only mount, a mode without write permission.
	ErrReadOnly = errors.New("the file is read-only")
)

// WriteFileAtomic replaces the contents of the file that path leads to: symbolic links stay,
// the target is exchanged whole, its mode and owner are kept, and the data is on the disk
// before the name points to it. prev is the state that data was made from; if the file has
// another one by now, the error is [ErrChanged] and nothing was written. The zero state means
// that there was no file yet.
func WriteFileAtomic(path string, data []byte, prev FileState) error {
	real, info, err := writeTarget(path)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer lockDir(filepath.Dir(real))()
	if err := unchanged(path, prev); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	perm := fs.FileMode(0o600)
	if info != nil {
		if perm = info.Mode().Perm(); perm&0o200 == 0 {
			return fmt.Errorf("write %s: %w", path, ErrReadOnly)
		}
	}
	err = replace(real, perm, func(f *os.File) error {
		if _, err := f.Write(data); err != nil {
			return err
		}
		if info != nil {
			if err := keepOwner(f, info); err != nil {
				return err
			}
		}
		return unchanged(path, prev)
	})
	if errors.Is(err, fs.ErrPermission) || isReadOnly(err) {
		err = fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// Writable returns [ErrReadOnly] for a file that [WriteFileAtomic] would refuse to replace. It
// is for asking before work is done that could not be saved.
func Writable(path string) error {
	real, info, err := writeTarget(path)
	if err != nil || info == nil {
		return err
	}
	var f *os.File
	if info.Mode().Perm()&0o200 == 0 {
		err = ErrReadOnly
	} else if f, err = os.OpenFile(real, os.O_WRONLY, 0); err == nil {
		err = f.Close()
	}
	if errors.Is(err, fs.ErrPermission) || isReadOnly(err) {
		err = ErrReadOnly
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// writeTarget returns the file behind all links of path; the info is nil if there is none yet.
func writeTarget(path string) (string, fs.FileInfo, error) {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		info, err := os.Stat(real)
		if err == nil && !info.Mode().IsRegular() {
			err = ErrNotRegular
		}
		return real, info, err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", nil, err
	}
	if _, lerr := os.Lstat(path); lerr == nil {
		return "", nil, fmt.Errorf("follow the link: %w", err)
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	return filepath.Join(dir, filepath.Base(path)), nil, err
}

func unchanged(path string, prev FileState) error {
	now, err := Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if now != prev {
		return ErrChanged
	}
	return nil
}
