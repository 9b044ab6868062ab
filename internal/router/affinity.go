package router

import (
	"sync"
	"sync/atomic"
)

// keptSeats bounds how many sessions are remembered: twice as many at most.
const keptSeats = 2048

// seatKey is a session at a profile: the one that was chosen for its requests.
type seatKey struct {
	session string
	at      *Health
}

// seat is where a session is served, so that the provider's prompt cache is found again. The
// zero value is a session that was not seen.
type seat struct {
	key     *keyHealth // of the profile's keys
	instead *Health    // the fallback that took over; nil = none
	until   moment     // it starts there, however the profile is
}

// seats remembers where sessions are served, in two generations: those of the older one that
// were not asked for while the younger one filled are forgotten.
type seats struct {
	used atomic.Bool // somebody has sat down

	mu    sync.Mutex
	young map[seatKey]seat // guarded by mu
	old   map[seatKey]seat // guarded by mu
}

// look returns the seat of k.
func (s *seats) look(k seatKey) seat {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.young[k]; ok || len(s.old) == 0 {
		return v
	}
	v, ok := s.old[k]
	if ok {
		s.keep(k, v)
	}
	return v
}

// change calls fn with the seat of k and keeps what it makes of it.
func (s *seats) change(k seatKey, fn func(*seat)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.young[k]
	if !ok {
		v = s.old[k]
	}
	was := v
	if fn(&v); v != was {
		s.keep(k, v)
	}
}

// keep needs s.mu.
func (s *seats) keep(k seatKey, v seat) {
	if _, ok := s.young[k]; !ok && len(s.young) >= keptSeats {
		s.old, s.young = s.young, nil
	}
	if s.young == nil {
		s.young = make(map[seatKey]seat)
	}
	s.young[k] = v
	s.used.Store(true)
}

// forget drops the seats at profiles that are gone.
func (s *seats) forget(gone func(*Health) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range []map[seatKey]seat{s.young, s.old} {
		for k := range m {
			if gone(k.at) {
				delete(m, k)
			}
		}
	}
}
