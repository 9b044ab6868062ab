package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/zstd"
)

// An archived segment is a row of blocks that are packed each for itself, so that damage costs
// one block and not the rest of the segment. Before each block stands a label, which says what
// part of the segment the block holds and vouches for its bytes; the last label closes the
// file. A label has the form of a skippable frame, so that any zstd unpacks the file:
//
//	 0  magic of a skippable frame      4  size of what follows, 36
//	 8  "PRSM"                         12  1 = a block follows, 2 = the end
//	16  offset in the segment, 8 bytes  24  bytes unpacked
//	28  bytes packed                   32  CRC-32C of the packed bytes; at the end, of all unpacked ones
//	36  zero                           40  CRC-32C of the 40 bytes before
//
// Numbers are little-endian. A block ends where a line ends.
const (
	labelLength = 44
	labelMagic  = 0x184D2A5E
	frameMagic  = 0xFD2FB528
	labelName   = "PRSM"
	labelBlock  = 1
	labelEnd    = 2

	blockBytes = 256 << 10
)

// label is what stands before a block.
type label struct {
	kind     uint32
	offset   int64
	unpacked uint32
	packed   uint32
	sum      uint32
}

func (l *label) append(dst []byte, table *crc32.Table) []byte {
	from := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, labelMagic)
	dst = binary.LittleEndian.AppendUint32(dst, labelLength-8)
	dst = append(dst, labelName...)
	dst = binary.LittleEndian.AppendUint32(dst, l.kind)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(l.offset))
	dst = binary.LittleEndian.AppendUint32(dst, l.unpacked)
	dst = binary.LittleEndian.AppendUint32(dst, l.packed)
	dst = binary.LittleEndian.AppendUint32(dst, l.sum)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[from:], table))
}

// readLabel returns the label that b begins with, if there is one and it is intact.
func readLabel(b []byte, table *crc32.Table) (label, bool) {
	if len(b) < labelLength || binary.LittleEndian.Uint32(b) != labelMagic || string(b[8:12]) != labelName {
		return label{}, false
	}
	if crc32.Checksum(b[:labelLength-4], table) != binary.LittleEndian.Uint32(b[labelLength-4:]) {
		return label{}, false
	}
	l := label{
		kind: binary.LittleEndian.Uint32(b[12:]), offset: int64(binary.LittleEndian.Uint64(b[16:])),
		unpacked: binary.LittleEndian.Uint32(b[24:]), packed: binary.LittleEndian.Uint32(b[28:]), sum: binary.LittleEndian.Uint32(b[32:]),
	}
	return l, (l.kind == labelBlock || l.kind == labelEnd) && l.offset >= 0 && l.unpacked <= maxLine && l.packed <= 2*maxLine
}

// writeBlocks packs what in holds, and returns its length and its checksum.
func writeBlocks(out io.Writer, in io.Reader) (length int64, sum uint32, err error) {
	table := castagnoli()
	packer, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true), zstd.WithWindowSize(blockBytes))
	if err != nil {
		return 0, 0, err
	}
	defer packer.Close()
	var packed []byte
	block := func(b []byte) error {
		packed = packer.EncodeAll(b, packed[:0])
		l := label{labelBlock, length, uint32(len(b)), uint32(len(packed)), crc32.Checksum(packed, table)}
		length, sum = length+int64(len(b)), crc32.Update(sum, table, b)
		if _, err := out.Write(l.append(nil, table)); err != nil {
			return err
		}
		_, err := out.Write(packed)
		return err
	}
	if err := eachBlock(in, block); err != nil {
		return 0, 0, err
	}
	end := label{kind: labelEnd, offset: length, sum: sum}
	_, err = out.Write(end.append(nil, table))
	return length, sum, err
}

// eachBlock calls fn for stretches of about [blockBytes] that end where a line ends.
func eachBlock(in io.Reader, fn func([]byte) error) error {
	buf := make([]byte, 0, blockBytes)
	for {
		n, err := io.ReadFull(in, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			if len(buf) == 0 {
				return nil
			}
			return fn(buf)
		}
		if err != nil {
			return err
		}
		cut := bytes.LastIndexByte(buf, '\n') + 1
		if cut == 0 && len(buf) < maxLine {
			buf = append(make([]byte, 0, 2*cap(buf)), buf...)
			continue
		}
		if cut == 0 { // no record is as long as that
			cut = len(buf)
		}
		if err := fn(buf[:cut]); err != nil {
			return err
		}
		buf = buf[:copy(buf, buf[cut:])]
	}
}

