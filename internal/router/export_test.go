package router

// Seats returns how many seats are remembered.
func (r *Router) Seats() int {
	r.seats.mu.Lock()
	defer r.seats.mu.Unlock()
	return len(r.seats.young) + len(r.seats.old)
}
