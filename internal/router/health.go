package router

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"prism/config"
)

// Health is what is known of one profile's upstream: of its address, and of each of its keys.
// It belongs to the Router and outlives tables, as long as these stay as they are. Its methods
// are safe for concurrent use; the zero value knows nothing.
type Health struct {
	r        *Router
	id       healthID
	keys     []*keyHealth // in the order of the file; not changed
	inFlight atomic.Int64
	turn     atomic.Uint64 // whose turn among the keys it is
	// sick says that there is something to look at before an attempt: false is the way of
	// almost every request, and costs it no lock.
	sick atomic.Bool

	mu        sync.Mutex
	breaker   breaker   // guarded by mu
	cool      cooldown  // of the whole profile; guarded by mu
	told      condition // the last one that was announced; guarded by mu
	retired   bool      // another one has taken its place; guarded by mu
	lastOK    time.Time
	lastErr   string
	lastErrAt time.Time
	minutes   [60]minute               // the last hour, by minute of the clock; guarded by mu
	firsts    [keptFirsts]firstContent // a ring; guarded by mu
	nextFirst int                      // guarded by mu
}

// healthID is what a profile must keep for its health to be kept: whatever is changed to mend
// it makes it start anew.
type healthID struct {
	name, baseURL, caFile string
	auth                  config.Auth
	keys                  string // fingerprints
}

type minute struct {
	at     int64 // Unix minute
	n, bad int64
}

// firstContent is how long one answer's first content took.
type firstContent struct {
	at time.Time
	d  time.Duration
}

// keptFirsts is how many of them are remembered.
const keptFirsts = 128

// HealthView is a copy of what is known, for people.
type HealthView struct {
	State       string    // ok, cooling, open, probing, denied: see [ledger.HealthEvent]
	Why         string    // error type, or the limit that is used up
	Until       time.Time // when it is asked again; zero = not by the clock
	LastOK      time.Time
	LastError   string // its type
	LastErrorAt time.Time
	Requests1h  int64
	Errors1h    int64
	InFlight    int
	TTFTP95     time.Duration // to the first content, of the last answers within an hour; 0 = not known
}

// KeyView is what is known of one key of a profile.
type KeyView struct {
	Name  string // "" where the profile has a single one
	State string // ok, cooling or denied
	Why   string
	Until time.Time
}

// report counts the end of an attempt. An empty errorType is a success. A client that left is not
// counted: it blames nobody. It needs h.mu.
func (h *Health) report(now time.Time, errorType string) {
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
	h.firsts[h.nextFirst] = firstContent{now, max(d, time.Millisecond)}
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
	at := h.r.moment()
	c := h.condition(at)
	v := HealthView{
		State: c.state, Why: c.why, Until: c.ends(now, at),
		LastOK: h.lastOK, LastError: h.lastErr, LastErrorAt: h.lastErrAt, InFlight: int(h.inFlight.Load()), TTFTP95: h.p95(now),
	}
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

// Keys returns how each key of the profile is, in the order of the file.
func (h *Health) Keys(now time.Time) []KeyView {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.r.moment()
	out := make([]KeyView, 0, len(h.keys))
	for _, k := range h.keys {
		c := k.condition(at)
		out = append(out, KeyView{Name: k.name, State: c.state, Why: c.why, Until: c.ends(now, at)})
	}
	return out
}
