package ledger

import (
	"bytes"
	"errors"
	"io"
)

// Sizes of the buffer a segment is read through.
const (
	readChunk = 256 << 10
	maxLine   = 4 << 20 // no record comes near it
)

// lines splits a segment into lines. Its buffer is reused from segment to segment.
type lines struct {
	in         io.Reader
	buf        []byte
	start, end int   // unread bytes of buf
	offset     int64 // of buf[start] in the segment
	eof        bool
	read       func(int64) // told how much more was read; may be nil
}

// resetAt begins a stretch of a segment that begins at an offset of it.
func (l *lines) resetAt(in io.Reader, offset int64) {
	if l.buf == nil {
		l.buf = make([]byte, readChunk)
	}
	l.in, l.start, l.end, l.offset, l.eof = in, 0, 0, offset, false
}

// reset begins a segment at an offset.
func (l *lines) reset(in io.Reader, offset int64) error {
	l.resetAt(in, offset)
	if offset == 0 {
		return nil
	}
	if seeker, ok := in.(io.Seeker); ok {
		_, err := seeker.Seek(offset, io.SeekStart)
		return err
	}
	if _, err := io.CopyN(io.Discard, in, offset); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// next returns the next complete line, without its line feed, and its offset. It returns nil
// at the end; what is left then is a torn line that [lines.rest] measures.
func (l *lines) next() ([]byte, int64, error) {
	scanned := 0
	for {
		if at := bytes.IndexByte(l.buf[l.start+scanned:l.end], '\n'); at >= 0 {
			line, offset := l.buf[l.start:l.start+scanned+at], l.offset
			l.start += len(line) + 1
			l.offset += int64(len(line) + 1)
			return line, offset, nil
		}
		scanned = l.end - l.start
		if l.eof {
			return nil, l.offset, nil
		}
		if err := l.fill(); err != nil {
			return nil, l.offset, err
		}
	}
}

// rest returns the number of bytes behind the last complete line.
func (l *lines) rest() int { return l.end - l.start }

func (l *lines) fill() error {
	if l.start > 0 {
		copy(l.buf, l.buf[l.start:l.end])
		l.start, l.end = 0, l.end-l.start
	}
	if l.end == len(l.buf) {
		if len(l.buf) >= maxLine {
			l.offset += int64(l.end) // a line of this length is no record
			l.end = 0
			return nil
		}
		l.buf = append(l.buf, make([]byte, len(l.buf))...)
	}
	n, err := l.in.Read(l.buf[l.end:])
	l.end += n
	if l.read != nil {
		l.read(int64(n))
	}
	if errors.Is(err, io.EOF) {
		l.eof = true
		return nil
	}
	return err
}
