package daemon

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// programEvery is how often the program file is looked at, at most.
const programEvery = time.Minute

// programChunk is how much of two files is compared at a time, in bytes.
const programChunk = 64 << 10

// program is the file that this process was started from. It knows whether another build lies in its
// place; nil knows of none.
type program struct {
	path string
	now  func() time.Time

	mu     sync.Mutex
	own    *os.File    // holds what runs, whatever becomes of the path; guarded by mu
	known  os.FileInfo // of own: as long as that is open no other file can be taken for it; guarded by mu
	looked time.Time   // guarded by mu
	other  atomic.Bool
}

// openProgram remembers the file at path, "" = that of this process; nil where it cannot be read. The
// file stays open until close.
func openProgram(path string, now func() time.Time) *program {
	if path == "" {
		var err error
		if path, err = os.Executable(); err != nil {
			return nil
		}
	}
	info, own, err := open(path)
	if err != nil {
		return nil
	}
	return &program{path: path, own: own, known: info, now: now}
}

func (p *program) close() {
	if p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		_ = p.own.Close()
	}
}

// replaced tells whether another build lies at the path. It looks only when somebody asks, and seldom;
// who asks while another one looks gets the answer before.
func (p *program) replaced() bool {
	if p == nil {
		return false
	}
	if p.mu.TryLock() {
		defer p.mu.Unlock()
		if now := p.now(); p.looked.IsZero() || now.Sub(p.looked).Abs() >= programEvery {
			p.looked = now
			p.other.Store(p.differs())
		}
	}
	return p.other.Load()
}

// differs looks at the path. A file that is gone says nothing: a package manager is in the middle of
// its work, or the directory is not there right now. Nor does one that was merely touched, or installed
// once more. It needs p.mu.
func (p *program) differs() bool {
	is, err := os.Stat(p.path)
	switch {
	case err != nil, !is.Mode().IsRegular():
		return false
	case is.Size() != p.known.Size():
		return true
	case os.SameFile(is, p.known):
		return false
	}
	is, f, err := open(p.path)
	if err != nil {
		return false
	}
	if same, err := alike(p.own, f, p.known.Size()); err != nil || !same {
		_ = f.Close()
		return err == nil
	}
	_ = p.own.Close()
	p.own, p.known = f, is
	return false
}

// open opens a file and says what it is.
func open(path string) (os.FileInfo, *os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrInvalid
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return info, f, nil
}

// alike compares two files of size bytes, up to the first difference.
func alike(f, g io.ReaderAt, size int64) (bool, error) {
	one, other := io.NewSectionReader(f, 0, size), io.NewSectionReader(g, 0, size)
	a, b := make([]byte, programChunk), make([]byte, programChunk)
	for {
		n, err := io.ReadFull(one, a)
		m, errOther := io.ReadFull(other, b)
		switch {
		case !ended(err) && err != nil:
			return false, err
		case !ended(errOther) && errOther != nil:
			return false, errOther
		case !bytes.Equal(a[:n], b[:m]):
			return false, nil
		case ended(err):
			return true, nil
		}
	}
}

func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
