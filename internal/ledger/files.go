package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// segmentFile is a segment that is being written.
type segmentFile interface {
	io.WriteCloser
	Sync() error
}

// files is the file system as the journal uses it, so that tests can fail each call.
type files interface {
	// Create makes a new segment. It fails if the file exists.
	Create(path string) (segmentFile, error)
	// Reserve makes a file of no length with blocks allocated for size bytes.
	Reserve(path string, size int64) error
	// OpenReserve turns the reserve into a segment.
	OpenReserve(reserve, path string) (segmentFile, error)
	// SyncDir makes the names in a folder durable.
	SyncDir(path string) error
}

// disk is the real file system.
type disk struct{}

// segmentFlags opens a segment. A symbolic link in its place is never followed.
const segmentFlags = os.O_WRONLY | os.O_APPEND | syscall.O_NOFOLLOW | syscall.O_CLOEXEC

// Create implements files.
func (disk) Create(path string) (segmentFile, error) {
	const flags = segmentFlags | os.O_CREATE | os.O_EXCL
	f, err := os.OpenFile(path, flags, 0o600)
	if errors.Is(err, fs.ErrNotExist) { // somebody removed the folder
		if err = privateDir(filepath.Dir(path)); err == nil {
			f, err = os.OpenFile(path, flags, 0o600)
		}
	}
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

// Reserve implements files.
func (disk) Reserve(path string, size int64) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		if err := roomFor(filepath.Dir(path), size); err != nil {
			return err // and nothing is made that would be taken away again
		}
	}
	f, err := os.OpenFile(path, segmentFlags|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(0), allocate(f, size), f.Close())
}

// OpenReserve implements files.
func (disk) OpenReserve(reserve, path string) (segmentFile, error) {
	if err := os.Rename(reserve, path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, segmentFlags, 0o600)
	if err != nil {
		return nil, err
	}
	return reserveFile{diskFile{f}}, nil
}

// SyncDir implements files.
func (disk) SyncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// diskFile is a real segment.
type diskFile struct{ *os.File }

// Sync makes the bytes written so far durable.
func (f diskFile) Sync() error {
	if err := datasync(f.File); err != nil {
		return err
	}
	return f.inPlace()
}

// inPlace fails if the segment was removed or moved: what is written to it then is read by
// nobody.
func (f diskFile) inPlace() error {
	ours, err := f.Stat()
	if err != nil {
		return err
	}
	there, err := os.Lstat(f.Name())
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(ours, there) {
		return fmt.Errorf("%s is not there any more", f.Name())
	}
	return nil // a folder that may not be looked into can be written to all the same
}

// reserveFile is a segment that was the reserve.
type reserveFile struct{ diskFile }

// Close gives back the blocks that were allocated and not used.
func (f reserveFile) Close() error {
	if st, err := f.Stat(); err == nil {
		_ = f.Truncate(st.Size())
	}
	return f.diskFile.Close()
}

// privateDir makes a folder that only its owner may enter.
func privateDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("make journal folder: %w", err)
	}
	st, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("make journal folder: %w", err)
	}
	if !st.IsDir() {
		return fmt.Errorf("make journal folder: %s is not a folder", path)
	}
	return nil
}

// Names in the journal and the archive.
const (
	segmentExt = ".jsonl"
	archiveExt = ".jsonl.zst"
	reserve    = "reserve"
)

func segmentPath(dir, name string) string { return filepath.Join(dir, name+segmentExt) }
func archivePath(dir, name string) string { return filepath.Join(dir, name+archiveExt) }
