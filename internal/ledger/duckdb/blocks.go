package duckdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// The layout of a DuckDB file: three headers of 4 KiB, then blocks of one size. Each begins with
// a checksum of the rest of it, blocks that are free included, since a block is only ever
// written whole. DuckDB itself looks at the blocks that a query reads; we look at all of them,
// so that no bit of the file goes unseen, and before DuckDB opens a file that might end the
// process.
const (
	headerBytes   = 4 << 10
	headerCount   = 3
	checksumBytes = 8
	fileMagic     = "DUCK"
	// sizeOffset is where a database header holds the size of the blocks: behind the checksum,
	// the iteration, the first metadata block, the free list and the number of blocks.
	sizeOffset = checksumBytes + 4*8

	minBlock = 1 << 10
	maxBlock = 16 << 20
)

// BlockFault is a stretch of a DuckDB file that does not check.
type BlockFault struct {
	Offset int64
	What   string
}

// String names the place.
func (b BlockFault) String() string { return fmt.Sprintf("byte %d: %s", b.Offset, b.What) }

// checkFile returns what does not check in a DuckDB file, and the number of its blocks. read is
// told how many bytes were looked at; it may be nil.
func checkFile(f *os.File, read func(int64)) (faults []BlockFault, count int64, err error) {
	st, err := f.Stat()
	if err != nil {
		return nil, 0, fmt.Errorf("check blocks: %w", err)
	}
	c := blockChecker{in: f, read: read}
	size, err := c.headers()
	if err != nil || size == 0 {
		return c.faults, 0, err
	}
	buf := make([]byte, size)
	at := int64(headerCount * headerBytes)
	for ; at+int64(size) <= st.Size(); at += int64(size) {
		if err := c.block(buf, at); err != nil {
			return c.faults, count, err
		}
		count++
	}
	if at != st.Size() {
		c.fault(at, "the file ends within block %d: %d of %d bytes", count, st.Size()-at, size)
	}
	return c.faults, count, nil
}

// blockChecker reads a file from its beginning.
type blockChecker struct {
	in     io.Reader
	read   func(int64)
	faults []BlockFault
}

// maxBlockFaults bounds what is kept of a file that is something else altogether.
const maxBlockFaults = 64

func (c *blockChecker) fault(at int64, format string, args ...any) {
	if len(c.faults) < maxBlockFaults {
		c.faults = append(c.faults, BlockFault{at, fmt.Sprintf(format, args...)})
	}
}

// headers checks the three headers and returns the size of the blocks; 0 = it is not known.
func (c *blockChecker) headers() (size int, err error) {
	buf := make([]byte, headerBytes)
	for i := range headerCount {
		at := int64(i * headerBytes)
		sound, err := c.next(buf)
		if err != nil {
			c.fault(at, "the file ends within its headers")
			return 0, ignoreEnd(err)
		}
		switch {
		case !sound:
			c.fault(at, "checksum of header %d is wrong", i)
		case i == 0 && string(buf[checksumBytes:checksumBytes+len(fileMagic)]) != fileMagic:
			c.fault(at, "this is no DuckDB file")
		case i > 0:
			n := binary.LittleEndian.Uint64(buf[sizeOffset:])
			if n >= minBlock && n <= maxBlock {
				size = int(n)
			}
		}
	}
	if size == 0 {
		c.fault(headerBytes, "no header tells the size of the blocks")
	}
	return size, nil
}

func (c *blockChecker) block(buf []byte, at int64) error {
	sound, err := c.next(buf)
	if err != nil {
		c.fault(at, "the file became shorter while it was read")
		return ignoreEnd(err)
	}
	if !sound && !blank(buf) {
		c.fault(at, "checksum of block %d is wrong", (at-headerCount*headerBytes)/int64(len(buf)))
	}
	return nil
}

// next reads the next stretch, and tells whether its checksum is right.
func (c *blockChecker) next(buf []byte) (bool, error) {
	n, err := io.ReadFull(c.in, buf)
	if c.read != nil {
		c.read(int64(n))
	}
	if err != nil {
		return false, err
	}
	return binary.LittleEndian.Uint64(buf) == blockSum(buf[checksumBytes:]), nil
}

func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return fmt.Errorf("check blocks: %w", err)
}

// blank tells whether a block was allocated and never written.
func blank(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b) != 0 {
			return false
		}
	}
	return true
}

// blockSum is DuckDB's checksum of a stretch whose length is a multiple of eight bytes
// (src/common/checksum.cpp).
func blockSum(b []byte) uint64 {
	sum := uint64(5381)
	for ; len(b) >= 8; b = b[8:] {
		sum ^= binary.LittleEndian.Uint64(b) * 0xbf58476d1ce4e5b9
	}
	return sum
}
