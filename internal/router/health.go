package router

import (
	"slices"
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
	minutes   [60]minute        // the last hour, by minute of the clock; guarded by mu
	firsts    [keptFirsts]first // a ring; guarded by mu
	nextFirst int               // guarded by mu
}

type minute struct {
	at     int64 // Unix minute
	n, bad int64
}

// first is how long one answer's first content took.
type first struct {
	at time.Time
	d  time.Duration
}

// keptFirsts is how many of them are remembered.
const keptFirsts = 128

// HealthView is a copy of what is known, for people.
type HealthView struct {
	LastOK      time.Time
	LastError   string // its type
	LastErrorAt time.Time
	Requests1h  int64
	Errors1h    int64
	InFlight    int
	TTFTP95     time.Duration // to the first content, of the last answers within an hour; 0 = not known
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

// First notes how long it took until the first content of an answer came: a millisecond at
// least, since 0 is not known.
func (h *Health) First(now time.Time, d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.firsts[h.nextFirst] = first{now, max(d, time.Millisecond)}
	h.nextFirst = (h.nextFirst + 1) % keptFirsts
}

// p95 is the duration that one answer in twenty exceeds. It needs h.mu.
func (h *Health) p95(now time.Time) time.Duration {
	var took []time.Duration
	for _, f := range h.firsts {
		if !f.at.IsZero() && now.Sub(f.at) < time.Hour {
			took = append(took, f.d)
		}
	}
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[(len(took)*95+99)/100-1]
}

// View returns a copy.
func (h *Health) View(now time.Time) HealthView {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := HealthView{LastOK: h.lastOK, LastError: h.lastErr, LastErrorAt: h.lastErrAt, InFlight: int(h.inFlight.Load()), TTFTP95: h.p95(now)}
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
