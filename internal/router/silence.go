package router

import "time"

// Silence returns how long the upstream may say nothing within an answer; 0 = there is no bound.
func (r *Route) Silence() time.Duration { return r.pool.timeouts.Idle }
