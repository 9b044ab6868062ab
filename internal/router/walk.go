package router

import (
	"net/http"
	"time"
)

// maxAttempts bounds the attempts of one exchange, whichever upstreams they go to.
const maxAttempts = 3

// maxRoutes is how many routes of a plan are looked at.
const maxRoutes = 64

// Reasons of a [Try] that are not those of the plan.
const (
	whyFallback = "fallback"
	whyAffinity = "affinity"
	whyKey      = "key"
)

// Walk is the way of one exchange through its plan: which upstream is tried next, and whether
// one still may be. It is not safe for concurrent use.
type Walk struct {
	r       *Router
	plan    Plan
	session string

	cur    Try
	at     int                // index of the route of cur
	came   string             // why the walk came to that route, with whichever of its keys
	used   uint64             // routes that were tried or dropped, by index
	lanes  [maxAttempts]*Lane // that were tried
	tries  int
	known  bool   // the failover budget has counted the request
	peeked choice // what Peek has shown; no lane = nothing

	attempt attempt
	open    bool          // the attempt has not ended
	rotate  bool          // it ended because of its key: another one of the same profile may do
	status  int           // of its head; 0 = none has come
	asked   time.Duration // how long its head asks to be left alone
}

// Try is leave for one attempt.
type Try struct {
	Route *Route
	Lane  *Lane
	Why   string // the plan's reason; or fallback, affinity, key: why, of an attempt in the ledger
}

// Result is how an attempt ended, as far as it concerns the health of its upstream. The zero
// value blames nobody: a client that left, or a request that was refused for what it asks.
type Result struct {
	OK        bool
	ErrorType string        // what went wrong, if the upstream or the key is to blame
	Limited   bool          // 429: this key is not called for Cooldown
	Denied    bool          // 401, 402, 403: the key is refused
	Cooldown  time.Duration // how long the upstream asks to be left alone; 0 = what its head said
}

// Change is a change of the health of a profile, or of one of its keys.
type Change struct {
	At      time.Time
	Profile string
	Key     string // "" = the whole profile
	From    string // see the states of [HealthView]
	To      string
	Why     string
	Until   time.Time // when it is looked at again; zero = not by the clock
}

// Walk begins the way through a plan. session is the client's session, "" if it names none.
func (r *Router) Walk(plan Plan, session string) *Walk {
	return &Walk{r: r, plan: plan, session: session}
}

// Next returns the next upstream to try, and begins an attempt at it. ok is false where nobody
// is left, where three attempts were made, and where failures are so many that another attempt
// would only add to them.
//
// Whoever is well comes first, in the order of the plan; a session that a fallback took over
// begins there. Who cools down, or is out because of failures, comes after all others and not
// never: what is left then may still be better than an error. A profile that the request names
// is asked first however it is. What Peek has shown is given, or nobody.
func (w *Walk) Next(now time.Time) (t Try, ok bool) {
	w.End(now, Result{})
	at := w.r.moment()
	first, shown := w.tries == 0, w.peeked.lane != nil
	if !w.known {
		w.known = true
		w.r.budget.request(at)
	}
	if !w.Left() || !first && !w.r.budget.allows(at, true) {
		return Try{}, false
	}
	for c, ok := w.next(at); ok; c, ok = w.next(at) {
		if w.begin(now, at, c) {
			return w.cur, true
		}
		if shown {
			break
		}
	}
	if !first {
		w.r.budget.restore(at)
	}
	return Try{}, false
}

// next returns what Peek has shown, or else what is best now.
func (w *Walk) next(at moment) (choice, bool) {
	if !w.Left() {
		return choice{}, false
	}
	if c := w.peeked; c.lane != nil {
		w.peeked = choice{}
		return c, true
	}
	return w.pick(at)
}

// begin begins the attempt that was chosen, unless somebody else has just become the one probe of
// its upstream.
func (w *Walk) begin(now time.Time, at moment, c choice) bool {
	route := w.plan.Routes[c.index]
	probe, ok := route.Health.enter(now, at, c.ready)
	if !ok {
		return false
	}
	w.used |= 1 << c.index
	w.at, w.cur = c.index, Try{Route: route, Lane: c.lane, Why: c.why}
	if c.why != whyKey {
		w.came = c.why
	}
	w.start(at, probe)
	w.sit()
	return true
}

