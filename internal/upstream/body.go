package upstream

import (
	"errors"
	"io"
	"os"
	"time"
)

// Body is a request body that can be sent more than once: up to three pieces of memory (what
// stands before a spliced value, the value, what stands behind it), or a file. It is not
// copied and not changed.
type Body struct {
	Pieces [3][]byte
	File   *os.File // instead of Pieces
	Size   int64    // bytes, all pieces together or of the file

	// Fresh asks for a new connection: the one before failed because the peer had closed it.
	Fresh bool

	// FirstByte bounds the wait for the head of the response instead of the pool's bound; 0 =
	// the pool's.
	FirstByte time.Duration

	piece, off int
	fileOff    int64
}

// Splice makes b the body raw with raw[from:to] replaced by value. Nothing is copied.
func (b *Body) Splice(raw []byte, from, to int, value []byte) {
	b.Pieces = [3][]byte{raw[:from], value, raw[to:]}
	b.Size = int64(len(raw) - (to - from) + len(value))
}

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	if b.File != nil {
		n, err := b.File.ReadAt(p, b.fileOff)
		b.fileOff += int64(n)
		if n > 0 && errors.Is(err, io.EOF) {
			err = nil
		}
		return n, err
	}
	for b.piece < len(b.Pieces) {
		if rest := b.Pieces[b.piece][b.off:]; len(rest) > 0 {
			n := copy(p, rest)
			b.off += n
			return n, nil
		}
		b.piece, b.off = b.piece+1, 0
	}
	return 0, io.EOF
}

// Close does nothing: the owner of the memory or of the file releases it.
func (b *Body) Close() error { return nil }
