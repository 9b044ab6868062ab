package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// ErrNotRegular is returned for directories, FIFOs and devices in the place of a file.
var ErrNotRegular = errors.New("not a regular file")

// FileState is what tells one version of a file from another without reading it. The zero
// value is a file that does not exist. States are compared with ==.
type FileState struct {
	Dev, Ino uint64
	Size     int64
	ModTime  time.Time // UTC
	Mode     fs.FileMode
	RealPath string // all symbolic links resolved
}

// Stat returns the state of the file that path leads to.
func Stat(path string) (FileState, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return FileState{}, err
	}
	info, err := os.Stat(real)
	if err != nil {
		return FileState{}, err
	}
	return stateOf(info, real), nil
}

func stateOf(info fs.FileInfo, real string) FileState {
	dev, ino := inode(info)
	return FileState{Dev: dev, Ino: ino, Size: info.Size(), ModTime: info.ModTime().UTC(), Mode: info.Mode(), RealPath: real}
}

// ReadFile reads a file that decides where keys go: a regular file of at most [MaxFileSize]
// bytes that only its owner, who is the user or root, can write. A FIFO in its place does not
// make it hang. What is wrong with the file is reported as [Problems].
func ReadFile(path string) ([]byte, FileState, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, FileState{}, err
	}
	f, err := openNonblock(real)
	if err != nil {
		return nil, FileState{}, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, FileState{}, err
	}
	if !info.Mode().IsRegular() {
		return nil, FileState{}, fmt.Errorf("read %s: %w", path, ErrNotRegular)
	}
	if err := checkOwner(path, real, info); err != nil {
		return nil, FileState{}, err
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxFileSize+1))
	if err != nil {
		return nil, FileState{}, err
	}
	if len(data) > MaxFileSize {
		return nil, FileState{}, fileProblem(path, fmt.Sprintf("the file is larger than %d bytes", MaxFileSize), "make the file smaller")
	}
	return data, stateOf(info, real), nil
}

// checkOwner refuses a file that somebody else could have written, or could exchange.
func checkOwner(path, real string, info fs.FileInfo) error {
	if !trustedOwner(info) {
		return fileProblem(path, "the file belongs to another user", "chown $USER "+real)
	}
	if writableByOthers(info) {
		return fileProblem(path, fmt.Sprintf("other users can write the file (mode %#o)", info.Mode().Perm()), "chmod go-w "+real)
	}
	for _, dir := range []string{filepath.Dir(path), filepath.Dir(real)} {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if worldWritable(info) {
			return fileProblem(path, "everybody can exchange files in "+dir, "chmod o-w "+dir)
		}
	}
	return nil
}

func fileProblem(path, message, fix string) error {
	return Problems{{Severity: SeverityError, Code: CodeInvalid, File: path, Message: message, Fix: fix}}
}
