package cloud

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// ErrFrame is an event stream that does not hold what it should.
var ErrFrame = errors.New("the event stream of the provider is damaged")

// Layout of a frame: length of all, length of the headers, checksum of these two; headers; payload;
// checksum of everything before it. Numbers are big endian.
const (
	preludeSize = 12
	frameRest   = preludeSize + 4
	maxFrame    = 32 << 20
)

// frame is one message of an event stream. Its parts are valid as long as what it was read from.
type frame struct {
	kind      []byte // event, exception or error
	event     []byte // type of an event
	exception []byte // type of an exception
	code      []byte // of an error
	message   []byte // of an error
	payload   []byte
}

// nextFrame reads the frame at the beginning of b. size is 0 where it is not whole yet.
func nextFrame(b []byte) (f frame, size int, err error) {
	if len(b) < preludeSize {
		return frame{}, 0, nil
	}
	total, headers := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	if crc32.ChecksumIEEE(b[:8]) != binary.BigEndian.Uint32(b[8:]) || total < frameRest || total > maxFrame || headers > total-frameRest {
		return frame{}, 0, ErrFrame
	}
	n := int(total)
	if len(b) < n {
		return frame{}, 0, nil
	}
	if crc32.ChecksumIEEE(b[:n-4]) != binary.BigEndian.Uint32(b[n-4:]) {
		return frame{}, 0, ErrFrame
	}
	end := preludeSize + int(headers)
	f.payload = b[end : n-4]
	return f, n, f.read(b[preludeSize:end])
}

// read reads the headers.
func (f *frame) read(b []byte) error {
	for len(b) > 0 {
		n := int(b[0])
		if len(b) < n+2 {
			return ErrFrame
		}
		name, kind := b[1:n+1], b[n+1]
		b = b[n+2:]
		size, lead := sizeOf(kind, b)
		if size < 0 || len(b) < lead+size {
			return ErrFrame
		}
		if kind == kindText {
			f.set(name, b[lead:lead+size])
		}
		b = b[lead+size:]
	}
	return nil
}

func (f *frame) set(name, value []byte) {
	switch string(name) {
	case ":message-type":
		f.kind = value
	case ":event-type":
		f.event = value
	case ":exception-type":
		f.exception = value
	case ":error-code":
		f.code = value
	case ":error-message":
		f.message = value
	}
}

// kindText is the type of a header that is a text.
const kindText = 7

// sizeOf returns how long a header's value is, and how long the number before it that says so; -1
// for a type that does not exist.
func sizeOf(kind byte, b []byte) (size, lead int) {
	switch kind {
	case 0, 1: // true, false
		return 0, 0
	case 2: // a byte
		return 1, 0
	case 3: // 16 bits
		return 2, 0
	case 4: // 32 bits
		return 4, 0
	case 5, 8: // 64 bits, a time
		return 8, 0
	case 6, kindText:
		if len(b) < 2 {
			return -1, 0
		}
		return int(binary.BigEndian.Uint16(b)), 2
	case 9: // a UUID
		return 16, 0
	}
	return -1, 0
}
