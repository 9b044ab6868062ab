package proxy

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
)

// noteEncoded is a usage note: the body was compressed, although prism asked for none that is,
// and passed on unread.
const noteEncoded = "encoded_body"

// form is what kind of answer comes back.
type form int

const (
	formOther form = iota
	formSSE
	formJSON
)

// formOf reads the content type. A stream that was asked for and has no content type is one:
// the client takes it as such.
func (x *exchange) formOf(resp *http.Response) form {
	ct := resp.Header.Get("Content-Type")
	if ct == "" {
		if x.request.Stream && resp.StatusCode == http.StatusOK {
			return formSSE
		}
		return formOther
	}
	typ, _, err := mime.ParseMediaType(ct)
	switch {
	case err != nil:
		return formOther
	case typ == "text/event-stream":
		return formSSE
	case typ == "application/json" || strings.HasSuffix(typ, "+json") || typ == "application/x-jsonl":
		return formJSON
	}
	return formOther
}

// note keeps what the head of the response says.
func (x *exchange) note(resp *http.Response) {
	e := &x.entry
	e.TTFBMS = millis(x.headAt.Sub(x.start))
	e.UpstreamRequestID = cut(resp.Header.Get("Request-Id"), 128)
	e.RL5hUsed, e.RL5hResetAt = rateLimit(resp.Header, "5h")
	e.RL7dUsed, e.RL7dResetAt = rateLimit(resp.Header, "7d")
}

// relayPlain passes on a body that is not a stream, or not one that is read. It returns an
// attempt that failed before anything was passed on.
func (x *exchange) relayPlain(resp *http.Response, f form) *lost {
	x.resetMeter(stream.KindOpaque)
	x.served = len(x.entry.Attempts) - 1
	err := x.copyBody(resp, f)
	if !x.sent {
		return x.broken(err)
	}
	x.close(x.plainVerdict(err))
	return nil
}

// relayRest passes on a body of which the beginning was held back and metered.
func (x *exchange) relayRest(h *held) *lost {
	x.commit(h.resp, h.form, false)
	err := x.write(h.buf[:h.n])
	if err == nil && h.err == nil {
		err = x.copyBody(h.resp, h.form)
	}
	var we *writeError
	if errors.As(err, &we) && h.err == nil && x.outlives && !x.p.stopping.Load() {
		x.drainRest(h.resp)
	}
	x.meter.Finish()
	x.close(x.plainVerdict(err))
	return nil
}

// plainVerdict decides how a body that is not a stream ended; err is what ended it early.
func (x *exchange) plainVerdict(err error) verdict {
	res := x.meter.Result()
	var we *writeError
	switch {
	case errors.As(err, &we):
		return verdict{outcome: x.gone(), errorType: we.kind(), billed: true}
	case err != nil:
		v := x.failure(err)
		if v.blame {
			v.outcome = ledger.OutcomeTruncated
		}
		x.abort = true
		_ = x.flushNow() // what came is shown as a part
		return v
	case x.entry.Operation != ledger.OpMessages:
		return verdict{outcome: ledger.OutcomeOK}
	case x.metered == stream.KindOpaque:
		x.entry.UsageNotes = append(x.entry.UsageNotes, noteEncoded)
		return verdict{outcome: ledger.OutcomeOK}
	case res.ErrorType != "":
		return verdict{outcome: ledger.OutcomeError, errorType: res.ErrorType, message: res.ErrorMessage, blame: true}
	case !res.Complete && !res.GaveUp:
		return verdict{outcome: ledger.OutcomeError, errorType: "not_a_message", message: "the upstream's JSON is not a message", blame: true}
	}
	return verdict{outcome: ledger.OutcomeOK}
}

// commit sends the head of the answer.
func (x *exchange) commit(resp *http.Response, f form, resized bool) {
	x.sent = true
	x.outlive()
	x.releaseBody()
	h := x.w.Header()
	copyHeader(h, resp.Header)
	hush(h, resp.StatusCode, x.table)
	if resized || resp.ContentLength < 0 {
		h.Del("Content-Length")
	}
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // net/http would guess one
	}
	if f == formOther && resp.StatusCode != http.StatusNoContent && x.r.Method != http.MethodHead {
		sandbox(h)
	}
	x.entry.HTTPStatus = resp.StatusCode
	// What bounds the next write was set when the request came, which may be long ago.
	x.stallAt = time.Now()
	x.p.armWrite(x.rc)
	x.w.WriteHeader(resp.StatusCode)
}

// trickle is how long an upstream may pause until what it sent before is flushed.
const trickle = 20 * time.Millisecond

// copyBody relays a body without looking for events. It commits once there is something to
// pass on; an upstream that fails before can still be reported as an error. One that pauses, with
// white space to keep the connection alive for example, does not leave the client without it.
func (x *exchange) copyBody(resp *http.Response, f form) error {
	buf := x.buffer()
	for {
		if !x.sent && !awaitBody(resp.Body, x.deadline.Sub(x.p.opt.Now())) {
			return errHeld
		}
		if x.sent && !awaitBody(resp.Body, trickle) {
			if err := x.flushNow(); err != nil {
				return err
			}
		}
		n, err := resp.Body.Read(buf)
		if !x.sent && (n > 0 || ended(err)) {
			x.serve(resp)
			x.commit(resp, f, false)
		}
		if n > 0 {
			_, _ = x.meter.Write(buf[:n])
			if werr := x.write(buf[:n]); werr != nil {
				return werr
			}
		}
		if ended(err) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// ended tells whether a body has come to its end. An error that has io.EOF for a cause is a
// body that broke off.
func ended(err error) bool { return err == io.EOF } //nolint:errorlint // see above

// writeError is a failure towards the client.
type writeError struct{ err error }

func (e *writeError) Error() string { return "write to the client: " + e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// kind is the error_type: a client that left needs none.
func (e *writeError) kind() string {
	if errors.Is(e.err, os.ErrDeadlineExceeded) {
		return "write_stall"
	}
	return ""
}

// write passes bytes to the client. A client that takes nothing for too long is given up.
func (x *exchange) write(b []byte) error {
	if t := x.p.opt.Limits.WriteStall; t > 0 {
		if now := time.Now(); now.Sub(x.stallAt) > t/8 {
			x.stallAt = now
			x.p.armWrite(x.rc)
		}
	}
	n, err := x.w.Write(b)
	x.entry.ResponseBytes += stream.Count(n)
	x.flight.bytes.Store(int64(x.entry.ResponseBytes))
	if err != nil {
		return &writeError{err}
	}
	return nil
}

func (x *exchange) flushNow() error {
	var err error
	if x.flush != nil {
		err = x.flush.FlushError()
	} else {
		err = x.rc.Flush()
	}
	if err != nil {
		return &writeError{err}
	}
	return nil
}

func (x *exchange) buffer() []byte {
	if x.buf == nil {
		x.buf = make([]byte, relayBuffer)
	}
	return x.buf
}

func (x *exchange) resetMeter(kind stream.Kind) {
	x.metered = kind
	x.meter.Reset(kind)
	x.meter.SetTTL(x.request.CacheTTL)
}
