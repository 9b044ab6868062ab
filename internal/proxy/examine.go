package proxy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"prism/internal/ledger"
	"prism/internal/router"
	"prism/internal/stream"
	"prism/internal/upstream"
)

// maxErrorBody bounds an error body that is read whole, to be noted and redacted.
const maxErrorBody = 1 << 20

// examine decides whether an answer is passed on. If it is, it passes it on and returns nil.
func (x *exchange) examine(resp *http.Response) *lost {
	defer resp.Body.Close()
	f := x.formOf(resp)
	switch messages := x.entry.Operation == ledger.OpMessages; {
	case resp.StatusCode >= 300 && resp.StatusCode < 400 && resp.StatusCode != http.StatusNotModified:
		return x.redirected()
	case resp.StatusCode >= 400:
		return x.examineError(resp, f)
	case x.r.Method == http.MethodHead:
		return x.relayPlain(resp, f)
	case (!messages || encoded(resp)) && f == formSSE:
		return x.relayOpaque(resp)
	case f == formOther && x.entry.Operation == ledger.OpCountTokens:
		return x.useless(verdict{errorType: "not_json"}, "upstream_no_message", x.strange(resp, resp.ContentLength == 0))
	case !messages, encoded(resp):
		return x.relayPlain(resp, f)
	}
	return x.examineMessage(resp, f)
}

// encoded tells whether a body is compressed, although prism asked for none that is.
func encoded(resp *http.Response) bool {
	v := resp.Header.Get("Content-Encoding")
	return v != "" && !strings.EqualFold(v, "identity")
}

// serve notes that the answer of the attempt under way is the one that goes to the client.
func (x *exchange) serve(resp *http.Response) {
	x.served = len(x.entry.Attempts) - 1
	x.noteMended()
	x.note(resp)
	x.walk.Served(x.headAt)
}

// redirected refuses to follow: the key and the prompt would go to a host that nobody named.
func (x *exchange) redirected() *lost {
	l := x.losing(verdict{outcome: ledger.OutcomeError, errorType: "upstream_redirect", message: "the upstream answered with a redirect, which is never followed", blame: true})
	l.said = x.sorry(http.StatusBadGateway, "api_error", "upstream_redirect", "it answered with a redirect, which is not followed; set its base_url to where it points")
	l.said.retry = false
	return l
}

// examineError reads an error answer. It goes to the client unchanged if no other attempt does
// better: the client repairs itself by the wording of the provider. Only a secret that the
// provider echoes is replaced. Where the body stalls or breaks off, the status counts all the same.
func (x *exchange) examineError(resp *http.Response, f form) *lost {
	body, err := io.ReadAll(io.LimitReader(&untilReader{x, resp.Body}, maxErrorBody+1))
	if err != nil && !x.failure(err).blame {
		return x.broken(err) // the client left
	}
	clean := x.table.RedactBytes(body)
	part := err != nil && !whole(resp, clean)
	v := verdict{outcome: ledger.OutcomeError, errorType: "http_" + strconv.Itoa(resp.StatusCode), message: "the answer broke off"}
	if !part {
		x.readError(clean, &v)
	}
	if len(body) > maxErrorBody {
		x.passLargeError(resp, f, clean, v)
		return nil
	}
	if resp.StatusCode == http.StatusTooManyRequests && bytes.Contains(body, []byte("spend_limit_reached")) {
		v.cooldown = router.MaxCooldown // only a person can lift it, and it names no time
	}
	l := x.judge(resp, v)
	l.form, l.body, l.resize = f, clean, err != nil || len(clean) != len(body)
	if part {
		x.replace(l)
	}
	x.tryToHeal(l, body)
	return l
}

// readError finds type and message in the body of an error.
func (x *exchange) readError(body []byte, v *verdict) {
	x.resetMeter(stream.KindJSON)
	_, _ = x.meter.Write(body)
	res := x.meter.Result()
	v.errorType, v.message = cmp.Or(res.ErrorType, v.errorType), res.ErrorMessage
	x.resetMeter(stream.KindOpaque)
}

// whole tells whether all of an error came although its body did not end as it should.
func whole(resp *http.Response, body []byte) bool {
	return !encoded(resp) && sniff(body, false) == stream.KindJSON && json.Valid(body)
}

// replace puts words of ours in the place of an error of which only a part came. That is not shown: it
// would pass for the whole, and may hold half of a secret. The status and the headers, which tell when
// to come back, are the provider's.
func (x *exchange) replace(l *lost) {
	l.said = x.sorry(l.status, errorTypeOf(l.status), "upstream_incomplete", "it answered "+strconv.Itoa(l.status)+", and the rest of its answer did not come")
	resp := *l.resp
	resp.Header = resp.Header.Clone()
	resp.Header.Set("Content-Type", "application/json")
	resp.Header.Del("Content-Encoding")
	l.resp, l.form, l.body = &resp, formJSON, l.said.body(x.entry.RequestID)
}

