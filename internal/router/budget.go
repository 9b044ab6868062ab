package router

import (
	"sync"
	"time"
)

// Bounds of the failover budget.
const (
	budgetSeconds = 10
	budgetLeast   = 3
	budgetShare   = 20 // percent of the requests
)

// budget bounds how many attempts at another upstream or key all exchanges make together: where
// everything fails, every further attempt makes the storm larger.
type budget struct {
	share int64 // percent

	mu sync.Mutex
	// One second more than the window, so that a window that begins within a second is covered.
	seconds [budgetSeconds + 1]second // guarded by mu
}

type second struct {
	at       int64
	requests int64
	extra    int64
}

// now returns the slot of a moment. It needs b.mu.
func (b *budget) now(at moment) *second {
	n := int64(time.Duration(at) / time.Second)
	s := &b.seconds[uint64(n)%uint64(len(b.seconds))]
	if s.at != n {
		*s = second{at: n}
	}
	return s
}

// request counts one request.
func (b *budget) request(at moment) {
	b.mu.Lock()
	b.now(at).requests++
	b.mu.Unlock()
}

// restore takes back what allows has just counted, for an attempt that could not be made.
func (b *budget) restore(at moment) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.now(at); s.extra > 0 {
		s.extra--
	}
}

// allows tells whether one more attempt may be made, and counts it if take is set.
func (b *budget) allows(at moment, take bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.now(at)
	var requests, extra int64
	for i := range b.seconds {
		switch old := s.at - b.seconds[i].at; {
		case old < budgetSeconds:
			requests += b.seconds[i].requests
			extra += b.seconds[i].extra
		case old == budgetSeconds: // may be within the window: what was spent counts, what it was spent on does not
			extra += b.seconds[i].extra
		}
	}
	if extra >= max(budgetLeast, requests*b.share/100) {
		return false
	}
	if take {
		s.extra++
	}
	return true
}