// start notes an attempt at cur.
func (w *Walk) start(at moment, probe uint64) {
	w.lanes[w.tries] = w.cur.Lane
	w.tries++
	w.attempt = attempt{key: w.cur.Lane.health, began: at, probe: probe}
	w.open, w.rotate, w.status, w.asked = true, false, 0, 0
}

// Again spends one attempt on the upstream that was tried last, after End. It returns false where
// none is left. It costs nothing of the failover budget: where nothing was processed, the storm
// is no larger.
func (w *Walk) Again(now time.Time) bool {
	if w.tries == 0 || w.tries >= maxAttempts {
		return false
	}
	w.End(now, Result{})
	at := w.r.moment()
	probe, _ := w.cur.Route.Health.enter(now, at, false)
	w.peeked = choice{}
	w.start(at, probe)
	return true
}

// Left tells whether there is somebody whom Next could still give, if failures are not too many.
func (w *Walk) Left() bool {
	if w.tries >= maxAttempts {
		return false
	}
	return w.used != 1<<min(len(w.plan.Routes), maxRoutes)-1 || w.rotate && w.otherKey()
}

// Another tells whether Next could give somebody after a failure: there is somebody, and failures
// are not too many.
func (w *Walk) Another() bool { return w.Left() && w.r.budget.allows(w.r.moment(), false) }

// CanAgain tells whether Again could give one more attempt.
func (w *Walk) CanAgain() bool { return w.tries < maxAttempts }

// Peek returns the route that Next would try, or nil. Next gives this one, or nobody where another
// walk has just become the one probe of its upstream: nothing is spent then, and a second look shows
// who is next now.
func (w *Walk) Peek() *Route {
	at := w.r.moment()
	if w.tries > 0 && !w.r.budget.allows(at, false) {
		return nil
	}
	c, ok := w.next(at)
	if !ok {
		return nil
	}
	w.peeked = c
	return w.plan.Routes[c.index]
}

// Skip drops the route that is next, the one Peek has shown, without an attempt: it may not be
// used.
func (w *Walk) Skip() {
	c, ok := w.next(w.r.moment())
	switch {
	case !ok:
	case c.why == whyKey:
		w.rotate = false
	default:
		w.used |= 1 << c.index
	}
}

// Head looks at the head of an answer, as soon as it is there: what it says of rate limits.
func (w *Walk) Head(now time.Time, status int, h http.Header) {
	if !w.open {
		return
	}
	w.status = status
	w.asked, _ = CooldownOf(status, h, now) // it counts with the verdict, in End
	if status == http.StatusTooManyRequests {
		return
	}
	if d, limit := usedUp(h, now); d > 0 {
		w.cur.Route.Health.spare(now, w.attempt.key, d, limit)
	}
}

// Served notes that the attempt under way is the one whose answer goes to the client. It comes
// before End where the answer is good, since that may take an hour.
func (w *Walk) Served(now time.Time) {
	if !w.open || w.status >= http.StatusBadRequest {
		return
	}
	if w.attempt.probe != 0 && w.status != 0 {
		w.cur.Route.Health.alive(now, w.attempt)
	}
	w.stay()
}

// End ends the attempt under way. A second call for the same attempt does nothing.
func (w *Walk) End(now time.Time, res Result) {
	if !w.open {
		return
	}
	w.open = false
	if res.Cooldown == 0 {
		res.Cooldown = w.asked
	}
	res.ErrorType = errorWord(res.ErrorType)
	w.rotate = res.Limited || res.Denied
	w.peeked = choice{}
	w.cur.Route.Health.leave(now, w.attempt, res)
}

// errorWord returns the type of an error, which may be a provider's own word, as a person and a
// label can bear it.
func errorWord(s string) string {
	if len(s) > 48 {
		return "unknown_error"
	}
	for i := range len(s) {
		if c := s[i]; c != '_' && c != '-' && c != '.' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return "unknown_error"
		}
	}
	return s
}
