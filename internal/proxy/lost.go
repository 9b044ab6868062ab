package proxy

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"prism/internal/ledger"
	"prism/internal/router"
	"prism/internal/stream"
	"prism/internal/upstream"
)

// lost is an attempt whose answer was not passed on, and what the client would get to see of it.
type lost struct {
	verdict

	route   *router.Route
	profile string
	reason  string // why the request went there: the ledger's route_reason
	id      string // of the provider's answer
	index   int    // of its attempt

	again   bool // the same upstream may be tried once more
	stale   bool // on a fresh connection: the kept one was closed
	healed  bool // because the request was mended
	next    bool // the next upstream may be tried
	ownKeys bool // but only with another key of the same profile

	said   *refusal       // prism's own words, where the upstream has none, or not all of them came
	resp   *http.Response // the provider's answer, its body read
	form   form
	status int    // to be shown, which differs where the error stood in a body of status 200
	body   []byte // secrets replaced
	resize bool   // body has another length than the provider's
	headAt time.Time

	usage stream.Result // what was reported before it failed
	paid  ledger.Money  // for it
}

// losing begins a lost attempt with the verdict over it.
func (x *exchange) losing(v verdict) *lost {
	x.meter.Finish()
	v.errorType = x.table.Redact(v.errorType)
	return &lost{
		verdict: v, route: x.route, profile: x.route.Profile.Name, reason: x.entry.RouteReason, id: x.entry.UpstreamRequestID, index: len(x.entry.Attempts) - 1,
		headAt: x.headAt, usage: x.reported(), paid: ledger.NoMoney,
	}
}

// lose closes the attempt under way and keeps what it gave.
func (x *exchange) lose(l *lost) {
	if l.errorType == string(upstream.KindTimeout) {
		x.timeouts++
	}
	x.endAttempt(l.verdict)
	x.costOfLost(l)
	x.losses = append(x.losses, l)
}

// unanswered is an attempt that failed before, or within, the head of a response.
func (x *exchange) unanswered(err error) *lost {
	l := x.losing(x.failure(err))
	if ue, ok := errors.AsType[*upstream.Error](err); ok {
		l.again, l.stale, l.next = again(ue), ue.Stale(), ue.Kind != upstream.KindCanceled
	}
	l.said = x.unreachable(&l.verdict)
	return l
}

// again tells whether the same upstream may be tried once more.
func again(ue *upstream.Error) bool {
	switch ue.Kind {
	case upstream.KindDial, upstream.KindDNS, upstream.KindTLS:
		return true
	case upstream.KindEOF, upstream.KindReset:
		return ue.Stale()
	case upstream.KindTimeout, upstream.KindProtocol, upstream.KindCanceled, upstream.KindCredential:
	}
	return false
}

// unreachable says that an upstream did not answer.
func (x *exchange) unreachable(v *verdict) *refusal {
	if v.errorType == string(upstream.KindTimeout) {
		return x.sorry(http.StatusGatewayTimeout, "timeout_error", "upstream_timeout", plain(v.errorType))
	}
	return x.sorry(http.StatusBadGateway, "api_error", "upstream_unreachable", plain(v.errorType))
}

// sorry is an error in prism's words about the upstream of the attempt under way.
func (x *exchange) sorry(status int, typ, code, what string) *refusal {
	return &refusal{
		status: status, typ: typ, code: code, retry: true, what: what,
		message: "prism: profile " + x.entry.Profile + " (" + x.entry.ServerAddress + "): " + what,
	}
}

// plain says in words what a kind of failure means. Clients never see a dependency's text.
func plain(errorType string) string {
	switch upstream.Kind(errorType) {
	case upstream.KindDial:
		return "no connection could be made"
	case upstream.KindDNS:
		return "the host name could not be resolved"
	case upstream.KindTLS:
		return "the TLS handshake failed"
	case upstream.KindReset, upstream.KindEOF:
		return "the connection was closed before an answer came"
	case upstream.KindProtocol:
		return "the answer was not HTTP/1.1"
	case upstream.KindTimeout:
		return "no answer in time"
	case upstream.KindCredential:
		return "its login gave no credential; see: prism logs"
	case upstream.KindCanceled:
	}
	return "the request could not be sent"
}

