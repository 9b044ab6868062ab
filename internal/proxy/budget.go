package proxy

import (
	"net/http"

	"prism/internal/ledger"
	"prism/internal/router"
)

// Budgets tells whether a request may be sent where it was routed.
type Budgets interface {
	// Check returns what stands against sending what e asks for to e's profile; nil = nothing.
	// free says that the profile costs nothing by the request. It is called before every request
	// that can cost money, and must not wait.
	Check(e *ledger.Entry, free bool) *Stop
}

// Stop is what stands against a request: a budget that is used up, or an alert.
type Stop struct {
	Name     string
	Message  string // for the client's user: which one, how much, and until when
	Fallback bool   // the profile's fallback may answer instead

	// Told is called with what became of the request, [ledger.AlertBlocked] or
	// [ledger.AlertFallback], before anything is sent.
	Told func(state string)
}

// costs tells whether an operation can cost money: messages, and what is posted elsewhere, such
// as a batch of them. Counting tokens is free, and so is looking at what is there.
func (x *exchange) costs() bool {
	switch x.entry.Operation {
	case ledger.OpMessages:
		return true
	case ledger.OpOther:
		return x.r.Method == http.MethodPost
	}
	return false
}

// hold asks the budgets about the route that was chosen. Where one of them is used up, the
// profile's fallback takes over if that is what the budget wants and somebody in it may; or else
// the request is stopped. However the route was chosen: a request that names its profile obeys
// too.
func (x *exchange) hold() {
	budgets := x.p.opt.Budgets
	if budgets == nil || !x.costs() {
		return
	}
	first := x.plan.Routes[0]
	stop := x.against(first)
	if stop == nil {
		return
	}
	if stop.Fallback {
		for i, route := range x.plan.Routes[1:] {
			x.setRoute(route)
			if x.against(route) == nil {
				x.plan = router.Plan{Routes: x.plan.Routes[i+1:], Reason: "fallback"}
				x.entry.RouteReason = x.plan.Reason
				stop.Told(ledger.AlertFallback)
				return
			}
		}
		x.setRoute(first)
	}
	x.stop = stop
}

// against returns what stands against a route, which the entry names already.
func (x *exchange) against(route *router.Route) *Stop {
	return x.p.opt.Budgets.Check(&x.entry, route.Profile.FlatFee)
}

// heldBack tells whether a budget keeps a request from the fallback that is next in the plan.
func (x *exchange) heldBack(route *router.Route) bool {
	if x.p.opt.Budgets == nil || !x.costs() {
		return false
	}
	x.setRoute(route)
	return x.against(route) != nil
}

// refuse answers a request that was stopped, in a way that the client shows to its user and
// does not repeat.
func (x *exchange) refuse() {
	x.entry.Outcome, x.entry.ErrorType = ledger.OutcomeBlocked, "budget"
	x.entry.ErrorMessage = cut(x.stop.Message, maxErrorMessage)
	x.stop.Told(ledger.AlertBlocked)
	x.answer(refuse(http.StatusTooManyRequests, "rate_limit_error", "budget", "prism: "+x.stop.Message))
}
