package router

import "time"

// maxAttempts bounds the attempts of one exchange, whichever upstreams they go to.
const maxAttempts = 3

// Walk is the way of one exchange through its plan: which upstream is tried next, and whether
// one still may be. It is not safe for concurrent use.
type Walk struct {
	plan  Plan
	next  int // index of the route that has not been tried
	tries int
	cur   Try
}

// Try is leave for one attempt.
type Try struct {
	Route *Route
	Lane  *Lane
	Why   string // the plan's reason; or fallback, affinity, key: the ledger's route_reason
}

// Result is how an attempt ended, as far as it concerns the health of its upstream. The zero
// value blames nobody: a client that left, or a request that was refused for what it asks.
type Result struct {
	OK        bool
	ErrorType string        // what went wrong, if the upstream or the key is to blame
	Limited   bool          // 429: this key is not called for Cooldown
	Denied    bool          // 401, 402, 403: the key is refused
	Cooldown  time.Duration // how long the upstream asks to be left alone; 0 = it did not say
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
	_ = session
	return &Walk{plan: plan}
}

// Next returns the next upstream to try. ok is false where nobody is left, where three attempts
// were made, and where failures are so many that another attempt would only add to them.
func (w *Walk) Next(time.Time) (t Try, ok bool) {
	if !w.Left() {
		return Try{}, false
	}
	route, why := w.plan.Routes[w.next], w.plan.Reason
	if w.next > 0 {
		why = "fallback"
	}
	w.next++
	w.tries++
	w.cur = Try{Route: route, Lane: route.Lanes[0], Why: why}
	route.Health.Enter()
	return w.cur, true
}

// Again spends one attempt on the upstream that was tried last, after End. It returns false where
// none is left.
func (w *Walk) Again(time.Time) bool {
	if w.tries == 0 || w.tries >= maxAttempts {
		return false
	}
	w.tries++
	w.cur.Route.Health.Enter()
	return true
}

// Left tells whether Next could still give another upstream.
func (w *Walk) Left() bool { return w.next < len(w.plan.Routes) && w.tries < maxAttempts }

// Skip drops a route that is next in the plan without an attempt: it may not be used.
func (w *Walk) Skip() { w.next++ }

// Peek returns the route that Next would try, or nil.
func (w *Walk) Peek(time.Time) *Route {
	if !w.Left() {
		return nil
	}
	return w.plan.Routes[w.next]
}

// Served notes that the attempt under way is the one whose answer goes to the client.
func (w *Walk) Served(time.Time) {}

// End ends the attempt under way. A second call for the same attempt does nothing.
func (w *Walk) End(now time.Time, res Result) {
	if w.cur.Route == nil {
		return
	}
	h := w.cur.Route.Health
	h.Leave()
	switch {
	case res.OK:
		h.Report(now, "")
	case res.ErrorType != "":
		h.Report(now, res.ErrorType)
	}
}
