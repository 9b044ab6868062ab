package importer

import (
	"bufio"
	"errors"
	"io"
)

// maxLine bounds what is kept of a line, in bytes. A line of a transcript that holds usage is
// as long as one answer; those with pictures are longer, and hold none.
const maxLine = 8 << 20

// lineReader splits a file into lines in bounded memory.
type lineReader struct {
	in   *bufio.Reader
	long []byte // a line that does not fit the buffer of in
	read int64  // bytes so far
}

func newLineReader() *lineReader { return &lineReader{in: bufio.NewReaderSize(nil, 128<<10)} }

func (l *lineReader) reset(r io.Reader) {
	l.in.Reset(r)
	l.read = 0
}

// next returns the next line without its line feed, valid until the following call. whole tells
// whether it ended with one; fit is false where the line was too long, and then it is empty.
// After the last line the error is io.EOF.
func (l *lineReader) next() (line []byte, whole, fit bool, err error) {
	line, err = l.in.ReadSlice('\n')
	l.read += int64(len(line))
	if errors.Is(err, bufio.ErrBufferFull) {
		return l.rest(line)
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
		return nil, false, true, err
	}
	return trimmed(line), err == nil, true, nil
}

// rest gathers a long line.
func (l *lineReader) rest(start []byte) (line []byte, whole, fit bool, err error) {
	l.long = append(l.long[:0], start...)
	fit = true
	for {
		more, err := l.in.ReadSlice('\n')
		l.read += int64(len(more))
		if fit = fit && len(l.long)+len(more) <= maxLine; fit {
			l.long = append(l.long, more...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return nil, false, fit, err
		case !fit:
			l.long = l.long[:0]
		}
		return trimmed(l.long), err == nil, fit, nil
	}
}

func trimmed(line []byte) []byte {
	for n := len(line); n > 0 && (line[n-1] == '\n' || line[n-1] == '\r'); n-- {
		line = line[:n-1]
	}
	return line
}

// counted tells how much is read from a file.
type counted struct {
	in   io.Reader
	tell func(int64)
}

// Read implements io.Reader.
func (c counted) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.tell(int64(n))
	return n, err
}
