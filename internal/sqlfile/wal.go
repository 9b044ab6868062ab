package sqlfile

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
)

// The format of the log is that of https://www.sqlite.org/fileformat2.html#the_write_ahead_log.
const (
	logHeader   = 32
	frameHeader = 24
	// logMagic begins a log; the lowest bit tells the order of the bytes that checksums are made of.
	logMagic = 0x377f0682
	// minPage and maxPage bound the size of a page, in bytes.
	minPage, maxPage = 512, 65536
	// fileHeader is the length of the header of a database, in bytes.
	fileHeader = 100
)

// errHeader means that a database does not begin as one does.
var errHeader = errors.New("the header of the database is damaged")

// withLog returns the database with every page that its log has committed, marked as one without a
// log. What a log holds behind its last commit was not finished, or is left from before.
func withLog(ctx context.Context, pages, log []byte) ([]byte, error) {
	if len(pages) < fileHeader {
		return nil, fmt.Errorf("%w: %w", ErrDatabase, errHeader)
	}
	size := int(binary.BigEndian.Uint16(pages[16:]))
	if size == 1 {
		size = maxPage
	}
	if size < minPage || size&(size-1) != 0 {
		return nil, fmt.Errorf("%w: %w", ErrDatabase, errHeader)
	}
	pages, err := overlay(ctx, pages, log, size)
	if err != nil {
		return nil, err
	}
	if len(pages) < fileHeader {
		return nil, fmt.Errorf("%w: %w", ErrDatabase, errHeader)
	}
	pages[18], pages[19] = 1, 1 // no log: there is none in memory
	return pages, nil
}

// overlay puts the pages of all commits of the log over those of the database: of each page what the last
// commit made of it, in a file as long as the last commit made it. That is what a reader of the log sees,
// and the file is made once, however often the log says that it shrinks and grows.
func overlay(ctx context.Context, pages, log []byte, size int) ([]byte, error) {
	if len(log) < logHeader || binary.BigEndian.Uint32(log)&^1 != logMagic || int(binary.BigEndian.Uint32(log[8:])) != size {
		return pages, nil
	}
	sum := checksum{little: binary.BigEndian.Uint32(log)&1 == 0}
	sum.add(log[:24])
	if !sum.is(log[24:]) {
		return pages, nil
	}
	salts := string(log[16:24])
	committed, pending, count := map[int][]byte{}, map[int][]byte{}, 0
	for rest, n := log[logHeader:], 0; len(rest) >= frameHeader+size; rest, n = rest[frameHeader+size:], n+1 {
		if n%frames == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		frame, content := rest[:frameHeader], rest[frameHeader:frameHeader+size]
		sum.add(frame[:8])
		sum.add(content)
		if string(frame[8:16]) != salts || !sum.is(frame[16:]) {
			break
		}
		pending[int(binary.BigEndian.Uint32(frame))] = content
		if after := int(binary.BigEndian.Uint32(frame[4:])); after > 0 { // pages of the database after this commit; 0 = it goes on
			count = after
			maps.Copy(committed, pending)
			clear(pending)
		}
	}
	switch {
	case count == 0:
		return pages, nil
	case count > maxSnapshot/size:
		return nil, ErrTooLarge
	}
	pages = resize(pages, count*size)
	for number, content := range committed {
		if number >= 1 && number <= count {
			copy(pages[(number-1)*size:], content)
		}
	}
	return pages, nil
}

// frames is after how many frames of a log its reader looks whether anybody is still waiting.
const frames = 1000

func resize(b []byte, n int) []byte {
	if n <= len(b) {
		return b[:n]
	}
	return append(b, make([]byte, n-len(b))...)
}

// checksum is the running one of a log.
type checksum struct {
	a, b   uint32
	little bool
}

// add takes in bytes, eight at a time.
func (s *checksum) add(data []byte) {
	read := binary.BigEndian.Uint32
	if s.little {
		read = binary.LittleEndian.Uint32
	}
	for i := 0; i+8 <= len(data); i += 8 {
		s.a += read(data[i:]) + s.b
		s.b += read(data[i+4:]) + s.a
	}
}

// is tells whether the sum is the one that was written down.
func (s *checksum) is(written []byte) bool {
	return binary.BigEndian.Uint32(written) == s.a && binary.BigEndian.Uint32(written[4:]) == s.b
}
