package router

import "time"

// Seats returns how many seats are remembered.
func (r *Router) Seats() int {
	r.seats.mu.Lock()
	defer r.seats.mu.Unlock()
	return len(r.seats.young) + len(r.seats.old)
}

// BreakerAfter tells whether a breaker is open after failures at those times of day.
func BreakerAfter(walls ...time.Time) bool {
	var b breaker
	for _, wall := range walls {
		b.failure(0, 0, wall)
	}
	return !b.closed()
}
