package ledger

import (
	"crypto/rand"
	"encoding/binary"
	"time"

	"github.com/oklog/ulid/v2"
)

// NewID returns a ULID for the instant: 26 characters that sort by time to the millisecond.
func NewID(now time.Time) string {
	var id ulid.ULID
	ms := uint64(max(now.UnixMilli(), 0))
	_ = id.SetTime(min(ms, ulid.MaxTime())) // fails only above MaxTime
	_, _ = rand.Read(id[6:])                // never fails, see crypto/rand
	return id.String()
}

// idAfter returns a ULID for now that sorts behind last, whatever the clock did in between:
// segments are read in the order of their names.
func idAfter(last string, now time.Time) string {
	id := NewID(now)
	if id > last {
		return id
	}
	next, err := ulid.ParseStrict(last)
	if err != nil {
		return id
	}
	hi, lo := binary.BigEndian.Uint64(next[:8]), binary.BigEndian.Uint64(next[8:])
	if lo++; lo == 0 {
		hi++
	}
	binary.BigEndian.PutUint64(next[:8], hi)
	binary.BigEndian.PutUint64(next[8:], lo)
	return next.String()
}

// isID tells whether s is a ULID in its canonical form, which has upper-case letters only.
func isID(s string) bool {
	id, err := ulid.ParseStrict(s)
	return err == nil && id.String() == s
}