// giveUp answers the client after the last attempt: with the answer of the upstream that the
// request was meant for, or else with the most useful one that came.
func (x *exchange) giveUp() {
	if x.r.Context().Err() != nil || x.p.stopping.Load() {
		x.givenUp()
		return
	}
	e := &x.entry
	if len(x.losses) == 0 { // others are just finding out whether the only upstream is back
		e.Outcome, e.ErrorType = ledger.OutcomeBlocked, "no_upstream"
		x.setRoute(x.plan.Routes[0])
		x.answer(&refusal{
			status: statusOverloaded, typ: "overloaded_error", code: "no_upstream", retry: true, after: 1,
			message: "prism: profile " + e.Profile + " (" + e.ServerAddress + ") cannot be asked now",
		})
		return
	}
	l := x.mostUseful()
	if l.index == len(e.Attempts)-1 { // what was cut out, was for the last
		x.noteMended()
	}
	x.attempt, x.served = nil, l.index
	e.RouteReason, e.UpstreamRequestID = l.reason, l.id
	x.route = l.route // whose words are noted: what to hide in them depends on it
	x.setRoute(l.route)
	e.Outcome, e.ErrorType, e.ErrorMessage = l.outcome, l.errorType, x.describeError(l.message)
	x.takeUsage(&l.usage)
	if l.resp == nil {
		if all := x.everybody(); all != "" {
			l.said.message = all
		}
		x.answer(l.said)
		return
	}
	x.headAt = l.headAt
	x.note(l.resp)
	x.show(l)
}

// show passes on the provider's own error.
func (x *exchange) show(l *lost) {
	x.resetMeter(stream.KindOpaque)
	if l.said != nil {
		x.w.Header().Set("X-Prism-Error", l.said.code)
	}
	l.resp.StatusCode = l.status
	x.commit(l.resp, l.form, l.resize)
	_ = x.write(l.body) // it is an error already; that the client does not take it changes nothing
}

// givenUp ends an exchange whose client has left, or that is over because prism stops.
func (x *exchange) givenUp() {
	e := &x.entry
	e.Outcome, e.ErrorType, e.ErrorMessage = x.gone(), "", ""
	if len(x.losses) > 0 {
		x.served = len(x.losses) - 1
		e.RouteReason = x.losses[x.served].reason
		x.setRoute(x.losses[x.served].route)
		x.takeUsage(&x.losses[x.served].usage)
	}
	x.attempt = nil
	if e.Outcome == ledger.OutcomeClientAbort {
		x.abort = true // nobody is there to be answered; without it net/http would send an empty 200
		return
	}
	x.answer(&refusal{status: http.StatusServiceUnavailable, typ: "api_error", code: "shutdown", message: "prism: shutting down", retry: true, close: true})
}

// mostUseful chooses what the client gets to see. The provider that the request was meant for
// speaks first; where it was not heard, a provider that says when to come back, or that the
// prompt is too long, helps the client more than a connection that could not be made.
func (x *exchange) mostUseful() *lost {
	first := x.losses[0]
	meant := x.plan.Routes[0].Profile.Name
	for i, l := range x.losses {
		if l.profile != meant || l.resp == nil {
			continue
		}
		if l.healed && i+1 < len(x.losses) {
			continue // the attempt after it says more
		}
		return l
	}
	best := first
	for _, l := range x.losses {
		if l.use() > best.use() {
			best = l
		}
	}
	return best
}

// use ranks what a client can do with an answer.
func (l *lost) use() int {
	switch {
	case l.resp == nil:
		return 1
	case l.status == http.StatusBadRequest && (tooLong(string(l.body)) || aboutThinking(l.body)):
		return 2 // the client mends its conversation by itself
	case l.denied:
		return 0
	case l.next && l.resp.Header.Get("Retry-After") != "":
		return 4
	case l.next:
		return 3
	}
	return 0
}

// everybody tells how the profiles failed, "" where there was only one.
func (x *exchange) everybody() string {
	var parts []string
	for i, l := range x.losses {
		if i+1 < len(x.losses) && x.losses[i+1].profile == l.profile {
			continue // the attempt after it counts
		}
		what := strconv.Itoa(l.status) + " " + l.errorType
		if l.said != nil {
			what = l.said.what
		}
		parts = append(parts, l.profile+" ("+l.route.Server()+"): "+what)
	}
	if len(parts) < 2 {
		return ""
	}
	return "prism: no profile could answer: " + strings.Join(parts, "; ")
}

// tooLong tells whether an error says that the prompt does not fit, in one of the wordings by
// which the client knows that it has to compact.
func tooLong(message string) bool {
	m := strings.ToLower(message)
	for _, s := range []string{
		"prompt is too long", "prompt_too_long", "maximum context length", "context_length_exceeded", "input is too long for requested model",
		"exceed context limit",
	} {
		if strings.Contains(m, s) {
			return true
		}
	}
	return false
}
