package upstream

import (
	"bytes"
	"errors"
	"io"
	"net/http"
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

	// Model is what an upstream is asked for that translates; the body names what the client
	// asked for. Session is the client's, for the prompt cache of the provider.
	Model, Session string

	// Exchange tells the request from all others: ids are made of it where the provider gives none.
	Exchange string

	credential http.Header // of one request, where an [Authorizer] makes it

	piece, off int
	fileOff    int64
}

// Splice makes b the body raw with raw[from:to] replaced by value. Nothing is copied.
func (b *Body) Splice(raw []byte, from, to int, value []byte) {
	b.Pieces = [3][]byte{raw[:from], value, raw[to:]}
	b.Size = int64(len(raw) - (to - from) + len(value))
}

// joined returns a body that is in memory in one piece.
func (b *Body) joined() []byte {
	if len(b.Pieces[1])+len(b.Pieces[2]) == 0 {
		return b.Pieces[0]
	}
	return bytes.Join(b.Pieces[:], nil)
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
