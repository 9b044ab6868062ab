package router

import (
	"sync"
	"sync/atomic"
	"time"
)

// Health is what is known of one profile's upstream. It belongs to the Router and outlives
// tables. Its methods are safe for concurrent use.
type Health struct {
	inFlight atomic.Int64

	mu        sync.Mutex
	lastOK    time.Time
	lastErr   string
	lastErrAt time.Time
	minutes   [60]minute // the last hour, by minute of the clock; guarded by mu
}

type minute struct {
	at     int64 // Unix minute
	n, bad int64
}

// HealthView is a copy of what is known, for people.
type HealthView struct {
	LastOK      time.Time
	LastError   string // its type
	LastErrorAt time.Time
	Requests1h  int64
	Errors1h    int64
	InFlight    int
}

// Enter counts an exchange as under way, until Leave.
func (h *Health) Enter() { h.inFlight.Add(1) }

// Leave ends what Enter began.
func (h *Health) Leave() { h.inFlight.Add(-1) }

// Report notes the end of an attempt. An empty errorType is a success. A client that left
// is not reported: it blames nobody.
func (h *Health) Report(now time.Time, errorType string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := now.Unix() / 60
	m := &h.minutes[uint64(at)%60]
	if m.at != at {
		*m = minute{at: at}
	}
	m.n++
	if errorType == "" {
		h.lastOK = now
		return
	}
	m.bad++
	h.lastErr, h.lastErrAt = errorType, now
}

// View returns a copy.
func (h *Health) View(now time.Time) HealthView {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := HealthView{LastOK: h.lastOK, LastError: h.lastErr, LastErrorAt: h.lastErrAt, InFlight: int(h.inFlight.Load())}
	// A minute after this one was counted before the clock was set back.
	newest := now.Unix() / 60
	for i := range h.minutes {
		if m := &h.minutes[i]; m.at > newest-60 && m.at <= newest {
			v.Requests1h += m.n
			v.Errors1h += m.bad
		}
	}
	return v
}
