package proxy

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"prism/internal/ledger"
	"prism/internal/router"
	"prism/internal/stream"
	"prism/internal/upstream"
)

// holdFirst is how long the beginning of an answer is held back, so that an upstream which
// answers 200 and then fails can still be passed over.
const holdFirst = 2 * time.Second

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
	case !messages && f == formSSE, resp.Header.Get("Content-Encoding") != "" && f == formSSE:
		return x.relayOpaque(resp)
	case !messages, resp.Header.Get("Content-Encoding") != "":
		return x.relayPlain(resp, f)
	}
	return x.examineMessage(resp, f)
}

// serve notes that the answer of the attempt under way is the one that goes to the client.
func (x *exchange) serve(resp *http.Response) {
	x.served = len(x.entry.Attempts) - 1
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
// provider echoes is replaced.
func (x *exchange) examineError(resp *http.Response, f form) *lost {
	body, err := io.ReadAll(io.LimitReader(&untilReader{x, resp.Body}, maxErrorBody+1))
	if err != nil {
		return x.broken(err)
	}
	x.resetMeter(stream.KindJSON)
	_, _ = x.meter.Write(body)
	res := x.meter.Result()
	v := verdict{outcome: ledger.OutcomeError, errorType: res.ErrorType, message: res.ErrorMessage}
	if v.errorType == "" {
		v.errorType = "http_" + strconv.Itoa(resp.StatusCode)
	}
	x.resetMeter(stream.KindOpaque)
	clean := x.table.RedactBytes(body)
	if len(body) > maxErrorBody {
		x.passLargeError(resp, f, clean, v)
		return nil
	}
	l := x.judge(resp, v)
	l.form, l.body, l.resize = f, clean, len(clean) != len(body)
	if l.status == http.StatusBadRequest && !x.healed {
		l.healed = x.heal(l.status, body)
		x.healed, l.again = l.healed, l.healed
	}
	return l
}

// judge decides what an error answer means for the attempts after it.
func (x *exchange) judge(resp *http.Response, v verdict) *lost {
	rule := ruleOf(resp.StatusCode, v.errorType, v.message)
	v.blame, v.limited, v.denied = rule.blame, rule.limited, rule.denied
	v.cooldown, _ = router.CooldownOf(resp.StatusCode, resp.Header, x.headAt)
	l := x.losing(v)
	l.resp, l.status = resp, resp.StatusCode
	l.next = rule.next
	if rule.denied {
		l.next, l.ownKeys = true, !x.route.Profile.FallbackOnAuth
	}
	if resp.Header.Get("X-Should-Retry") == "false" {
		l.next = false
	}
	return l
}

// rule is what the status of an error answer means.
type rule struct {
	blame   bool // it speaks against the upstream, not the request
	next    bool // another upstream may do better
	limited bool
	denied  bool
}

// ruleOf finds the rule. An account without credit is refused like one without a key, although
// Anthropic says so with a 400.
func ruleOf(status int, errorType, message string) rule {
	switch {
	case status == http.StatusTooManyRequests:
		return rule{blame: true, next: true, limited: true}
	case status == http.StatusUnauthorized, status == http.StatusPaymentRequired, status == http.StatusForbidden, noCredit(status, errorType, message):
		return rule{blame: true, denied: true}
	case status == http.StatusRequestTimeout, status == http.StatusConflict, status >= 500 && status != http.StatusNotImplemented && status != http.StatusHTTPVersionNotSupported:
		return rule{blame: true, next: true}
	case status >= 500:
		return rule{blame: true}
	}
	return rule{}
}

// noCredit tells whether a 400 says that the account is empty.
func noCredit(status int, errorType, message string) bool {
	return status == http.StatusBadRequest && (errorType == "billing_error" || strings.Contains(message, "credit balance"))
}

// passLargeError passes on an error body that is too large to be held back.
func (x *exchange) passLargeError(resp *http.Response, f form, head []byte, v verdict) {
	v.blame = ruleOf(resp.StatusCode, v.errorType, v.message).blame
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

// untilReader reads a body that must come before the deadline of the exchange.
type untilReader struct {
	x *exchange
	r io.Reader
}

// Read implements io.Reader.
func (u *untilReader) Read(p []byte) (int, error) {
	if !awaitBody(u.r, u.x.deadline.Sub(u.x.p.opt.Now())) {
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

// examineMessage holds back the beginning of an answer until it is known to be one.
func (x *exchange) examineMessage(resp *http.Response, f form) *lost {
	h := held{x: x, resp: resp, form: f, buf: x.buffer()}
	switch f {
	case formSSE:
		h.begin(stream.KindSSE)
	case formJSON:
		h.begin(stream.KindJSON)
	case formOther:
	}
	return h.examine()
}

// held is the beginning of an answer that is held back.
type held struct {
	x     *exchange
	resp  *http.Response
	form  form
	buf   []byte
	n     int
	known bool // what the body is: x.metered says it
	until time.Time
	err   error // that ended the body
}

func (h *held) begin(kind stream.Kind) {
	h.known = true
	h.x.resetMeter(kind)
	if kind == stream.KindSSE {
		h.until = h.x.headAt.Add(h.patience())
	}
}

// patience is how long the beginning of a stream is held back.
func (h *held) patience() time.Duration {
	if own := h.x.route.Profile.Timeouts.Hold; own != nil {
		return *own
	}
	if d := h.x.p.opt.Limits.Hold; d > 0 {
		return d
	}
	return holdFirst
}

// examine reads until the answer can be judged: a stream by its first event that says something,
// anything else by its end; what is large or slow is taken for what it seems to be.
func (h *held) examine() *lost {
	for h.err == nil && h.n < len(h.buf) {
		if h.known && h.x.metered == stream.KindSSE && h.patience() == 0 || !h.wait() {
			break
		}
		m, err := h.resp.Body.Read(h.buf[h.n:])
		h.err = err
		h.take(m)
		switch res := h.x.meter.Result(); {
		case h.x.meter.Opened():
			return h.pass()
		case res.ErrorType != "" && h.x.metered == stream.KindSSE:
			return h.failed()
		}
	}
	switch {
	case h.err == nil:
		if h.n == 0 && h.x.metered != stream.KindSSE {
			return h.x.broken(errHeld)
		}
		return h.pass()
	case ended(h.err):
		return h.whole()
	}
	l := h.x.broken(h.err)
	if h.n > 0 && l.blame {
		l.outcome = ledger.OutcomeTruncated
	}
	return l
}

// wait returns false when nothing more is to be waited for.
func (h *held) wait() bool {
	until := h.until
	if until.IsZero() || h.x.deadline.Before(until) {
		until = h.x.deadline
	}
	return awaitBody(h.resp.Body, until.Sub(h.x.p.opt.Now()))
}

// take meters the next m bytes. By the first ones it sees what a body without a fitting content
// type is.
func (h *held) take(m int) {
	if m == 0 {
		return
	}
	if h.until.IsZero() {
		h.until = h.x.p.opt.Now().Add(h.patience())
	}
	from := h.n
	h.n += m
	if !h.known {
		kind := sniff(h.buf[:h.n], h.x.request.Stream)
		if kind == stream.KindOpaque {
			return
		}
		h.begin(kind)
		from = 0
	}
	h.x.lastAt = h.x.p.opt.Now()
	_, _ = h.x.meter.Write(h.buf[from:h.n])
}

// whole judges an answer that has come to its end.
func (h *held) whole() *lost {
	x := h.x
	x.meter.Finish()
	res := x.meter.Result()
	switch {
	case x.metered == stream.KindSSE && x.meter.Opened():
		return h.pass()
	case res.ErrorType != "" && h.known:
		return h.failed()
	case h.n == 0 && h.known && x.metered == stream.KindSSE:
		return x.useless(verdict{errorType: "empty_stream", billed: true}, "upstream_empty", "it answered with an empty stream")
	case x.metered == stream.KindSSE && h.known:
		l := x.losing(verdict{outcome: ledger.OutcomeTruncated, errorType: string(upstream.KindEOF), message: "the stream ended before it had begun", blame: true, billed: true})
		l.next = true
		l.said = x.unreachable(&l.verdict)
		return l
	case !h.known:
		return x.useless(verdict{errorType: "not_json"}, "upstream_no_message", h.strange())
	case !json.Valid(h.buf[:h.n]):
		l := x.losing(verdict{outcome: ledger.OutcomeError, errorType: "not_a_message", message: "the upstream's JSON is broken", blame: true, billed: true})
		h.keep(l, h.resp.StatusCode, h.buf[:h.n])
		l.next = true
		return l
	}
	return h.pass()
}

// useless is an answer that is none. Nothing of it goes to the client, which would take its
// status for the provider's word.
func (x *exchange) useless(v verdict, code, what string) *lost {
	v.outcome, v.message, v.blame = ledger.OutcomeError, what, true
	l := x.losing(v)
	l.next = true
	l.said = x.sorry(http.StatusBadGateway, "api_error", code, what)
	return l
}

// strange says what came instead of a message.
func (h *held) strange() string {
	what := "it answered " + strconv.Itoa(h.resp.StatusCode) + " with "
	switch ct := h.resp.Header.Get("Content-Type"); {
	case h.n == 0:
		return what + "nothing"
	case ct == "":
		return what + "something that is no message"
	default:
		return what + cut(ct, 64) + " instead of a message; is there a login page in between?"
	}
}

// failed is an answer that turned out to be an error although its status was 200. It is judged,
// and shown, by the status that belongs to its type.
func (h *held) failed() *lost {
	x := h.x
	res := x.meter.Result()
	v := verdict{outcome: ledger.OutcomeError, errorType: res.ErrorType, message: res.ErrorMessage, billed: x.meter.Started()}
	body := h.buf[:h.n]
	if x.metered == stream.KindSSE {
		body = stream.ErrorData(body)
	}
	if !errorShaped(body) {
		body = refuse(0, res.ErrorType, "", res.ErrorMessage).body(x.entry.RequestID)
	}
	status := errorStatus(res.ErrorType, res.ErrorMessage)
	resp := *h.resp
	resp.StatusCode = status
	resp.Header = h.resp.Header.Clone()
	resp.Header.Set("Content-Type", "application/json")
	l := x.judge(&resp, v)
	l.form = formJSON
	h.keep(l, status, body)
	l.resp = &resp
	if status == http.StatusBadRequest && !x.healed {
		l.healed = x.heal(status, l.body)
		x.healed, l.again = l.healed, l.healed
	}
	return l
}

// keep copies what is to be shown out of the buffer.
func (h *held) keep(l *lost, status int, body []byte) {
	l.resp, l.status, l.resize = h.resp, status, true
	l.body = append([]byte(nil), h.x.table.RedactBytes(body)...)
	if l.form = h.form; l.form == formSSE {
		l.form = formJSON
	}
}

// errorShaped tells whether a body is an error as the Messages API has it.
func errorShaped(body []byte) bool {
	var e struct {
		Type  string `json:"type"`
		Error *struct {
			Type string `json:"type"`
		} `json:"error"`
	}
	return json.Unmarshal(body, &e) == nil && e.Error != nil && e.Error.Type != ""
}

// pass passes on what was held back, and the rest.
func (h *held) pass() *lost {
	x := h.x
	x.serve(h.resp)
	if x.metered != stream.KindSSE || !h.known {
		return x.relayRest(h)
	}
	x.commitStream(h.resp, h.form)
	if h.n == 0 {
		_ = x.flushNow() // a client that is gone shows at the next write
	} else if err := x.deliver(h.buf[:h.n]); err != nil {
		h.err = err
	}
	if h.err != nil {
		x.endStream(h.resp, h.err)
		return nil
	}
	x.relayStream(h.resp)
	return nil
}

// sniff guesses what a body is that is labelled wrongly, or not at all.
func sniff(b []byte, streaming bool) stream.Kind {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\n' || b[0] == '\r' || b[0] == '\t') {
		b = b[1:]
	}
	switch {
	case len(b) > 0 && b[0] == '{':
		return stream.KindJSON
	case streaming && (hasPrefix(b, "event:") || hasPrefix(b, "data:") || hasPrefix(b, ":")):
		return stream.KindSSE
	}
	return stream.KindOpaque
}

func hasPrefix(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }
