package ledger

import (
	"crypto/rand"
	"encoding/binary"
	"time"
)

// crockford is the alphabet of a ULID: its order is the order of the numbers.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// idLen is the length of a ULID as text.
const idLen = 26

// NewID returns a ULID for the instant: 26 characters that sort by time to the millisecond.
func NewID(now time.Time) string {
	var raw [16]byte
	_, _ = rand.Read(raw[6:]) // never fails, see crypto/rand
	ms := uint64(max(now.UnixMilli(), 0))
	binary.BigEndian.PutUint16(raw[0:], uint16(ms>>32))
	binary.BigEndian.PutUint32(raw[2:], uint32(ms))
	return encodeID(raw)
}

// encodeID writes 128 bits as 26 characters of 5 bits; the first holds 3.
func encodeID(raw [16]byte) string {
	hi, lo := binary.BigEndian.Uint64(raw[:8]), binary.BigEndian.Uint64(raw[8:])
	var out [idLen]byte
	for i := idLen - 1; i >= 0; i-- {
		out[i] = crockford[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(out[:])
}

// idAfter returns a ULID for now that sorts behind last, whatever the clock did in between:
// segments are read in the order of their names.
func idAfter(last string, now time.Time) string {
	id := NewID(now)
	if id > last {
		return id
	}
	next := []byte(last)
	for i := len(next) - 1; i >= 0; i-- {
		if at := indexCrockford(next[i]); at < 31 {
			next[i] = crockford[at+1]
			return string(next)
		}
		next[i] = crockford[0]
	}
	return id
}

// indexCrockford returns the value of one character, 31 where it is none.
func indexCrockford(c byte) int {
	for i := range len(crockford) {
		if crockford[i] == c {
			return i
		}
	}
	return 31
}

// isID tells whether s has the shape of a ULID.
func isID(s string) bool {
	if len(s) != idLen || s[0] > '7' {
		return false
	}
	for i := range idLen {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z' || c == 'I' || c == 'L' || c == 'O' || c == 'U') {
			return false
		}
	}
	return true
}