// tryToHeal has a request that was refused sent again, while an attempt is left: where the refusal
// taught how to ask, which one may do after another, and once where thinking could be cut out.
func (x *exchange) tryToHeal(l *lost, body []byte) {
	switch {
	case !x.walk.CanAgain():
	case x.learned():
		l.healed = true
	case !x.healed:
		l.healed = x.heal(l.status, body)
		x.healed = l.healed
	}
	l.again = l.again || l.healed
}

// judge decides what an error answer means for the attempts after it.
func (x *exchange) judge(resp *http.Response, v verdict) *lost {
	rule := x.ruleOf(resp.StatusCode, &v)
	v.blame, v.limited, v.denied = rule.blame, rule.limited, rule.denied
	if said, ok := router.CooldownOf(resp.StatusCode, resp.Header, x.headAt); ok {
		v.cooldown = said
	}
	l := x.losing(v)
	l.resp, l.status = resp, resp.StatusCode
	// The profile that was meant has not been asked where a session is with its fallback.
	l.next = rule.next || x.entry.RouteReason == whyAffinity && !rule.blame
	if rule.denied {
		l.next, l.ownKeys = true, x.endsHere()
	}
	if !rule.limited && !rule.denied && resp.Header.Get("X-Should-Retry") == "false" {
		l.next = false // an account that may not is no word about another one
	}
	return l
}

// endsHere tells whether the client has to see that a key is refused, once the profile has no other:
// it is the profile that was chosen, it does not say fallback_on_auth, and no other key of it has
// failed in a way that leads to the fallback by itself.
func (x *exchange) endsHere() bool {
	return x.plan.Chosen(x.route) && !x.route.Profile.FallbackOnAuth &&
		!slices.ContainsFunc(x.losses, func(l *lost) bool { return l.route == x.route && l.next && !l.denied })
}

// rule is what the status of an error answer means.
type rule struct {
	blame   bool // it speaks against the upstream, not the request
	next    bool // another upstream may do better
	limited bool
	denied  bool
}

// ruleOf finds the rule. An account without credit is refused like one without a key, although
// Anthropic says so with a 400. That an account may not see a file is no word about its key.
func (x *exchange) ruleOf(status int, v *verdict) rule {
	modelled := x.entry.Operation == ledger.OpMessages || x.entry.Operation == ledger.OpCountTokens
	switch {
	case status == http.StatusTooManyRequests:
		return rule{blame: true, next: true, limited: true}
	case status == http.StatusUnauthorized, status == http.StatusPaymentRequired, status == http.StatusForbidden && modelled, noCredit(status, v.errorType, v.message):
		return rule{blame: true, denied: true}
	case status == http.StatusRequestTimeout, status == http.StatusConflict, status >= 500 && status != http.StatusNotImplemented && status != http.StatusHTTPVersionNotSupported:
		return rule{blame: true, next: true}
	}
	return rule{}
}

// noCredit tells whether a 400 says that the account is empty.
func noCredit(status int, errorType, message string) bool {
	return status == http.StatusBadRequest && (errorType == "billing_error" || strings.Contains(message, "credit balance"))
}

// passLargeError passes on an error body that is too large to be held back.
func (x *exchange) passLargeError(resp *http.Response, f form, head []byte, v verdict) {
	rule := x.ruleOf(resp.StatusCode, &v)
	v.blame, v.limited, v.denied = rule.blame, rule.limited, rule.denied
	x.serve(resp)
	x.commit(resp, f, true)
	// One that breaks off must not pass for the whole.
	if err := x.write(head); err == nil {
		x.abort = x.copyBody(resp, f) != nil
	}
	x.close(v)
}

// broken is an attempt whose answer broke off before anything was passed on.
func (x *exchange) broken(err error) *lost {
	l := x.losing(x.failure(err))
	l.next = l.blame
	l.said = x.unreachable(&l.verdict)
	return l
}

// untilReader reads the body of an error, which has a few seconds, and the deadline of the exchange.
type untilReader struct {
	x *exchange
	r io.Reader
}

// Read implements io.Reader.
func (u *untilReader) Read(p []byte) (int, error) {
	until := u.x.headAt.Add(u.x.p.opt.Limits.ErrorBody)
	if u.x.deadline.Before(until) {
		until = u.x.deadline
	}
	if !awaitBody(u.r, until.Sub(u.x.p.opt.Now())) {
		return 0, errHeld
	}
	return u.r.Read(p)
}

// errHeld is an answer that stopped coming before anything of it was passed on.
var errHeld = &upstream.Error{Kind: upstream.KindTimeout, Sent: true, Head: true, Err: os.ErrDeadlineExceeded}

// awaitBody waits until a body can be read or d has passed; it returns false in the last case. A
// body that cannot tell is read at once.
func awaitBody(body io.Reader, d time.Duration) bool {
	b, ok := body.(interface{ Await(time.Duration) bool })
	return !ok || b.Await(max(d, time.Millisecond))
}
