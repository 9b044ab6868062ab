package router

import (
	"cmp"
	"time"

	"prism/internal/ledger"
)

// moment is a time on the router's own clock, which only ever goes forward: no change of the
// time of day makes a wait longer or shorter. What a sleep of the machine shortens is in woke.
type moment time.Duration

// moment returns the time since the router was made.
func (r *Router) moment() moment {
	if r == nil {
		return 0
	}
	return moment(time.Since(r.began))
}

// at returns the moment of a time that was just taken.
func (r *Router) at(wall time.Time) moment {
	if r == nil {
		return 0
	}
	return moment(wall.Sub(r.began))
}

// deniedAgain is how long a key that was refused is passed over, where the profile lets somebody
// else answer meanwhile.
const deniedAgain = 5 * time.Minute

// keyHealth is what is known of one key of a profile. It is guarded by the mutex of its Health.
type keyHealth struct {
	name   string
	own    bool // it stands in the file; false = the client brings its own, or none is sent
	cool   cooldown
	denied denial
	told   condition
}

// cooldown is a time for which somebody asked to be left alone.
type cooldown struct {
	since, until moment
	ends         time.Time // by the wall clock, which goes on while the machine sleeps
	why          string
}

// denial is that a key was refused. It holds until the key answers, or is replaced. A credential
// that is not the profile's is never denied: the next client may bring another one, and there is no
// key in the file that somebody could replace.
type denial struct {
	since, again moment
	ends         time.Time
	why          string // "" = it was not
}

// condition is a state, and what there is to say about it.
type condition struct {
	state, why string
	until      moment // 0 = not by the clock
}

// ends returns the wall clock's time of the end.
func (c condition) ends(now time.Time, at moment) time.Time {
	if c.until == 0 {
		return time.Time{}
	}
	return now.Add(time.Duration(c.until - at))
}

func (k *keyHealth) condition(at moment) condition {
	switch {
	case k.denied.why != "":
		return condition{ledger.HealthDenied, k.denied.why, max(k.denied.again, k.cool.until)}
	case k.cool.until > at:
		return condition{ledger.HealthCooling, k.cool.why, k.cool.until}
	}
	return condition{state: ledger.HealthOK}
}

// ready tells whether the key may be asked; strict says that a key which was refused may not.
func (k *keyHealth) ready(at moment, strict bool) bool {
	return k.cool.until <= at && (k.denied.why == "" || !strict || at >= k.denied.again)
}

// mildest is the condition of the key that is best off. It needs h.mu.
func (h *Health) mildest(at moment) condition {
	best := condition{state: ledger.HealthOK}
	for i, k := range h.keys {
		c := k.condition(at)
		if i == 0 || c.weight() < best.weight() || c.weight() == best.weight() && c.until < best.until {
			best = c
		}
	}
	return best
}

// weight orders the states of keys.
func (c condition) weight() int {
	switch c.state {
	case ledger.HealthDenied:
		return 2
	case ledger.HealthCooling:
		return 1
	}
	return 0
}

// condition tells how the profile is. It needs h.mu.
func (h *Health) condition(at moment) condition {
	keys := h.mildest(at)
	switch {
	case keys.state == ledger.HealthDenied: // somebody has to act
		return keys
	case h.breaker.probing():
		return condition{state: ledger.HealthProbing, why: h.lastErr}
	case !h.breaker.closed():
		return condition{ledger.HealthOpen, h.lastErr, h.breaker.due}
	case h.cool.until > at && (keys.state == ledger.HealthOK || h.cool.until > keys.until):
		return condition{ledger.HealthCooling, h.cool.why, h.cool.until}
	}
	return keys
}

// settle announces what has changed, and notes whether there is something to look at before the
// next attempt. It needs h.mu.
func (h *Health) settle(now time.Time, at moment) {
	sick := false
	for _, k := range h.keys {
		c := k.condition(at)
		sick = sick || c.state != ledger.HealthOK
		if len(h.keys) > 1 {
			h.announce(&k.told, c, change{now, at, k.name})
		}
	}
	c := h.condition(at)
	h.announce(&h.told, c, change{now, at, ""})
	h.sick.Store(sick || c.state != ledger.HealthOK)
}

// change is where and when a condition may have changed.
type change struct {
	now time.Time
	at  moment
	key string
}