// blocks reads an archived segment block by block.
type blocks struct {
	file   []byte
	at     int   // in the file
	offset int64 // in the segment: everything before was returned, or reported as damage
	sum    uint32
	table  *crc32.Table
	damage func(from, to int64, what string)
	intact bool // nothing was reported
	ended  bool // the end was reached, or its lack was reported
	dec    *zstd.Decoder
	buf    []byte
}

// newBlocks reads the bytes of a file. damage is told of stretches of the segment that do not
// check, whose end is -1 if it is not known.
func newBlocks(file []byte, damage func(from, to int64, what string)) (*blocks, error) {
	// Whether a block is right, its label says; and of one that is not, every line that can be
	// unpacked is wanted, since lines check themselves.
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(2*maxLine), zstd.IgnoreChecksum(true))
	if err != nil {
		return nil, err
	}
	b := &blocks{file: file, table: castagnoli(), dec: dec, intact: true}
	b.damage = func(from, to int64, what string) {
		b.intact = false
		damage(from, to, what)
	}
	return b, nil
}

// labelled tells whether a file consists of blocks. One that earlier versions wrote is a single
// frame.
func labelled(file []byte) bool {
	return len(file) < 4 || binary.LittleEndian.Uint32(file) != frameMagic
}

// next returns the next block and its offset in the segment, or nil at the end. Of a block that
// was reported as damaged it returns what can be unpacked. The bytes are valid until the next
// call.
func (b *blocks) next() ([]byte, int64) {
	for b.at < len(b.file) {
		from := b.offset
		l, ok := readLabel(b.file[b.at:], b.table)
		if !ok {
			if data := b.resync(); data != nil {
				return data, from
			}
			continue
		}
		if l.offset != b.offset {
			b.damage(b.offset, l.offset, "blocks are missing")
			b.offset = l.offset
		}
		b.at += labelLength
		if l.kind == labelEnd {
			b.end(&l)
			return nil, 0
		}
		if data := b.unpack(&l); data != nil {
			return data, l.offset
		}
	}
	if !b.ended {
		b.damage(b.offset, -1, fmt.Sprintf("the file ends at byte %d of it, before its end was written", len(b.file)))
		b.ended = true
	}
	return nil, 0
}

// unpack returns the block behind a label, or what can be had of it.
func (b *blocks) unpack(l *label) []byte {
	start, to := b.at, l.offset+int64(l.unpacked)
	b.at = min(start+int(l.packed), len(b.file))
	b.offset = to
	packed := b.file[start:b.at]
	if len(packed) < int(l.packed) || crc32.Checksum(packed, b.table) != l.sum {
		b.damage(l.offset, to, fmt.Sprintf("the block at byte %d of the file is damaged", start))
		return b.salvage(packed)
	}
	data, err := b.dec.DecodeAll(packed, b.buf[:0])
	if err != nil || len(data) != int(l.unpacked) {
		b.damage(l.offset, to, fmt.Sprintf("the block at byte %d of the file cannot be unpacked", start))
		return nil
	}
	b.buf = data
	b.sum = crc32.Update(b.sum, b.table, data)
	return data
}

// salvage unpacks a damaged block as far as that goes.
func (b *blocks) salvage(packed []byte) []byte {
	data, err := b.dec.DecodeAll(packed, b.buf[:0])
	if err == nil {
		b.buf = data
		return data
	}
	if err := b.dec.Reset(bytes.NewReader(packed)); err != nil {
		return nil
	}
	data, _ = io.ReadAll(io.LimitReader(b.dec, maxLine)) // up to the damage
	return data
}

// resync looks for the next label behind a damaged one, and returns what can be unpacked of the
// bytes in between.
func (b *blocks) resync() []byte {
	from := b.at
	next := label{offset: -1}
	for b.at++; next.kind == 0; {
		i := bytes.Index(b.file[min(b.at+8, len(b.file)):], []byte(labelName))
		if i < 0 {
			b.at = len(b.file)
			b.ended = true
			break
		}
		b.at += i
		if l, ok := readLabel(b.file[b.at:], b.table); ok {
			next = l
			break
		}
		b.at++
	}
	b.damage(b.offset, next.offset, fmt.Sprintf("bytes %d to %d of the file are damaged", from, b.at))
	b.offset = max(b.offset, next.offset)
	return b.salvage(b.file[min(from+labelLength, b.at):b.at])
}

// end compares what was read with what the last label says of it.
func (b *blocks) end(l *label) {
	b.ended = true
	if b.at != len(b.file) {
		b.damage(b.offset, b.offset, fmt.Sprintf("there are bytes behind the end, from byte %d of the file on", b.at))
		b.at = len(b.file)
	}
	if b.intact && b.sum != l.sum {
		b.damage(0, l.offset, "checksum of the whole segment is wrong")
	}
}

func (b *blocks) close() { b.dec.Close() }
