package router

import (
	"maps"
	"slices"
	"strings"
	"time"

	"prism/internal/ledger"
)

// attach gives a route what is known of its profile, or a new Health if nothing is. Only a swap
// makes the router remember a new one: a table that is refused leaves no trace.
func (r *Router) attach(route *Route) {
	p := route.Profile
	id := healthID{name: p.Name, baseURL: p.BaseURL, caFile: p.CAFile, auth: p.Auth}
	var prints strings.Builder
	for _, k := range p.AllKeys() {
		prints.WriteString(k.Name + "\x00" + k.Secret.Fingerprint() + "\x00")
	}
	id.keys = prints.String()
	r.mu.Lock()
	h := r.health[id]
	r.mu.Unlock()
	if h == nil {
		h = &Health{r: r, id: id}
		for _, lane := range route.Lanes {
			h.keys = append(h.keys, &keyHealth{name: lane.Key, own: p.Auth.NeedsKey()})
		}
	}
	route.Health = h
	for i, lane := range route.Lanes {
		lane.health = h.keys[i]
	}
}

// settle makes the router remember the health of the profiles of t, and no other. What was
// held against a profile that has changed, or is gone, is over.
func (r *Router) settle(old, t *Table) {
	kept := make(map[*Health]bool, len(t.routes))
	r.mu.Lock()
	clear(r.health)
	for _, route := range t.routes {
		r.health[route.Health.id] = route.Health
		kept[route.Health] = true
	}
	r.mu.Unlock()
	r.seats.forget(func(h *Health) bool { return !kept[h] })
	for h := range kept {
		h.restore()
	}
	if old == nil {
		return
	}
	now := time.Now()
	for _, route := range old.routes {
		if !kept[route.Health] {
			route.Health.retire(now)
		}
	}
}

// retire ends the announcements of a Health that another one replaces, with one that nothing is
// held against the profile any more.
func (h *Health) retire(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fresh := condition{state: ledger.HealthOK, why: "profile changed"}
	if len(h.keys) > 1 {
		for _, k := range h.keys {
			h.announce(&k.told, fresh, change{now, 0, k.name})
		}
	}
	h.announce(&h.told, fresh, change{now, 0, ""})
	h.retired = true
}

// restore makes a Health that was replaced count again: its profile is back as it was, before
// the last exchange that knew it was over.
func (h *Health) restore() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.retired = false
}

// Health returns what is known of the profile of that name in the live table. Of one that it
// does not have, nothing is.
func (r *Router) Health(profile string) *Health {
	if t := r.Table(); t != nil {
		if route := t.routes[profile]; route != nil {
			return route.Health
		}
	}
	return &Health{}
}

// Woke tells the router that the machine has slept, or that the process was stopped: waits that
// are over by the clock on the wall end, open breakers are looked at with the next request, and kept
// connections, whose other ends have forgotten them, are closed.
func (r *Router) Woke(now time.Time) {
	if t := r.Table(); t != nil {
		for _, route := range t.routes {
			route.Health.woke(now)
		}
	}
	r.CloseIdle()
}

// CloseIdle closes the connections that are kept and not in use.
func (r *Router) CloseIdle() {
	r.mu.Lock()
	pools := slices.Collect(maps.Values(r.pools))
	r.mu.Unlock()
	for _, p := range pools {
		p.CloseIdle()
	}
}
