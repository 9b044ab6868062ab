package proxy

import (
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/router"
	"prism/internal/stream"
	"prism/internal/upstream"
)

// Why an attempt was made, where the walk does not say it.
const (
	whyAgain  = "again"  // the same upstream once more: nothing can have been processed
	whyHealed = "healed" // the same upstream once more, with a request that was mended

	whyKey      = "key"      // the same profile with another key, as the walk says
	whyAffinity = "affinity" // the fallback where the session is, as the walk says: a reason of the route
)

// maxTimeouts is how often an upstream may let an exchange wait in vain.
const maxTimeouts = 2

// try makes attempts until one gives an answer that may be passed on, and passes it on. If none
// does, the client gets the most useful of what came.
func (x *exchange) try() {
	session := x.entry.SessionID
	if x.entry.Operation != ledger.OpMessages {
		session = "" // who counts tokens does not decide where the conversation goes on
	}
	x.walk = x.p.opt.Router.Walk(x.plan, session)
	var last *lost
	for x.next(last) {
		for repeated := false; ; {
			if last = x.once(); last == nil {
				return // answered
			}
			x.lose(last)
			if !x.mayGoOn() {
				x.giveUp()
				return
			}
			if !last.again || repeated && !last.healed || !x.walk.Again(x.p.opt.Now()) {
				break
			}
			last.next = false // what follows it counts
			x.why, x.body.Fresh = whyAgain, last.stale
			if last.healed {
				x.why = whyHealed
			} else {
				repeated = true
			}
		}
		if !last.next {
			break
		}
	}
	x.giveUp()
}

// next chooses the upstream of the next attempt. A fallback that a budget holds back is passed
// over; of the first in the plan it was asked before.
func (x *exchange) next(last *lost) bool {
	for {
		route := x.walk.Peek()
		if route == nil {
			return false
		}
		if last != nil && last.ownKeys && route.Profile.Name != last.profile {
			return false
		}
		if route != x.plan.Routes[0] && x.heldBack(route) {
			x.walk.Skip()
			continue
		}
		t, ok := x.walk.Next(x.p.opt.Now())
		if !ok {
			continue // somebody else has become the probe that this one was to be: who is next now?
		}
		x.route, x.lane, x.why, x.body.Fresh = t.Route, t.Lane, t.Why, false
		if t.Why != whyKey {
			x.entry.RouteReason = t.Why
		}
		x.setRoute(t.Route)
		return true
	}
}

// mayGoOn tells whether another attempt can be of use: the client is there, prism does not stop,
// and there is time left.
func (x *exchange) mayGoOn() bool {
	return x.r.Context().Err() == nil && !x.p.stopping.Load() && x.timeouts < maxTimeouts && x.p.opt.Now().Before(x.deadline)
}

// once makes one attempt. It returns nil once the client has been answered.
func (x *exchange) once() *lost {
	resp, err := x.call()
	if err != nil {
		return x.unanswered(err)
	}
	return x.examine(resp)
}

// call makes one attempt: from the request to the head of the response.
func (x *exchange) call() (*http.Response, error) {
	x.prepare()
	x.body.FirstByte = x.patience()
	x.entry.Attempts = append(x.entry.Attempts, ledger.Attempt{
		N: len(x.entry.Attempts) + 1, Profile: x.route.Profile.Name, Key: x.lane.Key, Why: x.why, ServerAddress: x.route.Server(), Model: x.entry.UpstreamModel,
		StartedAt: x.p.opt.Now(), TTFBMS: stream.Unknown, DurationMS: stream.Unknown, Usage: stream.NoUsage(), CostList: ledger.NoMoney,
	})
	x.attempt = &x.entry.Attempts[len(x.entry.Attempts)-1]
	x.resetMeter(stream.KindOpaque)
	x.told, x.stated = nil, ""
	x.entry.UpstreamRequestID = ""
	x.lastAt, x.gap = time.Time{}, 0
	x.turn()
	up := x.lane.Upstream
	x.keepRaw = x.keepRaw || up.Retains()
	resp, err := up.RoundTrip(x.out.WithContext(x.ctx))
	x.headAt = x.p.opt.Now()
	if err != nil {
		return nil, err
	}
	x.told, _ = resp.Body.(stream.Teller)
	x.attempt.HTTPStatus = resp.StatusCode
	// What came in time after a long upload may be read as well.
	if least := x.headAt.Add(min(leastForBody, max(x.p.opt.Limits.FirstByte, 0))); x.deadline.Before(least) {
		x.deadline = least
	}
	x.entry.UpstreamRequestID = cut(resp.Header.Get("Request-Id"), 128)
	x.attempt.TTFBMS = millis(x.headAt.Sub(x.attempt.StartedAt))
	x.walk.Head(x.headAt, resp.StatusCode, resp.Header)
	return resp, nil
}

