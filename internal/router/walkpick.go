package router

import (
	"slices"
	"time"

	"prism/internal/ledger"
)

// defaultAffinity is how long a session stays with a fallback: about as long as a provider keeps
// a prompt cache that nobody asks for.
const defaultAffinity = 5 * time.Minute

// choice is whom a walk asks next.
type choice struct {
	index int // of the route in the plan
	lane  *Lane
	why   string
	ready bool // it is well; false = there is nobody better
}

// pick returns the best that is left.
func (w *Walk) pick(at moment) (choice, bool) {
	if w.rotate {
		if lane := w.ready(w.at, at); lane != nil {
			return choice{w.at, lane, whyKey, true}, true
		}
	}
	if w.tries == 0 {
		switch home := w.home(at); {
		case w.named() && !w.isUsed(0):
			return choice{index: 0, lane: w.least(0, at), why: w.plan.Reason}, true
		case home > 0 && !w.isUsed(home):
			if lane := w.ready(home, at); lane != nil {
				return choice{home, lane, whyAffinity, true}, true
			}
		}
	}
	for i := range w.routes() {
		if w.isUsed(i) {
			continue
		}
		if lane := w.ready(i, at); lane != nil {
			return choice{i, lane, w.why(i), true}, true
		}
	}
	for i := range w.routes() {
		if !w.isUsed(i) {
			return choice{i, w.least(i, at), w.why(i), false}, true
		}
	}
	if w.rotate && w.otherKey() {
		return choice{w.at, w.least(w.at, at), whyKey, false}, true
	}
	return choice{}, false
}

func (w *Walk) routes() []*Route {
	return w.plan.Routes[:min(len(w.plan.Routes), maxRoutes)]
}

func (w *Walk) isUsed(i int) bool { return w.used&(1<<i) != 0 }

// named tells whether the request itself names the profile.
func (w *Walk) named() bool { return w.plan.Reason == "path" || w.plan.Reason == "header" }

func (w *Walk) why(i int) string {
	if i == 0 {
		return w.plan.Reason
	}
	return whyFallback
}

func (w *Walk) tried(lane *Lane) bool { return slices.Contains(w.lanes[:w.tries], lane) }

// otherKey tells whether the profile that was tried last has a key that was not.
func (w *Walk) otherKey() bool {
	return slices.ContainsFunc(w.cur.Route.Lanes, func(l *Lane) bool { return !w.tried(l) })
}

// ready returns the lane of a route by which it can be asked now, or nil: of several, the one
// where the session is, or the next one. That all its keys were refused is no reason to pass
// over the profile that was chosen, unless it says so: the user has to see that.
func (w *Walk) ready(i int, at moment) *Lane {
	route := w.plan.Routes[i]
	h := route.Health
	first := w.first(route)
	if !h.sick.Load() {
		return w.lane(route, first, nil)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cool.until > at || !h.breaker.ready(at) {
		return nil
	}
	lane := w.lane(route, first, func(k *keyHealth) bool { return k.ready(at, true) })
	if lane == nil && w.plan.Chosen(route) && !w.rotate && !route.Profile.FallbackOnAuth && h.mildest(at).state == ledger.HealthDenied {
		lane = w.lane(route, first, func(k *keyHealth) bool { return k.ready(at, false) })
	}
	return lane
}

// lane returns the first lane that was not tried and that fits, beginning with that index; nil
// fits all.
func (w *Walk) lane(route *Route, first int, fits func(*keyHealth) bool) *Lane {
	for n := range route.Lanes {
		lane := route.Lanes[(first+n)%len(route.Lanes)]
		if !w.tried(lane) && (fits == nil || fits(lane.health)) {
			return lane
		}
	}
	return nil
}

// least returns the lane of a route that was not tried and is the least bad one: those that
// cool down for the shortest time first, those that were refused last.
func (w *Walk) least(i int, at moment) *Lane {
	route := w.plan.Routes[i]
	first := w.first(route)
	h := route.Health
	h.mu.Lock()
	defer h.mu.Unlock()
	var best *Lane
	var wait moment
	for n := range route.Lanes {
		lane := route.Lanes[(first+n)%len(route.Lanes)]
		if w.tried(lane) {
			continue
		}
		d := max(lane.health.cool.until-at, 0)
		if lane.health.denied.why != "" {
			d += moment(time.Hour)
		}
		if best == nil || d < wait {
			best, wait = lane, d
		}
	}
	return best
}

// first returns the index of the lane where the session is, or whose turn it is.
func (w *Walk) first(route *Route) int {
	if len(route.Lanes) == 1 {
		return 0
	}
	if w.session != "" {
		at := w.r.seats.look(seatKey{w.session, route.Health}).key
		if i := slices.IndexFunc(route.Lanes, func(l *Lane) bool { return l.health == at }); i >= 0 {
			return i
		}
	}
	return int(route.Health.turn.Load() % uint64(len(route.Lanes)))
}

// sit gives a session that is new at the profile the key that it is about to use, and the next
// one the next key. Requests without a session take turns one by one.
func (w *Walk) sit() {
	h := w.cur.Route.Health
	if len(w.cur.Route.Lanes) == 1 {
		return
	}
	if w.session == "" {
		h.turn.Add(1)
		return
	}
	w.r.seats.change(seatKey{w.session, h}, func(s *seat) {
		if s.key == nil {
			s.key = w.attempt.key
			h.turn.Add(1)
		}
	})
}

// stay makes the session stay where it is served: with the key, and with the fallback that took
// over.
func (w *Walk) stay() {
	if w.session == "" {
		return
	}
	r, h := w.r, w.cur.Route.Health
	if len(w.cur.Route.Lanes) > 1 {
		r.seats.change(seatKey{w.session, h}, func(s *seat) { s.key = w.attempt.key })
	}
	if w.at == 0 {
		if w.tries > 1 && !w.named() && r.seats.used.Load() {
			// The fallback where it was has failed it: the profile that was chosen has it back.
			r.seats.change(seatKey{w.session, h}, func(s *seat) { s.instead, s.until = nil, 0 })
		}
		return
	}
	// Where it is already, the time is not renewed: the profile that was chosen gets it back.
	if w.came != whyFallback || w.named() || r.opt.Affinity < 0 {
		return
	}
	until := r.moment() + moment(r.opt.Affinity)
	r.seats.change(seatKey{w.session, w.plan.Routes[0].Health}, func(s *seat) { s.instead, s.until = h, until })
}

// home returns the index of the fallback where the session is, or 0: for the time of its
// affinity, and as long as the profile that was chosen is not well.
func (w *Walk) home(at moment) int {
	if w.session == "" || len(w.plan.Routes) == 1 || w.named() || !w.r.seats.used.Load() {
		return 0
	}
	s := w.r.seats.look(seatKey{w.session, w.plan.Routes[0].Health})
	if s.instead == nil || at >= s.until && w.ready(0, at) != nil {
		return 0
	}
	return max(slices.IndexFunc(w.routes(), func(r *Route) bool { return r.Health == s.instead }), 0)
}