// announce tells of a state that is another one than was told of last.
func (h *Health) announce(told *condition, c condition, of change) {
	from := told.state
	if from == "" {
		from = ledger.HealthOK
	}
	*told = c
	if from != c.state && !h.retired {
		h.r.tell(Change{At: of.now, Profile: h.id.name, Key: of.key, From: from, To: c.state, Why: c.why, Until: c.ends(of.now, of.at)})
	}
}

// tell hands a change on.
func (r *Router) tell(c Change) {
	if r == nil || r.opt.Changed == nil {
		return
	}
	r.telling.Lock()
	defer r.telling.Unlock()
	r.opt.Changed(c)
}

// enter begins an attempt, and returns the number of the breaker's probe if it is one. ok is
// false where the profile must be ready and somebody else has just become the probe.
func (h *Health) enter(now time.Time, at moment, mustBeReady bool) (probe uint64, ok bool) {
	if h.sick.Load() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if mustBeReady && !h.breaker.ready(at) {
			return 0, false
		}
		probe = h.breaker.enter(at)
		h.settle(now, at) // a cooldown that is over is noticed here
	}
	h.inFlight.Add(1)
	return probe, true
}

// attempt is what a Health has to know of one.
type attempt struct {
	key   *keyHealth
	began moment
	probe uint64
}

// leave ends an attempt.
func (h *Health) leave(now time.Time, a attempt, res Result) {
	h.inFlight.Add(-1)
	wall := time.Now()
	at := h.r.at(wall)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case res.OK:
		h.report(now, "")
		h.breaker.success(a.began, wall)
		h.forgive(a)
	case res.Limited:
		h.report(now, cmp.Or(res.ErrorType, "rate_limit_error"))
		a.key.cool.extend(now, at, cmp.Or(res.Cooldown, shortCooldown), cmp.Or(res.ErrorType, "rate_limit_error"))
	case res.Denied:
		why := cmp.Or(res.ErrorType, "authentication_error")
		h.report(now, why)
		if a.key.own {
			a.key.denied = denial{since: at, again: at + moment(deniedAgain), ends: now.Add(deniedAgain), why: why}
		}
	case res.ErrorType != "":
		h.report(now, res.ErrorType)
		if res.Cooldown > 0 {
			h.cool.extend(now, at, res.Cooldown, res.ErrorType)
		}
		h.breaker.failure(a.probe, at, wall)
	}
	h.breaker.release(a.probe)
	if !res.OK || h.sick.Load() {
		h.settle(now, at)
	}
}

// forgive drops what was held against the profile and the key when the attempt began: it
// answered all the same. It needs h.mu.
func (h *Health) forgive(a attempt) {
	if h.cool.since < a.began {
		h.cool = cooldown{}
	}
	if a.key.cool.since < a.began {
		a.key.cool = cooldown{}
	}
	if a.key.denied.since < a.began {
		a.key.denied = denial{}
	}
}

// extend makes a cooldown last that much longer than now, unless it does already.
func (c *cooldown) extend(now time.Time, at moment, d time.Duration, why string) {
	d = min(d, MaxCooldown)
	c.since = at
	if until := at + moment(d); until > c.until {
		c.until, c.ends, c.why = until, now.Add(d), why
	}
}

// spare leaves a key alone, since an answer shows that a limit is used up.
func (h *Health) spare(now time.Time, k *keyHealth, d time.Duration, why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.r.moment()
	k.cool.extend(now, at, d, why)
	h.settle(now, at)
}

// alive notes that the breaker's probe is answered: what comes now may take long.
func (h *Health) alive(now time.Time, a attempt) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.breaker.current(a.probe) {
		wall := time.Now()
		h.breaker.success(a.began, wall)
		h.settle(now, h.r.at(wall))
	}
}

// woke ends the waits that the wall clock says are over, and makes an open breaker look at once.
func (h *Health) woke(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := h.r.moment()
	all := []*cooldown{&h.cool}
	for _, k := range h.keys {
		all = append(all, &k.cool)
		if k.denied.why != "" && !now.Before(k.denied.ends) {
			k.denied.again = min(k.denied.again, at)
		}
	}
	for _, c := range all {
		if !now.Before(c.ends) {
			*c = cooldown{}
		}
	}
	h.breaker.due = min(h.breaker.due, at)
	h.settle(now, at)
}
