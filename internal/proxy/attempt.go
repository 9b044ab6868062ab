package proxy

import (
	"errors"
	"net/http"
	"time"

	"prism/internal/ledger"
	"prism/internal/router"
	"prism/internal/stream"
	"prism/internal/upstream"
)

// maxPerUpstream is how often one upstream is tried within an exchange: again only where
// nothing can have been processed, or where a kept connection turned out to be closed.
const maxPerUpstream = 2

// try walks the plan until an upstream answers. The error is the last one.
func (x *exchange) try() (*http.Response, error) {
	var last error
	for _, route := range x.plan.Routes {
		x.setRoute(route)
		for n := range maxPerUpstream {
			resp, err := x.call(route)
			if err == nil {
				return resp, nil
			}
			last = err
			if n+1 == maxPerUpstream || !again(err) {
				break
			}
			var ue *upstream.Error
			x.body.Fresh = errors.As(err, &ue) && ue.Stale()
		}
		if x.r.Context().Err() != nil {
			break
		}
	}
	return nil, last
}

// again tells whether the same upstream may be tried once more.
func again(err error) bool {
	var ue *upstream.Error
	if !errors.As(err, &ue) {
		return false
	}
	switch ue.Kind {
	case upstream.KindDial, upstream.KindDNS, upstream.KindTLS:
		return true
	case upstream.KindEOF, upstream.KindReset:
		return ue.Stale()
	case upstream.KindTimeout, upstream.KindProtocol, upstream.KindCanceled:
		return false
	}
	return false
}

// call makes one attempt: from the request to the head of the response.
func (x *exchange) call(route *router.Route) (*http.Response, error) {
	x.prepare()
	x.entry.Attempts = append(x.entry.Attempts, ledger.Attempt{
		N: len(x.entry.Attempts) + 1, Profile: route.Profile.Name, ServerAddress: route.Server(), Model: x.entry.UpstreamModel,
		StartedAt: x.p.opt.Now(), TTFBMS: stream.Unknown, DurationMS: stream.Unknown, Usage: stream.NoUsage(), CostList: ledger.NoMoney,
	})
	x.attempt = &x.entry.Attempts[len(x.entry.Attempts)-1]
	x.turn()
	x.calling = route.Health
	x.calling.Enter()
	x.keepRaw = x.keepRaw || route.Lanes[0].Upstream.Retains()
	resp, err := route.Lanes[0].Upstream.RoundTrip(x.out.WithContext(x.r.Context()))
	x.headAt = x.p.opt.Now()
	if err != nil {
		x.endAttempt(x.failure(err))
		x.leave()
		return nil, err
	}
	x.attempt.HTTPStatus = resp.StatusCode
	x.attempt.TTFBMS = millis(x.headAt.Sub(x.attempt.StartedAt))
	return resp, nil
}

// leave ends what the attempt under way counts as in flight at its profile.
func (x *exchange) leave() {
	if x.calling != nil {
		x.calling.Leave()
		x.calling = nil
	}
}

// prepare makes the body ready to be sent: the model's value is replaced where the profile
// names another one, and not a byte beside it.
func (x *exchange) prepare() {
	fresh := x.body.Fresh
	x.out.Body = nil
	switch {
	case x.file != nil:
		x.body = upstream.Body{File: x.file, Size: x.fileSize}
		x.out.Body = &x.body
	case len(x.raw) > 0:
		x.body = upstream.Body{}
		if x.target != x.request.Model {
			x.model = appendJSONString(x.model[:0], x.target)
			x.body.Splice(x.raw, x.request.ModelStart, x.request.ModelEnd, x.model)
		} else {
			x.body.Pieces[0], x.body.Size = x.raw, int64(len(x.raw))
		}
		x.out.Body = &x.body
	default:
		x.body = upstream.Body{}
		x.out.Body = &x.body
	}
	x.body.Fresh = fresh
	x.out.ContentLength = x.body.Size
}

// verdict is how an attempt ended.
type verdict struct {
	outcome   string
	errorType string
	message   string
	blame     bool // the upstream's fault
	billed    bool // it may have been billed although no usage was seen
}

// failure sorts an error of an upstream.
func (x *exchange) failure(err error) verdict {
	var ue *upstream.Error
	if !errors.As(err, &ue) {
		return verdict{outcome: ledger.OutcomeError, errorType: "internal", message: err.Error()}
	}
	v := verdict{outcome: ledger.OutcomeError, errorType: string(ue.Kind), message: ue.Err.Error(), blame: true, billed: ue.Sent}
	if ue.Kind == upstream.KindCanceled {
		v.outcome, v.errorType, v.message, v.blame = x.gone(), "", "", false
	}
	return v
}

// endAttempt closes the current attempt and tells the profile's health.
func (x *exchange) endAttempt(v verdict) {
	a := x.attempt
	now := x.p.opt.Now()
	a.Outcome, a.ErrorType, a.MaybeBilled = v.outcome, v.errorType, v.billed
	a.DurationMS = millis(now.Sub(a.StartedAt))
	route := x.table.Route(a.Profile)
	switch {
	case v.blame:
		route.Health.Report(now, v.errorType)
	case v.outcome == ledger.OutcomeOK:
		route.Health.Report(now, "")
	}
}

// fail answers the client after the last attempt.
func (x *exchange) fail(err error) {
	e := &x.entry
	v := x.failure(err)
	e.Outcome, e.ErrorType, e.ErrorMessage = v.outcome, v.errorType, x.describeError(v.message)
	if v.outcome == ledger.OutcomeClientAbort {
		x.abort = true // nobody is there to be answered; without it net/http would send an empty 200
		return
	}
	where := "prism: profile " + e.Profile + " (" + e.ServerAddress + "): "
	switch {
	case v.outcome == ledger.OutcomeShutdown:
		x.answer(&refusal{status: http.StatusServiceUnavailable, typ: "api_error", code: "shutdown", message: "prism: shutting down", retry: true, close: true})
	case v.errorType == string(upstream.KindTimeout):
		x.answer(&refusal{status: http.StatusGatewayTimeout, typ: "timeout_error", code: "upstream_timeout", message: where + "no answer in time", retry: true})
	default:
		x.answer(&refusal{status: http.StatusBadGateway, typ: "api_error", code: "upstream_unreachable", message: where + plain(v.errorType), retry: true})
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
	case upstream.KindTimeout, upstream.KindCanceled:
	}
	return "the request could not be sent"
}

// maxErrorMessage is the length of an error message in the ledger, in bytes.
const maxErrorMessage = 500

// describeError prepares a text for the ledger.
func (x *exchange) describeError(s string) string { return cut(x.table.Redact(s), maxErrorMessage) }

func millis(d time.Duration) stream.Count { return stream.Count(max(d.Milliseconds(), 0)) }