// patience is how long this attempt may wait for the head of the response. A stream waits less
// where somebody else could answer; what all attempts share is the deadline of the exchange.
func (x *exchange) patience() time.Duration {
	limits := &x.p.opt.Limits
	wait := limits.FirstByte
	if x.request.Stream && limits.FirstByteFallback > 0 && x.walk.Another() {
		wait = limits.FirstByteFallback
	}
	if own := x.route.Profile.Timeouts.FirstByte; own > 0 {
		wait = own
	}
	now := x.p.opt.Now()
	if len(x.entry.Attempts) == 0 {
		x.deadline = now.Add(max(wait, limits.FirstByte))
		if wait <= 0 {
			x.deadline = now.Add(foreverAfter)
		}
		return wait
	}
	left := max(x.deadline.Sub(now), time.Millisecond)
	if wait <= 0 || wait > left {
		return left
	}
	return wait
}

// leastForBody is how long an answer whose head came may take until its beginning, or its error, has
// come.
const leastForBody = 10 * time.Second

// foreverAfter is the deadline of an exchange whose waiting is not bounded.
const foreverAfter = 24 * time.Hour

// prepare makes the body ready to be sent: the model's value is replaced where the profile
// names another one, and not a byte beside it.
func (x *exchange) prepare() {
	fresh := x.body.Fresh
	if x.lane.Upstream.Translates() && x.file == nil {
		x.prepareTranslated(fresh)
		return
	}
	raw, from, to := x.source()
	x.body = upstream.Body{}
	switch {
	case x.file != nil:
		x.body = upstream.Body{File: x.file, Size: x.fileSize}
	case len(raw) == 0:
	case x.target != x.request.Model:
		x.model = appendJSONString(x.model[:0], x.target)
		x.body.Splice(raw, from, to, x.model)
	default:
		x.body.Pieces[0], x.body.Size = raw, int64(len(raw))
	}
	x.body.Fresh, x.body.Model = fresh, x.target
	x.out.Body = &x.body
	x.out.ContentLength = x.body.Size
}

// verdict is how an attempt ended.
type verdict struct {
	outcome   string
	errorType string
	message   string
	blame     bool // the upstream's fault
	billed    bool // it may have been billed although no usage was seen

	limited  bool          // it is called too often: 429
	denied   bool          // it refuses the key
	cooldown time.Duration // how long it asks to be left alone; 0 = it did not say
}

// result is what the verdict means for the health of the upstream.
func (v *verdict) result() router.Result {
	res := router.Result{OK: v.outcome == ledger.OutcomeOK, Limited: v.limited, Denied: v.denied, Cooldown: v.cooldown}
	if v.blame {
		res.ErrorType = v.errorType
	}
	return res
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

// endAttempt closes the attempt under way and tells the health of its upstream. A second call
// changes nothing.
func (x *exchange) endAttempt(v verdict) {
	a := x.attempt
	if a == nil || a.Outcome != "" {
		return
	}
	now := x.p.opt.Now()
	a.Outcome, a.ErrorType, a.MaybeBilled = v.outcome, v.errorType, v.billed
	a.DurationMS = millis(now.Sub(a.StartedAt))
	res := v.result()
	if x.told != nil && x.told.Told().Local {
		res = router.Result{} // nobody was asked: the upstream is as well, or as ill, as before
	}
	x.walk.End(now, res)
}

// maxErrorMessage is the length of an error message in the ledger, in bytes.
const maxErrorMessage = 500

// describeError prepares a text for the ledger. The meter cuts what is long, and with it maybe a
// secret of which then only the beginning is left: the last word of such a text goes.
func (x *exchange) describeError(s string) string {
	if utf8.RuneCountInString(s) >= stream.MaxErrorMessage {
		s = s[:max(strings.LastIndexByte(s, ' '), 0)]
	}
	s = x.table.Redact(s)
	if x.route != nil && x.route.Profile.Auth == config.AuthPassthrough {
		s = x.withoutOwn(s)
	}
	return cut(s, maxErrorMessage)
}

// withoutOwn takes the client's own credential out of a text: what passes through prism is not to
// stay there.
func (x *exchange) withoutOwn(s string) string {
	for _, name := range []string{"Authorization", "X-Api-Key"} {
		for _, v := range x.r.Header[name] {
			if _, token, ok := strings.Cut(v, " "); ok {
				v = token
			}
			if len(v) >= minOwn {
				s = strings.ReplaceAll(s, v, "[redacted:client]")
			}
		}
	}
	return s
}

// minOwn is the length of a credential that is worth hiding; shorter ones are words.
const minOwn = 8

func millis(d time.Duration) stream.Count { return stream.Count(max(d.Milliseconds(), 0)) }
