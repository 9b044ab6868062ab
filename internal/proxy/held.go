package proxy

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
	"prism/internal/upstream"
)

// holdFirst is how long the beginning of an answer is held back, so that an upstream which
// answers 200 and then fails can still be passed over.
const holdFirst = 2 * time.Second

// examineMessage holds back the beginning of an answer until it is known to be one.
func (x *exchange) examineMessage(resp *http.Response, f form) *lost {
	h := held{x: x, resp: resp, form: f, buf: x.buffer()}
	switch f {
	case formSSE:
		h.begin(stream.KindSSE)
	case formJSON:
		if !x.request.Stream { // else it may be a stream with the wrong label
			h.begin(stream.KindJSON)
		}
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
		if !h.known && !blank(h.buf[:h.n]) {
			return h.x.useless(verdict{errorType: "not_json"}, "upstream_no_message", h.x.strange(h.resp, false))
		}
		if !h.known { // white space that keeps the connection alive; what such a body turns out to be is JSON
			h.begin(stream.KindJSON)
			_, _ = h.x.meter.Write(h.buf[:h.n])
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
	case x.metered == stream.KindSSE && h.known && sniff(h.buf[:h.n], false) == stream.KindJSON:
		// An error that is labelled as the stream that was asked for.
		h.begin(stream.KindJSON)
		_, _ = x.meter.Write(h.buf[:h.n])
		h.form = formJSON
		return h.whole()
	case x.metered == stream.KindSSE && h.known:
		l := x.losing(verdict{outcome: ledger.OutcomeTruncated, errorType: string(upstream.KindEOF), message: "the stream ended before it had begun", blame: true, billed: true})
		l.next = true
		l.said = x.unreachable(&l.verdict)
		return l
	case !h.known && h.form != formJSON:
		return x.useless(verdict{errorType: "not_json"}, "upstream_no_message", x.strange(h.resp, h.n == 0))
	case h.n == 0:
		return x.useless(verdict{errorType: "empty_answer", billed: true}, "upstream_empty", "it answered with nothing")
	case !json.Valid(h.buf[:h.n]):
		return x.useless(verdict{errorType: "not_a_message", billed: true}, "upstream_no_message", "it answered "+strconv.Itoa(h.resp.StatusCode)+" with broken JSON")
	case !res.Complete && !res.GaveUp:
		l := x.losing(verdict{outcome: ledger.OutcomeError, errorType: "not_a_message", message: "the upstream's JSON is not a message", blame: true})
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

// strange says what came instead of an answer.
func (x *exchange) strange(resp *http.Response, empty bool) string {
	what := "it answered " + strconv.Itoa(resp.StatusCode) + " with "
	switch ct := resp.Header.Get("Content-Type"); {
	case empty:
		return what + "nothing"
	case ct == "":
		return what + "something that is no message"
	default:
		return what + cut(x.table.Redact(ct), 64) + " instead of a message; is there a login page in between?"
	}
}

// failed is an answer that turned out to be an error although its status was 200. It is judged,
// and shown, by the status that belongs to its type.
func (h *held) failed() *lost {
	x := h.x
	res := x.meter.Result()
	v := verdict{outcome: ledger.OutcomeError, errorType: res.ErrorType, message: res.ErrorMessage, billed: x.meter.Started() && !x.refused()}
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
	x.advise(resp.Header)
	l := x.judge(&resp, v)
	l.form = formJSON
	h.keep(l, status, body)
	l.resp = &resp
	x.tryToHeal(l, l.body)
	return l
}

// keep copies what is to be shown out of the buffer.
func (h *held) keep(l *lost, status int, body []byte) {
	l.resp, l.status = h.resp, status
	l.body = append([]byte(nil), h.x.table.RedactBytes(body)...)
	l.resize = len(l.body) != h.n
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
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
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

// blank tells whether b is white space, which says nothing yet.
func blank(b []byte) bool {
	for _, c := range b {
		if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return true
}
